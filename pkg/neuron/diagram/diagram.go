// Package diagram reads a dense network and what it computes for some rows, so
// that [plots.Network] can draw it and [plots.Path] follow a row through it.
package diagram

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/plots"
)

// Config is what [Of] can be told. Its zero value is ready to use.
type Config struct {
	// Inputs and Outputs name the features and the outputs; nil means numbers.
	Inputs, Outputs []string

	// Backend computes the activations; nil means the process's default.
	Backend compute.Backend
}

// Of returns the layers, weights and activations of a network for rows,
// [rows, inputs]. Title, rows' names and caption are left to the caller.
//
// A column of units is the input, or a dense layer with the activation that
// follows it: ReLU, sigmoid, tanh or none. Dropout does nothing here. The last
// column is the last dense layer's output, without the sigmoid or softmax
// behind it: logits. Any other layer is an error that names it.
func Of(ctx context.Context, net *network.Network, rows *array.Array, cfg Config) (plots.NetworkData, error) {
	columns, err := columnsOf(net)
	if err != nil {
		return plots.NetworkData{}, err
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	activations, err := net.Activations(ctx, rows, names, network.RunConfig{Backend: cfg.Backend})
	if err != nil {
		return plots.NetworkData{}, err
	}
	data := plots.NetworkData{Layers: []plots.NetworkLayer{{Name: "input", Units: cfg.Inputs, Activations: rows}}}
	for i, c := range columns {
		w, err := net.Parameters().Get(c.dense + ".weight")
		if err != nil {
			return plots.NetworkData{}, err
		}
		layer := plots.NetworkLayer{Name: c.name, Activations: activations[i]}
		if i+1 < len(columns) {
			layer.Slopes = slopes(c.kind, activations[i])
		}
		data.Layers, data.Weights = append(data.Layers, layer), append(data.Weights, w)
	}
	last := &data.Layers[len(columns)]
	last.Name, last.Units = "logits", cfg.Outputs
	return data, nil
}

// column is a dense layer and the layer whose output its units have.
type column struct{ dense, name, kind string }

func columnsOf(net *network.Network) ([]column, error) {
	fail := func(name, kind, why string) error {
		return fmt.Errorf("diagram: network %q: layer %q (%s) %s: only dense layers with ReLU, sigmoid, tanh or nothing between them can be drawn",
			net.Name(), name, kind, why)
	}
	var out []column
	names := net.LayerNames()
	for i, kind := range net.LayerKinds() {
		name := names[i]
		switch {
		case kind == "dense":
			out = append(out, column{name, name, kind})
		case kind == "dropout":
		case len(out) == 0:
			return nil, fail(name, kind, "stands before the first dense layer")
		default:
			if c := &out[len(out)-1]; c.kind == "dense" {
				c.name, c.kind = name, kind
			} else {
				return nil, fail(name, kind, fmt.Sprintf("follows %q (%s)", c.name, c.kind))
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("diagram: network %q has no dense layer", net.Name())
	}
	for _, c := range out[:len(out)-1] {
		switch c.kind {
		case "dense", "relu", "sigmoid", "tanh":
		default:
			return nil, fail(c.name, c.kind, "lies inside the network")
		}
	}
	last := &out[len(out)-1]
	switch last.kind {
	case "dense", "sigmoid", "softmax":
		last.name, last.kind = last.dense, "dense"
	default:
		return nil, fail(last.name, last.kind, "ends the network, which has no logits then")
	}
	return out, nil
}

// slopes is the derivative of activations by the sums they were computed from;
// nil means ReLU's.
func slopes(kind string, a *array.Array) *array.Array {
	slope := map[string]func(a float32) float32{
		"dense":   func(float32) float32 { return 1 },
		"sigmoid": func(a float32) float32 { return a * (1 - a) },
		"tanh":    func(a float32) float32 { return 1 - a*a },
	}[kind]
	if slope == nil {
		return nil
	}
	out := array.New(a.Shape...)
	for i, v := range a.Data {
		out.Data[i] = slope(v)
	}
	return out
}
