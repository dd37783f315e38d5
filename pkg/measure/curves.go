package measure

import (
	"context"
	"fmt"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
)

// CurveConfig is what [Curve] can be told. Its zero value deletes the most
// relevant inputs first, one by one.
type CurveConfig struct {
	// Insert starts from the baseline and puts inputs in, instead of taking
	// them out of the row.
	Insert bool

	// Least takes the inputs with the smallest values first (LeRF), instead of
	// the largest (MoRF).
	Least bool

	// Steps is the number of points after the first; the inputs, or players, are
	// divided among them as equally as goes. 0, and more than the row with the
	// fewest players has, mean as many as that one has.
	Steps int

	// Random draws that many random orders beside each row's own, as control.
	// 0 means none.
	Random int
}

// Curves is the output while inputs are replaced.
type Curves struct {
	Share []float64   // of inputs replaced or put in, 0…1, one a step
	Rows  [][]float64 // output of each row after each step, in units of f
	Area  []float64   // below each row's curve, by trapezoids over Share, in units of f

	// Random holds the control: mean and standard deviation over rows and
	// random orders after each step, and the mean area. Empty without one.
	RandomMean, RandomStd []float64
	RandomArea            float64
}

// Mean returns the mean curve of all rows.
func (c *Curves) Mean() []float64 {
	out := make([]float64, len(c.Share))
	for _, row := range c.Rows {
		for s, v := range row {
			out[s] += v / float64(len(c.Rows))
		}
	}
	return out
}

// Curve measures whether the inputs that an attribution names move the output:
// deletion replaces inputs of each row by the baseline's, insertion puts those
// of the row into the baseline, in the order of the attributions (equal ones by
// their number). A good attribution makes deletion fall fast and insertion rise
// fast, faster than random orders.
//
// Values are the attributions of q.Rows, [rows, ...], or [rows, players] with
// q.Groups. The baseline is q.Background: one row, or as many as there are rows.
// Another shape, and values that are not finite, are errors. The model computes
// (Steps + 1)·(Random + 1) rows for each row.
//
// Samek et al., 2017 (MoRF, LeRF); Petsiuk et al., 2018 (insertion, deletion).
func Curve(ctx context.Context, m attribution.Model, q attribution.Query, values *array.Array, cfg CurveConfig) (*Curves, error) {
	parts, err := newParts(q, values)
	if err != nil {
		return nil, err
	}
	if cfg.Steps < 0 || cfg.Random < 0 {
		return nil, fmt.Errorf("measure: Steps %d or Random %d is negative", cfg.Steps, cfg.Random)
	}
	if q.Background == nil || q.Background.Width() != q.Rows.Width() || (q.Background.Rows() != 1 && q.Background.Rows() != q.Rows.Rows()) {
		return nil, fmt.Errorf("measure: a curve needs a baseline in Background: one row shaped like the rows, or one for each of the %d rows", q.Rows.Rows())
	}
	n := q.Rows.Rows()
	steps := cfg.Steps
	if steps == 0 || steps > parts.least {
		steps = parts.least
	}
	f, err := attribution.NewForward(m, q, (steps+1)*(cfg.Random+1))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &Curves{Rows: make([][]float64, n)}
	for s := range steps + 1 {
		c.Share = append(c.Share, float64(s)/float64(steps))
	}
	rng := random.Stream(q.Seed, "curve controls")
	batch := array.New(append([]int{f.Batch()}, q.Rows.Shape[1:]...)...)
	var controls [][]float64
	done, total := 0, n*(cfg.Random+1)*(steps+1)
	for i := range n {
		of, count := parts.row(i)
		order := byValue(values.Row(i)[:count])
		if cfg.Least { // of equal ones the first comes first here too
			order = byValue(negative(values.Row(i)[:count]))
		}
		places := [][]int{inverse(order)}
		for range cfg.Random {
			places = append(places, inverse(rng.Perm(count)))
		}
		from, to := q.Rows.Row(i), q.Background.Row(min(i, q.Background.Rows()-1))
		if cfg.Insert {
			from, to = to, from
		}
		var curves []float64 // one after the other
		for at, all := 0, len(places)*(steps+1); at < all; {
			rows := batch.Slice(0, min(batch.Rows(), all-at))
			for r := range rows.Rows() {
				o, s := (at+r)/(steps+1), (at+r)%(steps+1)
				replace(rows.Row(r), from, to, of, places[o], s*count/steps)
			}
			out, err := f.Outputs(ctx, rows, attribution.Target{Layer: q.Target.Layer, Output: unit(q.Target, i)})
			if err != nil {
				return nil, fmt.Errorf("measure: row %d: %w", i, err)
			}
			curves = append(curves, out...)
			at += len(out)
			if done += len(out); q.Progress != nil {
				q.Progress(done, total)
			}
		}
		for curve := range slices.Chunk(curves, steps+1) {
			if c.Rows[i] == nil {
				c.Rows[i], c.Area = curve, append(c.Area, area(curve))
				continue
			}
			controls = append(controls, curve)
		}
	}
	c.control(controls)
	return c, nil
}

