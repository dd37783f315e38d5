package network

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
)

// Flatten returns the layer that makes one axis of a row: value [c, i, j] of
// an image comes to c·height·width + i·width + j, as in PyTorch.
func Flatten() Layer { return flatten{} }

type flatten struct{}

func (flatten) Kind() string                      { return "flatten" }
func (flatten) Output(input []int) ([]int, error) { return []int{size(input)}, nil }
func (flatten) Parameters([]int) []Spec           { return nil }

func (flatten) Graph(_ *Pass, x *graph.Node) *graph.Node {
	rows := x.Shape().Dim(0)
	return graph.Reshape(x, rows, x.Shape().Size()/rows)
}

func flattenFromTorch(m *torchObject) (Layer, error) {
	if err := m.want("start_dim", 1); err != nil {
		return nil, err
	}
	return Flatten(), m.want("end_dim", -1)
}

// Reshape returns the layer that gives each row another shape of as many
// values, in the same order: Reshape(1, 28, 28) makes images of 784 pixels.
func Reshape(shape ...int) Layer { return reshape{Shape: slices.Clone(shape)} }

type reshape struct {
	Shape []int `json:"shape"`
}

func (reshape) Kind() string { return "reshape" }

func (l reshape) Output(input []int) ([]int, error) {
	want, n := size(input), 1
	for _, d := range l.Shape {
		if d < 1 || n > want/d {
			n = -1
			break
		}
		n *= d
	}
	if n != want || len(l.Shape) == 0 {
		return nil, fmt.Errorf("reshape to %v: want a shape of %d values", l.Shape, want)
	}
	return slices.Clone(l.Shape), nil
}

func (reshape) Parameters([]int) []Spec { return nil }

func (l reshape) Graph(_ *Pass, x *graph.Node) *graph.Node {
	return graph.Reshape(x, append([]int{x.Shape().Dim(0)}, l.Shape...)...)
}
