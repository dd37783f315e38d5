package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// ReLURule is what a gradient does at a ReLU, however the ReLU is written.
type ReLURule int

const (
	ReLUSlope  ReLURule = iota // passes where z > 0: the derivative
	ReLUGuided                 // passes what is > 0 where z > 0 (Springenberg et al., 2015)
	ReLUDeconv                 // passes what is > 0, the sign of z plays no part (Zeiler and Fergus, 2014)
)

// Point says which function to differentiate, and at what.
type Point struct {
	Model Func
	// Target is the tapped node to differentiate, "" for the model's output.
	Target string
	// From is what the derivative is taken by: Input, or a tapped layer, whose
	// values are then given in place of those that the model computes.
	From string
	// Row is the shape of a row of the model's input. Read if From is a layer.
	Row []int
	// Layers that gradients or tangents are asked for: tapped nodes, or From.
	Layers []string

	ReLU ReLURule
}

// Derivatives belong to one build of a model, by a walk over its graph.
//
// GoMLX's own gradient serves training. It has none for some operations (Pad,
// Reverse, Rsqrt, Expm1), a wrong one for convolutions with kernels of even
// size, and gives each of several equal maxima the whole gradient; it stops
// where the model says so. Here the derivative of the function is wanted. At a
// kink it is that of the lower side, 0 for a ReLU at 0, as in PyTorch; of equal
// maxima over an axis or window the first takes all; equal operands of
// max(a, b) take half each.
type Derivatives struct {
	Target *Node // [rows, ...]

	at   Point
	taps map[string]*Node
	w    *walker
	relu map[*Node]*Node // last node of a ReLU → what it is the ReLU of
}

// Differentiate builds the model at x [rows, ...], rows of the input or of
// Point.From. It panics with an error, as graph functions do, where an
// operation has no rule or the model mixes rows.
func Differentiate(at Point, x *Node) *Derivatives {
	g := x.Graph()
	g.SetTraced(true)
	defer g.SetTraced(false)
	// Of a second build, with one row more, only shapes are read: they tell
	// the axis of the rows from the others.
	n := x.Shape().Dim(0)
	more := x.Shape().Clone()
	more.Dimensions[0] = n + 1
	other := Identity(Zeros(g, more))
	target, taps := at.build(x)
	otherTarget, _ := at.build(other)

	w := newWalker(g, x, [3]int{n, n + 1, n + 1}, taps)
	if !w.dependsOnInput(target) {
		fail("%s does not depend on %s", layerName(at.Target), layerName(at.From))
	}
	w.add(&site{p: x, x: other, r: other, per: 1})
	w.align(target, otherTarget, otherTarget)
	d := &Derivatives{Target: target, at: at, taps: taps, w: w, relu: map[*Node]*Node{}}
	for _, name := range at.Layers {
		s := w.sites[taps[name]]
		switch {
		case s == nil:
			fail("layer %q does not lie between %s and %s", name, layerName(at.From), layerName(at.Target))
		case s.axis != 0:
			fail("layer %q counts rows on axis %d: tap it where they are axis 0", name, s.axis)
		}
	}
	for _, s := range w.order {
		if z := w.reluOf(s.p); z != nil {
			d.relu[s.p] = z
		}
	}
	return d
}

func layerName(name string) string {
	switch name {
	case "":
		return "the model's output"
	case Input:
		return "the input"
	}
	return "layer " + name
}

// build returns the target and what is tapped, x under the name of From.
func (at Point) build(x *Node) (target *Node, taps map[string]*Node) {
	taps = map[string]*Node{at.From: x}
	in := x
	if at.From != Input {
		shape := x.Shape().Clone()
		shape.Dimensions = append([]int{x.Shape().Dim(0)}, at.Row...)
		in = Identity(Zeros(x.Graph(), shape))
	}
	out := at.Model(in, func(name string, n *Node) *Node {
		if name == at.From {
			return x
		}
		taps[name] = n
		return n
	})
	if at.Target != "" {
		out = taps[at.Target]
	}
	if at.From != Input && reaches(in, out, x) {
		fail("layer %q does not carry all of %s: a path from the input runs around it, so its values alone do not say what that is", at.From, layerName(at.Target))
	}
	return out, taps
}

// reaches tells whether to depends on from by a path that avoids wall.
func reaches(from, to, wall *Node) bool {
	seen := map[*Node]bool{wall: true}
	var visit func(*Node) bool
	visit = func(n *Node) bool {
		if n == from {
			return true
		}
		if seen[n] {
			return false
		}
		seen[n] = true
		return slices.ContainsFunc(n.Inputs(), visit)
	}
	return visit(to)
}

