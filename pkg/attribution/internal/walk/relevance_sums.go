package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Rules for operations of several values of the input, without weights.

// divide: each term of a sum gets its share.
func (r *relevance) divide(s *site, m *Node) {
	w := r.w
	in := w.inputs(s.p)
	q := r.share(s.p, s, m, keep)
	if s.p.Type() == NodeTypeReduceWindow {
		win := newWindow(s, in[0])
		w.push(in[0], Mul(in[0], win.scatter(q, func([]int) *Node { return q })))
		return
	}
	for i, v := range gradientOf(s.p, q) {
		if w.dependsOnInput(in[i]) {
			w.push(in[i], Mul(in[i], v))
		}
	}
}

// share is m/z, z kept from 0; what the stabiliser takes is absorbed.
func (r *relevance) share(z *Node, s *site, m *Node, epsilon float64) *Node {
	by := stabiliser(z, epsilon)
	q := Div(m, Add(z, by))
	r.absorb(Mul(q, by), s)
	return q
}

// stabiliser is ε with the sign of z, + at 0.
func stabiliser(z *Node, epsilon float64) *Node {
	zero := ScalarZero(z.Graph(), z.DType())
	return Where(LessThan(z, zero), ConstAs(z, -epsilon), ConstAs(z, epsilon))
}

// bilinear: of a dot product of two that depend on the input each gets half.
func (r *relevance) bilinear(s *site, m *Node) {
	in := r.w.inputs(s.p)
	q := MulScalar(r.share(s.p, s, m, keep), 0.5)
	for i := range in {
		r.w.push(in[i], Mul(in[i], dotBack(s.p, i, q, in[1-i])))
	}
}

func (r *relevance) product(s *site, operands []*Node, m *Node) {
	for i, in := range operands {
		switch {
		case r.normaliser(in) && !r.normaliser(operands[1-i]):
		case r.normaliser(operands[1-i]) && !r.normaliser(in):
			r.w.push(in, narrow(m, in))
		default:
			r.w.push(in, narrow(MulScalar(m, 0.5), in))
		}
	}
}

// normaliser tells whether nd is 1/g, perhaps scaled or repeated.
func (r *relevance) normaliser(nd *Node) bool {
	w := r.w
	switch nd.Type() {
	case NodeTypeRsqrt:
		return true
	case NodeTypeDiv:
		return !w.dependsOnInput(w.inputs(nd)[0])
	case NodeTypeBroadcastInDim, NodeTypeReshape, NodeTypeIdentity, NodeTypeMul:
		operands := w.operands(w.sites[nd])
		return len(operands) == 1 && r.normaliser(operands[0])
	}
	return false
}

// softmax hands back the linear part, with respect to x, of p = exp x/Σ exp x,
// and at a Log of L = log Σ exp u: R/L·p·u. Where p is 0 nothing comes back:
// x may be −∞ there.
func (r *relevance) softmax(s *site, of normalised, m *Node) {
	w := r.w
	p, x := s.p, w.beforeShift(of.u)
	r.absorb(m, s)
	var given *Node
	if s.p.Type() == NodeTypeLog {
		p, x = Div(Exp(of.u), of.total), of.u
		if of.mask != nil {
			p = Where(of.mask, p, ZerosLike(p))
		}
		given = Mul(p, Mul(x, Div(m, Add(s.p, stabiliser(s.p, keep)))))
	} else {
		given = Mul(x, Sub(m, Mul(p, narrow(m, of.total))))
	}
	given = Where(GreaterThan(p, ScalarZero(p.Graph(), p.DType())), given, ZerosLike(given))
	r.absorb(Neg(given), w.sites[of.u])
	w.push(x, given)
}

// beforeShift returns x where u is x − max x, as softmax computes it: at the
// maximum u has the value 0 and could carry no relevance.
func (w *walker) beforeShift(u *Node) *Node {
	if u.Type() != NodeTypeSub || !w.dependsOnInput(w.inputs(u)[0]) {
		return u
	}
	x, shift := w.inputs(u)[0], w.inputs(u)[1]
	for shift.Type() == NodeTypeReshape || shift.Type() == NodeTypeIdentity || shift.Type() == NodeTypeBroadcastInDim {
		shift = shift.Inputs()[0]
	}
	if shift.Type() != NodeTypeReduceMax {
		return u
	}
	from := w.inputs(shift)[0] // x, or x where a mask lets it be seen
	if from == x || from.Type() == NodeTypeWhere && w.inputs(from)[1] == x {
		return x
	}
	return u
}

// choice gives all to what the condition chose.
func (r *relevance) choice(s *site, m *Node) {
	in := r.w.inputs(s.p)
	zero := ZerosLike(m)
	for i, part := range []*Node{Where(in[0], m, zero), Where(in[0], zero, m)} {
		if to := in[1+i]; r.w.dependsOnInput(to) {
			r.w.push(to, narrow(part, to))
		} else {
			r.absorb(part, s)
		}
	}
}
