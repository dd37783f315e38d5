package network

import "github.com/gomlx/gomlx/core/graph"

// Sigmoid returns the layer 1/(1 + e⁻ˣ).
func Sigmoid() Layer { return sigmoid{} }

type sigmoid struct{ sameShape }

func (sigmoid) Kind() string { return "sigmoid" }

func (sigmoid) Graph(p *Pass, x *graph.Node) *graph.Node { return p.elementwise(x, graph.Sigmoid) }
