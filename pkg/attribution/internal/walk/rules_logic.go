package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// largerOfTwo: max(a, b) = b + relu(a − b); min likewise.
func largerOfTwo(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)
	if len(w.operands(s)) == 1 {
		w.function(s, m)
		return
	}
	ax, ar := w.values(w.sites[in[0]])
	bx, br := w.values(w.sites[in[1]])
	dx, dr := Sub(ax, bx), Sub(ar, br)
	if s.p.Type() == NodeTypeMin {
		dx, dr = Neg(dx), Neg(dr)
	}
	zero := ScalarZero(s.p.Graph(), s.p.DType())
	q := ratio(Sub(Max(dx, zero), Max(dr, zero)), Sub(dx, dr))
	mp := w.pairs(m, s)
	w.pushPairs(in[0], Mul(mp, q))
	w.pushPairs(in[1], Mul(mp, OneMinus(q)))
}

// where is c·a + (1−c)·b, two products.
func where(w *walker, s *site, m *Node) {
	in, mp := w.inputs(s.p), w.pairs(m, s)
	c := w.average(in[0], s, mp)
	if w.dependsOnInput(in[1]) {
		w.pushPairs(in[1], Mul(mp, c))
	}
	if w.dependsOnInput(in[2]) {
		w.pushPairs(in[2], Mul(mp, OneMinus(c)))
	}
	if w.dependsOnInput(in[0]) {
		w.pushPairs(in[0], Mul(mp, Sub(w.average(in[1], s, mp), w.average(in[2], s, mp))))
	}
}

// comparison is a step of the difference of its operands.
func comparison(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)
	if len(w.operands(s)) == 1 {
		w.function(s, m)
		return
	}
	change := Sub(w.delta(w.sites[in[0]]), w.delta(w.sites[in[1]]))
	c := Mul(like(change, w.pairs(m, s)), ratio(like(change, w.delta(s)), change))
	w.pushPairs(in[0], c)
	w.pushPairs(in[1], Neg(c))
}

func not(w *walker, s *site, m *Node) { w.push(w.inputs(s.p)[0], Neg(m)) }

// andOr: a∧b is the product a·b, a∨b is 1 − (1−a)(1−b).
func andOr(w *walker, s *site, m *Node) {
	in, mp := w.inputs(s.p), w.pairs(m, s)
	for i := range in {
		if !w.dependsOnInput(in[i]) {
			continue
		}
		other := w.average(in[1-i], s, mp)
		if s.p.Type() == NodeTypeLogicalOr {
			other = OneMinus(other)
		}
		w.pushPairs(in[i], Mul(mp, other))
	}
}

// xor: a⊕b is a + b − 2·a·b.
func xor(w *walker, s *site, m *Node) {
	in, mp := w.inputs(s.p), w.pairs(m, s)
	for i := range in {
		if w.dependsOnInput(in[i]) {
			w.pushPairs(in[i], Mul(mp, OneMinus(MulScalar(w.average(in[1-i], s, mp), 2))))
		}
	}
}
