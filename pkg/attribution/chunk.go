package attribution

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// batch is what one call takes.
type batch struct {
	block   int // rows, at least 2; see [pad]
	targets int // of each row
	chunk   int // background rows, at least 2
}

// pairs is the number of multipliers that one call holds for each unit.
func (b batch) pairs() int { return b.block * b.targets * b.chunk }

// forwardShare is the share of forward passes among the passes of a call.
func (b batch) forwardShare() float64 { return float64(b.block+b.chunk) / float64(b.pairs()) }

// Default sizes of a batch in the widest layer. Up to cacheBytes multipliers
// stay in the cache, and twice as much halves the speed of dense networks. In
// networks whose layers are wider than that, such as convolutional ones, few
// pairs would mean that forward passes take as long as the rule; there a batch
// grows until they are a tenth, or up to mostBytes.
const (
	cacheBytes = 3 << 20
	mostBytes  = 128 << 20
	fewForward = 0.1
)

// pairBatch divides rows, targets and background evenly into batches that
// take about the given memory in the widest layer, 0 meaning the default.
func pairBatch(memory, widest, rows, targets, background int) (batch, error) {
	pair := 4 * widest
	if memory > 0 && memory < 4*pair {
		return batch{}, fmt.Errorf("memory bound of %d bytes: the smallest batch, 2 rows with 2 background rows, takes %d in the widest layer: give at least that, or 0", memory, 4*pair)
	}
	if memory > 0 {
		return evenBatch(memory/pair, rows, targets, background), nil
	}
	bytes := cacheBytes
	b := evenBatch(bytes/pair, rows, targets, background)
	for b.forwardShare() > fewForward && 2*bytes <= mostBytes {
		bytes *= 2
		b = evenBatch(bytes/pair, rows, targets, background)
	}
	return b, nil
}

// evenBatch makes batches of about the given number of pairs, with as many
// background rows as rows times targets where there are that many.
func evenBatch(pairs, rows, targets, background int) batch {
	var b batch
	b.targets = even(targets, pairs/16)
	side := int(math.Sqrt(float64(pairs)))
	b.block = even(rows, side/b.targets)
	b.chunk = max(2, even(background, pairs/(max(2, b.block)*b.targets)))
	b.block = max(2, even(rows, pairs/(b.chunk*b.targets)))
	return b
}

// even is the size of a part, at most most, if total is divided evenly.
func even(total, most int) int {
	parts := (total + max(1, most) - 1) / max(1, most)
	return (total + parts - 1) / parts
}

// chunk is a part of the background on the device. Rows added to fill it
// have weight 0.
type chunk struct {
	rows, weights *tensors.Tensor
	real          int
}

// newChunks cuts the background into chunks of n rows.
func newChunks(on compute.Backend, background *array.Array, n int) ([]*chunk, error) {
	var all []*chunk
	for from := 0; from < background.Rows(); from += n {
		to := min(from+n, background.Rows())
		weights := array.New(n)
		for i := range to - from {
			weights.Data[i] = 1
		}
		c := &chunk{
			rows:    backend.Tensor(pad(background.Slice(from, to), n)),
			weights: backend.Tensor(weights),
			real:    to - from,
		}
		all = append(all, c)
		for _, t := range []*tensors.Tensor{c.rows, c.weights} { // now, not at each call
			if err := t.MaterializeOnDevice(on, false, 0); err != nil {
				return all, fmt.Errorf("attribution: background to device: %w", backend.Short(err))
			}
		}
	}
	return all, nil
}

func (c *chunk) free() {
	c.rows.MustFinalizeAll()
	c.weights.MustFinalizeAll()
}

// pad repeats the first row until there are n, so that one compiled graph
// serves all blocks. (Zeros might give NaN where real rows do not.)
func pad(a *array.Array, n int) *array.Array {
	if a.Rows() == n {
		return a
	}
	ids := make([]int, n)
	for i := range a.Rows() {
		ids[i] = i
	}
	out, err := a.Select(ids)
	if err != nil {
		panic(err) // ids are rows of a
	}
	return out
}

func sum(values []float32) float64 {
	var s float64
	for _, v := range values {
		s += float64(v)
	}
	return s
}
