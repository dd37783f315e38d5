package attribution

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
)

// TestLRPEveryLayer: every kind of layer of pkg/network hands relevance on,
// with nothing unaccounted for.
func TestLRPEveryLayer(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 1))
	image, pair := []int{4, 6, 6}, network.Square
	box := EpsilonGammaBox([]float32{-5}, []float32{5})
	for _, c := range []struct {
		name   string
		m      []LRP
		layers []network.Layer
	}{
		{"activations", []LRP{{}, box}, []network.Layer{network.Flatten(), network.Dense(6), network.Tanh(), network.Dense(6), network.LeakyReLU(0.1), network.Dense(6),
			network.ELU(1), network.Dense(6), network.SELU(), network.Dense(6), network.GELU(), network.Dense(6), network.GELUTanh(), network.Dense(6), network.SiLU(),
			network.Dense(6), network.Softplus(), network.Dropout(0.5), network.Dense(6), network.Sigmoid()}},
		{"convolutions", []LRP{EpsilonPlus(), EpsilonAlpha2Beta1Flat(), box}, []network.Layer{network.Conv2D(4, pair(3), network.ConvConfig{Padding: pair(2), Dilation: pair(2), Groups: 2}), network.ReLU(),
			network.ConvTranspose2D(6, pair(3), network.ConvTransposeConfig{Stride: pair(2), OutputPadding: pair(1)}), network.BatchNorm(network.BatchNormConfig{}),
			network.Conv2D(4, pair(4), network.ConvConfig{Stride: pair(2), NoBias: true}), network.ReLU(), network.GlobalAvgPool2D(), network.Flatten(), network.Dense(3)}},
		{"pools and norms", []LRP{EpsilonPlusFlat()}, []network.Layer{network.MaxPool2D(pair(3), network.PoolConfig{Stride: pair(2), Padding: pair(1)}), network.BatchNorm(network.BatchNormConfig{}),
			network.AvgPool2D(pair(2), network.PoolConfig{Stride: pair(1), Padding: pair(1)}), network.LayerNorm(network.LayerNormConfig{}),
			network.Reshape(8, 8), network.Flatten(), network.Dense(3), network.Softmax(0)}},
	} {
		n, err := network.New(c.name, image, c.layers...)
		if err != nil {
			t.Fatal(err)
		}
		n = n.Initialize(network.TorchInit, rng)
		for i, b := range backend.ForTest(t) {
			if i > 0 && c.name != "convolutions" { // which alone are computed otherwise there
				continue
			}
			for _, m := range c.m[2*i:] {
				a, err := Explain(context.Background(), n, m, Query{Rows: random(rng, 3, 4, 6, 6), Backend: b})
				if err != nil {
					t.Errorf("%s, %s: %v", c.name, m, err)
					continue
				}
				_, size := distance(a.Layers[0].Values.Data, a.Layers[0].Values.Data)
				if size == 0 {
					t.Errorf("%s, %s: nothing arrived", c.name, m)
				}
			}
		}
	}
}

