package walk

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// function describes an elementwise operation.
type function struct {
	// slopes returns ∂y/∂operand for each operand; nil stands for 0.
	slopes func(y *Node, in []*Node) []*Node
	// exact is true if quotients Δy/Δz of float32 numbers have no rounding
	// error worth avoiding: slopes −1, 0, 1 and steps.
	exact bool
}

// functions lists all elementwise operations. At a kink the slope is that of
// the lower side, as PyTorch has it for ReLU.
var functions = map[NodeType]function{
	NodeTypeAdd:      {exact: true, slopes: func(y *Node, _ []*Node) []*Node { return []*Node{one(y), one(y)} }},
	NodeTypeSub:      {exact: true, slopes: func(y *Node, _ []*Node) []*Node { return []*Node{one(y), Neg(one(y))} }},
	NodeTypeNeg:      {exact: true, slopes: func(y *Node, _ []*Node) []*Node { return []*Node{Neg(one(y))} }},
	NodeTypeIdentity: {exact: true, slopes: func(y *Node, _ []*Node) []*Node { return []*Node{one(y)} }},
	NodeTypeConvertDType: {exact: true, slopes: func(y *Node, in []*Node) []*Node {
		if !y.DType().IsFloat() || !in[0].DType().IsFloat() {
			return []*Node{nil}
		}
		return []*Node{one(y)}
	}},
	NodeTypeMul: {slopes: func(_ *Node, in []*Node) []*Node { return []*Node{in[1], in[0]} }},
	NodeTypeDiv: {slopes: func(y *Node, in []*Node) []*Node { return []*Node{Reciprocal(in[1]), Neg(Div(y, in[1]))} }},
	NodeTypePow: {slopes: func(y *Node, in []*Node) []*Node {
		return []*Node{Mul(in[1], Pow(in[0], AddScalar(in[1], -1))), Mul(Log(in[0]), y)}
	}},
	NodeTypeAtan2: {slopes: func(_ *Node, in []*Node) []*Node {
		r := Add(Square(in[0]), Square(in[1]))
		return []*Node{Div(in[1], r), Neg(Div(in[0], r))}
	}},

	NodeTypeExp:      {slopes: func(y *Node, _ []*Node) []*Node { return []*Node{y} }},
	NodeTypeExpm1:    {slopes: func(y *Node, _ []*Node) []*Node { return []*Node{OnePlus(y)} }},
	NodeTypeLog:      {slopes: func(_ *Node, in []*Node) []*Node { return []*Node{Reciprocal(in[0])} }},
	NodeTypeLog1p:    {slopes: func(_ *Node, in []*Node) []*Node { return []*Node{Reciprocal(OnePlus(in[0]))} }},
	NodeTypeSqrt:     {slopes: func(y *Node, _ []*Node) []*Node { return []*Node{MulScalar(Reciprocal(y), 0.5)} }},
	NodeTypeRsqrt:    {slopes: func(y *Node, in []*Node) []*Node { return []*Node{MulScalar(Div(y, in[0]), -0.5)} }},
	NodeTypeLogistic: {slopes: func(y *Node, _ []*Node) []*Node { return []*Node{Mul(y, OneMinus(y))} }},
	NodeTypeTanh:     {slopes: func(y *Node, _ []*Node) []*Node { return []*Node{OneMinus(Square(y))} }},
	NodeTypeSin:      {slopes: func(_ *Node, in []*Node) []*Node { return []*Node{Cos(in[0])} }},
	NodeTypeCos:      {slopes: func(_ *Node, in []*Node) []*Node { return []*Node{Neg(Sin(in[0]))} }},
	NodeTypeErf: {slopes: func(_ *Node, in []*Node) []*Node {
		return []*Node{MulScalar(Exp(Neg(Square(in[0]))), 2/math.Sqrt(math.Pi))}
	}},

	NodeTypeAbs: {exact: true, slopes: func(_ *Node, in []*Node) []*Node { return []*Node{Sign(in[0])} }},
	NodeTypeMax: {exact: true, slopes: func(y *Node, in []*Node) []*Node {
		return []*Node{indicator(GreaterThan(in[0], in[1]), y), indicator(GreaterThan(in[1], in[0]), y)}
	}},
	NodeTypeMin: {exact: true, slopes: func(y *Node, in []*Node) []*Node {
		return []*Node{indicator(LessThan(in[0], in[1]), y), indicator(LessThan(in[1], in[0]), y)}
	}},
	NodeTypeClamp: {exact: true, slopes: func(y *Node, in []*Node) []*Node { // operands: low, value, high
		return []*Node{nil, indicator(LogicalAnd(GreaterThan(in[1], in[0]), LessThan(in[1], in[2])), y), nil}
	}},
	NodeTypeWhere: {exact: true, slopes: func(y *Node, in []*Node) []*Node {
		return []*Node{nil, indicator(in[0], y), indicator(LogicalNot(in[0]), y)}
	}},
	NodeTypeRem: {exact: true, slopes: func(y *Node, _ []*Node) []*Node { return []*Node{one(y), nil} }},

	NodeTypeSign:           step,
	NodeTypeRound:          step,
	NodeTypeFloor:          step,
	NodeTypeCeil:           step,
	NodeTypeEqual:          step,
	NodeTypeNotEqual:       step,
	NodeTypeGreaterThan:    step,
	NodeTypeGreaterOrEqual: step,
	NodeTypeLessThan:       step,
	NodeTypeLessOrEqual:    step,
	NodeTypeLogicalNot:     step,
	NodeTypeLogicalAnd:     step,
	NodeTypeLogicalOr:      step,
	NodeTypeLogicalXor:     step,
	NodeTypeIsFinite:       step,
	NodeTypeIsNaN:          step,
}

var step = function{exact: true, slopes: func(_ *Node, in []*Node) []*Node { return make([]*Node, len(in)) }}

// plus is a + b; nil stands for 0.
func plus(a, b *Node) *Node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return Add(a, b)
}

func one(y *Node) *Node { return ScalarOne(y.Graph(), y.DType()) }

// indicator is 1 where condition holds, else 0, in y's type.
func indicator(condition, y *Node) *Node { return ConvertDType(condition, y.DType()) }

// affine tells whether nd is affine in the one operand that depends on the
// input (then a linear rule serves it better than a quotient of differences).
func (w *walker) affine(nd *Node) bool {
	in := w.inputs(nd)
	switch nd.Type() {
	case NodeTypeAdd, NodeTypeSub, NodeTypeNeg, NodeTypeIdentity:
		return true
	case NodeTypeConvertDType:
		return true
	case NodeTypeMul:
		return !w.dependsOnInput(in[0]) || !w.dependsOnInput(in[1])
	case NodeTypeDiv:
		return !w.dependsOnInput(in[1])
	case NodeTypeWhere:
		return !w.dependsOnInput(in[0])
	case NodeTypeLogicalNot:
		return true
	}
	return w.twin(nd) != nil
}
