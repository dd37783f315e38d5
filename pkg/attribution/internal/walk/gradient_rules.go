package walk

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// gradients holds one rule for each type of operation but most elementwise
// functions, which are differentiated by their slopes. Linear operations have
// the same rule as in a division of the output.
var gradients map[NodeType]rule

func init() {
	gradients = map[NodeType]rule{
		NodeTypeAdd:                   linear,
		NodeTypeSub:                   linear,
		NodeTypeNeg:                   linear,
		NodeTypeIdentity:              identity,
		NodeTypeReshape:               linear,
		NodeTypeTranspose:             linear,
		NodeTypeBroadcastInDim:        broadcast,
		NodeTypeSlice:                 linear,
		NodeTypeConcatenate:           linear,
		NodeTypeReduceSum:             linear,
		NodeTypeGather:                linearInFirst,
		NodeTypeDynamicSlice:          linearInFirst,
		NodeTypeOptimizationBarrier:   identity,
		NodeTypeReverse:               reverse,
		NodeTypePad:                   pad,
		NodeTypeBatchNormForInference: batchNorm,
		NodeTypeConvGeneral:           convolution,
		NodeTypeDotGeneral:            dotGradient,
		NodeTypeReduceMax:             reduceMaxGradient,
		NodeTypeReduceMin:             reduceMaxGradient,
		NodeTypeReduceWindow:          poolGradient,
	}
}

func dotGradient(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)
	for i := range in {
		if w.dependsOnInput(in[i]) {
			w.push(in[i], dotBack(s.p, i, m, in[1-i]))
		}
	}
}

func reduceMaxGradient(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)[0]
	wins := firstWinner(s.p, in)
	w.push(in, Where(wins, wide(m, s.p, in), ZerosLike(in)))
}

// firstWinner marks, in the shape of z, the first of the values whose maximum
// (or minimum) is y; with several reduced axes the last runs fastest.
func firstWinner(y, z *Node) *Node {
	kept := keptDims(y, z)
	places := shapes.Make(dtypes.Int32, z.Shape().Dimensions...)
	n := 1
	for i, d := range kept {
		if d == 1 {
			n *= places.Dimensions[i]
		} else {
			places.Dimensions[i] = 1
		}
	}
	full := z.Shape().Dimensions
	place := expand(IotaFull(z.Graph(), places), full)
	none := expand(Scalar(z.Graph(), dtypes.Int32, n), full)
	first := ReduceMin(Where(Equal(z, wide(y, y, z)), place, none), ints(param(y, "axes"))...)
	return Equal(place, wide(first, y, z))
}

// wide repeats v, in the shape of a reduction y, over the axes of its operand.
func wide(v, y, operand *Node) *Node {
	return expand(Reshape(v, keptDims(y, operand)...), operand.Shape().Dimensions)
}

// keptDims are the operand's, with the reduced axes of size 1.
func keptDims(y, operand *Node) []int {
	dims := slices.Clone(operand.Shape().Dimensions)
	for _, a := range ints(param(y, "axes")) {
		dims[a] = 1
	}
	return dims
}

func poolGradient(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)[0]
	win := newWindow(s, in)
	if worst, ok := winnerOf(s.p); ok {
		wins := win.winners(in, s.p, worst)
		w.push(in, win.scatter(m, func(offset []int) *Node { return Mul(m, wins(offset)) }))
		return
	}
	w.push(in, win.scatter(m, func([]int) *Node { return m }))
}

// winnerOf tells whether a window takes the largest or smallest of its values,
// and what never wins there. Otherwise the window is a sum.
func winnerOf(p *Node) (worst float64, ok bool) {
	switch compute.ReduceOpType(param(p, "reductionType").Int()) {
	case compute.ReduceOpMax:
		return math.Inf(-1), true
	case compute.ReduceOpMin:
		return math.Inf(1), true
	case compute.ReduceOpSum:
		return 0, false
	}
	unsupported(p, "windows of sums and maxima have rules, this has none")
	return 0, false
}