// CheckCarries panics with an error if a path from Point.From to the target
// runs around a layer, so that sums over its units are not all of the output.
func (d *Derivatives) CheckCarries(layers []string) {
	for _, name := range layers {
		if name != d.at.From && d.w.bypasses(d.taps[name]) {
			fail("layer %q does not carry all of %s: a path from %s runs around it, so its attributions cannot add up", name, layerName(d.at.Target), layerName(d.at.From))
		}
	}
}

// Value returns the values of a layer asked for.
func (d *Derivatives) Value(layer string) *Node { return d.taps[layer] }

// Gradient hands seed, in the shape of the target, back to the layers:
//
//	Σ_u seed_u · ∂target_u/∂layer_k
func (d *Derivatives) Gradient(seed *Node, layers ...string) []*Node {
	return d.GradientOf(d.Target, seed, layers...)
}

// GradientOf starts from any node between Point.From and the target.
func (d *Derivatives) GradientOf(start, seed *Node, layers ...string) []*Node {
	w := d.w
	w.mult = map[*Node]*Node{start: seed}
	for _, s := range slices.Backward(w.order) {
		if m := w.mult[s.p]; m != nil && s.p != w.input {
			d.back(s, m)
		}
	}
	out := make([]*Node, len(layers))
	for i, name := range layers {
		if out[i] = w.mult[d.taps[name]]; out[i] == nil { // steps alone lie between
			out[i] = ZerosLike(d.taps[name])
		}
	}
	return out
}

// back hands the gradient m of one operation to its operands.
func (d *Derivatives) back(s *site, m *Node) {
	w, p := d.w, s.p
	if z := d.relu[p]; z != nil {
		w.push(z, d.throughReLU(z, m))
		return
	}
	if w.twin(p) != nil {
		identity(w, s, m)
		return
	}
	if r := gradients[p.Type()]; r != nil {
		r(w, s, m)
		return
	}
	f, ok := functions[p.Type()]
	if !ok {
		unsupported(p, "nothing differentiates it")
	}
	for i, slope := range w.localSlopes(p, f) {
		if slope != nil {
			in := w.inputs(p)[i]
			w.push(in, narrow(times(m, slope, f.exact), in))
		}
	}
}

func (d *Derivatives) throughReLU(z, m *Node) *Node {
	zero := ScalarZero(m.Graph(), m.DType())
	pass := GreaterThan(z, zero)
	switch d.at.ReLU {
	case ReLUGuided:
		pass = LogicalAnd(pass, GreaterThan(m, zero))
	case ReLUDeconv:
		pass = GreaterThan(m, zero)
	}
	return Where(pass, m, ZerosLike(m))
}

// localSlopes returns ∂p/∂operand of an elementwise operation for each operand
// that depends on the input, nil where that is 0.
func (w *walker) localSlopes(p *Node, f function) []*Node {
	in := w.inputs(p)
	slopes := f.slopes(p, in)
	for i := range slopes {
		if !w.dependsOnInput(in[i]) {
			slopes[i] = nil
		}
	}
	if t := p.Type(); (t == NodeTypeMax || t == NodeTypeMin) && slopes[0] != nil && slopes[1] != nil {
		tie := MulScalar(indicator(Equal(in[0], in[1]), p), 0.5)
		slopes[0], slopes[1] = Add(slopes[0], tie), Add(slopes[1], tie)
	}
	return slopes
}

// times is m·slope, and 0 where m is 0: the branch that a condition did not
// choose may have an infinite slope. An exact slope is at most 1.
func times(m, slope *Node, exact bool) *Node {
	y := Mul(m, slope)
	if exact {
		return y
	}
	return Where(Equal(expand(m, y.Shape().Dimensions), ScalarZero(y.Graph(), y.DType())), ZerosLike(y), y)
}

// narrow sums m over the axes that the operation had broadcast in along.
func narrow(m, in *Node) *Node {
	if in.IsScalar() {
		return ReduceAllSum(m)
	}
	return sumTo(m, in.Shape().Dimensions)
}

// sumTo sums v over the axes that have size 1 in dims, of the same rank.
func sumTo(v *Node, dims []int) *Node {
	var axes []int
	for i, d := range dims {
		if d == 1 && v.Shape().Dim(i) > 1 {
			axes = append(axes, i)
		}
	}
	if len(axes) == 0 {
		return v
	}
	return ReduceAndKeep(v, ReduceSum, axes...)
}
