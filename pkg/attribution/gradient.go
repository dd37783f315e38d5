package attribution

import (
	"context"
	"math"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// Saliency is the gradient's magnitude: how fast f moves with each input,
//
//	φ_k(x) = |∂f/∂x_k|
//
// or ∂f/∂x_k itself. It says what a small change does, not what made f what
// it is, and adds up to nothing in particular.
//
// The derivative is that of the function, whatever a model declares for its
// training: at a kink that of the lower side (a ReLU at 0 has 0), of equal
// maxima the first gets all.
//
// Simonyan et al., 2014, section 3.
type Saliency struct {
	// Signed keeps the gradient's sign.
	Signed bool
}

// Name is "saliency", or "gradient" if signed.
func (s Saliency) Name() string {
	if s.Signed {
		return "gradient"
	}
	return "saliency"
}

// Promise: no sum, no background; for every layer.
func (Saliency) Promise() Promise { return Promise{Layers: true} }

func (s Saliency) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	all, err := p.gradients(ctx, walk.ReLUSlope, nil)
	if err != nil || s.Signed {
		return all, err
	}
	for _, a := range all {
		for _, l := range a.Layers {
			for i, v := range l.Values.Data {
				l.Values.Data[i] = float32(math.Abs(float64(v)))
			}
		}
	}
	return all, nil
}

// GradientTimesInput is the gradient times the value:
//
//	φ_k(x) = h_k(x)·∂f/∂h_k
//
// for the input or a layer h. It adds up to f(x) if f is linear without
// constant term, and to nothing in particular otherwise.
//
// Shrikumar et al., 2017, section 3.2.
type GradientTimesInput struct{}

// Name is "gradient times input".
func (GradientTimesInput) Name() string { return "gradient times input" }

// Promise: no sum, no background; for every layer.
func (GradientTimesInput) Promise() Promise { return Promise{Layers: true} }

func (GradientTimesInput) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	return p.gradients(ctx, walk.ReLUSlope, func(h, g, _ *graph.Node) *graph.Node { return graph.Mul(h, g) })
}

// gradients computes, at the rows themselves, what combine makes of the
// gradient (nil: nothing).
func (p *problem) gradients(ctx context.Context, relu walk.ReLURule, combine func(h, g, dh *graph.Node) *graph.Node) ([]*Attribution, error) {
	all := p.results()
	return all, p.gradientsInto(ctx, all, relu, combine)
}

// gradientsInto fills results whose values have what shape combine makes.
func (p *problem) gradientsInto(ctx context.Context, all []*Attribution, relu walk.ReLURule, combine func(h, g, dh *graph.Node) *graph.Node) error {
	n := p.Rows.Rows()
	before := 0 // jobs of earlier layers
	return p.targetLayers(func(layer string, targets []int) error {
		jobs := len(targets) * n
		d, err := p.newDiffer(derivative{target: layer, from: Input, layers: p.Layers, relu: relu, combine: combine}, jobs)
		if err != nil {
			return err
		}
		defer d.close()
		defer func() { before += jobs }()
		return d.sweep(ctx, jobs, func(i int, j *job) {
			copy(j.point, p.Rows.Row(i%n))
			j.unit = p.targets[targets[i/n]].unit(i % n)
		}, func(i int, f float32, values [][]float32) {
			a, row := all[targets[i/n]], i%n
			a.Outputs.Data[row] = f
			for k, v := range values {
				copy(a.Layers[k].Values.Row(row), v)
			}
			if (i+1)%d.batch == 0 || i+1 == jobs {
				p.Progress(before+i+1, len(all)*n)
			}
		})
	})
}