// TestLRPFolds: batch normalisation gives what the convolution with its scale
// and shift written into weights and bias gives; a ReLU in other words, too.
func TestLRPFolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 2))
	rows, w, v := random(rng, 9, 5), random(rng, 7, 5), random(rng, 3, 7)
	bias, scale, shift := random(rng, 1, 7), random(rng, 1, 7), random(rng, 1, 7)
	folded, moved := w.Clone(), bias.Clone()
	for j := range 7 {
		for k := range 5 {
			folded.Row(j)[k] *= scale.Data[j]
		}
		moved.Data[j] = bias.Data[j]*scale.Data[j] + shift.Data[j]
	}
	constant := func(x *Node, a *array.Array) *Node { return Const(x.Graph(), matrix(a)) }
	dot := func(x *Node, a *array.Array) *Node { return Einsum("ri,oi->ro", x, constant(x, a)) }
	zero := func(z *Node) *Node { return ScalarZero(z.Graph(), z.DType()) }
	whole := func(x *Node) *Node {
		return dot(activation.Relu(Add(dot(x, folded), constant(x, moved))), v)
	}
	in := func(x *Node) *Node {
		return Add(Mul(Add(dot(x, w), constant(x, bias)), constant(x, scale)), constant(x, shift))
	}
	b := backend.ForTest(t)[0]
	for _, m := range []LRP{{Dense: ZPlusRule{}}, {Dense: AlphaBetaRule{}}, {Dense: GammaRule{}}, {Dense: WSquareRule{}}, {}} {
		run := func(f func(x *Node) *Node) *array.Array {
			t.Helper()
			a, err := Explain(context.Background(), function(f), m, Query{Rows: rows, Target: Target{Output: 1}, Backend: b, MaxGap: 1e-3})
			if err != nil {
				t.Fatalf("%s: %v", m, err)
			}
			return a.Layers[0].Values
		}
		want := run(whole)
		_, size := distance(want.Data, want.Data)
		for name, relu := range map[string]func(*Node) *Node{
			"relu": activation.Relu,
			"max":  func(z *Node) *Node { return Max(z, zero(z)) },
			"min":  func(z *Node) *Node { return Neg(Min(Neg(z), zero(z))) },
			"abs":  func(z *Node) *Node { return MulScalar(Add(z, Abs(z)), 0.5) },
			"mask": func(z *Node) *Node { return Mul(z, ConvertDType(GreaterThan(z, zero(z)), z.DType())) },
		} {
			near(t, m.String()+" "+name, run(func(x *Node) *Node { return dot(relu(in(x)), v) }).Data, want.Data, 2e-5*size)
		}
	}
}

// TestLRPByHand: sums, skips, products and normalisers of a few numbers.
func TestLRPByHand(t *testing.T) {
	rows, _ := array.FromRows([][]float32{{3, 1}, {2, -4}})
	column := func(x *Node, i int) *Node { return Slice(x, AxisRange(), AxisElem(i)) }
	for _, c := range []struct {
		name     string
		f        func(x *Node) *Node
		want     []float32
		absorbed []float64
	}{
		{"sum with a bias", func(x *Node) *Node { return AddScalar(ReduceAndKeep(x, ReduceSum, 1), 6) }, []float32{3, 1, 2, -4}, []float64{6, 6}},
		{"difference", func(x *Node) *Node { return Sub(column(x, 0), MulScalar(column(x, 1), 2)) }, []float32{3, -2, 2, 8}, []float64{0, 0}},
		{"skip", func(x *Node) *Node { return Add(column(x, 0), activation.Relu(ReduceAndKeep(x, ReduceSum, 1))) }, []float32{6, 1, 2, 0}, []float64{0, 0}},
		{"product", func(x *Node) *Node { return Mul(column(x, 0), column(x, 1)) }, []float32{1.5, 1.5, -4, -4}, []float64{0, 0}},
		{"larger", func(x *Node) *Node { return Max(column(x, 0), column(x, 1)) }, []float32{3, 0, 2, 0}, []float64{0, 0}},
		{"quotient", func(x *Node) *Node { return Div(column(x, 0), Exp(MulScalar(column(x, 1), 0))) }, []float32{3, 0, 2, 0}, []float64{0, 0}},
		{"chosen", func(x *Node) *Node {
			return Where(GreaterThan(column(x, 1), ScalarZero(x.Graph(), x.DType())), column(x, 0), MulScalar(column(x, 1), 3))
		}, []float32{3, 0, 0, -12}, []float64{0, 0}},
		{"constant feature", func(x *Node) *Node {
			one := MulScalar(OnesLike(column(x, 0)), 5)
			return Einsum("ri,i->r", Concatenate([]*Node{x, one}, 1), Const(x.Graph(), []float32{1, 1, 2}))
		}, []float32{3, 1, 2, -4}, []float64{10, 10}},
	} {
		for _, b := range backend.ForTest(t)[:1] {
			a, err := Explain(context.Background(), function(c.f), LRP{}, Query{Rows: rows, Backend: b})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			near(t, c.name, a.Layers[0].Values.Data, c.want, 2e-5) // ε is 1e-6 of denominators near 1
			for i, v := range a.Layers[0].Absorbed {
				if math.Abs(v-c.absorbed[i]) > 2e-5 {
					t.Errorf("%s: row %d: absorbed %g, want %g", c.name, i, v, c.absorbed[i])
				}
			}
		}
	}
}

