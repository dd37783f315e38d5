package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// product: Δ(a·b) = b̄·Δa + ā·Δb with means over the two ends, exactly.
func product(w *walker, s *site, m *Node) {
	in, mp := w.inputs(s.p), w.pairs(m, s)
	for i := range in {
		if w.dependsOnInput(in[i]) {
			w.pushPairs(in[i], Mul(mp, w.average(in[1-i], s, mp)))
		}
	}
}

// division is the product a·(1/b), whose second factor moves by
// Δ(1/b) = −Δb/(b_x·b_r).
func division(w *walker, s *site, m *Node) {
	in, mp := w.inputs(s.p), w.pairs(m, s)
	if !w.dependsOnInput(in[1]) {
		w.pushPairs(in[0], Div(mp, w.pairs(in[1], s)))
		return
	}
	if of, ok := w.softmaxOf(s.p); ok {
		w.softmax(s, of, m)
		return
	}
	bx, br := w.values(w.sites[in[1]])
	if w.dependsOnInput(in[0]) {
		w.pushPairs(in[0], Mul(mp, MulScalar(Add(Reciprocal(bx), Reciprocal(br)), 0.5)))
	}
	w.pushPairs(in[1], Neg(Div(Mul(mp, w.average(in[0], s, mp)), Mul(bx, br))))
}

// dot products with one operand depending on the input are linear: the
// multiplier is contracted with the other. With both, the product rule
// contracts it with the other's mean.
func dot(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)
	for i := range in {
		if !w.dependsOnInput(in[i]) {
			continue
		}
		other := in[1-i]
		if w.dependsOnInput(other) {
			other = w.flat(w.mean(w.sites[other]), w.sites[other])
		}
		w.push(in[i], dotBack(s.p, i, m, other))
	}
}

// dotBack contracts m, shaped like the dot product p, with the operand other
// than i, into the shape of operand i. GoMLX's gradient does the same with a
// copy that the Go backend really makes.
func dotBack(p *Node, i int, m, other *Node) *Node {
	sides := [2]string{"lhs", "rhs"}
	axes := func(i int, kind string) []int { return ints(param(p, sides[i]+kind)) }
	batch, contracted := axes(i, "BatchAxes"), axes(i, "ContractingAxes")
	otherBatch, otherContracted := axes(1-i, "BatchAxes"), axes(1-i, "ContractingAxes")
	free := rest(p.Inputs()[i].Rank(), batch, contracted)
	otherFree := rest(other.Rank(), otherBatch, otherContracted)

	// m is [batch, free axes of lhs, free axes of rhs].
	skip := len(batch)
	if i == 0 {
		skip += len(free)
	}
	back := DotGeneral(m, count(skip, len(otherFree)), count(0, len(batch)), other, otherFree, otherBatch)

	// back is [batch, free, contracted in the order of other's axes].
	to := make([]int, 0, back.Rank()) // axes of operand i, in back's order
	to = append(append(to, batch...), free...)
	for _, axis := range rest(other.Rank(), otherBatch, otherFree) {
		to = append(to, contracted[slices.Index(otherContracted, axis)])
	}
	if slices.IsSorted(to) {
		return back
	}
	from := make([]int, len(to))
	for at, axis := range to {
		from[axis] = at
	}
	return TransposeAllAxes(back, from...)
}

// rest returns the axes below rank that neither list holds.
func rest(rank int, a, b []int) []int {
	var out []int
	for i := range rank {
		if !slices.Contains(a, i) && !slices.Contains(b, i) {
			out = append(out, i)
		}
	}
	return out
}

func count(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}
