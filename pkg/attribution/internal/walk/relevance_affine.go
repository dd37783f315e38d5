package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// block is an affine layer in the graph.
type block struct {
	Affine
	weights *site // nil: none
	data    int   // which operand of weights is a
	root    *Node // a
	tail    []*site
	scales  bool // the tail multiplies
	shifts  bool // the tail adds
}

func (b *block) last() *site {
	if len(b.tail) > 0 {
		return b.tail[len(b.tail)-1]
	}
	return b.weights
}

// findBlocks finds all layers with an affine map.
func (r *relevance) findBlocks() {
	w := r.w
	for _, s := range w.order {
		if s.p != w.input {
			if z := r.passes(s); z != nil && w.twin(s.p) == nil {
				r.receives[z] = true
			}
		}
	}
	weighted := map[*Node]bool{} // weights lie at or before a node
	for _, s := range w.order {
		if s.p == w.input {
			continue
		}
		in := w.inputs(s.p)
		weighted[s.p] = slices.ContainsFunc(in, func(in *Node) bool { return weighted[in] })
		if r.inside[s.p] || r.blocks[s.p] != nil {
			continue
		}
		b := &block{}
		switch {
		case r.hasWeights(s):
			b.weights, b.Weights, b.First = s, true, !weighted[s.p]
			b.data = slices.IndexFunc(in, w.dependsOnInput)
			b.root = in[b.data]
			b.Shared = r.places(s) > 1
			weighted[s.p] = true
		case r.passes(s) == nil && r.inTail(s) && s.p.Type() != NodeTypeReshape && s.p.Type() != NodeTypeTranspose:
			b.tail, b.root = []*site{s}, w.operands(s)[0]
		default:
			continue
		}
		for at := s; ; {
			next := r.users[at.p]
			if len(next) != 1 || r.receives[at.p] || !r.inTail(next[0]) || w.twin(next[0].p) == nil && r.passes(next[0]) != nil || r.Separate && w.cut[at.p] {
				break
			}
			at = next[0]
			b.tail = append(b.tail, at)
		}
		b.Names = r.namesFrom(s)
		for _, t := range b.tail {
			b.scales = b.scales || scales(w, t.p)
			b.shifts = b.shifts || shifts(t.p)
			r.inside[t.p] = true
		}
		if b.weights != nil {
			r.inside[b.weights.p] = true
		}
		r.inside[b.last().p] = false
		r.blocks[b.last().p] = b
	}
}

func (r *relevance) hasWeights(s *site) bool {
	in := r.w.inputs(s.p)
	switch s.p.Type() {
	case NodeTypeDotGeneral:
		return r.w.dependsOnInput(in[0]) != r.w.dependsOnInput(in[1])
	case NodeTypeConvGeneral:
		return !r.w.dependsOnInput(in[1])
	}
	return false
}

// places is the number of places of a row that the same weights serve.
func (r *relevance) places(s *site) int {
	n := 1
	if s.p.Type() == NodeTypeConvGeneral {
		for _, axis := range convAxes(s.p).OutputSpatial {
			n *= s.p.Shape().Dim(axis)
		}
		return n
	}
	side := "lhs"
	in := r.w.inputs(s.p)
	a := in[0]
	if r.w.dependsOnInput(in[1]) {
		side, a = "rhs", in[1]
	}
	for _, axis := range rest(a.Rank(), ints(param(s.p, side+"BatchAxes")), ints(param(s.p, side+"ContractingAxes"))) {
		n *= a.Shape().Dim(axis)
	}
	return max(1, n/r.w.rows[0])
}

