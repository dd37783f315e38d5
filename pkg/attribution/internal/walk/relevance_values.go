package walk

import (
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// values returns what is made of the values that a layer takes.
func (r *relevance) values(b *block, recipe Recipe, what Values) *Node {
	a := b.root
	zero := ScalarZero(a.Graph(), a.DType())
	switch what {
	case PositiveOwn:
		return Max(a, zero)
	case NegativeOwn:
		return Min(a, zero)
	case One:
		return r.support(a)
	case Lowest, Highest:
		low, high := r.bound(b, recipe.Low), r.bound(b, recipe.High)
		if what == Lowest {
			return Min(low, high) // a negative scale on the way turns them
		}
		return Max(low, high)
	}
	return a
}

// moves tells whether an operation puts each value of its operands somewhere
// and changes none.
func moves(nd *Node) bool {
	switch nd.Type() {
	case NodeTypeReshape, NodeTypeTranspose, NodeTypeBroadcastInDim, NodeTypeSlice, NodeTypeConcatenate, NodeTypeReverse,
		NodeTypePad, NodeTypeGather, NodeTypeDynamicSlice, NodeTypeOptimizationBarrier, NodeTypeIdentity:
		return true
	}
	return false
}

// support is 1 where a value comes from the input and 0 where it is a
// constant, such as the zeros around an image.
func (r *relevance) support(nd *Node) *Node {
	if v := r.supports[nd]; v != nil {
		return v
	}
	w := r.w
	v := OnesLike(nd)
	switch {
	case w.twin(nd) != nil:
		v = r.support(w.inputs(nd)[0])
	case nd != w.input && moves(nd):
		in := slices.Clone(w.inputs(nd))
		for i := range in {
			switch {
			case w.dependsOnInput(in[i]):
				in[i] = r.support(in[i])
			case in[i].DType().IsFloat():
				in[i] = ZerosLike(in[i])
			}
		}
		v = nd.CloneWithInputs(in...)
	}
	r.supports[nd] = v
	return v
}

// bound carries a bound of the model's input to the values that a layer takes.
func (r *relevance) bound(b *block, limit []float32) *Node {
	w := r.w
	x := w.input
	start := ConstAs(x, limit[0])
	if len(limit) > 1 {
		dims := append([]int{1}, x.Shape().Dimensions[1:]...)
		start = Reshape(Const(x.Graph(), limit), dims...)
	}
	memo := map[*Node]*Node{x: expand(start, x.Shape().Dimensions)}
	var visit func(*Node) *Node
	visit = func(nd *Node) *Node {
		if v := memo[nd]; v != nil || !w.dependsOnInput(nd) {
			if v == nil {
				return nd
			}
			return v
		}
		if w.twin(nd) != nil {
			memo[nd] = visit(w.inputs(nd)[0])
			return memo[nd]
		}
		s := w.sites[nd]
		if len(w.operands(s)) != 1 && nd.Type() != NodeTypeConcatenate || !moves(nd) && !(r.inTail(s)) {
			fail("the box rule needs bounds of what layer %s takes, which operation %s between it and the input hides: use the box rule for first layers alone", strings.Join(b.Names, "/"), operation(nd))
		}
		in := slices.Clone(w.inputs(nd))
		for i := range in {
			in[i] = visit(in[i])
		}
		memo[nd] = nd.CloneWithInputs(in...)
		return memo[nd]
	}
	return visit(b.root)
}
