package attribution

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/lstm"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// operations are further kinds of models, each a few operations that no
// layer of [kinds] makes.
var operations = []kind{
	{name: "masked softmax", row: []int{12}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		z := tap("logits", dense(s, "b", activation.Relu(dense(s, "a", x, 24)), 6))
		seen := Const(x.Graph(), [][]bool{{true, false, true, true, true, false}})
		wide := BroadcastToDims(seen, z.Shape().Dimensions...)
		minus := func(v float64) *Node { // an additive mask
			return Where(seen, ScalarZero(x.Graph(), x.DType()), Scalar(x.Graph(), x.DType(), v))
		}
		y := Add(MaskedSoftmax(z, wide), Softmax(Add(z, minus(math.Inf(-1)))))
		y = Add(y, Softmax(Add(z, minus(-1e9))))
		y = Add(y, Softmax(Where(wide, z, Infinity(x.Graph(), x.DType(), -1))))
		logs := MaskedLogSoftmax(z, wide)
		return Add(column(logs, 3), dense(s, "o", y, 1))
	}},
	{name: "softmax over several axes, log softmax over channels", row: []int{4, 4, 2}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		z := conv(s, "b", activation.Relu(conv(s, "a", x, 4, 3, 1)), 6, 3, 1)
		y := Concatenate([]*Node{Softmax(z, 1, 2), LogSoftmax(z, -1), Softmax(z, 1)}, -1)
		return dense(s, "o", flat(y), 1)
	}},
	{name: "softplus, ELU, log-add-exp", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		a, b := dense(s, "a", x, 10), dense(s, "b", x, 10)
		elu := Where(GreaterThan(a, ZerosLike(a)), a, Expm1(Min(a, ZerosLike(a))))
		return dense(s, "o", Add(Add(elu, Softplus(b)), LogAddExp(a, b)), 1)
	}},
	{name: "power and angle of two", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		a, b := dense(s, "a", x, 10), dense(s, "b", x, 10)
		y := Add(Pow(Exp(MulScalar(a, 0.3)), b), Atan2(AddScalar(b, 3), a))
		return dense(s, "o", Add(y, Pow(AddScalar(Softplus(a), 0.1), dense(s, "c", x, 1))), 1)
	}},
	{name: "exclusive or, remainder", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		a, b := dense(s, "a", x, 10), dense(s, "b", x, 10)
		zero := ScalarZero(x.Graph(), x.DType())
		on := LogicalXor(GreaterThan(a, zero), LessThan(b, zero))
		return dense(s, "o", Add(ConvertDType(on, x.DType()), Mod(a, Scalar(x.Graph(), x.DType(), 0.7))), 1)
	}},
	{name: "dilated and wide windows", row: []int{11, 11, 2}, onlyXLA: true, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = activation.Relu(conv(s, "a", x, 3, 3, 1))
		window := func(op compute.ReduceOpType) *Node {
			return BackendReduceWindow(x, op, []int{1, 3, 2, 1}, []int{1, 2, 1, 1}, nil, []int{1, 2, 3, 1}, [][2]int{{0, 0}, {2, 1}, {0, 3}, {0, 0}})
		}
		y := Add(window(compute.ReduceOpMax), MulScalar(window(compute.ReduceOpSum), 0.1))
		return dense(s, "o", flat(y), 1)
	}},
	{name: "smallest in windows, running sum", row: []int{8, 8, 1}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = tap("min", MinPool(conv(s, "a", x, 3, 3, 1)).Window(3).Strides(2).PadSame().Done())
		return dense(s, "o", flat(CumSum(Tanh(x), 1)), 1)
	}},
	{name: "conv: dilation, groups, wide padding", row: []int{9, 9, 2}, onlyXLA: true, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		kernel := func(name string, dims ...int) *Node {
			return s.In("%s", name).VariableWithShape("kernel", float32Shape(dims...)).NodeValue(x.Graph())
		}
		x = Tanh(Convolve(x, kernel("a", 3, 2, 2, 4)).DilationPerAxis(2, 3).Strides(1).PadSame().Done())
		x = Tanh(Convolve(x, kernel("b", 3, 3, 2, 6)).ChannelGroupCount(2).Strides(2).PadSame().Done())
		x = tap("wide", Tanh(Convolve(x, kernel("c", 2, 2, 6, 3)).PaddingPerDim([][2]int{{3, 0}, {1, 4}}).Done()))
		x = Tanh(Convolve(x, kernel("d", 3, 2, 3, 2)).InputDilationPerAxis(2, 3).PaddingPerDim([][2]int{{2, 1}, {0, 1}}).Done()) // transposed
		x = Convolve(x, kernel("e", 2, 2, 2, 2)).InputDilationPerAxis(1, 2).StridePerAxis(2, 1).PaddingPerDim([][2]int{{3, 2}, {0, 0}}).Done()
		return dense(s, "o", flat(x), 1)
	}},
	{name: "RMS norm, L2 norm", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		y := norm.RMSNorm(s.In("n"), dense(s, "a", x, 10)).Done()
		return dense(s, "o", Concatenate([]*Node{activation.Relu(y), L2Normalize(dense(s, "b", x, 6), -1)}, -1), 1)
	}},
	{name: "recurrent", row: []int{3, 4}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		_, last, _ := lstm.New(s.In("lstm"), x, 5).Done()
		return dense(s, "o", flat(Transpose(last, 0, 1)), 1)
	}},
	{name: "computed in float64", row: []int{12}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		y := ConvertDType(dense(s, "a", x, 10), dtypes.Float64)
		y = tap("wide", Where(GreaterThan(y, OnesLike(y)), Exp(Neg(y)), Mul(y, Softmax(y))))
		y = Where(LessThan(y, ReduceAndKeep(y, ReduceMean, 1)), y, ZerosLike(y))
		return dense(s, "o", ConvertDType(y, dtypes.Float32), 1)
	}},
	{name: "scatter and updated slices of constant places", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		y := Transpose(Tanh(dense(s, "a", x, 10)), 0, 1)
		z := Transpose(dense(s, "b", x, 2), 0, 1)
		y = ScatterSum(y, Const(x.Graph(), [][]int32{{7}, {2}}), z, false, true)
		return dense(s, "o", activation.Relu(Transpose(y, 0, 1)), 1)
	}},
	{name: "two inputs side by side", row: []int{4*4 + 3}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		image := Reshape(Slice(x, AxisRange(), AxisRange(0, 16)), -1, 4, 4, 1)
		table := Slice(x, AxisRange(), AxisRangeToEnd(16))
		both := Concatenate([]*Node{flat(activation.Relu(conv(s, "a", image, 2, 3, 1))), Tanh(dense(s, "b", table, 4))}, -1)
		return dense(s, "o", activation.Relu(dense(s, "c", tap("both", both), 5)), 1)
	}},
}