// TestLRPRefuses: settings that do not fit, and cancelling.
func TestLRPRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 3))
	m, rows := mlp(randomLayers(rng, 4, 3, 2)), random(rng, 3, 4)
	nan := math.NaN()
	for _, c := range []struct {
		m    LRP
		q    Query
		want string
	}{
		{LRP{Dense: EpsilonRule{-1}}, Query{}, "rule ε=-1: want a number above 0"},
		{LRP{Conv: GammaRule{Gamma: nan}}, Query{}, "rule γ=NaN"},
		{LRP{First: AlphaBetaRule{1, 1}}, Query{}, "α=1, β=1: want α − β = 1"},
		{LRP{First: AlphaBetaRule{0.5, -0.5}}, Query{}, "β ≥ 0"},
		{LRP{First: BoxRule{}}, Query{}, "box rule with 0 and 0 bounds: want one, or one for each of 4 values"},
		{LRP{First: BoxRule{[]float32{0, 0, 2, 0}, []float32{1}}}, Query{}, "value 2 lies between 2 and 1"},
		{LRP{Dense: BoxRule{[]float32{0}, []float32{1}}}, Query{}, "hides: use the box rule for first layers alone"},
		{LRP{Layers: []LRPLayer{{"conv9", ZPlusRule{}}}}, Query{}, `rule for layer "conv9", which does not exist: the model has input, linear0`},
		{LRP{Layers: []LRPLayer{{"linear0", nil}}}, Query{}, "want one, and not nil"},
		{LRP{Layers: []LRPLayer{{"relu1", ZPlusRule{}}}}, Query{}, `rule z⁺ for layer "relu1", which has no weights on the way`},
		{LRP{}, Query{Background: rows}, "LRP compares with none"},
		{LRP{}, Query{Groups: [][]int{{0, 0, 1, 1}}}, "LRP does not join inputs"},
		{LRP{}, Query{Memory: 8}, "memory bound of 8 bytes"},
		{LRP{}, Query{Target: Target{Layer: "linear0"}, Layers: []string{"relu1"}}, `layer "relu1" does not lie between`},
	} {
		c.q.Rows, c.q.Backend = rows, backend.ForTest(t)[0]
		_, err := Explain(context.Background(), m, c.m, c.q)
		wantText(t, c.m.String(), err, c.want)
		if err != nil && (!strings.HasPrefix(err.Error(), "attribution: ") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%v: want one line with the package's prefix", err)
		}
	}
	sorted := function(func(x *Node) *Node { return Sort(x, -1, true) })
	_, err := Explain(context.Background(), sorted, LRP{}, Query{Rows: rows, Backend: backend.ForTest(t)[0]})
	if wantText(t, "sort", err, "for operation"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("sort: %v is not ErrUnsupported", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err = Explain(ctx, m, LRP{}, Query{Rows: random(rng, 60, 4), Backend: backend.ForTest(t)[0], Memory: 4 * 60 * 2, Progress: func(done, total int) {
		if total != 60 {
			t.Errorf("progress %d of %d, want of 60", done, total)
		}
		cancel()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestLRPEveryKind: for every kind of GoMLX model, what arrives at the input
// and at each tapped layer and what was absorbed are together f(x). Where
// terms cancel, relevance exceeds f and so does its rounding.
func TestLRPEveryKind(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 4))
	b := backend.ForTest(t)[0]
	for _, k := range append(kinds, operations...) {
		if k.onlyXLA {
			continue
		}
		m, rows := k.seeded(t, b), random(rng, append([]int{4}, k.row...)...)
		layers := append([]string{Input}, tapsOf(t, m, rows, b)...)
		a, err := Explain(context.Background(), m, EpsilonPlus(), Query{Rows: rows, Layers: layers, MaxGap: 1e6, Backend: b})
		if strings.HasPrefix(k.name, "power") || strings.HasPrefix(k.name, "scatter") { // of two, in place
			wantText(t, k.name, err, ": no rule for operation")
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		for _, l := range a.Layers {
			for i, gap := range l.Gaps {
				size := math.Abs(float64(a.Outputs.Data[i]))
				for _, v := range l.Values.Row(i) {
					size += math.Abs(float64(v))
				}
				if math.Abs(gap) > 1e-5*size {
					t.Errorf("%s: %s, row %d: gap %.2g of %.2g", k.name, l.Layer, i, gap, size)
				}
			}
		}
		t.Logf("%s: gap %.2g of the scale", k.name, a.MaxGap())
	}
}
