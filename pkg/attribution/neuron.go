package attribution

import (
	"context"
	"fmt"
)

// Units returns a target for each of the first n units of a layer, "" for the
// model's output: neuron attribution is any method with a unit of a layer for
// its target, and [ExplainEach] explains all units of a layer in one call,
// compiled once.
func Units(layer string, n int) []Target {
	targets := make([]Target, n)
	for u := range targets {
		targets[u] = Target{Layer: layer, Output: u}
	}
	return targets
}

// NeuronConductance is the part of [IntegratedGradients] that passes one unit
// h_j of a hidden layer:
//
//	φ_k(x) = mean_b (x_k − b_k)·∫₀¹ ∂f/∂h_j·∂h_j/∂x_k dα
//
// at the points b + α·(x − b). Its sum over the inputs is the unit's
// [Conductance]; its sum over the units of a layer that carries all of the
// output is the integrated gradient. Points and errors are as of
// [InternalInfluence].
//
// Dhamdhere et al., 2019, section 3; Shrikumar et al., 2018.
type NeuronConductance struct {
	Layer string // of the unit, tapped; not empty
	Unit  int    // counted over all axes of the layer but the rows
	Path
}

// Name is "neuron conductance".
func (NeuronConductance) Name() string { return "neuron conductance" }

// Promise: no sum that is known without it, against a background, for the
// input and layers before the unit's.
func (NeuronConductance) Promise() Promise {
	return Promise{Background: Required, Layers: true}
}

func (m NeuronConductance) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	return p.neuronConductance(ctx, m, gaussLegendre)
}

func (p *problem) neuronConductance(ctx context.Context, m NeuronConductance, r rule) ([]*Attribution, error) {
	shape, ok := p.outline.shapes[m.Layer]
	if !ok || m.Layer == "" {
		return nil, fmt.Errorf("layer %q of the neuron does not exist: %s", m.Layer, p.outline.list())
	}
	if m.Unit < 0 || m.Unit >= width(shape) {
		return nil, fmt.Errorf("unit %d out of range: layer %s has units 0…%d", m.Unit, m.Layer, width(shape)-1)
	}
	return p.integrateInput(ctx, line{integrand: alongLine(derivative{neuron: m.Layer}), path: m.Path, rule: r, neuron: m.Unit})
}
