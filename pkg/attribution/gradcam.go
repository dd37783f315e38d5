package attribution

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// GradCAM weights the channels of a convolutional layer by their mean gradient
// and adds them up, a map of where the layer saw what speaks for the target:
//
//	φ(x)_s = max(0, Σ_c a_c·h_c,s),  a_c = mean_s ∂f/∂h_c,s
//
// over the places s of each layer asked for in [Query.Layers]. Values are
// [rows, height, width] of the input, between whose pixels the layer's places
// are interpolated linearly, or [rows, …places] if LayerSize is set. One spatial
// axis works as two do. It adds up to nothing in particular.
//
// Selvaraju et al., 2017, equations 1 and 2.
type GradCAM struct {
	// Signed keeps negative values: places that speak against the target.
	Signed bool
	// LayerSize leaves maps in the layer's size.
	LayerSize bool
	// Nearest takes the nearest place's value in place of interpolation.
	Nearest bool
	// ChannelsLast is for models whose layers and rows are [height, width,
	// channels]. Otherwise they are [channels, height, width], as pkg/network's
	// and PyTorch's are.
	ChannelsLast bool
}

// Name is "Grad-CAM".
func (GradCAM) Name() string { return "Grad-CAM" }

// Promise: no sum, no background; for convolutional layers, which are to be
// named.
func (GradCAM) Promise() Promise { return Promise{Layers: true} }

func (m GradCAM) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	all, err := m.maps(ctx, p)
	if err != nil || m.LayerSize {
		return all, err
	}
	for _, a := range all {
		for k := range a.Layers {
			l := &a.Layers[k]
			if l.Values, err = m.resize(l.Layer, l.Values, p.Rows.Shape); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// maps returns the weighted sums in each layer's own size.
func (m GradCAM) maps(ctx context.Context, p *problem) ([]*Attribution, error) {
	all := p.results()
	for k, layer := range p.Layers {
		shape := p.shapeOf(layer)
		if layer == Input || len(shape) < 2 {
			return nil, fmt.Errorf("layer %s with rows of shape %v: name convolutional layers in Layers, with channels and at least one spatial axis", layer, shape)
		}
		places := m.places(shape)
		for _, a := range all {
			a.Layers[k].Values = array.New(append([]int{p.Rows.Rows()}, places...)...)
		}
	}
	return all, p.gradientsInto(ctx, all, walk.ReLUSlope, func(h, g, _ *graph.Node) *graph.Node {
		var spatial []int
		for i := range h.Rank() - 2 {
			spatial = append(spatial, i+1+m.first())
		}
		weights := graph.ReduceAndKeep(g, graph.ReduceMean, spatial...)
		channels := 1
		if m.ChannelsLast {
			channels = h.Rank() - 1
		}
		sum := graph.ReduceSum(graph.Mul(weights, h), channels)
		if m.Signed {
			return sum
		}
		return graph.Max(sum, graph.ZerosLike(sum))
	})
}

// first is the number of axes of a row before the spatial ones.
func (m GradCAM) first() int {
	if m.ChannelsLast {
		return 0
	}
	return 1
}

// places returns the spatial axes of a row.
func (m GradCAM) places(row []int) []int { return row[m.first() : len(row)-1+m.first()] }

// resize brings maps of a layer to the size of the input's rows.
func (m GradCAM) resize(layer string, maps *array.Array, rows []int) (*array.Array, error) {
	size := rows[1:]
	if len(rows) == len(maps.Shape)+1 {
		size = m.places(size)
	} else if len(rows) != len(maps.Shape) { // not an input without channels either
		return nil, fmt.Errorf("maps of layer %s have shape %v, rows have %v: their sizes cannot be told to correspond: set LayerSize", layer, maps.Shape[1:], rows[1:])
	}
	return resize(maps, size, m.Nearest), nil
}

// GuidedGradCAM is [GuidedBackprop] times the [GradCAM] map of a layer: sharp
// as the one, and as specific to the target as the other.
//
// Selvaraju et al., 2017, section 3.2.
type GuidedGradCAM struct {
	// Layer is the convolutional layer whose map is taken. It must be named.
	Layer string
	// Nearest and ChannelsLast are GradCAM's.
	Nearest, ChannelsLast bool
}

// Name is "guided Grad-CAM".
func (GuidedGradCAM) Name() string { return "guided Grad-CAM" }

// Promise: no sum, no background; for the input.
func (GuidedGradCAM) Promise() Promise { return Promise{} }

func (m GuidedGradCAM) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	if _, ok := p.outline.shapes[m.Layer]; !ok || m.Layer == "" {
		return nil, fmt.Errorf("layer %q of the map does not exist: %s", m.Layer, p.outline.list())
	}
	cam := GradCAM{Nearest: m.Nearest, ChannelsLast: m.ChannelsLast}
	inner := *p
	inner.Layers = []string{m.Layer}
	maps, err := cam.attribute(ctx, &inner)
	if err != nil {
		return nil, err
	}
	all, err := p.gradients(ctx, walk.ReLUGuided, nil)
	if err != nil {
		return nil, err
	}
	for i, a := range all {
		cam := maps[i].Layers[0].Values
		for r := range cam.Rows() {
			multiplyPlaces(a.Layers[0].Values.Row(r), cam.Row(r), m.ChannelsLast)
		}
	}
	return all, nil
}

// multiplyPlaces multiplies every channel of an image by a map of its places.
func multiplyPlaces(image, places []float32, channelsLast bool) {
	channels := len(image) / len(places)
	for i := range image {
		if channelsLast {
			image[i] *= places[i/channels]
		} else {
			image[i] *= places[i%len(places)]
		}
	}
}
