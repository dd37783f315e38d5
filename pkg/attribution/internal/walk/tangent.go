package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Tangents hands a direction at Point.From forward to the layers:
//
//	d/dα layer_k(x + α·direction) at α = 0
//
// one value for each unit, in the shape of the layer.
func (d *Derivatives) Tangents(direction *Node, layers ...string) []*Node {
	w := d.w
	t := map[*Node]*Node{w.input: direction}
	for _, s := range w.order {
		if s.p != w.input {
			t[s.p] = d.forward(s, t) // nil: 0
		}
	}
	out := make([]*Node, len(layers))
	for i, name := range layers {
		if out[i] = t[d.taps[name]]; out[i] == nil {
			out[i] = ZerosLike(d.taps[name])
		}
	}
	return out
}

// forward returns the tangent of one operation from those of its operands, by
// the derivatives that [Derivatives.Gradient] hands back.
func (d *Derivatives) forward(s *site, t map[*Node]*Node) *Node {
	w, p := d.w, s.p
	in := w.inputs(p)
	if z := d.relu[p]; z != nil {
		if t[z] == nil {
			return nil
		}
		return Where(GreaterThan(z, ScalarZero(z.Graph(), z.DType())), t[z], ZerosLike(z))
	}
	if w.twin(p) != nil {
		return t[in[0]]
	}
	if f, ok := functions[p.Type()]; ok {
		var sum *Node
		for i, slope := range w.localSlopes(p, f) {
			if slope != nil && t[in[i]] != nil {
				sum = plus(sum, expand(times(t[in[i]], slope, f.exact), p.Shape().Dimensions))
			}
		}
		return sum
	}
	if p.Type() == NodeTypeDotGeneral {
		var sum *Node
		for i := range in {
			if t[in[i]] != nil {
				operands := []*Node{in[0], in[1]}
				operands[i] = t[in[i]]
				sum = plus(sum, p.CloneWithInputs(operands...))
			}
		}
		return sum
	}
	if p.Type() == NodeTypeConcatenate {
		parts := make([]*Node, len(in))
		moves := false
		for i := range in {
			if parts[i] = t[in[i]]; parts[i] == nil {
				parts[i] = ZerosLike(in[i])
			} else {
				moves = true
			}
		}
		if !moves {
			return nil
		}
		return p.CloneWithInputs(parts...)
	}
	dz := t[in[0]]
	if dz == nil {
		return nil
	}
	switch p.Type() {
	case NodeTypeReduceMax, NodeTypeReduceMin:
		return ReduceSum(Where(firstWinner(p, in[0]), dz, ZerosLike(dz)), ints(param(p, "axes"))...)
	case NodeTypeReduceWindow:
		if worst, ok := winnerOf(p); ok {
			return newWindow(s, in[0]).pickWinners(in[0], p, dz, worst)
		}
	case NodeTypePad:
		return p.CloneWithInputs(dz, ZerosLike(in[1]))
	case NodeTypeBatchNormForInference:
		return Sub(p.CloneWithInputs(append([]*Node{dz}, in[1:]...)...), p.CloneWithInputs(append([]*Node{ZerosLike(dz)}, in[1:]...)...))
	}
	return p.CloneWithInputs(append([]*Node{dz}, in[1:]...)...) // linear in the first operand
}

// pickWinners returns, for each window of z with result y, the value of v
// where its first winner lies.
func (win window) pickWinners(z, y, v *Node, worst float64) *Node {
	wins := win.winners(z, y, worst)
	padded := Pad(v, ScalarZero(v.Graph(), v.DType()), win.padding...)
	var sum *Node
	for offset := range win.offsets() {
		sum = plus(sum, Mul(win.at(offset, padded, y), wins(offset)))
	}
	return sum
}
