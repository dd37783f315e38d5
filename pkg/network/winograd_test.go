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
			upstream := normal(rng, append([]int{2}, must(l.Output(x.Shape[1:]))...)...)
			y, dx, dw := make([]float64, len(upstream.Data)), make([]float64, len(x.Data)), make([]float64, len(weight.Data))
			convTwin(x, upstream, weight, c.stride, c.padding, c.dilation, 1, func(i, o, k int) {
				y[o] += float64(weight.Data[k]) * float64(x.Data[i])
				dx[i] += float64(weight.Data[k]) * float64(upstream.Data[o])
				dw[k] += float64(x.Data[i]) * float64(upstream.Data[o])
			})
			exec := must(graph.NewExec(be, func(in []*graph.Node) []*graph.Node {
				conv := convolution{stride: c.stride, dilation: c.dilation, before: c.padding, after: c.padding, groups: 1}
				y := graph.TransposeAllAxes(conv.winograd(graph.TransposeAllAxes(in[0], 0, 2, 3, 1), in[1]), 0, 3, 1, 2)
				return append(graph.Gradient(graph.ReduceAllSum(graph.Mul(y, in[2])), in[0], in[1]), y)
			}))
			got := must(exec.Call(backend.Tensor(x), backend.Tensor(weight), backend.Tensor(upstream)))
			what := fmt.Sprintf("%+v", c)
			near(t, what+": gradient of x", must(backend.Array(got[0])), floats(dx, x.Shape), 2e-5)
			near(t, what+": gradient of the kernel", must(backend.Array(got[1])), floats(dw, weight.Shape), 2e-5)
			near(t, what, must(backend.Array(got[2])), floats(y, upstream.Shape), 2e-5)
		}
	})
}

// TestForwardPassIsTheGraph: where forward passes take the Winograd form, they
// agree with the graph that gradients and attributions are taken of, which has
// one product for its one convolution.
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
			y := n.Graph(scope, x, nil)
			products := 0
			for _, nd := range x.Graph().Nodes() {
				if k := nd.Type(); k == graph.NodeTypeConvGeneral || k == graph.NodeTypeDotGeneral {
					products++
				}
			}
			if products != 1 {
				t.Errorf("the graph to explain has %d products for one convolution", products)
			}
			return y
		}))
		want := must(backend.Array(must(exec.Call1(backend.Tensor(x)))))
		got := must(n.Predict(context.Background(), x, RunConfig{Backend: be, BatchRows: rows}))
		near(t, backend.NameOf(be), got, want, 1e-6)
	})
}

// TestTransposedForwardPass: a transposed convolution, cut on both sides, in
// the Winograd form, which the Go backend takes for any size.
func TestTransposedForwardPass(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	n := must(New("up", []int{32, 5, 4}, ConvTranspose2D(40, Square(3), ConvTransposeConfig{Stride: Square(2), Padding: Square(2), OutputPadding: Pair{-1, 1}}))).
		Initialize(TorchInit, rng)
	x := normal(rng, 3, 32, 5, 4)
	forEach(t, func(t *testing.T, be compute.Backend) {
		exec := must(model.NewExec(be, n.Store(), func(scope *model.Scope, x *graph.Node) *graph.Node { return n.Graph(scope, x, nil) }))
		want := must(backend.Array(must(exec.Call1(backend.Tensor(x)))))
		near(t, backend.NameOf(be), must(n.Predict(context.Background(), x, RunConfig{Backend: be})), want, 1e-5)
	})
}
