package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// corners divides a smooth elementwise function f of two operands that both
// depend on the input as their Shapley values: each operand moves once with
// the other at r and once with it at x, and gets the mean of the quotients,
//
//	M_a = M·½·([f(a_x, b_r) − f(a_r, b_r)] + [f(a_x, b_x) − f(a_r, b_x)]) / Δa.
//
// (For a product this is the rule of [product].)
func corners(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)
	if len(w.operands(s)) == 1 {
		w.function(s, m)
		return
	}
	f := map[NodeType]func(a, b *Node) *Node{NodeTypePow: Pow, NodeTypeAtan2: Atan2}[s.p.Type()]
	slopes := functions[s.p.Type()].slopes
	var ends [2][2]*Node // operand, at r and at x
	for i := range in {
		ends[i][1], ends[i][0] = w.values(w.sites[in[i]])
	}
	mp := w.pairs(m, s)
	full := s.split(s.p.Shape().Dimensions, w.n*w.k, w.m)
	for i := range in {
		moved := Sub(ends[i][1], ends[i][0])
		var sum *Node
		for _, other := range ends[1-i] {
			var y, slope [2]*Node
			for e := range y {
				args := []*Node{ends[i][e], other}
				if i == 1 {
					args[0], args[1] = args[1], args[0]
				}
				args[0], args[1] = expand(args[0], full), expand(args[1], full)
				y[e] = f(args[0], args[1])
				slope[e] = slopes(y[e], args)[i]
			}
			sum = plus(sum, quotient(Sub(y[1], y[0]), expand(moved, full), slope[1], slope[0]))
		}
		w.pushPairs(in[i], Mul(mp, MulScalar(sum, 0.5)))
	}
}
