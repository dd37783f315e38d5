package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// product: Δ(a·b) = b̄·Δa + ā·Δb with means over the two ends, exactly.
func product(w *walker, s *site, m *Node) {
	in, mp := w.inputs(s.p), w.pairs(m, s)
	for i := range in {
		if w.dependsOnInput(in[i]) {
			w.pushPairs(in[i], Mul(mp, w.average(in[1-i], s)))
		}
	}
}

// quotient is the product a·(1/b), whose second factor moves by
// Δ(1/b) = −Δb/(b_x·b_r).
func quotient(w *walker, s *site, m *Node) {
	in, mp := w.inputs(s.p), w.pairs(m, s)
	if !w.dependsOnInput(in[1]) {
		w.pushPairs(in[0], Div(mp, w.pairs(in[1], s)))
		return
	}
	if u, sum := w.softmaxOf(s.p); u != nil {
		w.softmax(s, u, sum, m)
		return
	}
	bx, br := w.values(w.sites[in[1]])
	if w.dependsOnInput(in[0]) {
		w.pushPairs(in[0], Mul(mp, MulScalar(Add(Reciprocal(bx), Reciprocal(br)), 0.5)))
	}
	w.pushPairs(in[1], Neg(Div(Mul(mp, w.average(in[0], s)), Mul(bx, br))))
}

// bilinear operations (dot products, convolutions) with both operands
// depending on the input follow the product rule: their gradient at the means
// of the operands.
func bilinear(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)
	if !w.dependsOnInput(in[0]) || !w.dependsOnInput(in[1]) {
		linear(w, s, m)
		return
	}
	means := make([]*Node, 2)
	for i := range means {
		from := w.sites[in[i]]
		means[i] = w.flat(w.mean(from), from)
	}
	w.vjp(s, s.p.CloneWithInputs(means...), m)
}