// control fills in the statistics of the random orders.
func (c *Curves) control(curves [][]float64) {
	if len(curves) == 0 {
		return
	}
	column := make([]float64, len(curves))
	for s := range c.Share {
		for k, curve := range curves {
			column[k] = curve[s]
		}
		mean, std := meanStd(column)
		c.RandomMean, c.RandomStd = append(c.RandomMean, mean), append(c.RandomStd, std)
	}
	c.RandomArea = area(c.RandomMean)
}

// inverse returns the place of each player in an order.
func inverse(order []int) []int {
	place := make([]int, len(order))
	for at, player := range order {
		place[player] = at
	}
	return place
}

// replace fills a row with from, where the players of the first places are
// taken from to.
func replace(row, from, to []float32, of, place []int, taken int) {
	for k, player := range of {
		if place[player] < taken {
			row[k] = to[k]
		} else {
			row[k] = from[k]
		}
	}
}

// area is the trapezoid sum over equal steps of total width 1.
func area(curve []float64) float64 {
	sum := 0.0
	for s := 1; s < len(curve); s++ {
		sum += (curve[s-1] + curve[s]) / 2
	}
	return sum / float64(len(curve)-1)
}

// parts are the players of each row.
type parts struct {
	groups [][]int
	counts []int
	least  int // players of the row with the fewest
}

func newParts(q attribution.Query, values *array.Array) (*parts, error) {
	if err := check("rows", q.Rows); err != nil {
		return nil, err
	}
	if err := check("values", values); err != nil {
		return nil, err
	}
	if values.Rows() != q.Rows.Rows() {
		return nil, fmt.Errorf("measure: values of %d rows for %d rows", values.Rows(), q.Rows.Rows())
	}
	if t := q.Target.Outputs; t != nil && len(t) != q.Rows.Rows() {
		return nil, fmt.Errorf("measure: target with units of %d rows, there are %d rows", len(t), q.Rows.Rows())
	}
	p := &parts{groups: q.Groups}
	if len(p.groups) == 0 {
		each := make([]int, q.Rows.Width())
		for i := range each {
			each[i] = i
		}
		p.groups = [][]int{each}
	}
	if len(p.groups) != 1 && len(p.groups) != q.Rows.Rows() {
		return nil, fmt.Errorf("measure: %d partitions in Groups for %d rows: want one, or one for each row", len(p.groups), q.Rows.Rows())
	}
	for i, of := range p.groups {
		if len(of) != q.Rows.Width() {
			return nil, fmt.Errorf("measure: partition %d of Groups has %d entries, a row has %d inputs", i, len(of), q.Rows.Width())
		}
		if slices.Min(of) < 0 || slices.Max(of) >= values.Width() {
			return nil, fmt.Errorf("measure: partition %d of Groups names players %d…%d, values have 0…%d", i, slices.Min(of), slices.Max(of), values.Width()-1)
		}
		p.counts = append(p.counts, slices.Max(of)+1)
	}
	p.least = slices.Min(p.counts)
	return p, nil
}

func (p *parts) row(i int) (of []int, count int) {
	i = min(i, len(p.groups)-1)
	return p.groups[i], p.counts[i]
}

// unit is the explained unit of a row.
func unit(t attribution.Target, row int) int {
	if t.Outputs != nil {
		return t.Outputs[row]
	}
	return t.Output
}

func negative(values []float32) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = -v
	}
	return out
}
