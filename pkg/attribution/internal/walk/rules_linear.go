package walk

import (
	"slices"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// linear hands the multiplier on as GoMLX does a gradient: for a linear
// operation the two are the same. Conditions and integers that are moved
// about carry float multipliers, as if they were floats.
func linear(w *walker, s *site, m *Node) {
	in, at := w.inputs(s.p), s.p
	if !at.DType().IsFloat() {
		floats := make([]*Node, len(in))
		for i := range in {
			floats[i] = float(in[i])
		}
		at = at.CloneWithInputs(floats...)
	}
	for i, v := range gradientOf(at, m) {
		if !w.dependsOnInput(in[i]) {
			continue
		}
		if v == nil {
			unsupported(s.p, "an operand without gradient depends on the input")
		}
		w.push(in[i], v)
	}
}

// gradientOf returns what the gradient m of a linear operation gives each of
// its operands, by GoMLX.
func gradientOf(nd, m *Node) []*Node {
	return VJPRegistration[nd.Type()](nd, []*Node{m}, shapes.Make(m.DType()))
}

// linearInFirst is for operations linear in operand 0 whose other operands,
// indices, are constant.
func linearInFirst(w *walker, s *site, m *Node) {
	w.onlyFirst(s)
	linear(w, s, m)
}

// lookup is linear in the table. Indices that depend on the input make it a
// step function, which nothing divides.
func lookup(w *walker, s *site, m *Node) {
	if w.dependsOnInput(w.inputs(s.p)[1]) {
		unsupported(s.p, "its indices depend on the input: tap the result, the embedding, and attribute to that layer")
	}
	linear(w, s, m)
}

// broadcast: what one value gave to many comes back as their sum.
func broadcast(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)[0]
	dims := in.Shape().Dimensions
	axes := ints(param(s.p, "broadcastAxes")) // axis of the output for each of the input
	var summed []int
	for a, d := range s.p.Shape().Dimensions {
		if at := slices.Index(axes, a); at < 0 || dims[at] != d {
			summed = append(summed, a)
		}
	}
	if len(summed) > 0 {
		m = ReduceSum(m, summed...)
	}
	w.push(in, Reshape(m, dims...))
}

// identity passes everything on. That includes StopGradient and custom
// gradients: they change derivatives, not the function that is divided.
// (Softmax subtracts a maximum under StopGradient.)
func identity(w *walker, s *site, m *Node) { w.push(w.inputs(s.p)[0], m) }

func convert(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)[0]
	if !s.p.DType().IsFloat() {
		unsupported(s.p, "a conversion from "+in.DType().String()+" rounds")
	}
	w.push(in, m)
}

func reverse(w *walker, s *site, m *Node) { w.push(w.inputs(s.p)[0], s.p.CloneWithInputs(m)) }

// pad: GoMLX registers no gradient for it; the multiplier of what was padded
// is the slice it came from.
func pad(w *walker, s *site, m *Node) {
	in := w.onlyFirst(s)
	axes := param(s.p, "axesConfig")
	spec := make([]SliceAxisSpec, s.p.Rank())
	for i := range spec {
		at := func(field string) int { return int(axes.Index(i).FieldByName(field).Int()) }
		start, end := at("Start"), at("End")
		if start < 0 || end < 0 {
			unsupported(s.p, "negative padding")
		}
		spec[i] = AxisRange(start, s.p.Shape().Dim(i)-end).Stride(at("Interior") + 1)
	}
	w.push(in, Slice(m, spec...))
}

// batchNorm in evaluation is affine: its slope is f(1) − f(0).
func batchNorm(w *walker, s *site, m *Node) {
	in := w.onlyFirst(s)
	row := in.Shape().Clone()
	row.Dimensions[s.axis] = 1
	at := func(v *Node) *Node {
		return s.p.CloneWithInputs(append([]*Node{v}, s.p.Inputs()[1:]...)...)
	}
	w.push(in, Mul(m, Sub(at(Ones(m.Graph(), row)), at(Zeros(m.Graph(), row)))))
}
