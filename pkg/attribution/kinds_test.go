package attribution

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/attention"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// kind is a kind of model, written with GoMLX's own layers.
type kind struct {
	name  string
	row   []int // shape of one row
	build func(s *model.Scope, x *Node, tap tapper) *Node

	onlyXLA bool // has an operation that the pure-Go backend lacks
	fixed   bool // XLA computes it for TestSlowTwin or a fixture: no need to compile it again
}

func dense(s *model.Scope, name string, x *Node, units int) *Node {
	return layers.Dense(s.In("%s", name), x, true, units)
}

func conv(s *model.Scope, name string, x *Node, channels, kernel, stride int) *Node {
	return layers.Convolution(s.In("%s", name), x).Channels(channels).KernelSize(kernel).Strides(stride).PadSame().Done()
}

func flat(x *Node) *Node { return Reshape(x, x.Shape().Dim(0), -1) }

func column(x *Node, c int) *Node { return Slice(x, AxisRange(), AxisElem(c)) }

// twoLayers puts an activation between dense layers.
func twoLayers(act func(*Node) *Node) func(*model.Scope, *Node, tapper) *Node {
	return func(s *model.Scope, x *Node, tap tapper) *Node {
		x = tap("first", act(dense(s, "a", x, 24)))
		return dense(s, "c", tap("second", act(dense(s, "b", x, 24))), 1)
	}
}

// cnn is conv, ReLU, max-pool, twice, and two dense layers.
func cnn(window, stride int) func(*model.Scope, *Node, tapper) *Node {
	return func(s *model.Scope, x *Node, tap tapper) *Node {
		for i := range 2 {
			x = activation.Relu(conv(s, fmt.Sprintf("c%d", i), x, 4, 3, 1))
			x = tap(fmt.Sprintf("pool%d", i), MaxPool(x).Window(window).Strides(stride).Done())
		}
		return column(dense(s, "o", activation.Relu(dense(s, "d", flat(x), 16)), 10), 3)
	}
}

