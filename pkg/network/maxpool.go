package network

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// MaxPool2D returns the largest value in each window of images [channels,
// height, width], as PyTorch's MaxPool2d: sizes are rounded down, padding
// never wins, and of equal values the first, row by row, gets the gradient.
func MaxPool2D(window Pair, cfg PoolConfig) Layer { return maxPool2d{cfg.pool(window)} }

type maxPool2d struct{ pool }

func (maxPool2d) Kind() string { return "maxpool2d" }

func (l maxPool2d) Output(input []int) ([]int, error) { return l.output(l.Kind(), input) }

func (l maxPool2d) Graph(p *Pass, x *graph.Node) *graph.Node {
	// Not −∞: attributions take differences of what is compared.
	windows, axes := l.windows(p.channelsLast(x), -math.MaxFloat32)
	return p.channelsFirst(firstMax(windows, axes))
}

// firstMax is ReduceMax over the axes whose gradient goes to the first of
// equal maxima; GoMLX's goes to each of them in full.
func firstMax(x *graph.Node, axes []int) *graph.Node {
	var arrived, y *graph.Node
	x = graph.IdentityWithCustomGradient(x, func(x, _ *graph.Node) *graph.Node {
		kept := x.Shape().Clone() // shape of y, with the reduced axes
		window := shapes.Make(dtypes.Int32, x.Shape().Dimensions...)
		places := 1
		for i := range window.Dimensions {
			window.Dimensions[i] = 1
		}
		for _, a := range axes {
			places *= kept.Dimensions[a]
			window.Dimensions[a] = kept.Dimensions[a]
			kept.Dimensions[a] = 1
		}
		wide := func(n *graph.Node) *graph.Node {
			return graph.BroadcastToDims(graph.Reshape(n, kept.Dimensions...), x.Shape().Dimensions...)
		}
		place := graph.BroadcastToDims(graph.IotaFull(x.Graph(), window), x.Shape().Dimensions...)
		none := graph.BroadcastToDims(graph.Scalar(x.Graph(), dtypes.Int32, places), x.Shape().Dimensions...)
		first := graph.ReduceMin(graph.Where(graph.Equal(x, wide(y)), place, none), axes...)
		return graph.Where(graph.Equal(place, wide(first)), wide(arrived), graph.ZerosLike(x))
	})
	y = graph.ReduceMax(x, axes...)
	return graph.IdentityWithCustomGradient(y, func(_, v *graph.Node) *graph.Node {
		arrived = v
		return v
	})
}

func maxPool2dFromTorch(m *torchObject) (Layer, error) {
	if err := m.want("dilation", 1, "ceil_mode", false, "return_indices", false); err != nil {
		return nil, err
	}
	p, err := m.pool()
	return maxPool2d{p}, err
}
