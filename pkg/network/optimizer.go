package network

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// Optimizer moves parameters against their gradients. [Adam] and [SGD] are
// optimizers; both follow PyTorch's definition step by step.
type Optimizer interface {
	// withDefaults fills in zero fields, or says which field is wrong.
	withDefaults() (Optimizer, error)

	// slots is the number of arrays kept beside each parameter, zero at first.
	slots() int

	// factors returns what depends on the step t = 1, 2, … alone, computed in
	// float64 as PyTorch does. Every step has equally many.
	factors(t int) []float64

	// step returns the parameter and its slots after one step.
	step(param, grad *graph.Node, slots, factors []*graph.Node) (*graph.Node, []*graph.Node)
}

// Adam is PyTorch's Adam:
//
//	m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²
//	p ← p − rate/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
//
// (Kingma and Ba, 2015; ε outside the correction, unlike Keras.)
type Adam struct {
	Rate         float64 // 0 means 0.001
	Beta1, Beta2 float64 // 0 means 0.9 and 0.999
	Epsilon      float64 // 0 means 1e-8
	WeightDecay  float64 // times p is added to the gradient
}

func (o Adam) withDefaults() (Optimizer, error) {
	o.Rate = cmp.Or(o.Rate, 1e-3)
	o.Beta1, o.Beta2 = cmp.Or(o.Beta1, 0.9), cmp.Or(o.Beta2, 0.999)
	o.Epsilon = cmp.Or(o.Epsilon, 1e-8)
	if !(o.Rate > 0 && o.Beta1 > 0 && o.Beta1 < 1 && o.Beta2 > 0 && o.Beta2 < 1 && o.Epsilon > 0 && o.WeightDecay >= 0) {
		return nil, fmt.Errorf("network: %+v: want positive Rate and Epsilon, betas between 0 and 1, WeightDecay ≥ 0", o)
	}
	return o, nil
}

func (Adam) slots() int { return 2 }

func (o Adam) factors(t int) []float64 {
	return []float64{
		o.Rate / (1 - math.Pow(o.Beta1, float64(t))),
		1 / math.Sqrt(1-math.Pow(o.Beta2, float64(t))),
	}
}

func (o Adam) step(p, g *graph.Node, slots, factors []*graph.Node) (*graph.Node, []*graph.Node) {
	g = decay(p, g, o.WeightDecay)
	m := graph.Add(slots[0], graph.MulScalar(graph.Sub(g, slots[0]), 1-o.Beta1))
	v := graph.Add(graph.MulScalar(slots[1], o.Beta2), graph.MulScalar(graph.Square(g), 1-o.Beta2))
	d := graph.AddScalar(graph.Mul(graph.Sqrt(v), factors[1]), o.Epsilon)
	return graph.Sub(p, graph.Div(graph.Mul(m, factors[0]), d)), []*graph.Node{m, v}
}

// SGD is PyTorch's SGD without dampening and Nesterov:
//
//	u ← momentum·u + g,  p ← p − rate·u
type SGD struct {
	Rate        float64 // 0 means 0.001
	Momentum    float64 // 0 means none
	WeightDecay float64 // times p is added to the gradient
}

func (o SGD) withDefaults() (Optimizer, error) {
	o.Rate = cmp.Or(o.Rate, 1e-3)
	if !(o.Rate > 0 && o.Momentum >= 0 && o.WeightDecay >= 0) {
		return nil, fmt.Errorf("network: %+v: want positive Rate, Momentum ≥ 0, WeightDecay ≥ 0", o)
	}
	return o, nil
}

func (o SGD) slots() int {
	if o.Momentum == 0 {
		return 0
	}
	return 1
}

func (o SGD) factors(int) []float64 { return []float64{o.Rate} }

func (o SGD) step(p, g *graph.Node, slots, factors []*graph.Node) (*graph.Node, []*graph.Node) {
	u := decay(p, g, o.WeightDecay)
	if o.Momentum == 0 {
		return graph.Sub(p, graph.Mul(u, factors[0])), nil
	}
	u = graph.Add(graph.MulScalar(slots[0], o.Momentum), u)
	return graph.Sub(p, graph.Mul(u, factors[0])), []*graph.Node{u}
}

func decay(p, g *graph.Node, rate float64) *graph.Node {
	if rate == 0 {
		return g
	}
	return graph.Add(g, graph.MulScalar(p, rate))
}
