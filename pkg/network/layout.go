package network

import "github.com/gomlx/gomlx/core/graph"

// Images are [rows, channels, height, width] between layers, as in PyTorch,
// and [rows, height, width, channels] inside convolutions and pools, where
// that is up to three times as fast. Two layers that meet would turn an image
// there and back; so a Pass remembers the turned form of each image, unless
// what a layer hands on may be replaced (see [Network.Graph]). There, and only
// there, convolutions keep their plain form too.

// channelsLast turns [rows, channels, height, width] into
// [rows, height, width, channels].
func (p *Pass) channelsLast(x *graph.Node) *graph.Node {
	if turned := p.turned[x]; turned != nil {
		return turned
	}
	return graph.TransposeAllAxes(x, 0, 2, 3, 1)
}

// channelsFirst is the way back.
func (p *Pass) channelsFirst(turned *graph.Node) *graph.Node {
	x := graph.TransposeAllAxes(turned, 0, 3, 1, 2)
	if p.turned != nil {
		p.turned[x] = turned
	}
	return x
}

// elementwise applies f, which treats all values alike, to x in its present form.
func (p *Pass) elementwise(x *graph.Node, f func(x *graph.Node) *graph.Node) *graph.Node {
	return p.onChannels(x, func(x *graph.Node, _ int) *graph.Node { return f(x) })
}

// onChannels applies f to x in its present form; channels says which axis of
// it holds the channels, axis 1 of x. f must keep the shape.
func (p *Pass) onChannels(x *graph.Node, f func(x *graph.Node, channels int) *graph.Node) *graph.Node {
	if turned := p.turned[x]; turned != nil {
		return p.channelsFirst(f(turned, 3))
	}
	return f(x, 1)
}

// beside returns x's dimensions along the given axes and 1 along the others:
// the shape in which one value for each place of those axes is added to x, or
// multiplied with it.
func beside(x *graph.Node, axes ...int) []int {
	dims := make([]int, x.Rank())
	for i := range dims {
		dims[i] = 1
	}
	for _, a := range axes {
		dims[a] = x.Shape().Dim(a)
	}
	return dims
}
