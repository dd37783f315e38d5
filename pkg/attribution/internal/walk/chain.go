package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// A chain is an elementwise function of one node built from several
// operations: GELU = z·Φ(z), SELU = where(z>0, z, exp z − 1), z·z. It is
// divided as one function, by one quotient; so the same function gets the
// same values however it is written. Tapped nodes end chains, because their
// own multiplier is wanted.

// collapse finds the root of each chain.
func (w *walker) collapse() {
	for _, s := range w.order {
		if z, bends := w.chainRoot(s); bends {
			w.root[s.p] = z
		}
	}
}

// chainRoot returns the one node that s is an elementwise function of, and
// whether that function is more than an affine one.
func (w *walker) chainRoot(s *site) (z *Node, bends bool) {
	if _, ok := functions[s.p.Type()]; !ok && w.twin(s.p) == nil {
		return nil, false
	}
	for _, in := range w.inputs(s.p) {
		if !w.dependsOnInput(in) {
			continue
		}
		from := in
		if r := w.root[in]; r != nil && !w.cut[in] {
			from, bends = r, true
		}
		if z != nil && from != z || !from.DType().IsFloat() {
			return nil, false
		}
		z = from
	}
	if _, ok := w.softmaxOf(s.p); ok {
		return nil, false
	}
	if z == nil || !slices.Equal(z.Shape().Dimensions, s.p.Shape().Dimensions) {
		return nil, false
	}
	return z, bends || !w.affine(s.p)
}

// tail tells whether s is an affine end of a chain, such as the batch norm
// after a ReLU: its linear rule has no quotient to round.
func (w *walker) tail(s *site) bool { return w.affine(s.p) && len(w.operands(s)) == 1 }

// secant hands m on from s to z, of which s is an elementwise function:
// M_z = M·Δs/Δz.
func (w *walker) secant(s *site, z, m *Node) {
	dz := w.delta(w.sites[z])
	mp, dy := like(dz, w.pairs(m, s)), like(dz, w.delta(s))
	slopeX, slopeR := w.slope(s.p, z, rows), w.slope(s.p, z, background)
	if slopeX == nil {
		w.pushPairs(z, Mul(mp, ratio(dy, dz)))
		return
	}
	full := dy.Shape().Dimensions
	dx := w.rowPairs(s, expand(slopeX, s.x.Shape().Dimensions))
	if w.exact(s.p, z) { // one fused loop on XLA: 15 % less time than M times the quotient
		wide := func(v *Node) *Node { return expand(v, full) }
		w.pushPairs(z, Where(wide(isZero(dz)), Mul(mp, wide(dx)), Div(Mul(mp, dy), dz)))
		return
	}
	dr := w.backPairs(s, expand(slopeR, s.r.Shape().Dimensions))
	w.pushPairs(z, Mul(mp, quotient(dy, dz, dx, dr)))
}

// quotient is Δy/Δz of a function with the derivatives dx and dr at the ends.
//
// Where x and r are close it is noise, a quotient of two rounded differences;
// there the mean of the derivatives takes over. With nearby below, its error,
// Δz³/12 times the third derivative, is of the size of that noise. A kink
// between the ends shows as derivatives that differ by more than a smooth
// function's would: the quotient stays.
func quotient(dy, dz, dx, dr *Node) *Node {
	const (
		nearby = 4e-3
		curved = 4 // largest second derivative of what counts as smooth
	)
	far := Abs(dz)
	near := LogicalAnd(LessThan(far, ConstAs(far, nearby)), LessOrEqual(Abs(Sub(dx, dr)), MulScalar(far, curved)))
	full := dy.Shape().Dimensions
	wide := func(v *Node) *Node { return expand(v, full) }
	return Where(wide(near), wide(MulScalar(Add(dx, dr), 0.5)), ratio(dy, wide(dz)))
}

// end picks one of the two builds whose values are known.
type end func(*site) *Node

func rows(s *site) *Node       { return s.x }
func background(s *site) *Node { return s.r }

// slope is the derivative of p with respect to z at one end, nil if it is 0
// everywhere.
func (w *walker) slope(p, z *Node, at end) *Node {
	memo := map[*Node]*Node{z: one(z)}
	var visit func(*Node) *Node
	visit = func(q *Node) *Node {
		if d, done := memo[q]; done || !w.dependsOnInput(q) {
			return d
		}
		y := at(w.sites[q])
		f := functions[q.Type()]
		if w.twin(q) != nil {
			f = functions[NodeTypeIdentity]
		}
		var sum *Node
		for i, local := range f.slopes(y, w.inputs(y)) {
			if inner := visit(w.inputs(q)[i]); local != nil && inner != nil {
				sum = plus(sum, Mul(local, inner))
			}
		}
		memo[q] = sum
		return sum
	}
	return visit(p)
}

// exact tells whether all operations from z to p are.
func (w *walker) exact(p, z *Node) bool {
	if p == z || !w.dependsOnInput(p) {
		return true
	}
	if !functions[p.Type()].exact && w.twin(p) == nil {
		return false
	}
	return !slices.ContainsFunc(w.inputs(p), func(in *Node) bool { return !w.exact(in, z) })
}
