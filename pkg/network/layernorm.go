package network

import (
	"cmp"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/nlpodyssey/gopickle/types"
)

// LayerNormConfig is what [LayerNorm] can be told.
type LayerNormConfig struct {
	Axes    int     // normalise over so many last axes of a row; 0 means all
	Epsilon float64 // 0 means 1e-5
}

// LayerNorm returns a layer normalisation, as PyTorch's LayerNorm:
//
//	y = weight·(x − mean)/√(variance + ε) + bias
//
// with mean and biased variance over the last axes of each row, and a weight
// and a bias for each value of them (Ba et al., 2016).
func LayerNorm(cfg LayerNormConfig) Layer {
	return layerNorm{Axes: cfg.Axes, Epsilon: cmp.Or(cfg.Epsilon, 1e-5)}
}

type layerNorm struct {
	Axes    int     `json:"axes"`
	Epsilon float64 `json:"epsilon"`
}

func (layerNorm) Kind() string { return "layernorm" }

func (l layerNorm) Output(input []int) ([]int, error) {
	if l.Axes < 0 || l.Axes > len(input) || !(l.Epsilon > 0 && l.Epsilon < 1) {
		return nil, fmt.Errorf("layernorm over %d axes with epsilon %g: want 0…%d axes, 0 < epsilon < 1", l.Axes, l.Epsilon, len(input))
	}
	return input, nil
}

func (l layerNorm) Parameters(input []int) []Spec {
	shape := input[len(input)-cmp.Or(l.Axes, len(input)):]
	return []Spec{
		{Name: "weight", Shape: shape, Start: 1},
		{Name: "bias", Shape: shape},
	}
}

func (l layerNorm) Graph(p *Pass, x *graph.Node) *graph.Node {
	var axes []int
	for i := x.Rank() - cmp.Or(l.Axes, x.Rank()-1); i < x.Rank(); i++ {
		axes = append(axes, i)
	}
	wide := beside(x, axes...)
	mean := func(v *graph.Node) *graph.Node { return graph.ReduceAndKeep(v, graph.ReduceMean, axes...) }
	centred := graph.Sub(x, mean(x))
	spread := graph.Sqrt(graph.AddScalar(mean(graph.Square(centred)), l.Epsilon))
	y := graph.Mul(graph.Div(centred, spread), graph.Reshape(p.Param("weight"), wide...))
	return graph.Add(y, graph.Reshape(p.Param("bias"), wide...))
}

func layerNormFromTorch(m *torchObject) (Layer, error) {
	shape, ok := m.fields["normalized_shape"].(*types.Tuple)
	if !ok {
		return nil, fmt.Errorf("%s has no tuple normalized_shape", m.class)
	}
	epsilon, err := m.float("eps")
	return layerNorm{Axes: shape.Len(), Epsilon: epsilon}, err
}
