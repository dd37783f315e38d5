package attribution

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// Fill is what takes the place of hidden inputs. Its zero value is the
// background's rows, each in turn, the outputs averaged; without a background
// it is Value.
type Fill struct {
	// Value fills all hidden inputs where no background is given.
	Value float32

	// Mean fills with the mean of the background rows, in one evaluation: the
	// model's answer to a mean row, not its mean answer.
	Mean bool
}

// rows returns the rows that hidden inputs are taken from.
func (f Fill) rows(p *problem) (*array.Array, error) {
	if v := float64(f.Value); math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("fill value %g: want a number", f.Value)
	}
	switch {
	case p.Background != nil && f.Value != 0:
		return nil, fmt.Errorf("fill value %g beside a background of %d rows: give one of them", f.Value, p.Background.Rows())
	case p.Background == nil && f.Mean:
		return nil, fmt.Errorf("fill with the background's mean, but no background is given")
	case p.Background == nil:
		one := array.New(1, p.Rows.Width())
		for k := range one.Data {
			one.Data[k] = f.Value
		}
		return one, nil
	case f.Mean:
		mean := array.New(1, p.Rows.Width())
		for k := range mean.Data {
			var sum float64
			for i := range p.Background.Rows() {
				sum += float64(p.Background.Row(i)[k])
			}
			mean.Data[k] = float32(sum / float64(p.Background.Rows()))
		}
		return mean, nil
	}
	return p.Background, nil
}

// hiding is the work that occlusion, ablation and permutation share: in every
// row each set of inputs is replaced by the values of each of several donors,
// and the drop of the target noted.
type hiding struct {
	p *problem

	// sets returns the sets of inputs of a row, counted over all its axes.
	sets func(row int) [][]int

	// donors is the number of rows that replace values; donor returns one.
	donors int
	donor  func(row, i int) []float32

	// drop receives mean and variance over the donors of f(x) − f(x hidden),
	// the variance divided by the number of donors.
	drop func(target, row, set int, mean, variance float64)

	outputs []*array.Array // f of the rows, for each target
}

// run computes all drops. Targets of one layer share the evaluations.
func (h *hiding) run(ctx context.Context) error {
	p := h.p
	h.outputs = make([]*array.Array, len(p.targets))
	var once, layers int // evaluations for one layer of targets; such layers
	for i := range p.Rows.Rows() {
		once += len(h.sets(i)) * h.donors
	}
	for i, target := range p.targets {
		if !slices.ContainsFunc(p.targets[:i], func(t Target) bool { return t.Layer == target.Layer }) {
			layers++
		}
	}
	done := 0
	return p.targetLayers(func(layer string, targets []int) error {
		err := h.layer(ctx, layer, targets, done, layers*once)
		done += once
		return err
	})
}

// layer computes the drops of the targets in one layer; done of total
// evaluations came before.
func (h *hiding) layer(ctx context.Context, layer string, targets []int, done, total int) error {
	p := h.p
	e, err := p.newEvaluator(layer, total)
	if err != nil {
		return err
	}
	defer e.close()
	plain, err := e.outputs(ctx, p.Rows)
	if err != nil {
		return err
	}
	unit := func(t, row int) int { return p.targets[t].unit(row) }
	for _, t := range targets {
		h.outputs[t] = array.New(p.Rows.Rows())
		for i := range p.Rows.Rows() {
			h.outputs[t].Data[i] = plain.At(i, unit(t, i))
		}
	}

	type place struct{ row, set int }
	var (
		batch  = array.New(append([]int{e.batch}, p.Rows.Shape[1:]...)...)
		out    = array.New(e.batch, e.units)
		places = make([]place, 0, e.batch)
		seen   int
		sums   = make([][2]float64, len(targets)) // Σ and Σ² of the drops of one set
	)
	flush := func() error {
		if len(places) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped after %d of %d evaluations: %w", done, total, err)
		}
		if err := e.call(batch.Slice(0, len(places)), out.Slice(0, len(places)).Data); err != nil {
			return err
		}
		for i, at := range places { // the donors of a set come one after another
			for k, t := range targets {
				u := unit(t, at.row)
				d := float64(plain.At(at.row, u)) - float64(out.At(i, u))
				sums[k][0] += d
				sums[k][1] += d * d
			}
			if seen++; seen < h.donors {
				continue
			}
			for k, t := range targets {
				n := float64(h.donors)
				mean := sums[k][0] / n
				h.drop(t, at.row, at.set, mean, max(0, sums[k][1]/n-mean*mean))
				sums[k] = [2]float64{}
			}
			seen = 0
		}
		done += len(places)
		places = places[:0]
		p.Progress(done, total)
		return nil
	}
	for i := range p.Rows.Rows() {
		for s, set := range h.sets(i) {
			for d := range h.donors {
				row := batch.Row(len(places))
				copy(row, p.Rows.Row(i))
				donor := h.donor(i, d)
				for _, k := range set {
					row[k] = donor[k]
				}
				if places = append(places, place{i, s}); len(places) == e.batch {
					if err := flush(); err != nil {
						return err
					}
				}
			}
		}
	}
	return flush()
}

// drops makes an attribution for each target, with no base values: drops
// are not counted from one.
func (p *problem) drops() []*Attribution {
	all := make([]*Attribution, len(p.targets))
	for i := range all {
		all[i] = p.result()
		all[i].BaseValues = nil
	}
	return all
}

// playerSets lists the inputs of each player of a row.
func (p *problem) playerSets() func(row int) [][]int {
	list := func(row int) [][]int {
		of, count := p.partition(row)
		sets := make([][]int, count)
		for k, player := range of {
			sets[player] = append(sets[player], k)
		}
		return sets
	}
	if p.players != nil && len(p.players.of) > 1 {
		return list
	}
	same := list(0)
	return func(int) [][]int { return same }
}
