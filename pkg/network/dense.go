package network

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// Dense returns a fully connected layer: y = x·Wᵀ + b, with weight [units, in]
// and bias [units], as PyTorch's Linear. A row must have one axis.
func Dense(units int) Layer { return dense{Units: units} }

type dense struct {
	Units int `json:"units"`
}

func (dense) Kind() string { return "dense" }

func (l dense) Output(input []int) ([]int, error) {
	if l.Units < 1 {
		return nil, fmt.Errorf("dense needs at least 1 unit, got %d", l.Units)
	}
	if len(input) != 1 {
		return nil, fmt.Errorf("dense takes rows of one axis, got %d", len(input))
	}
	return []int{l.Units}, nil
}

func (l dense) Parameters(input []int) []Spec {
	return []Spec{
		{Name: "weight", Shape: []int{l.Units, input[0]}, FanIn: input[0], FanOut: l.Units},
		{Name: "bias", Shape: []int{l.Units}, FanIn: input[0], FanOut: l.Units},
	}
}

func (l dense) Graph(p *Pass, x *graph.Node) *graph.Node {
	z := graph.DotGeneral(x, []int{1}, nil, p.Param("weight"), []int{1}, nil) // [rows, units]
	return graph.Add(z, graph.Reshape(p.Param("bias"), 1, l.Units))
}

func denseFromTorch(m *torchObject) (Layer, error) {
	units, err := m.int("out_features")
	if err != nil {
		return nil, err
	}
	if bias, err := m.parameter("bias"); err != nil || bias == nil {
		return nil, fmt.Errorf("a Linear without bias is not supported")
	}
	return Dense(units), nil
}
