package attribution

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// tapper is what a model hands its hidden nodes to.
type tapper = func(name string, n *graph.Node) *graph.Node

// plainModel is a Model in five lines: any GoMLX function with its store.
type plainModel struct {
	store *model.Store
	build func(scope *model.Scope, x *graph.Node, tap tapper) *graph.Node
}

func (m plainModel) Store() *model.Store { return m.store }

func (m plainModel) Graph(scope *model.Scope, x *graph.Node, tap tapper) *graph.Node {
	return m.build(scope, x, tap)
}

// function is a model without parameters.
func function(f func(x *graph.Node) *graph.Node) plainModel {
	return plainModel{model.NewStore(), func(_ *model.Scope, x *graph.Node, _ tapper) *graph.Node { return f(x) }}
}

func float32Shape(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

// layer is one layer of a fixture's network; weights are [out, in].
type layer struct {
	Index         int
	Type          string
	NegativeSlope float64 `json:"negative_slope"`
	w, b          *array.Array
}

func (l layer) name() string { return fmt.Sprintf("%s%d", l.Type, l.Index) }

// fixtureLayers reads network name of a case.
func fixtureLayers(c *fixture.Case, name string) []layer {
	var models map[string]struct{ Layers []layer }
	c.JSON("models", &models)
	layers := models[name].Layers
	for i, l := range layers {
		if l.Type == "linear" {
			layers[i].w = c.Array(fmt.Sprintf("%s.%d.weight", name, l.Index))
			layers[i].b = c.Array(fmt.Sprintf("%s.%d.bias", name, l.Index))
		}
	}
	return layers
}

// randomLayers is a ReLU network of the given widths with a sigmoid at the
// end, layers numbered as PyTorch does without dropout.
func randomLayers(rng *rand.Rand, widths ...int) []layer {
	var layers []layer
	for i := range len(widths) - 1 {
		w := random(rng, widths[i+1], widths[i])
		for k := range w.Data {
			w.Data[k] /= float32(widths[i]) / 16
		}
		layers = append(layers, layer{Index: 2 * i, Type: "linear", w: w, b: random(rng, widths[i+1])})
		layers = append(layers, layer{Index: 2*i + 1, Type: "relu"})
	}
	layers[len(layers)-1].Type = "sigmoid"
	return layers
}

func random(rng *rand.Rand, shape ...int) *array.Array {
	a := array.New(shape...)
	for i := range a.Data {
		a.Data[i] = float32(rng.NormFloat64())
	}
	return a
}

// mlp is a GoMLX model of the layers; every layer but dropout is tapped.
func mlp(layers []layer) plainModel {
	store := model.NewStore()
	for _, l := range layers {
		if l.w != nil {
			scope := store.RootScope().At("%s", l.name())
			scope.VariableWithValue("weights", tensors.FromFlatDataAndDimensions(l.w.Data, l.w.Shape...))
			scope.VariableWithValue("biases", tensors.FromFlatDataAndDimensions(l.b.Data, l.b.Shape...))
		}
	}
	return plainModel{store, func(scope *model.Scope, x *graph.Node, tap tapper) *graph.Node {
		for _, l := range layers {
			if l.Type == "dropout" {
				continue
			}
			x = tap(l.name(), apply(l, scope.At("%s", l.name()), x))
		}
		return x
	}}
}

func apply(l layer, scope *model.Scope, x *graph.Node) *graph.Node {
	switch l.Type {
	case "linear":
		g := x.Graph()
		w, b := scope.GetVariable("weights").NodeValue(g), scope.GetVariable("biases").NodeValue(g)
		return graph.Add(graph.Einsum("ri,oi->ro", x, w), graph.InsertAxes(b, 0))
	case "relu":
		return activation.Relu(x)
	case "leakyrelu":
		return activation.LeakyReluWith(x, l.NegativeSlope)
	case "elu":
		zero := graph.ScalarZero(x.Graph(), x.DType())
		return graph.Where(graph.GreaterThan(x, zero), x, graph.Expm1(graph.Min(x, zero)))
	case "softplus":
		return graph.Add(activation.Relu(x), graph.Log1P(graph.Exp(graph.Neg(graph.Abs(x)))))
	case "selu":
		return activation.Selu(x)
	case "gelu":
		return activation.Gelu(x)
	case "sigmoid":
		return graph.Sigmoid(x)
	case "tanh":
		return graph.Tanh(x)
	case "softmax":
		return graph.Softmax(x, -1)
	}
	panic("fixture layer " + l.Type + " is not known here")
}

// tolerance of an array in a fixture's case.
func tolerance(t *testing.T, c *fixture.Case, name string) float64 {
	t.Helper()
	var all []struct {
		Arrays []string
		Atol   float64
	}
	c.JSON("tolerances", &all)
	for _, x := range all {
		for _, n := range x.Arrays {
			if n == name {
				return x.Atol
			}
		}
	}
	t.Fatalf("%s states no tolerance for %s", c.Dir, name)
	return 0
}

// wantText fails unless err says text.
func wantText(t *testing.T, what string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got error %v, want one with %q", what, err, text)
	}
}
