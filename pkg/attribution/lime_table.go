package attribution

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	streams "github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// TabularLIME fits a linear model to the outputs of rows drawn around a row of
// a table, and attributes to each input its coefficient, as [LIME] does for
// hidden players. The background is the table that the draws imitate, such as
// the training rows; inputs are drawn independently of each other.
//
// By default inputs are cut at the quartiles of the table. A sample draws for
// each input one of the bins, as often as the table has it, and a value from a
// normal distribution with the bin's mean and standard deviation, cut at the
// bin's ends. The features of the fit say with 1 that an input
// lies in the bin of the explained row: a coefficient is what being there adds
// to the output.
//
// With Continuous a sample draws each input from a normal distribution with
// the table's mean and standard deviation. The features are the standardised
// inputs (x − mean)/deviation: a coefficient is what one standard deviation
// adds, and with those of a row the surrogate is β₀ + Σ β·(x − mean)/deviation.
//
// Weights are √exp(−d²/width²) with d the Euclidean distance of features to
// those of the row, which is the first sample. An input that is equal in the
// whole table is not varied and gets 0. Standard errors as for LIME.
//
// Ribeiro, Singh and Guestrin, 2016; the draws are those of their program.
type TabularLIME struct {
	// Samples drawn for one fit. 0 means 5000.
	Samples int

	// Repeats are fits with draws of their own, whose mean is returned. 0 means 1.
	Repeats int

	// Continuous draws without bins.
	Continuous bool

	// Categorical lists inputs whose values are names, such as codes of
	// countries: their bins are the values in the table. Those of a one-hot
	// group are drawn independently of each other.
	Categorical []int

	// KernelWidth is how far a sample may be from x and still count. 0 means
	// 0.75·√inputs.
	KernelWidth float64

	Surrogate Surrogate
}

// Name is "tabular LIME".
func (TabularLIME) Name() string { return "tabular LIME" }

// Promise: not complete; the background is the table.
func (TabularLIME) Promise() Promise { return Promise{Background: Required, Sampled: true} }

func (m TabularLIME) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	l := local{p: p, samples: cmp.Or(m.Samples, 5000), repeats: cmp.Or(m.Repeats, 1), surrogate: m.Surrogate, donors: 1}
	if err := l.check(m.KernelWidth); err != nil {
		return nil, err
	}
	inputs := p.Rows.Width()
	for _, k := range m.Categorical {
		if k < 0 || k >= inputs {
			return nil, fmt.Errorf("categorical input %d out of range: rows have inputs 0…%d", k, inputs-1)
		}
	}
	columns := make([]marginal, inputs)
	for k := range columns {
		columns[k] = m.marginal(p.Background, k)
	}
	width := cmp.Or(m.KernelWidth, euclideanWidth(inputs))
	l.draw = func(row int) (*neighbourhood, error) {
		x := p.Rows.Row(row)
		n := newNeighbourhood(l.samples*l.repeats, inputs)
		drawn := array.New(l.samples*l.repeats, inputs)
		for repeat := range l.repeats {
			rng := streams.Stream(p.Seed, fmt.Sprintf("tabular LIME, row %d, fit %d", row, repeat))
			first := n.z.RawRowView(repeat * l.samples)
			for i := range l.samples {
				sample := repeat*l.samples + i
				into, z := drawn.Row(sample), n.z.RawRowView(sample)
				var square float64
				for k := range columns {
					if into[k] = x[k]; i > 0 {
						into[k] = columns[k].draw(rng, x[k])
					}
					z[k] = columns[k].feature(into[k], x[k])
					square += (z[k] - first[k]) * (z[k] - first[k])
				}
				n.weights[sample], n.evaluation[sample] = kernel(math.Sqrt(square), width), sample
			}
		}
		n.evaluations = l.samples * l.repeats
		n.write = func(evaluation, _ int, into []float32) { copy(into, drawn.Row(evaluation)) }
		return n, nil
	}
	return l.explain(ctx)
}