// TestEmbedding: attributions to an embedding do not ask how its rows were
// looked up; those to the indices are refused.
func TestEmbedding(t *testing.T) {
	k := kind{name: "embedding", row: []int{5}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		h := tap("embedding", layers.Embedding(s.In("e"), ConvertDType(x, dtypes.Int32), dtypes.Float32, 7, 4))
		h = activation.Relu(dense(s, "a", h, 6))
		return dense(s, "o", Mul(ReduceMean(h, 1), ReduceMax(h, 1)), 1)
	}}
	ids := func(rng *rand.Rand, rows int) *array.Array {
		a := array.New(rows, 5)
		for i := range a.Data {
			a.Data[i] = float32(rng.IntN(7))
		}
		return a
	}
	rng := rand.New(rand.NewPCG(5, 5))
	q := Query{Rows: ids(rng, 4), Background: ids(rng, 3)}
	for _, b := range backend.ForTest(t) {
		m := k.seeded(t, b)
		q.Backend, q.Layers = b, []string{"embedding"}
		a, err := Explain(context.Background(), m, Rescale{}, q)
		if err != nil {
			t.Fatalf("%s: %v", b.Name(), err)
		}
		if a.MaxGap() > 1e-5 || a.Layers[0].Values.Width() != 20 {
			t.Errorf("%s: gap %g, values %v", b.Name(), a.MaxGap(), a.Layers[0].Values.Shape)
		}
		q.Layers = nil
		_, err = Explain(context.Background(), m, Rescale{}, q)
		wantText(t, b.Name(), err, "for operation Gather")
		wantText(t, b.Name(), err, "tap the result, the embedding, and attribute to that layer")
	}
}
