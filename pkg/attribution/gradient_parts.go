package attribution

import (
	"context"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// integrate averages over the background what the integrand gives along the
// line, for targets of one layer whose outputs and base values are known. It
// fills Values and, where points are chosen, Errors.
//
// A network of ReLUs has gradients with jumps, and the error of one rule over
// the whole line falls with 1/points only. So the line is divided at the
// jumps. A part is good enough if
//
//   - two rules on it, of degree 9 and 3, agree in every value, and
//   - it adds up to what f gains on it, up to a share of MaxGap.
//
// The second alone would miss what cancels between inputs.
func (p *problem) integrate(ctx context.Context, l line, all []*Attribution, targets []int) error {
	in := integration{p: p, line: l, all: all, scales: map[int]float64{}}
	var open []pair
	for _, t := range targets {
		for row := range p.Rows.Rows() {
			open = append(open, pair{t, row})
		}
		in.scales[t] = scale(all[t].Outputs, all[t].BaseValues)
		for k := range l.integrand.layers {
			if layer := &all[t].Layers[l.first+k]; l.path.Points == 0 {
				layer.Errors = array.New(layer.Values.Shape...)
			}
		}
	}
	points := l.path.Points
	if points == 0 {
		points = partPoints
	}
	in.at, in.weights = l.rule(points)
	if l.path.Points == 0 {
		in.coarse = coarser(in.at)
	}
	in.total = len(open) * l.starts.Rows() * points
	var err error
	jobs := in.total
	if in.coarse != nil {
		jobs *= 8 // in a round, once the line is divided
	}
	if in.d, err = p.newDiffer(l.integrand, jobs); err != nil {
		return err
	}
	defer in.d.close()

	values := 0 // of a pair
	for _, layer := range l.integrand.layers {
		values += width(p.shapeOf(layer))
	}
	const sumsBytes = 64 << 20 // for two float64 sums of each value
	together := max(1, sumsBytes/(16*values))
	for share := 1.0 / 8; len(open) > 0; share /= 8 {
		for block := range slices.Chunk(open, together) {
			if err := in.block(ctx, block, share); err != nil {
				return err
			}
		}
		if in.coarse == nil || !l.complete || share < 1e-3 {
			break
		}
		open = slices.DeleteFunc(open, in.complete)
		in.total += len(open) * l.starts.Rows() * points
	}
	return nil
}

type pair struct{ target, row int }

// integration is the work for targets of one layer.
type integration struct {
	p    *problem
	line line
	all  []*Attribution
	d    *differ

	at, weights, coarse []float64       // coarse: nil if points are given
	scales              map[int]float64 // of rows and background alone
	done, total         int             // points
}

// scale is what gaps of a target are measured against, as far as f was seen on
// the lines. Points come in one order, by the rows and targets asked for
// together.
func (in *integration) scale(target int) float64 {
	return max(in.scales[target], in.all[target].between)
}

// complete tells whether the values of a pair add up within MaxGap.
func (in *integration) complete(of pair) bool {
	a := in.all[of.target]
	for k := range in.line.integrand.layers {
		values := a.Layers[in.line.first+k].Values.Row(of.row)
		gap := sum(values) - (float64(a.Outputs.Data[of.row]) - a.BaseValues[of.row])
		if !(math.Abs(gap) <= in.p.MaxGap*in.scale(of.target)) {
			return false
		}
	}
	return true
}

// part of the line between a pair's row and one background row.
type part struct {
	pair, start int     // number in the block; background row
	from, to    float64 // places in [0, 1]
	fFrom, fTo  float64 // f there, if the integrand is complete; NaN: not known yet
	depth       int
}

// block integrates for some pairs; share of MaxGap is what a part may miss.
func (in *integration) block(ctx context.Context, pairs []pair, share float64) error {
	layers, starts := len(in.line.integrand.layers), in.line.starts.Rows()
	sums, errs := make([][][]float64, len(pairs)), make([][][]float64, len(pairs)) // [pair][layer][value]
	var open []part
	for i, of := range pairs {
		for k := range layers {
			n := in.all[of.target].Layers[in.line.first+k].Values.Width()
			sums[i], errs[i] = append(sums[i], make([]float64, n)), append(errs[i], make([]float64, n))
		}
		f := float64(in.all[of.target].Outputs.Data[of.row])
		for b := range starts {
			open = append(open, part{pair: i, start: b, to: 1, fFrom: math.NaN(), fTo: f})
		}
	}
	used := make([]int, len(pairs)*starts) // points of each line
	for len(open) > 0 {
		var smaller []part
		err := in.parts(ctx, pairs, open, func(part part, edge [2]float64, fine, rough [][]float64) {
			line := part.pair*starts + part.start
			used[line] += len(in.at)
			if in.coarse != nil && used[line]+2*len(in.at) <= in.line.path.MaxPoints && !in.enough(pairs[part.pair], part, share, fine, rough) {
				left, right := part.divide(edge)
				smaller = append(smaller, left, right)
				return
			}
			for k := range fine {
				for u, v := range fine[k] {
					sums[part.pair][k][u] += v
					if rough != nil {
						errs[part.pair][k][u] += math.Abs(v - rough[k][u])
					}
				}
			}
		})
		if err != nil {
			return err
		}
		open = smaller
	}
	for i, of := range pairs {
		for k := range layers {
			layer := in.all[of.target].Layers[in.line.first+k]
			values := layer.Values.Row(of.row)
			for u, v := range sums[i][k] {
				values[u] = float32(v / float64(starts))
				if layer.Errors != nil {
					layer.Errors.Row(of.row)[u] = float32(errs[i][k][u] / float64(starts))
				}
			}
		}
	}
	return nil
}

// divide cuts a part where f has its kink if it is straight on both sides,
// with the slopes that it has near the ends; every other time, and without
// such a place, in the middle.
func (s part) divide(slopes [2]float64) (left, right part) {
	cut := (s.from + s.to) / 2
	kink := (s.fTo - s.fFrom + slopes[0]*s.from - slopes[1]*s.to) / (slopes[0] - slopes[1])
	if s.depth%2 == 0 && kink > s.from && kink < s.to {
		cut = kink
	}
	left, right = s, s
	left.to, left.fTo, left.depth = cut, math.NaN(), s.depth+1
	right.from, right.fFrom, right.depth = cut, math.NaN(), s.depth+1
	return left, right
}

// enough tells whether the integral over a part is good enough.
func (in *integration) enough(of pair, part part, share float64, fine, rough [][]float64) bool {
	const (
		rounding = 2e-7 // of two outputs in float32
		agreeing = 1e-3 // of the mean integrand, where there is no gap to meet
	)
	for k := range fine {
		allowed := in.p.MaxGap * in.scale(of.target)
		if !in.line.complete {
			allowed = 0
			for _, v := range fine[k] {
				allowed = max(allowed, agreeing*math.Abs(v)/(part.to-part.from))
			}
		}
		total := 0.0
		for u, v := range fine[k] {
			if math.Abs(v-rough[k][u]) > allowed {
				return false
			}
			total += v
		}
		gap, size := total-(part.fTo-part.fFrom), max(math.Abs(part.fTo), math.Abs(part.fFrom))
		if in.line.complete && math.Abs(gap) > share*allowed+rounding*size {
			return false
		}
	}
	return true
}

// parts computes the integrals over parts, and f at their ends where it is not
// known; use gets them in order, as slices that are used again, and what a
// complete integrand adds up to near both ends.
func (in *integration) parts(ctx context.Context, pairs []pair, open []part, use func(part part, slopes [2]float64, fine, rough [][]float64)) error {
	type point struct {
		part  int
		place float64
		node  int // of the rule, or an end
	}
	const from, to = -2, -1
	var points []point
	for i, part := range open {
		if in.coarse != nil && in.line.complete && math.IsNaN(part.fFrom) {
			points = append(points, point{i, part.from, from})
		}
		if in.coarse != nil && in.line.complete && math.IsNaN(part.fTo) {
			points = append(points, point{i, part.to, to})
		}
		for n, at := range in.at {
			points = append(points, point{i, part.from + at*(part.to-part.from), n})
		}
	}
	in.total = max(in.total, in.done+len(points))
	fine, rough := make([][]float64, len(in.line.integrand.layers)), [][]float64(nil)
	for k := range fine {
		fine[k] = make([]float64, in.all[pairs[0].target].Layers[in.line.first+k].Values.Width())
		if in.coarse != nil {
			rough = append(rough, make([]float64, len(fine[k])))
		}
	}
	var slopes [2]float64
	return in.d.sweep(ctx, len(points), func(i int, j *job) {
		part := open[points[i].part]
		of := pairs[part.pair]
		fillLine(j, in.line.rows.Row(of.row), in.line.starts.Row(part.start), points[i].place, nil)
		j.unit, j.neuron = in.p.targets[of.target].unit(of.row), in.line.neuron
	}, func(i int, f float32, values [][]float32) {
		part := &open[points[i].part]
		if of := pairs[part.pair]; in.line.complete {
			in.all[of.target].pass(of.row, float64(f))
		}
		switch n := points[i].node; n {
		case from:
			part.fFrom = float64(f)
		case to:
			part.fTo = float64(f)
		default:
			size := part.to - part.from
			addScaled(fine, in.weights[n]*size, values)
			if in.coarse != nil && in.coarse[n] != 0 {
				addScaled(rough, in.coarse[n]*size, values)
			}
			if n == 0 {
				slopes[0] = sum(values[0])
			}
			if n == len(in.at)-1 {
				slopes[1] = sum(values[0])
				use(*part, slopes, fine, rough)
				for _, sums := range [][][]float64{fine, rough} {
					for _, s := range sums {
						clear(s)
					}
				}
			}
		}
		if in.done++; in.done%in.d.batch == 0 || i+1 == len(points) {
			in.p.Progress(in.done, max(in.total, in.done))
		}
	})
}

func addScaled(sums [][]float64, w float64, values [][]float32) {
	for k, v := range values {
		for u, y := range v {
			sums[k][u] += w * float64(y)
		}
	}
}
