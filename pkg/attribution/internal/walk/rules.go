package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// rule hands the multiplier of a site's output, in the template's shape, on
// to its inputs.
type rule func(w *walker, s *site, m *Node)

// rules holds one rule for each type of operation. Elementwise functions of
// one operand need none: they are in the table of [functions].
//
// It is filled in init because some rules fall back on others.
var rules map[NodeType]rule

func init() {
	rules = map[NodeType]rule{
		// rules_linear.go
		NodeTypeAdd:                   linear,
		NodeTypeSub:                   linear,
		NodeTypeNeg:                   linear,
		NodeTypeReshape:               linear,
		NodeTypeTranspose:             linear,
		NodeTypeBroadcastInDim:        broadcast,
		NodeTypeSlice:                 linear,
		NodeTypeConcatenate:           linear,
		NodeTypeReduceSum:             linear,
		NodeTypeGather:                lookup,
		NodeTypeScatterSum:            linear,
		NodeTypeDynamicUpdateSlice:    linear,
		NodeTypeDynamicSlice:          linearInFirst,
		NodeTypeIdentity:              identity,
		NodeTypeOptimizationBarrier:   identity,
		NodeTypeSchedulingBarrier:     identity,
		NodeTypeConvertDType:          convert,
		NodeTypeReverse:               reverse,
		NodeTypePad:                   pad,
		NodeTypeBatchNormForInference: batchNorm,
		// rules_product.go
		NodeTypeMul:        product,
		NodeTypeDiv:        division,
		NodeTypeDotGeneral: dot,
		// rules_corners.go
		NodeTypePow:   corners,
		NodeTypeAtan2: corners,
		// rules_conv.go
		NodeTypeConvGeneral: convolution,
		// rules_logic.go
		NodeTypeMax:            largerOfTwo,
		NodeTypeMin:            largerOfTwo,
		NodeTypeWhere:          where,
		NodeTypeEqual:          comparison,
		NodeTypeNotEqual:       comparison,
		NodeTypeGreaterThan:    comparison,
		NodeTypeGreaterOrEqual: comparison,
		NodeTypeLessThan:       comparison,
		NodeTypeLessOrEqual:    comparison,
		NodeTypeLogicalNot:     not,
		NodeTypeLogicalAnd:     andOr,
		NodeTypeLogicalOr:      andOr,
		NodeTypeLogicalXor:     xor,
		// rules_softmax.go (and, at a Div, division)
		NodeTypeLog: logarithm,
		// rules_pool.go
		NodeTypeReduceMax:    reduceMax,
		NodeTypeReduceMin:    reduceMax,
		NodeTypeReduceWindow: pool,
	}
}

// apply finds and applies the rule for one site.
func (w *walker) apply(s *site, m *Node) {
	if z := w.root[s.p]; z != nil && !w.tail(s) {
		w.secant(s, z, m)
		return
	}
	if w.twin(s.p) != nil {
		identity(w, s, m)
		return
	}
	if r := rules[s.p.Type()]; r != nil {
		r(w, s, m)
		return
	}
	w.function(s, m)
}

// function divides an elementwise function of one operand whose shape it
// broadcasts; those of the same shape are chains.
func (w *walker) function(s *site, m *Node) {
	operands := w.operands(s)
	if _, known := functions[s.p.Type()]; !known || len(operands) != 1 || !operands[0].DType().IsFloat() {
		unsupported(s.p, "nothing divides its output among the operands that depend on the input")
	}
	w.secant(s, operands[0], m)
}

// operands of s that depend on the input, each once.
func (w *walker) operands(s *site) []*Node {
	var out []*Node
	for _, in := range w.inputs(s.p) {
		if w.dependsOnInput(in) && (len(out) == 0 || out[len(out)-1] != in) {
			out = append(out, in)
		}
	}
	return out
}

// onlyFirst refuses operations whose other operands depend on the input.
func (w *walker) onlyFirst(s *site) *Node {
	in := w.inputs(s.p)
	for _, other := range in[1:] {
		if w.dependsOnInput(other) {
			unsupported(s.p, "an operand other than the first depends on the input")
		}
	}
	return in[0]
}