// marginal says how an input of the table is drawn.
type marginal struct {
	borders []float64 // between bins: a value's bin is the number of borders below it
	bins    []bin
	normal  bool // one bin that is not cut, and a standardised feature
	names   bool // values are names
}

// bin is a part of the values of an input.
type bin struct {
	share, mean, deviation float64
	least, largest         float64 // its ends
	low, high              float64 // where they lie in the bin's normal distribution
}

// marginal reads the distribution of an input.
func (m TabularLIME) marginal(table *array.Array, input int) marginal {
	values := make([]float64, table.Rows())
	for i := range values {
		values[i] = float64(table.Row(i)[input])
	}
	slices.Sort(values)
	var c marginal
	switch {
	case slices.Contains(m.Categorical, input):
		c.names, c.borders = true, slices.Compact(slices.Clone(values))
		c.borders = c.borders[:len(c.borders)-1]
	case m.Continuous:
		c.normal = true
	default:
		for _, share := range []float64{0.25, 0.5, 0.75} {
			c.borders = append(c.borders, quantile(share, values))
		}
		c.borders = slices.Compact(c.borders)
	}
	from, least := 0, values[0]
	for b := range len(c.borders) + 1 {
		to, largest := len(values), values[len(values)-1]
		if b < len(c.borders) {
			largest = c.borders[b]
			to, _ = slices.BinarySearchFunc(values, c.borders[b], func(v, border float64) int {
				if v <= border {
					return -1
				}
				return 1
			})
		}
		c.bins = append(c.bins, newBin(values[from:to], float64(len(values)), least, largest))
		from, least = to, largest
	}
	return c
}

// newBin describes some of all values of an input, between the ends given.
// One without values is never drawn.
func newBin(values []float64, all, least, largest float64) bin {
	if len(values) == 0 {
		return bin{least: least, largest: largest}
	}
	mean, deviation := stat.PopMeanStdDev(values, nil)
	b := bin{share: float64(len(values)) / all, mean: mean, deviation: deviation, least: least, largest: largest}
	if values[0] == values[len(values)-1] { // whatever rounding left of the deviation
		b.mean, b.deviation = values[0], 0
	} else {
		b.low = distuv.UnitNormal.CDF((least - mean) / deviation)
		b.high = distuv.UnitNormal.CDF((largest - mean) / deviation)
	}
	return b
}

// quantile of sorted values, linear between them, as NumPy's.
func quantile(share float64, sorted []float64) float64 {
	at := share * float64(len(sorted)-1)
	low := int(at)
	if low == len(sorted)-1 {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// bin is the number of a value's bin.
func (c marginal) bin(v float32) int {
	at, _ := slices.BinarySearch(c.borders, float64(v))
	return at
}

// draw draws a value; x if the table has only one.
func (c marginal) draw(rng *rand.Rand, x float32) float32 {
	if len(c.bins) == 1 && c.bins[0].deviation == 0 {
		return x
	}
	u, b := rng.Float64(), c.bins[0]
	for i := 0; u >= b.share && i < len(c.bins)-1; {
		u -= b.share
		i++
		b = c.bins[i]
	}
	if c.normal {
		return float32(b.mean + b.deviation*rng.NormFloat64())
	}
	return float32(b.cut(rng.Float64()))
}

// cut maps u from [0, 1) to the normal distribution between the bin's ends.
func (b bin) cut(u float64) float64 {
	if b.deviation == 0 {
		return b.mean
	}
	v := distuv.UnitNormal.Quantile(b.low + u*(b.high-b.low))
	return min(max(b.mean+b.deviation*v, b.least), b.largest)
}

// feature of a value beside that of the explained row.
func (c marginal) feature(v, x float32) float64 {
	switch {
	case c.normal && c.bins[0].deviation == 0:
		return 0
	case c.normal:
		return (float64(v) - c.bins[0].mean) / c.bins[0].deviation
	case c.names && v == x, !c.names && c.bin(v) == c.bin(x):
		return 1
	}
	return 0
}
