package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Relevance says how a relevance is handed back through a model: layer-wise
// relevance propagation.
//
// A layer is one operation with weights, a dot product or a convolution, and
// all that scales and shifts its result before anything else happens to it: the
// bias, a batch normalisation. Such a layer is one affine map z = A·a + c, and
// its rule divides the relevance of z among the a. Shapes, slices and copies
// move relevance; elementwise functions pass it on; maxima give it to the
// winner; a sum divides it as its terms; see [Derivatives.Relevance].
type Relevance struct {
	// Recipe returns the rule of a layer.
	Recipe func(Affine) Recipe
	// Separate ends a layer where the model taps it, so that a normalisation
	// after it is a layer without weights of its own.
	Separate bool
}

// Affine is a layer that a rule is chosen for.
type Affine struct {
	Names   []string // of the first tapped node at or after it
	Weights bool     // else it only scales and shifts
	Shared  bool     // the same weights serve several places of a row: a convolution
	First   bool     // no other weights lie between the input and it
}

// keep is the stabiliser where no rule states one: far below any relevance
// that matters, far above the smallest float32.
const keep = 1e-9

// relevance is the walk.
type relevance struct {
	Relevance
	d        *Derivatives
	w        *walker
	users    map[*Node][]*site
	blocks   map[*Node]*block  // by last node
	inside   map[*Node]bool    // nodes of blocks before the last
	receives map[*Node]bool    // nodes that functions of them pass relevance to
	mapped   map[*Node][]*Node // memo of origins
	absorbed *Node             // so far, [rows]
	before   map[*Node]*Node   // absorbed when a node was reached
	supports map[*Node]*Node   // memo of support
	bends    map[*Node]bool
}

// Relevance hands start, in the shape of the target, back to the layers. It
// returns for each the relevance of its units, and what was absorbed on the
// way, [rows]: by biases, stabilisers and constants, conditions among them. By
// every rule
//
//	Σ relevance + absorbed = Σ start
//
// Operations: copies are summed; ReLU and all elementwise functions of one
// node pass; a sum a + b divides as a/(a+b) and b/(a+b); the largest value
// takes all; a product of two gives each half, unless one is a normaliser
// 1/g, which gets nothing (Ali et al., 2022); softmax p(x) gives
// x·(R − p·ΣR), its linear part (Achtibat et al., 2024, proposition 3.1), and
// log Σ exp x likewise.
func (d *Derivatives) Relevance(how Relevance, start *Node, layers ...string) (values, absorbed []*Node) {
	r := &relevance{
		Relevance: how, d: d, w: d.w, users: map[*Node][]*site{}, blocks: map[*Node]*block{}, inside: map[*Node]bool{},
		receives: map[*Node]bool{}, mapped: map[*Node][]*Node{}, before: map[*Node]*Node{}, supports: map[*Node]*Node{}, bends: map[*Node]bool{},
	}
	w := d.w
	r.absorbed = Zeros(start.Graph(), w.input.Shape())
	r.absorbed = ReduceSum(Reshape(r.absorbed, w.rows[0], -1), 1)
	for _, s := range w.order {
		for _, in := range w.operands(s) {
			r.users[in] = append(r.users[in], s)
		}
	}
	r.findBlocks()
	w.mult = map[*Node]*Node{d.Target: start}
	for _, s := range slices.Backward(w.order) {
		if m := w.mult[s.p]; m != nil && !r.inside[s.p] {
			r.before[s.p] = r.absorbed
			if s.p != w.input {
				r.back(s, m)
			}
		}
	}
	for _, name := range layers {
		at := d.taps[name]
		v := w.mult[at]
		if v == nil { // an elementwise function was passed as a whole
			fail("layer %q lies inside a function that relevance passes as a whole: ask for the layer before or after it", name)
		}
		values, absorbed = append(values, v), append(absorbed, r.before[at])
	}
	return values, absorbed
}

// back hands the relevance of one operation to its operands.
func (r *relevance) back(s *site, m *Node) {
	w, p := r.w, s.p
	if b := r.blocks[p]; b != nil {
		r.block(b, m)
		return
	}
	if z := r.passes(s); z != nil {
		w.push(z, narrow(ConvertDType(m, z.DType()), z))
		return
	}
	operands := w.operands(s)
	if of, ok := w.softmaxOf(p); ok {
		r.softmax(s, of, m)
		return
	}
	if p.Type() == NodeTypeConvertDType { // of a condition or an index: a constant
		r.absorb(m, s)
		return
	}
	if _, elementwise := functions[p.Type()]; elementwise && len(operands) == 1 { // affine, and repeats its operand
		q := r.share(p, s, m, keep)
		for i, slope := range w.localSlopes(p, functions[p.Type()]) {
			if in := w.inputs(p)[i]; slope != nil {
				w.push(in, Mul(in, narrow(Mul(q, slope), in)))
			}
		}
		return
	}
	if moves(p) {
		gradients[p.Type()](w, s, m)
		r.constantParts(s, m)
		return
	}
	switch p.Type() {
	case NodeTypeReduceMax, NodeTypeReduceMin:
		reduceMaxGradient(w, s, m)
	case NodeTypeReduceWindow:
		if _, winner := winnerOf(p); winner {
			poolGradient(w, s, m)
			return
		}
		r.divide(s, m)
	case NodeTypeAdd, NodeTypeSub, NodeTypeReduceSum:
		r.divide(s, m)
	case NodeTypeDotGeneral:
		r.bilinear(s, m)
	case NodeTypeMul:
		r.product(s, operands, m)
	case NodeTypeDiv: // the divisor is taken for a constant
		w.push(operands[0], narrow(m, operands[0]))
	case NodeTypeMax, NodeTypeMin:
		for i, slope := range w.localSlopes(p, functions[p.Type()]) {
			w.push(w.inputs(p)[i], narrow(Mul(m, slope), w.inputs(p)[i]))
		}
	case NodeTypeWhere:
		r.choice(s, m)
	default:
		unsupported(p, "nothing divides its relevance among its operands")
	}
}

