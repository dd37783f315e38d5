package attribution

import (
	"context"

	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// GuidedBackprop is the gradient with another rule at each ReLU: it passes
// only what is positive, and only where the ReLU's own input is positive. A
// ReLU is known by what it computes, however it is written; other activations
// keep their derivative.
//
// Its maps look sharp because they show edges that the network could respond
// to; they hardly change when the weights of the last layers are random
// (Adebayo et al., 2018). It adds up to nothing.
//
// Springenberg et al., 2015.
type GuidedBackprop struct{}

// Name is "guided backprop".
func (GuidedBackprop) Name() string { return "guided backprop" }

// Promise: no sum, no background; for every layer.
func (GuidedBackprop) Promise() Promise { return Promise{Layers: true} }

func (GuidedBackprop) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	return p.gradients(ctx, walk.ReLUGuided, nil)
}

// Deconvolution is the gradient with another rule at each ReLU: it passes only
// what is positive, wherever the ReLU's own input lies. What is said of
// [GuidedBackprop] holds for it too.
//
// Zeiler and Fergus, 2014.
type Deconvolution struct{}

// Name is "deconvolution".
func (Deconvolution) Name() string { return "deconvolution" }

// Promise: no sum, no background; for every layer.
func (Deconvolution) Promise() Promise { return Promise{Layers: true} }

func (Deconvolution) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	return p.gradients(ctx, walk.ReLUDeconv, nil)
}
