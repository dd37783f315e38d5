package attribution

import (
	"cmp"
	"context"
	"fmt"

	streams "github.com/gojacard/jacard/internal/random"
)

// ExpectedGradients averages (x_k − b_k)·∂f/∂x_k over draws of a background
// row b and of a place α on the line to it:
//
//	φ_k(x) = E_{b, α} (x_k − b_k)·∂f/∂x_k(b + α·(x − b)),  α uniform in [0, 1]
//
// the integrated gradient against the whole background at the price of a few
// gradients. It is complete in expectation; of these draws the sum misses by
// Gaps, and Errors holds the standard error of each value. With Noise it is
// what Captum calls GradientShap; shap's GradientExplainer is the same.
//
// Erion et al., 2021, equation 3; Lundberg and Lee's package shap.
type ExpectedGradients struct {
	// Draws for each row. 0 means 200.
	Draws int

	// Noise is the standard deviation of normal noise added to the row in each
	// draw, in the input's units. 0 means none.
	Noise float64
}

// Name is "expected gradients".
func (ExpectedGradients) Name() string { return "expected gradients" }

// Promise: complete in expectation only; against a background, for the input.
func (ExpectedGradients) Promise() Promise {
	return Promise{Background: Required, Sampled: true}
}

func (m ExpectedGradients) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	m.Draws = cmp.Or(m.Draws, 200)
	if m.Draws < 2 || !(m.Noise >= 0) {
		return nil, fmt.Errorf("settings Draws %d, Noise %g: want at least 2 draws and noise of 0 or more", m.Draws, m.Noise)
	}
	return p.expectedGradients(ctx, m.Draws, func(row int) func(int, *job) {
		rng := streams.Stream(p.Seed, fmt.Sprintf("expected gradients, row %d", row))
		noise := func() float64 { return m.Noise * rng.NormFloat64() }
		if m.Noise == 0 {
			noise = nil
		}
		return func(_ int, j *job) {
			fillLine(j, p.Rows.Row(row), p.Background.Row(rng.IntN(p.Background.Rows())), rng.Float64(), noise)
		}
	})
}

// expectedGradients averages over draws that fill states; see average.
func (p *problem) expectedGradients(ctx context.Context, draws int, fill func(row int) func(draw int, j *job)) ([]*Attribution, error) {
	all := p.results()
	err := p.targetLayers(func(layer string, targets []int) error {
		if err := p.evaluate(ctx, layer, all, targets); err != nil {
			return err
		}
		return p.average(ctx, alongLine(derivative{target: layer, from: Input, layers: p.Layers}), draws, all, targets, fill, meanOf)
	})
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		a.fillGaps()
	}
	return all, nil
}

// fillLine states the point at place alpha on the line from b to x, to which
// noise, if not nil, is added.
func fillLine(j *job, x, b []float32, alpha float64, noise func() float64) {
	for k := range j.point {
		step := float64(x[k]) - float64(b[k])
		if noise != nil {
			step += noise()
		}
		j.point[k] = float32(float64(b[k]) + alpha*step)
		if j.direction != nil {
			j.direction[k] = float32(step)
		}
	}
}

// average reduces draws of a derivative, for every target of one layer and
// each row, to a value and its standard error. fill returns, for a row, the
// function that states draws 0, 1, … of it, the same for every target.
func (p *problem) average(ctx context.Context, asks derivative, draws int, all []*Attribution, targets []int,
	fill func(row int) func(draw int, j *job), reduce func(moments) (value, standardError float64)) error {
	n := p.Rows.Rows()
	jobs := len(targets) * n * draws
	d, err := p.newDiffer(asks, jobs)
	if err != nil {
		return err
	}
	defer d.close()
	of := make([][]moments, len(p.Layers))
	for k := range of {
		of[k] = make([]moments, all[0].Layers[k].Values.Width())
	}
	for _, t := range targets {
		for k := range all[t].Layers {
			all[t].Layers[k].Errors = all[t].Layers[k].Values.Clone()
		}
	}
	var next func(draw int, j *job)
	return d.sweep(ctx, jobs, func(i int, j *job) {
		row, draw := i/draws%n, i%draws
		if draw == 0 {
			next = fill(row)
		}
		next(draw, j)
		j.unit = p.targets[targets[i/draws/n]].unit(row)
	}, func(i int, _ float32, values [][]float32) {
		for k, v := range values {
			for u, y := range v {
				of[k][u].add(float64(y))
			}
		}
		if (i+1)%d.batch == 0 || i+1 == jobs {
			p.Progress(i+1, jobs)
		}
		if (i+1)%draws > 0 {
			return
		}
		row, a := i/draws%n, all[targets[i/draws/n]]
		for k, of := range of {
			values, errs := a.Layers[k].Values.Row(row), a.Layers[k].Errors.Row(row)
			for u, m := range of {
				v, e := reduce(m)
				values[u], errs[u] = float32(v), float32(e)
			}
			clear(of)
		}
	})
}