// inTail tells whether an operation scales, shifts or reshapes its one operand.
func (r *relevance) inTail(s *site) bool {
	w, p := r.w, s.p
	if w.twin(p) != nil {
		return true
	}
	operands := w.operands(s)
	if len(operands) != 1 || !p.DType().IsFloat() {
		return false
	}
	switch p.Type() {
	case NodeTypeReshape, NodeTypeTranspose:
		return true
	case NodeTypeAdd, NodeTypeSub, NodeTypeMul, NodeTypeDiv, NodeTypeNeg, NodeTypeIdentity, NodeTypeBatchNormForInference:
		same := 0 // x + x has one operand, twice
		for _, in := range w.inputs(p) {
			if in == operands[0] {
				same++
			}
		}
		return same == 1 && w.affine(p) && slices.Equal(operands[0].Shape().Dimensions, p.Shape().Dimensions) || p.Type() == NodeTypeBatchNormForInference
	}
	return false
}

func scales(w *walker, p *Node) bool {
	switch p.Type() {
	case NodeTypeMul, NodeTypeDiv, NodeTypeNeg, NodeTypeBatchNormForInference:
		return true
	case NodeTypeSub:
		return w.dependsOnInput(p.Inputs()[1])
	}
	return false
}

func shifts(p *Node) bool {
	t := p.Type()
	return t == NodeTypeAdd || t == NodeTypeSub || t == NodeTypeBatchNormForInference
}

// namesFrom returns the names of the first tapped node that s alone leads to.
func (r *relevance) namesFrom(s *site) []string {
	for {
		var names []string
		for name, nd := range r.d.taps {
			if nd == s.p {
				names = append(names, name)
			}
		}
		next := r.users[s.p]
		if len(names) > 0 || len(next) != 1 {
			slices.Sort(names)
			return names
		}
		s = next[0]
	}
}

// block divides the relevance m of a layer's last node.
func (r *relevance) block(b *block, m *Node) {
	r.insides(b, m)
	if !b.Weights && !b.shifts { // it scales each value: all comes from that one
		r.w.push(b.root, r.tailBack(b, m))
		return
	}
	recipe := r.Recipe(b.Affine)
	last := b.last()
	scale, bias := r.scaleAndBias(b)
	var given *Node
	for _, g := range recipe.Groups {
		values := make([]*Node, len(g.Terms))
		for i, t := range g.Terms {
			values[i] = r.values(b, recipe, t.Values)
		}
		own := parts(bias, g.Bias)
		by, denominator := own, last.p
		if !g.plain() {
			denominator = own
			for i, t := range g.Terms {
				denominator = plus(denominator, r.forward(b, scale, t.Weights, scaled(values[i], t.Coefficient)))
			}
		}
		epsilon := stabiliser(denominator, recipe.Epsilon)
		by = plus(by, epsilon)
		q := scaled(Div(m, Add(denominator, epsilon)), g.Share)
		kept := Mul(q, by)
		if !b.Weights { // a mask adds −∞, which keeps nothing
			kept = Where(Equal(q, ScalarZero(q.Graph(), q.DType())), ZerosLike(q), kept)
		}
		r.absorb(kept, last)
		for i, t := range g.Terms {
			given = plus(given, scaled(Mul(values[i], r.backward(b, scale, t.Weights, q)), t.Coefficient))
		}
	}
	r.w.push(b.root, given)
}

// plain tells whether a group is the layer itself, whose denominator is known.
func (g Group) plain() bool {
	return len(g.Terms) == 1 && g.Terms[0] == Term{1, Own, Weights{Parts: Parts{All: 1}}} && g.Bias == Parts{All: 1}
}

// insides gives nodes within a layer, behind its weights, the relevance of
// the layer's result: one value there is one value of the result.
func (r *relevance) insides(b *block, m *Node) {
	note := func(p, m *Node) {
		r.w.mult[p], r.before[p] = m, r.absorbed
	}
	for i := len(b.tail) - 1; i >= 0; i-- {
		m = moveBack(b.tail[i].p, r.w.operands(b.tail[i])[0], m)
		if i > 0 {
			note(b.tail[i-1].p, m)
		} else if b.weights != nil {
			note(b.weights.p, m)
		}
	}
}

