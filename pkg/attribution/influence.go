package attribution

import "context"

// InternalInfluence is the mean gradient of f with respect to each unit of a
// layer h, on the line from a background row b to the row:
//
//	φ_j(x) = mean_b ∫₀¹ ∂f/∂h_j(b + α·(x − b)) dα
//
// It says how much f would move with the unit, not how much the unit moved: it
// adds up to nothing in particular. Unless [Path.Points] is set, the line is
// divided until two rules agree on each part up to 0.1 % of the largest mean
// gradient on it; Errors holds an estimate of each value's error.
//
// Leino et al., 2018, definition 1, with the straight line as distribution of
// interest.
type InternalInfluence struct{ Path }

// Name is "internal influence".
func (InternalInfluence) Name() string { return "internal influence" }

// Promise: no sum, against a background, for every layer.
func (InternalInfluence) Promise() Promise {
	return Promise{Background: Required, Layers: true}
}

func (m InternalInfluence) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	return p.integrateInput(ctx, line{path: m.Path, rule: gaussLegendre})
}
