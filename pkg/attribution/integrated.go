package attribution

import (
	"context"

	"github.com/gomlx/gomlx/core/graph"
)

// IntegratedGradients gives each input its step times the mean gradient on
// the straight line from a background row b to the row,
//
//	φ_k(x) = mean_b (x_k − b_k)·∫₀¹ ∂f/∂x_k(b + α·(x − b)) dα
//
// by Gauss–Legendre rules. It is complete where f has no jumps; for a layer h
// the line runs from h(b) to h(x) in the layer's own space.
//
// Unless [Path.Points] is set, the line is divided where the gradient jumps,
// as it does in a network of ReLUs, until each part adds up to what f gains on
// it; Errors then holds an estimate of each value's error, mostly far above it.
// One rule with few points leaves a gap, which is an error of its own
// ([GapError]): raise MaxGap to see the values all the same.
//
// Sundararajan et al., 2017, sections 3 and 5.
type IntegratedGradients struct{ Path }

// Name is "integrated gradients".
func (IntegratedGradients) Name() string { return "integrated gradients" }

// Promise: complete, against a background, for every layer.
func (IntegratedGradients) Promise() Promise {
	return Promise{Complete: true, Background: Required, Layers: true}
}

func (IntegratedGradients) gapHint() string { return morePoints }

const morePoints = "too few points on the path, or an output with jumps: raise Points or MaxPoints, or MaxGap; Rescale is complete with no path at all"

func (m IntegratedGradients) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	return p.integratedGradients(ctx, m.Path, gaussLegendre)
}

func (p *problem) integratedGradients(ctx context.Context, path Path, r rule) ([]*Attribution, error) {
	path, err := path.withDefaults()
	if err != nil {
		return nil, err
	}
	all := p.results()
	err = p.targetLayers(func(target string, targets []int) error {
		if err := p.evaluate(ctx, target, all, targets); err != nil {
			return err
		}
		for k, layer := range p.Layers {
			rows, starts, err := p.ends(ctx, layer)
			if err != nil {
				return err
			}
			err = p.integrate(ctx, line{
				integrand: alongLine(derivative{target: target, from: layer, layers: []string{layer}, carries: true}),
				rows:      rows, starts: starts, path: path, rule: r, first: k, complete: true,
			}, all, targets)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// alongLine makes a derivative the share of each unit in what a step along the
// line does to f: ∂f/∂h·dh/dα.
func alongLine(d derivative) derivative {
	d.tangents = true
	d.combine = func(_, g, dh *graph.Node) *graph.Node { return graph.Mul(g, dh) }
	return d
}