// moveBack undoes the moves, but not the scales, of a tail's operation.
func moveBack(p, operand, m *Node) *Node {
	if p.Type() == NodeTypeReshape || p.Type() == NodeTypeTranspose {
		return gradientOf(p, m)[0]
	}
	return Reshape(m, operand.Shape().Dimensions...)
}

func (r *relevance) tailBack(b *block, m *Node) *Node {
	for _, t := range slices.Backward(b.tail) {
		m = moveBack(t.p, r.w.operands(t)[0], m)
	}
	return m
}

// scaleAndBias returns what the tail multiplies and adds, in the shape of the
// last node; nil if nothing.
func (r *relevance) scaleAndBias(b *block) (scale, bias *Node) {
	first := b.root
	if b.weights != nil {
		first = b.weights.p
	}
	if b.shifts {
		bias = r.through(b, ZerosLike(first), func(p *Node, operand int, v *Node) *Node { return replace(p, r.w.inputs(p), operand, v) })
	}
	if b.scales || b.weights == nil {
		scale = r.through(b, OnesLike(first), func(p *Node, operand int, v *Node) *Node {
			switch p.Type() {
			case NodeTypeAdd:
				return v
			case NodeTypeSub:
				if operand == 1 {
					return Neg(v)
				}
				return v
			case NodeTypeBatchNormForInference:
				in := r.w.inputs(p)
				return Mul(v, Sub(replace(p, in, 0, OnesLike(v)), replace(p, in, 0, ZerosLike(v))))
			}
			return replace(p, r.w.inputs(p), operand, v)
		})
	}
	return scale, bias
}

// through carries v through the tail by step.
func (r *relevance) through(b *block, v *Node, step func(p *Node, operand int, v *Node) *Node) *Node {
	w := r.w
	for _, t := range b.tail {
		if w.twin(t.p) == nil && t.p.Type() != NodeTypeIdentity {
			v = step(t.p, slices.IndexFunc(w.inputs(t.p), w.dependsOnInput), v)
		}
	}
	return v
}

// replace builds p again with another operand.
func replace(p *Node, in []*Node, operand int, v *Node) *Node {
	in = slices.Clone(in)
	in[operand] = v
	return p.CloneWithInputs(in...)
}

// move carries v through the tail without scales and shifts.
func (r *relevance) move(b *block, v *Node) *Node {
	return r.through(b, v, func(p *Node, operand int, v *Node) *Node {
		if p.Type() == NodeTypeReshape || p.Type() == NodeTypeTranspose {
			return replace(p, r.w.inputs(p), operand, v)
		}
		return v
	})
}

// forward is B·v for weights B made of the layer's map, whose tail scales.
func (r *relevance) forward(b *block, scale *Node, of Weights, v *Node) *Node {
	apply := func(of Weights) *Node {
		if b.weights == nil {
			return r.move(b, v)
		}
		in := slices.Clone(r.w.inputs(b.weights.p))
		in[b.data], in[1-b.data] = v, of.make(in[1-b.data])
		return r.move(b, b.weights.p.CloneWithInputs(in...))
	}
	var y *Node
	for _, part := range b.split(scale, of) {
		y = plus(y, timesScale(part.scale, apply(part.of)))
	}
	return y
}

// backward is Bᵀ·q.
func (r *relevance) backward(b *block, scale *Node, of Weights, q *Node) *Node {
	var y *Node
	for _, part := range b.split(scale, of) {
		m := r.tailBack(b, timesScale(part.scale, q))
		if b.weights != nil {
			p := b.weights.p
			w := part.of.make(r.w.inputs(p)[1-b.data])
			if p.Type() == NodeTypeConvGeneral {
				m = convBack(p, w, m)
			} else {
				m = dotBack(p, b.data, m, w)
			}
		}
		y = plus(y, m)
	}
	return y
}
