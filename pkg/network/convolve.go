package network

import (
	"slices"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
)

// convolution is a cross-correlation of images [rows, height, width, channels]
// with a kernel [out, in/groups, height, width].
type convolution struct {
	stride, dilation Pair
	before, after    Pair // zeros around the image; negative: cut off
	groups           int
	anyForm          bool // nobody looks at its nodes, as those do who explain a [Network.Graph]
}

// apply returns [rows, height, width, out].
func (c convolution) apply(x, kernel *graph.Node) *graph.Node {
	for i := range c.before {
		x = cut(x, 1+i, min(0, c.before[i]), min(0, c.after[i]))
		c.before[i], c.after[i] = max(0, c.before[i]), max(0, c.after[i])
	}
	if c.anyForm && c.winogradPays(x, kernel) {
		return c.winograd(x, kernel)
	}
	return c.plain(x, kernel)
}

// plain convolves as y is defined; nothing around the image is cut off. XLA
// convolves natively. GoMLX's Go backend is some thirty times faster with one
// product of matrices, which also serves groups and dilation, whose gradients
// GoMLX lacks or was not tested for.
func (c convolution) plain(x, kernel *graph.Node) *graph.Node {
	if !backend.IsXLA(x.Graph().Backend()) || c.groups > 1 || c.dilation != Square(1) {
		return c.product(x, kernel)
	}
	return c.native(x, kernel)
}

// native lets XLA convolve, which is right and differentiable within the
// limits of GoMLX v0.28.2: its gradient with respect to x is wrong for kernels
// of even size, so these get a row or column of zeros, and it panics where
// more than size − 1 zeros are around the image.
func (c convolution) native(x, kernel *graph.Node) *graph.Node {
	var around [2][2]int
	for i := range around {
		n := kernel.Shape().Dim(2 + i)
		if n%2 == 0 {
			kernel = padZeros(kernel, 2+i, 0, 1)
			c.after[i]++
			n++
		}
		around[i] = [2]int{min(c.before[i], n-1), min(c.after[i], n-1)}
		x = padZeros(x, 1+i, c.before[i]-around[i][0], c.after[i]-around[i][1])
	}
	kernel = graph.TransposeAllAxes(kernel, 2, 3, 1, 0)
	return graph.Convolve(x, kernel).StridePerAxis(c.stride[:]...).PaddingPerDim(around[:]).Done()
}

// product lays the values under the kernel side by side and multiplies them
// with it.
func (c convolution) product(x, kernel *graph.Node) *graph.Node {
	out, in := kernel.Shape().Dim(0)/c.groups, kernel.Shape().Dim(1)
	height, width := kernel.Shape().Dim(2), kernel.Shape().Dim(3)
	for i := range c.before {
		x = padZeros(x, 1+i, c.before[i], c.after[i])
	}
	var parts []*graph.Node // [rows, height, width, groups, in], one for each place in the kernel
	for part := range windowParts(x, Pair{height, width}, c.stride, c.dilation) {
		d := part.Shape().Dimensions
		parts = append(parts, graph.Reshape(part, d[0], d[1], d[2], c.groups, in))
	}
	d := parts[0].Shape().Dimensions
	places := d[0] * d[1] * d[2]
	all := graph.Reshape(graph.Concatenate(parts, -1), places, c.groups, height*width*in)
	kernel = graph.TransposeAllAxes(graph.Reshape(kernel, c.groups, out, in, height, width), 0, 3, 4, 2, 1)
	kernel = graph.Reshape(kernel, c.groups, height*width*in, out)
	var y *graph.Node
	if c.groups == 1 {
		y = graph.DotGeneral(graph.Reshape(all, places, -1), []int{1}, nil, graph.Reshape(kernel, -1, out), []int{0}, nil) // [places, out]
	} else {
		y = graph.TransposeAllAxes(graph.DotGeneral(all, []int{2}, []int{1}, kernel, []int{1}, []int{0}), 1, 0, 2) // [places, groups, out]
	}
	return graph.Reshape(y, d[0], d[1], d[2], c.groups*out)
}

// windowParts yields, for each place in a window, the values there of all
// windows: [rows, windows down, windows across, channels]. Places come row by row.
func windowParts(x *graph.Node, window, stride, dilation Pair) func(yield func(*graph.Node) bool) {
	var span Pair // from the first window to the last
	for i := range span {
		span[i] = (x.Shape().Dim(1+i) - (window[i]-1)*dilation[i] - 1) / stride[i] * stride[i]
	}
	return func(yield func(*graph.Node) bool) {
		for i := range window[0] {
			for k := range window[1] {
				top, left := i*dilation[0], k*dilation[1]
				part := graph.Slice(x, graph.AxisRange(), graph.AxisRange(top, top+span[0]+1).Stride(stride[0]),
					graph.AxisRange(left, left+span[1]+1).Stride(stride[1]), graph.AxisRange())
				if !yield(part) {
					return
				}
			}
		}
	}
}

// padZeros puts zeros before and after an axis. GoMLX's Pad has no gradient.
func padZeros(x *graph.Node, axis, before, after int) *graph.Node {
	return padWith(x, axis, before, after, 0)
}

func padWith(x *graph.Node, axis, before, after int, value float64) *graph.Node {
	block := func(n int) *graph.Node {
		dims := slices.Clone(x.Shape().Dimensions)
		dims[axis] = n
		return graph.BroadcastToShape(graph.Scalar(x.Graph(), x.DType(), value), shapes.Make(x.DType(), dims...))
	}
	parts := []*graph.Node{x}
	if before > 0 {
		parts = []*graph.Node{block(before), x}
	}
	if after > 0 {
		parts = append(parts, block(after))
	}
	return graph.Concatenate(parts, axis)
}

// cut takes −before values from the start of an axis and −after from its end.
func cut(x *graph.Node, axis, before, after int) *graph.Node {
	if before == 0 && after == 0 {
		return x
	}
	return graph.SliceAxis(x, axis, graph.AxisRange(-before, x.Shape().Dim(axis)+after))
}

// interleave puts n−1 zeros between the values of an axis.
func interleave(x *graph.Node, axis, n int) *graph.Node {
	if n == 1 {
		return x
	}
	dims := x.Shape().Dimensions
	size := dims[axis]
	split := slices.Insert(slices.Clone(dims), axis+1, 1)
	x = padZeros(graph.Reshape(x, split...), axis+1, 0, n-1)
	merged := slices.Clone(dims)
	merged[axis] = size * n
	return graph.SliceAxis(graph.Reshape(x, merged...), axis, graph.AxisRange(0, (size-1)*n+1))
}

// flip reverses an axis. GoMLX's Reverse has no gradient.
func flip(x *graph.Node, axis int) *graph.Node {
	n := x.Shape().Dim(axis)
	parts := make([]*graph.Node, n)
	for i := range parts {
		parts[i] = graph.SliceAxis(x, axis, graph.AxisRange(n-1-i, n-i))
	}
	return graph.Concatenate(parts, axis)
}
