package walk

import (
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// reluOf returns z if p is max(z, 0), however it is written: Max, Min of
// negatives, Where, z·1[z>0], (z+|z|)/2. It returns nil otherwise.
//
// A ReLU is known by what it does: p is evaluated as a function of each
// candidate z, with the model's own operations and constants, at numbers on
// both sides of 0, and compared.
func (w *walker) reluOf(p *Node) *Node {
	if !p.DType().IsFloat() {
		return nil
	}
	origins := w.elementwiseOrigins(p)
	for _, z := range origins {
		isReLU := slices.Equal(z.Shape().Dimensions, p.Shape().Dimensions)
		for _, v := range []float64{-1e4, -7, -2, -0.25, 0, 0.25, 3, 7, 1e4} {
			if !isReLU {
				break
			}
			y, known := w.evaluate(p, z, v, origins)
			isReLU = known && math.Abs(y-max(v, 0)) <= 1e-6*math.Abs(v)
		}
		if isReLU {
			return z
		}
	}
	return nil
}

// mostOperations from z to its ReLU; the longest way of writing one that is
// known has five.
const mostOperations = 8

// elementwiseOrigins lists nodes that p may be an elementwise function of,
// nearest first. Tapped nodes and the input end the search.
func (w *walker) elementwiseOrigins(p *Node) []*Node {
	found := []*Node{p}
	for i := 0; i < len(found) && len(found) < mostOperations; i++ {
		q := found[i]
		if _, ok := functions[q.Type()]; !ok && w.twin(q) == nil || i > 0 && w.cut[q] || q == w.input {
			continue
		}
		for _, in := range w.inputs(q) {
			if w.dependsOnInput(in) && !slices.Contains(found, in) {
				found = append(found, in)
			}
		}
	}
	return found[1:]
}

// evaluate computes p for one number v in place of z, by way of the given
// nodes. It knows plain operations, and constants that are the same everywhere.
func (w *walker) evaluate(p, z *Node, v float64, by []*Node) (y float64, known bool) {
	operands := make([]float64, 0, 3)
	for _, in := range w.inputs(p) {
		switch {
		case in == z:
			y, known = v, true
		case !w.dependsOnInput(in):
			y, known = constant(in)
		case slices.Contains(by, in) && in != w.input:
			y, known = w.evaluate(in, z, v, by)
		default:
			known = false
		}
		if !known {
			return 0, false
		}
		operands = append(operands, y)
	}
	if w.twin(p) != nil {
		return operands[0], true
	}
	f, known := plain[p.Type()]
	if !known {
		return 0, false
	}
	return f(operands), true
}

// constant reads a number that is the same everywhere.
func constant(p *Node) (float64, bool) {
	switch p.Type() {
	case NodeTypeConstant:
		t := p.ConstantValue()
		if t == nil || t.Shape().Size() != 1 || !p.DType().IsFloat() {
			return 0, false
		}
		return float64Of(t.Value())
	case NodeTypeBroadcastInDim, NodeTypeReshape, NodeTypeIdentity, NodeTypeConvertDType:
		return constant(p.Inputs()[0])
	case NodeTypeNeg:
		y, known := constant(p.Inputs()[0])
		return -y, known
	}
	return 0, false
}

func float64Of(v any) (float64, bool) {
	switch v := v.(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// plain computes operations that ReLUs are written with. Conditions are 0 or 1.
var plain = map[NodeType]func(in []float64) float64{
	NodeTypeIdentity:       func(in []float64) float64 { return in[0] },
	NodeTypeConvertDType:   func(in []float64) float64 { return in[0] },
	NodeTypeNeg:            func(in []float64) float64 { return -in[0] },
	NodeTypeAbs:            func(in []float64) float64 { return math.Abs(in[0]) },
	NodeTypeAdd:            func(in []float64) float64 { return in[0] + in[1] },
	NodeTypeSub:            func(in []float64) float64 { return in[0] - in[1] },
	NodeTypeMul:            func(in []float64) float64 { return in[0] * in[1] },
	NodeTypeDiv:            func(in []float64) float64 { return in[0] / in[1] },
	NodeTypeMax:            func(in []float64) float64 { return max(in[0], in[1]) },
	NodeTypeMin:            func(in []float64) float64 { return min(in[0], in[1]) },
	NodeTypeClamp:          func(in []float64) float64 { return min(max(in[0], in[1]), in[2]) },
	NodeTypeGreaterThan:    func(in []float64) float64 { return truth(in[0] > in[1]) },
	NodeTypeGreaterOrEqual: func(in []float64) float64 { return truth(in[0] >= in[1]) },
	NodeTypeLessThan:       func(in []float64) float64 { return truth(in[0] < in[1]) },
	NodeTypeLessOrEqual:    func(in []float64) float64 { return truth(in[0] <= in[1]) },
	NodeTypeLogicalNot:     func(in []float64) float64 { return 1 - in[0] },
	NodeTypeWhere: func(in []float64) float64 {
		if in[0] != 0 {
			return in[1]
		}
		return in[2]
	},
	NodeTypeSign: func(in []float64) float64 { return truth(in[0] > 0) - truth(in[0] < 0) },
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
