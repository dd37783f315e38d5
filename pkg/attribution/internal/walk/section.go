package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Section is the part of a model's graph between its input and some outputs,
// for methods that change a node of it and compute the rest anew.
type Section struct {
	w     *walker
	outs  []*Node
	order []*Node // depend on the input and lead to an output; inputs before users
}

// NewSection reads the graph between x and outs.
func NewSection(x *Node, outs ...*Node) *Section {
	s := &Section{w: newWalker(x.Graph(), x, [3]int{}, nil), outs: outs}
	seen := map[*Node]bool{}
	var visit func(nd *Node)
	visit = func(nd *Node) {
		if seen[nd] || !s.w.dependsOnInput(nd) {
			return
		}
		seen[nd] = true
		for _, in := range s.w.inputs(nd) {
			visit(in)
		}
		s.order = append(s.order, nd)
	}
	for _, out := range outs {
		visit(out)
	}
	return s
}

// Holds tells whether some path from the input to an output runs through at.
func (s *Section) Holds(at *Node) bool { return slices.Contains(s.order, at) }

// Carries tells whether every path from the input to an output runs through at.
func (s *Section) Carries(at *Node) bool {
	around := map[*Node]bool{}
	for _, nd := range s.order {
		around[nd] = nd != at && (nd == s.w.input || slices.ContainsFunc(s.w.inputs(nd), func(in *Node) bool { return around[in] }))
	}
	return !slices.ContainsFunc(s.outs, func(out *Node) bool { return around[out] })
}

// Affine returns the last node that carries everything and is an affine
// function of the input, row by row, by dense layers, convolutions and
// reshapes; the input itself if there is none.
func (s *Section) Affine() *Node {
	affine := map[*Node]bool{}
	last := s.w.input
	for _, nd := range s.order {
		affine[nd] = nd == s.w.input || s.affine(nd, affine)
		if affine[nd] && nd.Rank() > 0 && nd.Shape().Dim(0) == last.Shape().Dim(0) && s.Carries(nd) {
			last = nd
		}
	}
	return last
}

// affine tells whether nd is affine in its operands, and they in the input.
func (s *Section) affine(nd *Node, known map[*Node]bool) bool {
	in := s.w.inputs(nd)
	free := func(i int) bool { return s.w.dependsOnInput(in[i]) }
	switch {
	case s.w.twin(nd) != nil:
	case !nd.DType().IsFloat():
		return false
	default:
		switch nd.Type() {
		case NodeTypeAdd, NodeTypeSub, NodeTypeNeg, NodeTypeIdentity, NodeTypeReshape:
		case NodeTypeMul:
			if free(0) && free(1) {
				return false
			}
		case NodeTypeDiv, NodeTypeDotGeneral, NodeTypeConvGeneral: // a dot product puts the first operand's axes first
			if free(1) {
				return false
			}
		default:
			return false
		}
	}
	for i := range in {
		if free(i) && !known[in[i]] {
			return false
		}
	}
	return true
}

// Replace computes the outputs anew with by, of the same shape, in place of
// at, which carries everything.
func (s *Section) Replace(at, by *Node) []*Node {
	anew := map[*Node]*Node{at: by}
	for _, nd := range s.order[slices.Index(s.order, at)+1:] {
		in := slices.Clone(s.w.inputs(nd))
		changed := false
		for i, old := range in {
			if v := anew[old]; v != nil {
				in[i], changed = v, true
			}
		}
		switch {
		case !changed:
		case nd.NumOutputs() != 1:
			unsupported(nd, "it has several outputs")
		case s.w.twin(nd) != nil:
			anew[nd] = in[0]
		default:
			anew[nd] = nd.CloneWithInputs(in...)
		}
	}
	outs := make([]*Node, len(s.outs))
	for i, out := range s.outs {
		outs[i] = anew[out]
	}
	return outs
}