var kinds = []kind{
	{name: "activation used again", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		act := activation.Relu
		a := act(dense(s, "a", x, 20))
		b := act(dense(s, "b", a, 20))
		return dense(s, "c", act(Add(act(Sub(a, b)), b)), 1)
	}},
	{fixed: true, name: "softmax", row: []int{12}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		z := tap("logits", dense(s, "b", activation.Relu(dense(s, "a", x, 24)), 10))
		return column(Softmax(z), 2)
	}},
	{name: "log softmax", row: []int{12}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		return column(LogSoftmax(tap("logits", dense(s, "b", activation.Relu(dense(s, "a", x, 24)), 10))), 2)
	}},
	{fixed: true, name: "layer norm", row: []int{12}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = tap("norm", norm.LayerNorm(s.In("n"), dense(s, "a", x, 24), -1).Done())
		return dense(s, "b", activation.Relu(x), 1)
	}},
	{fixed: true, name: "tanh", row: []int{12}, build: twoLayers(Tanh)},
	{fixed: true, name: "gelu", row: []int{12}, build: twoLayers(activation.Gelu)},
	{name: "gelu approximate", row: []int{12}, build: twoLayers(activation.GeluApproximate)},
	{fixed: true, name: "silu", row: []int{12}, build: twoLayers(activation.Swish)},
	{fixed: true, name: "leaky relu", row: []int{12}, build: twoLayers(activation.LeakyRelu)},
	{fixed: true, name: "selu", row: []int{12}, build: twoLayers(activation.Selu)},
	{name: "hard swish", row: []int{12}, build: twoLayers(activation.HardSwish)},
	{name: "batch norm, evaluation", row: []int{12}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = norm.BatchNorm(s.In("n"), dense(s, "a", x, 24), -1).UseBackendInference(false).Done()
		return dense(s, "b", activation.Relu(tap("norm", x)), 1)
	}},
	{onlyXLA: true, name: "batch norm, the backend's operation", row: []int{12}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = norm.BatchNorm(s.In("n"), dense(s, "a", x, 24), -1).UseBackendInference(true).Done()
		return dense(s, "b", activation.Relu(tap("norm", x)), 1)
	}},
	{name: "cnn, max-pool 2/2", row: []int{12, 12, 1}, build: cnn(2, 2)},
	{name: "cnn, overlapping max-pool 3/2", row: []int{13, 13, 1}, build: cnn(3, 2)},
	{name: "cnn, padded max-pool and mean-pool", row: []int{12, 12, 1}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = MaxPool(activation.Relu(conv(s, "a", x, 4, 3, 1))).Window(3).Strides(2).PadSame().Done()
		x = MeanPool(activation.Relu(conv(s, "b", tap("max", x), 4, 3, 1))).Window(3).Strides(2).PadSame().Done()
		return dense(s, "o", flat(tap("mean", x)), 1)
	}},
	{name: "conv, even kernels and strides", row: []int{10, 10, 2}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = activation.Relu(tap("k4s2", conv(s, "a", x, 4, 4, 2)))
		x = activation.Relu(tap("k2s1", conv(s, "b", x, 4, 2, 1)))
		return dense(s, "o", flat(x), 1)
	}},
	{name: "conv, channel softmax, global average", row: []int{8, 8, 1}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		x = conv(s, "b", activation.Relu(conv(s, "a", x, 4, 3, 1)), 6, 3, 1)
		return column(ReduceMean(Softmax(x, -1), 1, 2), 3)
	}},
	{name: "global max, larger of two", row: []int{8, 8, 1}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		x = tap("conv", conv(s, "a", x, 6, 3, 1))
		return dense(s, "o", Max(ReduceMax(x, 1, 2), ReduceMean(Abs(x), 1, 2)), 1)
	}},
	{name: "transformer block", row: []int{5, 8}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		h := norm.LayerNorm(s.In("n1"), x, -1).Done()
		h = attention.SelfAttention(s.In("att"), h, 2, 4).WithOutputDim(8).Done()
		x = Add(x, h)
		h = norm.LayerNorm(s.In("n2"), x, -1).Done()
		x = Add(x, dense(s, "f2", activation.Gelu(dense(s, "f1", h, 16)), 8))
		return Sigmoid(dense(s, "o", ReduceMean(x, 1), 1))
	}},
	{name: "attention, fused projection", row: []int{5, 8}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		h := attention.SelfAttention(s.In("att"), x, 2, 4).UseQKVProjection().WithOutputDim(8).Done()
		return dense(s, "o", ReduceMean(activation.Relu(Add(h, x)), 1), 1)
	}},
	{name: "conditions on the input", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		a, b, c := dense(s, "a", x, 10), dense(s, "b", x, 10), dense(s, "c", x, 10)
		below := LessThan(c, ScalarZero(x.Graph(), x.DType()))
		on := LogicalOr(LogicalAnd(GreaterThan(a, b), LogicalNot(below)), LessOrEqual(b, c))
		return dense(s, "o", Where(on, Tanh(a), Mul(b, c)), 1)
	}},
	{name: "condition on the input, broadcast", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		a := dense(s, "a", x, 10)
		on := GreaterThan(dense(s, "b", x, 1), ScalarZero(x.Graph(), x.DType()))
		return dense(s, "o", Where(BroadcastToDims(on, a.Shape().Dimensions...), a, Neg(a)), 1)
	}},
	{name: "pad, reverse, concatenate", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		y := Pad(activation.Relu(dense(s, "a", x, 10)), ScalarZero(x.Graph(), x.DType()), PadAxis{}, PadAxis{Start: 2, Interior: 1, End: 3})
		return dense(s, "o", Concatenate([]*Node{Reverse(y, 1), x}, -1), 1)
	}},
	{name: "rsqrt, power, log, clip, sine, quotient", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		a := dense(s, "a", x, 10)
		y := AddScalar(Square(a), 0.3)
		z := Add(Add(Rsqrt(y), PowScalar(y, 1.5)), Add(Log(y), Div(ScalarOne(x.Graph(), x.DType()), y)))
		z = Add(z, Div(dense(s, "b", x, 10), y))
		return dense(s, "o", Add(ClipScalar(z, 0.5, 4), MulScalar(Sin(z), 2)), 1)
	}},
	{name: "rows and tokens merged", row: []int{5, 8}, build: func(s *model.Scope, x *Node, tap tapper) *Node {
		y := tap("tokens", Softmax(dense(s, "a", activation.Relu(Reshape(x, -1, 8)), 4), -1))
		return dense(s, "o", Reshape(y, x.Shape().Dim(0), -1), 1)
	}},
	{name: "gather of constant indices", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		y := Gather(Transpose(Tanh(dense(s, "a", x, 10)), 0, 1), Const(x.Graph(), [][]int32{{3}, {5}, {3}}))
		return dense(s, "o", Transpose(y, 0, 1), 1)
	}},
	{name: "smallest, clamp, sign, floor", row: []int{12}, build: func(s *model.Scope, x *Node, _ tapper) *Node {
		a := dense(s, "a", x, 10)
		low := ReduceAndKeep(a, ReduceMin, 1)
		y := Add(Add(Min(a, dense(s, "b", x, 10)), Sign(a)), Add(Floor(MulScalar(a, 2)), Mul(a, low)))
		return dense(s, "o", y, 1)
	}},
}

