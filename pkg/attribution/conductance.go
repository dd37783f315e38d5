package attribution

import "context"

// Conductance is what flows through each unit of a hidden layer h while the
// input moves from a background row b to the row, on the line
// γ(α) = b + α·(x − b):
//
//	φ_j(x) = mean_b ∫₀¹ ∂f/∂h_j(γ(α))·dh_j(γ(α))/dα dα
//
// It is complete for every layer that carries all of the output, and others
// are refused; for the input it is [IntegratedGradients]. dh/dα is the exact
// derivative of the layer along the line, not a difference between points.
// Points and errors are as there.
//
// Dhamdhere et al., 2019, equation 2 and section 3.
type Conductance struct{ Path }

// Name is "conductance".
func (Conductance) Name() string { return "conductance" }

// Promise: complete, against a background, for every layer.
func (Conductance) Promise() Promise {
	return Promise{Complete: true, Background: Required, Layers: true}
}

func (Conductance) gapHint() string { return morePoints }

func (m Conductance) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	return p.integrateInput(ctx, line{integrand: alongLine(derivative{carries: true}), path: m.Path, rule: gaussLegendre, complete: true})
}
