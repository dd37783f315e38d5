package network

import "github.com/gomlx/gomlx/core/graph"

// Sigmoid returns the layer 1/(1 + e⁻ˣ).
func Sigmoid() Layer { return sigmoid{} }

type sigmoid struct{}

func (sigmoid) Kind() string                      { return "sigmoid" }
func (sigmoid) Output(input []int) ([]int, error) { return input, nil }
func (sigmoid) Parameters([]int) []Spec           { return nil }

func (sigmoid) Graph(_ *Pass, x *graph.Node) *graph.Node { return graph.Sigmoid(x) }
