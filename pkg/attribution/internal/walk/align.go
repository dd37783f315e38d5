package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// site is one operation of the model in its three builds.
type site struct {
	p, x, r *Node // template, rows, background
	// axis counts the rows; it holds per values for each of them, more than
	// one where the model merged another axis into it.
	axis, per int

	pairX, pairR *Node // x and r in pair space, made when first asked for
}

// pairUp descends the three builds together from their outputs, so that every
// operation between input and output becomes a site. It returns the output's.
func (w *walker) pairUp(builds [3]build, x, r *Node) *site {
	top := builds[0].out
	if !w.dependsOnInput(top) {
		fail("the explained output does not depend on the input")
	}
	w.add(&site{p: w.input, x: x, r: r, per: 1})
	w.align(top, builds[1].out, builds[2].out)
	return w.sites[top]
}

func (w *walker) add(s *site) {
	w.sites[s.p] = s
	w.order = append(w.order, s)
}

func (w *walker) align(p, x, r *Node) {
	if s := w.sites[p]; s != nil {
		if s.x != x || s.r != r {
			unsupported(p, "the model builds another graph for another number of rows")
		}
		return
	}
	pi, xi, ri := w.inputs(p), w.inputs(x), w.inputs(r)
	if p.Type() != x.Type() || p.Type() != r.Type() || len(pi) != len(xi) || len(pi) != len(ri) {
		unsupported(p, "the model builds another graph for another number of rows")
	}
	if p.NumOutputs() != 1 {
		unsupported(p, "no rule for operations with several outputs")
	}
	for i := range pi {
		if w.dependsOnInput(pi[i]) {
			w.align(pi[i], xi[i], ri[i])
		}
	}
	s := w.locateRows(&site{p: p, x: x, r: r}) // after the inputs: the first fault is named
	w.checkRows(s)
	w.add(s)
}

// locateRows finds the one axis whose size follows the number of rows.
func (w *walker) locateRows(s *site) *site {
	s.axis = -1
	x, r := s.x.Shape().Dimensions, s.r.Shape().Dimensions
	if len(x) != s.p.Rank() || len(r) != s.p.Rank() {
		unsupported(s.p, "its rank depends on the number of rows")
	}
	for i, d := range s.p.Shape().Dimensions {
		per := x[i] / w.rows[1]
		switch {
		case d == x[i] && d == r[i]:
		case s.axis < 0 && d == per*w.rows[0] && x[i] == per*w.rows[1] && r[i] == per*w.rows[2]:
			s.axis, s.per = i, per
		default:
			unsupported(s.p, "more than one axis counts rows")
		}
	}
	if s.axis < 0 {
		unsupported(s.p, "it mixes rows: its shape no longer counts them")
	}
	return s
}

// checkRows refuses operations that keep the number of rows but not each row
// in its place.
func (w *walker) checkRows(s *site) {
	for _, in := range w.inputs(s.p) {
		from := w.sites[in]
		if from == nil {
			continue
		}
		var moved bool
		switch s.p.Type() {
		case NodeTypeReshape:
			moved = size(from.x.Shape().Dimensions[:from.axis]) != size(s.x.Shape().Dimensions[:s.axis])
		case NodeTypeReverse:
			moved = slices.Contains(ints(param(s.p, "axes")), s.axis)
		case NodeTypeConcatenate:
			moved = int(param(s.p, "axis").Int()) == s.axis
		case NodeTypeSlice:
			moved = from.axis != s.axis || from.per != s.per
		}
		if moved {
			unsupported(s.p, "it moves rows against each other")
		}
	}
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
