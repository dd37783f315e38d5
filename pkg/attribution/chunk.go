package attribution

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// chunk is a part of the background on the device. Rows added to fill it
// have weight 0.
type chunk struct {
	rows, weights *tensors.Tensor
	real          int
	f             float64 // Σ of the explained output over the real rows
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
