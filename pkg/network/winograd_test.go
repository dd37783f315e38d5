package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// TestWinograd puts heights, paddings and widths of all sorts through the twin.
func TestWinograd(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	forEach(t, func(t *testing.T, be compute.Backend) {
		for _, c := range []struct {
			height, kernelWidth       int
			padding, stride, dilation Pair
		}{
			{3, 3, Pair{}, Square(1), Square(1)}, // one row comes out: half a pair
			{4, 3, Pair{}, Square(1), Square(1)},
			{9, 3, Square(1), Square(1), Square(1)},
			{8, 1, Pair{2, 0}, Square(1), Square(1)},
			{7, 4, Pair{1, 2}, Pair{1, 2}, Square(1)},
			{6, 2, Pair{0, 1}, Pair{1, 3}, Pair{1, 2}},
		} {
			l := Conv2D(5, Pair{3, c.kernelWidth}, ConvConfig{Padding: c.padding, Stride: c.stride, Dilation: c.dilation, NoBias: true})
			x, weight := normal(rng, 2, 4, c.height, 8), normal(rng, 5, 4, 3, c.kernelWidth)
			want := array.New(append([]int{2}, must(l.Output(x.Shape[1:]))...)...)
			y := make([]float64, len(want.Data))
			convTwin(x, want, weight, c.stride, c.padding, c.dilation, 1, func(i, o, k int) {
				y[o] += float64(weight.Data[k]) * float64(x.Data[i])
			})
			exec := must(graph.NewExec(be, func(x, w *graph.Node) *graph.Node {
				conv := convolution{stride: c.stride, dilation: c.dilation, before: c.padding, after: c.padding, groups: 1}
				return graph.TransposeAllAxes(conv.winograd(graph.TransposeAllAxes(x, 0, 2, 3, 1), w), 0, 3, 1, 2)
			}))
			got := must(backend.Array(must(exec.Call1(backend.Tensor(x), backend.Tensor(weight)))))
			near(t, fmt.Sprintf("%+v", c), got, floats(y, want.Shape), 2e-5)
		}
	})
}

// TestForwardPassIsTheGraph: where forward passes take the Winograd form, they
// agree with the graph that gradients and attributions are taken of.
func TestForwardPassIsTheGraph(t *testing.T) {
	const rows, side = 16, 28
	n := must(New("wide", []int{48, side, side}, Conv2D(128, Square(3), ConvConfig{}), ReLU(), GlobalAvgPool2D())).
		Initialize(TorchInit, rand.New(rand.NewPCG(1, 2)))
	x := randomRows(rows, 48*side*side)
	x.Shape = []int{rows, 48, side, side}
	forEach(t, func(t *testing.T, be compute.Backend) {
		exec := must(model.NewExec(be, n.Store(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			c := convolution{stride: Square(1), dilation: Square(1), groups: 1}
			image, kernel := graph.TransposeAllAxes(x, 0, 2, 3, 1), scope.At("conv2d0").GetVariable("weight").NodeValue(x.Graph())
			if backend.NameOf(be) != "xla:cuda" && !c.winogradPays(image, kernel) {
				t.Error("the Winograd form is not taken")
			}
			return n.Graph(scope, x, nil)
		}))
		want := must(backend.Array(must(exec.Call1(backend.Tensor(x)))))
		got := must(n.Predict(context.Background(), x, RunConfig{Backend: be, BatchRows: rows}))
		near(t, backend.NameOf(be), got, want, 1e-6)
	})
}
