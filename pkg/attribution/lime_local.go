package attribution

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gojacard/jacard/pkg/array"
)

// local is what LIME for players and for tables share: draw samples around
// each row, evaluate them, fit.
type local struct {
	p                *problem
	samples, repeats int
	donors           int // evaluations of each sample, averaged
	surrogate        Surrogate

	// draw draws the samples of all repeats around a row.
	draw func(row int) (*neighbourhood, error)
}

// neighbourhood are the samples around a row, those of one fit after another.
type neighbourhood struct {
	z          *mat.Dense // interpretable features [samples, features]
	weights    []float64
	evaluation []int // number of the evaluation that each sample needs

	evaluations int
	write       func(evaluation, donor int, into []float32) // writes the model's input
}

func newNeighbourhood(samples, features int) *neighbourhood {
	return &neighbourhood{z: mat.NewDense(samples, features, nil), weights: make([]float64, samples), evaluation: make([]int, samples)}
}

func (l local) check(kernelWidth float64) error {
	switch {
	case l.samples < 2 || l.repeats < 1:
		return fmt.Errorf("%d samples, %d repeats: want at least 2 and 1, or 0 for the defaults", l.samples, l.repeats)
	case !(kernelWidth >= 0) || math.IsInf(kernelWidth, 1):
		return fmt.Errorf("kernel width %g: want a positive number, or 0 for the default", kernelWidth)
	}
	return l.surrogate.check()
}

// explain draws, evaluates and fits row by row. Targets share the draws.
func (l local) explain(ctx context.Context) ([]*Attribution, error) {
	p := l.p
	all := make([]*Attribution, len(p.targets))
	for t := range all {
		a := p.result()
		a.BaseValues = make([]float64, p.Rows.Rows())
		input := &a.Layers[0]
		input.Errors, input.Fits = array.New(input.Values.Shape...), make([]LocalFit, p.Rows.Rows())
		all[t] = a
	}
	v, err := l.newValues()
	if err != nil {
		return nil, err
	}
	defer v.close()
	for row := range p.Rows.Rows() {
		n, err := l.draw(row)
		if err != nil {
			return nil, err
		}
		y, err := v.evaluate(ctx, row, n)
		if err != nil {
			return nil, err
		}
		if err := l.fit(all, row, n, y); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// fit fits the surrogates of one row for every target. The first sample is
// the row itself.
func (l local) fit(all []*Attribution, row int, n *neighbourhood, y [][]float64) error {
	_, features := n.z.Dims()
	mean, square := make([][]float64, len(all)), make([][]float64, len(all))
	for t := range all {
		mean[t], square[t] = make([]float64, features), make([]float64, features)
	}
	for repeat := range l.repeats {
		from, to := repeat*l.samples, (repeat+1)*l.samples
		r := newRegression(n.z.Slice(from, to, 0, features).(*mat.Dense), n.weights[from:to])
		for t, a := range all {
			values := make([]float64, l.samples)
			for i := range values {
				values[i] = y[t][n.evaluation[from+i]]
			}
			f, err := r.fit(values, l.surrogate)
			if err != nil {
				return fmt.Errorf("row %d: %w", row, err)
			}
			share := 1 / float64(l.repeats)
			local := &a.Layers[0].Fits[row]
			local.R2 += share * f.R2
			local.Prediction += share * f.Prediction
			a.BaseValues[row] += share * f.intercept
			for k, c := range f.coefficients { // Welford's recursion
				change := c - mean[t][k]
				mean[t][k] += change / float64(repeat+1)
				square[t][k] += change * (c - mean[t][k])
			}
			if l.repeats == 1 {
				for k, e := range f.errors {
					a.Layers[0].Errors.Row(row)[k] = float32(e)
				}
			}
		}
	}
	for t, a := range all {
		a.Outputs.Data[row] = float32(y[t][n.evaluation[0]])
		for k, v := range mean[t] {
			a.Layers[0].Values.Row(row)[k] = float32(v)
			if r := float64(l.repeats); r > 1 {
				a.Layers[0].Errors.Row(row)[k] = float32(math.Sqrt(square[t][k] / r / (r - 1)))
			}
		}
	}
	return nil
}

// values evaluates samples: one evaluator for each layer that targets lie in.
type values struct {
	l       local
	layers  []string
	targets map[string][]int
	of      map[string]*evaluator
}

func (l local) newValues() (*values, error) {
	v := &values{l: l, targets: map[string][]int{}, of: map[string]*evaluator{}}
	for t, target := range l.p.targets {
		if v.of[target.Layer] == nil {
			e, err := l.p.newEvaluator(target.Layer, l.samples*l.repeats*l.donors)
			if err != nil {
				v.close()
				return nil, err
			}
			v.layers = append(v.layers, target.Layer)
			v.of[target.Layer] = e
		}
		v.targets[target.Layer] = append(v.targets[target.Layer], t)
	}
	return v, nil
}

func (v *values) close() {
	for _, e := range v.of {
		e.close()
	}
}

// evaluate returns f of every target, [targets][evaluations], the mean over
// the donors.
func (v *values) evaluate(ctx context.Context, row int, n *neighbourhood) ([][]float64, error) {
	p, donors := v.l.p, v.l.donors
	y := make([][]float64, len(p.targets))
	for t := range y {
		y[t] = make([]float64, n.evaluations)
	}
	work := n.evaluations * donors
	most := len(v.layers) * v.l.samples * v.l.repeats * donors // at most, of any row
	done, total := row*most, p.Rows.Rows()*most
	for _, layer := range v.layers {
		e := v.of[layer]
		batch, out := array.New(append([]int{e.batch}, p.Rows.Shape[1:]...)...), array.New(e.batch, e.units)
		for from := 0; from < work; from += e.batch {
			if err := ctx.Err(); err != nil {
				return nil, stopped(ctx, done, total, "evaluations", err)
			}
			count := min(e.batch, work-from)
			for i := range count {
				n.write((from+i)/donors, (from+i)%donors, batch.Row(i))
			}
			if err := e.call(batch.Slice(0, count), out.Slice(0, count).Data); err != nil {
				return nil, err
			}
			for _, t := range v.targets[layer] {
				unit := p.targets[t].unit(row)
				for i := range count {
					f := float64(out.At(i, unit))
					if math.IsNaN(f) || math.IsInf(f, 0) {
						return nil, fmt.Errorf("row %d: the model's output for a sample is %g: no line fits that", row, f)
					}
					y[t][(from+i)/donors] += f / float64(donors)
				}
			}
			if done += count; done < (row+1)*most {
				p.Progress(done, total)
			}
		}
	}
	p.Progress((row+1)*most, total)
	return y, nil
}
