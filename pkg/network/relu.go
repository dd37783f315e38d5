package network

import "github.com/gomlx/gomlx/core/graph"

// ReLU returns the layer max(x, 0). Its derivative at 0 is 0 in training and for
// attributions, as in PyTorch; GoMLX's gradient of [Network.Graph] has 1 there.
func ReLU() Layer { return relu{} }

type relu struct{ sameShape }

func (relu) Kind() string { return "relu" }

func (relu) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.elementwise(x, func(x *graph.Node) *graph.Node {
		zero := graph.ZerosLike(x)
		if p.Training {
			// GoMLX's derivative of Max is 1 at a tie. NaN is not ≤ 0 and passes.
			return graph.Where(graph.LessOrEqual(x, zero), zero, x)
		}
		return graph.Max(x, zero)
	})
}
