package network

import (
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
)

// winogradPays tells whether [convolution.winograd] is faster: only products of
// many channels outweigh its sums; on XLA's CPU only large ones outweigh what
// four convolutions take longer to compile than one. With 180 channels it took
// 0.7 of the time on both, forwards and in training. cuDNN has forms of its own.
func (c convolution) winogradPays(x, kernel *graph.Node) bool {
	if kernel.Shape().Dim(2) != 3 || c.stride[0] != 1 || c.dilation[0] != 1 || c.groups != 1 {
		return false
	}
	channels := min(kernel.Shape().Dim(0), kernel.Shape().Dim(1))
	products := x.Shape().Dim(0) * c.outHeight(x, kernel) * x.Shape().Dim(2) / c.stride[1] * kernel.Shape().Size()
	switch be := x.Graph().Backend(); {
	case !backend.IsXLA(be):
		return channels >= 32
	case backend.NameOf(be) == "xla:cpu":
		return channels >= 48 && products >= 1<<29
	}
	return false
}

// outHeight is the height of the output for a stride and dilation of 1.
func (c convolution) outHeight(x, kernel *graph.Node) int {
	return x.Shape().Dim(1) + c.before[0] + c.after[0] - kernel.Shape().Dim(2) + 1
}

// winograd convolves by a kernel three high, stride and dilation 1 down the
// image, in two thirds of the multiplications: two rows of the output come from
// four rows of x by four products in place of six. It is F(2, 3) of Lavin &
// Gray, Fast Algorithms for Convolutional Neural Networks (2016), §4.1, along
// the height alone; along both axes the sums took what fewer products saved.
func (c convolution) winograd(x, kernel *graph.Node) *graph.Node {
	height := c.outHeight(x, kernel)
	pairs := (height + 1) / 2
	x = padZeros(x, 1, c.before[0], c.after[0]+height%2)
	c.before[0], c.after[0] = 0, 0
	row := func(i int) *graph.Node { // of the four under each pair
		return graph.SliceAxis(x, 1, graph.AxisRange(i, i+2*pairs-1).Stride(2))
	}
	at := func(i int) *graph.Node { return graph.SliceAxis(kernel, 2, graph.AxisRange(i, i+1)) }
	ends, middle := graph.MulScalar(graph.Add(at(0), at(2)), 0.5), graph.MulScalar(at(1), 0.5)
	m0 := c.plain(graph.Sub(row(0), row(2)), at(0))
	m1 := c.plain(graph.Add(row(1), row(2)), graph.Add(ends, middle))
	m2 := c.plain(graph.Sub(row(2), row(1)), graph.Sub(ends, middle))
	m3 := c.plain(graph.Sub(row(1), row(3)), at(2))
	y := graph.Stack([]*graph.Node{graph.Add(graph.Add(m0, m1), m2), graph.Sub(graph.Sub(m1, m2), m3)}, 2)
	d := y.Shape().Dimensions // rows, pairs, 2, width, out
	return graph.SliceAxis(graph.Reshape(y, d[0], 2*pairs, d[3], d[4]), 1, graph.AxisRange(0, height))
}
