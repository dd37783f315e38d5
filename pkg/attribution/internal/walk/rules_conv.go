package walk

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// convolution of the input with a constant kernel is linear: its multiplier
// is the transposed convolution.
func convolution(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)
	if w.dependsOnInput(in[1]) {
		unsupported(s.p, "the kernel depends on the input")
	}
	w.push(in[0], convBack(s.p, in[1], m))
}

// convBack is the transposed convolution of m, shaped like the convolution p,
// with a kernel shaped like p's. GoMLX v0.28.2's own gradient is wrong for
// kernels of even size, so it is written here.
func convBack(p, kernel, m *Node) *Node {
	if int(param(p, "batchGroupCount").Int()) > 1 {
		unsupported(p, "batch groups mix rows")
	}
	x := p.Inputs()[0]
	axes := convAxes(p)
	n := len(axes.InputSpatial)
	var (
		strides   = intsOr(param(p, "strides"), n, 1)
		dilations = intsOr(param(p, "kernelDilations"), n, 1)
		spreads   = intsOr(param(p, "inputDilations"), n, 1) // zeros between inputs, of a transposed convolution
		paddings  = intPairs(param(p, "paddings"), n)
		groups    = int(param(p, "channelGroupCount").Int())
	)
	back := make([][2]int, n)
	crop := make([]SliceAxisSpec, x.Rank()) // of what comes back, to where the inputs lie
	for i := range crop {
		crop[i] = AxisRange()
	}
	cropped := false
	for i, axis := range axes.InputSpatial {
		reach := (kernel.Shape().Dim(axes.KernelSpatial[i])-1)*dilations[i] + 1
		out := (p.Shape().Dim(axes.OutputSpatial[i])-1)*strides[i] + 1
		size := (x.Shape().Dim(axis)-1)*spreads[i] + 1
		before, after := reach-1-paddings[i][0], size-out+paddings[i][0]
		back[i] = [2]int{max(0, before), max(0, after)}
		if start := max(0, -before); start > 0 || after < 0 || spreads[i] > 1 {
			crop[axis] = AxisRange(start, start+size).Stride(spreads[i])
			cropped = true
		}
	}
	turned := compute.ConvolveAxesConfig{
		InputBatch: axes.OutputBatch, InputChannels: axes.OutputChannels, InputSpatial: axes.OutputSpatial,
		KernelInputChannels: axes.KernelOutputChannels, KernelOutputChannels: axes.KernelInputChannels, KernelSpatial: axes.KernelSpatial,
		OutputBatch: axes.InputBatch, OutputChannels: axes.InputChannels, OutputSpatial: axes.InputSpatial,
	}
	flipped := Reverse(kernel, axes.KernelSpatial...)
	ms, kernels := []*Node{m}, []*Node{flipped}
	if groups > 1 {
		ms, kernels = Split(m, axes.OutputChannels, groups), Split(flipped, axes.KernelOutputChannels, groups)
	}
	parts := make([]*Node, len(ms))
	for i := range parts {
		c := Convolve(ms[i], kernels[i]).AxesConfig(turned).PaddingPerDim(back).DilationPerAxis(dilations...)
		if size(strides) > 1 {
			c = c.InputDilationPerAxis(strides...)
		}
		parts[i] = c.Done()
	}
	all := Concatenate(parts, axes.InputChannels)
	if cropped {
		all = Slice(all, crop...)
	}
	return all
}

func convAxes(nd *Node) compute.ConvolveAxesConfig {
	v := param(nd, "axes")
	one := func(f string) int { return int(v.FieldByName(f).Int()) }
	all := func(f string) []int { return ints(v.FieldByName(f)) }
	return compute.ConvolveAxesConfig{
		InputBatch: one("InputBatch"), InputChannels: one("InputChannels"), InputSpatial: all("InputSpatial"),
		KernelInputChannels: one("KernelInputChannels"), KernelOutputChannels: one("KernelOutputChannels"), KernelSpatial: all("KernelSpatial"),
		OutputBatch: one("OutputBatch"), OutputChannels: one("OutputChannels"), OutputSpatial: all("OutputSpatial"),
	}
}