// passes returns the node that p is an elementwise function of and hands its
// relevance to, nil if p is no such function.
func (r *relevance) passes(s *site) *Node {
	w, p := r.w, s.p
	if w.twin(p) != nil {
		return w.inputs(p)[0]
	}
	if z := r.d.relu[p]; z != nil {
		return z
	}
	if _, ok := functions[p.Type()]; !ok {
		return nil
	}
	if _, ok := w.softmaxOf(p); ok {
		return nil
	}
	operands := w.operands(s)
	if len(operands) == 1 {
		if operands[0].DType().IsFloat() && (p.Type() == NodeTypeConvertDType || !w.affine(p)) {
			return operands[0]
		}
		return nil
	}
	if t := p.Type(); (t == NodeTypeAdd || t == NodeTypeSub) && !r.bent(p) {
		return nil
	}
	for _, z := range r.common(operands) {
		if z.DType().IsFloat() {
			return z
		}
	}
	return nil
}

// origins lists the nodes that nd is an elementwise function of, nearest
// first, by operations with no constants but scalars.
func (r *relevance) origins(nd *Node) []*Node {
	w := r.w
	if list, known := r.mapped[nd]; known {
		return list
	}
	var list []*Node
	s := w.sites[nd]
	_, elementwise := functions[nd.Type()]
	if s != nil && nd != w.input && (elementwise || w.twin(nd) != nil) {
		operands := w.operands(s)
		same := true
		for _, in := range w.inputs(nd) {
			if w.dependsOnInput(in) {
				same = same && slices.Equal(in.Shape().Dimensions, nd.Shape().Dimensions)
			} else {
				same = same && isScalar(in)
			}
		}
		if same {
			list = r.common(operands)
		}
	}
	r.mapped[nd] = list
	return list
}

// common lists what all of nodes are, or are elementwise functions of.
func (r *relevance) common(nodes []*Node) []*Node {
	var list []*Node
	for i, nd := range nodes {
		own := append([]*Node{nd}, r.origins(nd)...)
		if i == 0 {
			list = own
			continue
		}
		list = slices.DeleteFunc(slices.Clone(list), func(z *Node) bool { return !slices.Contains(own, z) })
	}
	return list
}

// bent tells whether a function other than an affine one lies between nd and
// what it is an elementwise function of.
func (r *relevance) bent(nd *Node) bool {
	w := r.w
	origins := r.origins(nd)
	if b, known := r.bends[nd]; known || len(origins) == 0 {
		return b
	}
	operands := w.operands(w.sites[nd])
	affine := nd.Type() == NodeTypeAdd || nd.Type() == NodeTypeSub || len(operands) == 1 && w.affine(nd)
	r.bends[nd] = !affine || slices.ContainsFunc(operands, func(in *Node) bool { return in != origins[0] && r.bent(in) })
	return r.bends[nd]
}

// isScalar tells whether a constant is one number, perhaps repeated.
func isScalar(nd *Node) bool {
	if t := nd.Type(); t == NodeTypeBroadcastInDim || t == NodeTypeReshape || t == NodeTypeConvertDType {
		return isScalar(nd.Inputs()[0])
	}
	return nd.Shape().Size() == 1
}

// absorb adds what v, in the shape of a site, holds for each row.
func (r *relevance) absorb(v *Node, s *site) {
	r.absorbed = Add(r.absorbed, ConvertDType(r.perRow(v, s), r.absorbed.DType()))
}

func (r *relevance) perRow(v *Node, s *site) *Node {
	dims := s.p.Shape().Dimensions
	v = expand(v, dims)
	split := append(slices.Clone(dims[:s.axis]), r.w.rows[0], dims[s.axis]/r.w.rows[0])
	v = Reshape(v, append(split, dims[s.axis+1:]...)...)
	if axes := rest(v.Rank(), []int{s.axis}, nil); len(axes) > 0 {
		v = ReduceSum(v, axes...)
	}
	return v
}

// constantParts absorbs the relevance of what does not come from the input,
// such as a constant feature joined to a row. Zeros around an image have none.
func (r *relevance) constantParts(s *site, m *Node) {
	in := r.w.inputs(s.p)
	switch s.p.Type() {
	case NodeTypeConcatenate:
		parts := gradientOf(s.p, m)
		for i, part := range parts {
			if !r.w.dependsOnInput(in[i]) {
				r.absorb(part, &site{p: in[i], axis: s.axis})
			}
		}
	case NodeTypePad:
		kept := s.p.CloneWithInputs(OnesLike(in[0]), ScalarZero(in[0].Graph(), in[0].DType()))
		r.absorb(Mul(m, OneMinus(kept)), s)
	}
}
