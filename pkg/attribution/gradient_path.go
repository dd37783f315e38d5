package attribution

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/gojacard/jacard/pkg/array"
)

// Path says how finely methods integrate along the straight line from a
// background row to a row.
type Path struct {
	// Points of one Gauss–Legendre rule over each whole line. 0 means that the
	// points are chosen: the line is divided, where the gradient seems to jump,
	// until five points say enough of each part.
	Points int

	// MaxPoints bounds the points chosen on one line. 0 means 4096. Not read if
	// Points is set.
	MaxPoints int
}

func (s Path) withDefaults() (Path, error) {
	s.MaxPoints = cmp.Or(s.MaxPoints, 4096)
	if s.Points < 0 || s.MaxPoints < partPoints {
		return s, fmt.Errorf("settings Points %d, MaxPoints %d: want 0 or more points, and MaxPoints 0 or at least %d", s.Points, s.MaxPoints, partPoints)
	}
	return s, nil
}

// partPoints is the size of the rule for a part of a line whose points are
// chosen.
const partPoints = 5

// rule returns the places in [0, 1], rising, and the weights of an n-point rule.
type rule func(n int) (at, weights []float64)

func gaussLegendre(n int) (at, weights []float64) {
	at, weights = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(at, weights, 0, 1)
	slices.Sort(at) // gonum's fall; their weights are symmetric
	return at, weights
}

// coarser returns the weights of a rule of degree 3 on the first, third and
// fifth of the five places, for comparison.
func coarser(at []float64) []float64 {
	outer := 0.5 - at[0]
	w := 1 / (24 * outer * outer) // 2·w·outer² = ∫ (u − ½)² du = 1/12
	return []float64{w, 0, 1 - 2*w, 0, w}
}

// line is a straight path, for each pair of a row and a background row, and
// what is integrated along it.
type line struct {
	integrand derivative
	rows      *array.Array // ends, [rows, ...]
	starts    *array.Array // [background rows, ...]
	path      Path
	rule      rule
	neuron    int // unit of integrand.neuron

	// first layer of an attribution that is filled; those of the integrand follow.
	first int
	// complete integrands add up to what f gains on the line.
	complete bool
}

// evaluate fills outputs and, if there is a background, base values of the
// given targets, all of one layer: f of each row, and its mean over the background.
func (p *problem) evaluate(ctx context.Context, layer string, all []*Attribution, targets []int) error {
	e, err := p.newEvaluator(layer, p.Rows.Rows())
	if err != nil {
		return err
	}
	defer e.close()
	each := func(rows *array.Array, use func(row int, outputs []float32)) error {
		for from := 0; from < rows.Rows(); from += e.batch {
			out, err := e.outputs(ctx, rows.Slice(from, min(from+e.batch, rows.Rows())))
			if err != nil {
				return err
			}
			for i := range out.Rows() {
				use(from+i, out.Row(i))
			}
		}
		return nil
	}
	if p.Background != nil {
		means := make([]float64, e.units)
		err := each(p.Background, func(_ int, outputs []float32) {
			for u, v := range outputs {
				means[u] += float64(v) / float64(p.Background.Rows())
			}
		})
		if err != nil {
			return err
		}
		for _, t := range targets {
			for row := range all[t].BaseValues {
				all[t].BaseValues[row] = means[p.targets[t].unit(row)]
			}
		}
	}
	return each(p.Rows, func(row int, outputs []float32) {
		for _, t := range targets {
			all[t].Outputs.Data[row] = outputs[p.targets[t].unit(row)]
		}
	})
}

// integrateInput integrates along lines between inputs, for every target, by
// the layers of the query. It fills in where the line lies and what the
// integrand differentiates.
func (p *problem) integrateInput(ctx context.Context, l line) ([]*Attribution, error) {
	var err error
	if l.path, err = l.path.withDefaults(); err != nil {
		return nil, err
	}
	l.rows, l.starts = p.Rows, p.Background
	all := p.results()
	err = p.targetLayers(func(target string, targets []int) error {
		if err := p.evaluate(ctx, target, all, targets); err != nil {
			return err
		}
		l.integrand.target, l.integrand.from, l.integrand.layers = target, Input, p.Layers
		return p.integrate(ctx, l, all, targets)
	})
	return all, err
}

// ends returns the values of a layer for the rows and the background, if any.
func (p *problem) ends(ctx context.Context, layer string) (rows, starts *array.Array, err error) {
	if layer == Input {
		return p.Rows, p.Background, nil
	}
	e, err := p.newEvaluator(layer, p.Rows.Rows())
	if err != nil {
		return nil, nil, err
	}
	defer e.close()
	if rows, err = e.outputs(ctx, p.Rows); err == nil && p.Background != nil {
		starts, err = e.outputs(ctx, p.Background)
	}
	return rows, starts, err
}