// seeded gives a kind its weights: GoMLX's layers state the shapes, the
// values come from a stream of the kind's name, the same on every backend.
func (k kind) seeded(t testing.TB, on compute.Backend) plainModel {
	t.Helper()
	store := model.NewStore()
	g := NewGraph(on, "shapes")
	defer g.Finalize()
	x := Zeros(g, shapes.Make(dtypes.Float32, append([]int{2}, k.row...)...))
	k.build(store.RootScope(), x, func(_ string, n *Node) *Node { return n })
	h := fnv.New64a()
	h.Write([]byte(k.name))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	for v := range store.IterVariables() {
		a := random(rng, v.Shape().Dimensions...)
		width := 1
		if r := v.Shape().Rank(); r > 1 {
			width = v.Shape().Size() / v.Shape().Dim(r-1)
		}
		for i := range a.Data {
			a.Data[i] /= float32(math.Sqrt(float64(width)))
			if v.Name() == "variance" || v.Name() == "avg_variance" {
				a.Data[i] = a.Data[i]*a.Data[i] + 0.5
			}
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(a.Data, a.Shape...)); err != nil {
			panic(err)
		}
	}
	return plainModel{store, k.build}
}

// TestEveryKindIsComplete: for every kind of model, on all backends, the
// input's attributions and those of each tapped layer add up.
func TestEveryKindIsComplete(t *testing.T) {
	for i, k := range slices.Concat(kinds, operations) {
		t.Run(k.name, func(t *testing.T) {
			backends := backend.ForTest(t)
			switch {
			case k.onlyXLA:
				backends = backends[1:]
			case (k.fixed || i >= len(kinds)) && os.Getenv("JACARD_SLOW") == "": // XLA's compiler takes its time
				backends = backends[:1]
			}
			if len(backends) == 0 {
				t.Skip("needs XLA")
			}
			m := k.seeded(t, backends[0])
			rng := rand.New(rand.NewPCG(7, 7))
			rows, background := random(rng, append([]int{5}, k.row...)...), random(rng, append([]int{7}, k.row...)...)
			var first *Attribution
			o := tapsOf(t, m, rows, backends[0])
			for _, b := range backends {
				a, err := Explain(context.Background(), m, Rescale{}, Query{Rows: rows, Background: background,
					Layers: append([]string{Input}, o...), MaxGap: 2e-5, Backend: b,
				})
				if err != nil {
					t.Errorf("%s: %v", b.Name(), err)
					continue
				}
				t.Logf("%s: gap %.1g of scale %.2g, layers %v", b.Name(), a.MaxGap(), a.Scale, o)
				if first == nil {
					first = a
					continue
				}
				for i, l := range a.Layers {
					worst, size := distance(l.Values.Data, first.Layers[i].Values.Data)
					if worst > 2e-4*size {
						t.Errorf("%s: layer %s differs by %.2g of %.2g from the first backend's", b.Name(), l.Layer, worst, size)
					}
				}
			}
		})
	}
}

// tapsOf lists the layers a model taps.
func tapsOf(t testing.TB, m Model, rows *array.Array, on compute.Backend) []string {
	t.Helper()
	params, err := copyStore(m)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOutline(on, m, params, rows.Shape[1:])
	if err != nil {
		t.Fatal(err)
	}
	return o.names
}
