package attribution

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// TestKinks: at a kink the derivative is that of the lower side, ties go to
// the first of several and half to each of two, whatever the model declares
// for its training, and a branch that is not taken has no say.
func TestKinks(t *testing.T) {
	rows, err := array.FromRows([][]float32{{0, 0, 100}})
	if err != nil {
		t.Fatal(err)
	}
	input := func(x *Node, i int) *Node { return Slice(x, AxisRange(), AxisElem(i)) }
	for _, c := range []struct {
		what string
		f    func(x *Node) *Node
		want []float32
	}{
		{"relu", func(x *Node) *Node { return activation.Relu(input(x, 0)) }, []float32{0, 0, 0}},
		{"relu by absolute value", func(x *Node) *Node {
			z := input(x, 0)
			return MulScalar(Add(z, Abs(z)), 0.5)
		}, []float32{0, 0, 0}},
		{"larger of two", func(x *Node) *Node { return Max(input(x, 0), input(x, 1)) }, []float32{0.5, 0.5, 0}},
		{"largest", func(x *Node) *Node { return ReduceMax(MulScalar(x, -1), 1) }, []float32{-1, 0, 0}},
		{"stopped", func(x *Node) *Node { return Square(StopGradient(input(x, 2))) }, []float32{0, 0, 200}},
		{"branch that overflows", func(x *Node) *Node {
			z := input(x, 2)
			return Where(GreaterThan(z, ZerosLike(z)), z, Expm1(z)) // exp(100) is +Inf
		}, []float32{0, 0, 1}},
		{"step", func(x *Node) *Node { return Add(Sign(input(x, 0)), input(x, 2)) }, []float32{0, 0, 1}},
	} {
		a, err := Explain(context.Background(), function(c.f), Saliency{Signed: true}, Query{Rows: rows, Backend: backend.ForTest(t)[0]})
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		near(t, c.what, a.Layers[0].Values.Data, c.want, 1e-6)
	}
}

// TestGuidedByHand: two ReLUs with one path each way, by hand.
//
//	f = 2·relu(x₀) − 3·relu(x₁) + relu(−x₂) at (1, 1, 1)
func TestGuidedByHand(t *testing.T) {
	rows, err := array.FromRows([][]float32{{1, 1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	f := function(func(x *Node) *Node {
		h := activation.Relu(Mul(x, Const(x.Graph(), [][]float32{{1, 1, -1}})))
		return ReduceSum(Mul(h, Const(x.Graph(), [][]float32{{2, -3, 1}})), 1)
	})
	for _, c := range []struct {
		m    Method
		want []float32
	}{
		{Saliency{Signed: true}, []float32{2, -3, 0}},
		{GuidedBackprop{}, []float32{2, 0, 0}},
		{Deconvolution{}, []float32{2, 0, -1}},
	} {
		phi := attribute(t, backend.ForTest(t)[0], c.m, f, rows, nil)
		near(t, c.m.Name(), phi.Data, c.want, 0)
	}
}

// TestConductanceAddsUp: a layer's conductance is the sum over the inputs of
// its neurons' conductances, and those of all neurons are the integrated
// gradients; on a smooth network and one of ReLUs.
func TestConductanceAddsUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	layers := randomLayers(rng, 4, 6, 5, 1)
	layers[1].Type = "tanh"
	m := mlp(layers)
	on := backend.ForTest(t)[0]
	q := Query{Rows: random(rng, 3, 4), Background: random(rng, 2, 4), Backend: on}
	explain := func(m2 Method, layer string) *array.Array {
		t.Helper()
		q := q
		q.Layers = []string{layer}
		a, err := Explain(context.Background(), m, m2, q)
		if err != nil {
			t.Fatal(err)
		}
		return a.Layers[0].Values
	}
	conductance, ig := explain(Conductance{}, "tanh1"), explain(IntegratedGradients{}, Input)
	total := array.New(ig.Shape...)
	for j := range conductance.Width() {
		phi := explain(NeuronConductance{Layer: "tanh1", Unit: j}, Input)
		for i := range phi.Rows() {
			if d := math.Abs(sum(phi.Row(i)) - float64(conductance.At(i, j))); d > 1e-3 {
				t.Errorf("row %d: neuron %d sums to %g, conductance is %g", i, j, sum(phi.Row(i)), conductance.At(i, j))
			}
		}
		for k, v := range phi.Data {
			total.Data[k] += v
		}
	}
	near(t, "all neurons", total.Data, ig.Data, 1e-3)
	near(t, "conductance of the input", explain(Conductance{}, Input).Data, ig.Data, 1e-6)
}

// TestExpectedGradients: draws agree with the integral within their standard
// errors, and Gaps tell what they miss.
func TestExpectedGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 2))
	m := kind{name: "tanh", row: []int{5}, build: twoLayers(Tanh)}.seeded(t, backend.ForTest(t)[0])
	q := Query{Rows: random(rng, 4, 5), Background: random(rng, 6, 5), Backend: backend.ForTest(t)[0], Seed: 3}
	exact, err := Explain(context.Background(), m, IntegratedGradients{}, q)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := Explain(context.Background(), m, ExpectedGradients{Draws: 4000}, q)
	if err != nil {
		t.Fatal(err)
	}
	l := drawn.Layers[0]
	var squares float64
	for i, v := range l.Values.Data {
		z := float64(v-exact.Layers[0].Values.Data[i]) / float64(l.Errors.Data[i])
		if math.Abs(z) > 4 {
			t.Errorf("value %d: got %g, want %g within %g", i, v, exact.Layers[0].Values.Data[i], l.Errors.Data[i])
		}
		squares += z * z / float64(len(l.Values.Data))
	}
	if squares < 0.3 || squares > 2.5 {
		t.Errorf("mean squared distance in standard errors is %.2g, want about 1", squares)
	}
	for i, gap := range l.Gaps {
		if want := sum(l.Values.Row(i)) - float64(drawn.Outputs.Data[i]) + drawn.BaseValues[i]; gap != want || gap == 0 {
			t.Errorf("row %d: gap %g, want %g", i, gap, want)
		}
	}
	again, err := Explain(context.Background(), m, ExpectedGradients{Draws: 4000}, q)
	if err != nil || !again.Layers[0].Values.Equal(l.Values) {
		t.Errorf("the same seed gave other values, %v", err)
	}
}

// TestMoments compares statistics with plain float64 loops, far from 0.
func TestMoments(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 3))
	var m moments
	var y []float64
	for range 50 {
		y = append(y, 1e4+rng.NormFloat64())
		m.add(y[len(y)-1])
	}
	n := float64(len(y))
	var mean, variance, fourth float64
	for _, v := range y {
		mean += v / n
	}
	for _, v := range y {
		variance += (v - mean) * (v - mean) / n
		fourth += math.Pow(v-mean, 4) / n
	}
	gotMean, meanError := meanOf(m)
	gotVariance, varianceError := varianceOf(m)
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"mean", gotMean, mean},
		{"its error", meanError, math.Sqrt(variance / (n - 1))},
		{"variance", gotVariance, variance},
		{"its error", varianceError, math.Sqrt((fourth - variance*variance) / (n - 1))},
	} {
		if math.Abs(c.got-c.want) > 1e-9*math.Abs(c.want) {
			t.Errorf("%s: got %.12g, want %.12g", c.what, c.got, c.want)
		}
	}
}

// TestGradientMethodsRefuse: settings and queries that make no sense.
func TestGradientMethodsRefuse(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 4))
	m := mlp(randomLayers(rng, 3, 4, 2))
	rows := random(rng, 5, 3)
	jump := function(func(x *Node) *Node {
		return Add(Sign(Slice(x, AxisRange(), AxisElem(0))), ReduceAndKeep(x, ReduceSum, 1))
	})
	for _, c := range []struct {
		model Model
		m     Method
		q     Query
		want  string
	}{
		{m, Saliency{}, Query{Background: rows}, "a background is given, but saliency compares with none"},
		{m, Saliency{}, Query{Layers: []string{"relu9"}}, `layer "relu9" does not exist`},
		{m, Saliency{}, Query{Target: Target{Layer: "relu1"}, Layers: []string{"linear2"}}, `layer "linear2" does not lie between the input and layer relu1`},
		{m, Saliency{}, Query{Memory: 10}, "memory bound of 10 bytes: one row takes about"},
		{m, IntegratedGradients{}, Query{}, "no background given"},
		{m, IntegratedGradients{Path{Points: -1}}, Query{Background: rows}, "Points -1"},
		{m, Conductance{Path{MaxPoints: 2}}, Query{Background: rows}, "MaxPoints 2"},
		{m, IntegratedGradients{Path{Points: 1}}, Query{Background: rows}, "raise Points or MaxPoints, or MaxGap"},
		{jump, IntegratedGradients{}, Query{Background: random(rng, 1, 3)}, "an output with jumps"},
		{m, ExpectedGradients{Draws: 1}, Query{Background: rows}, "Draws 1"},
		{m, ExpectedGradients{Noise: math.NaN()}, Query{Background: rows}, "Noise NaN"},
		{m, ExpectedGradients{}, Query{Background: rows, Layers: []string{"relu1"}}, "attributes to the input alone"},
		{m, SmoothGrad{Draws: -3}, Query{}, "Draws -3"},
		{m, SmoothGrad{Statistic: 7}, Query{}, "Statistic 7: want 0…2"},
		{m, NeuronConductance{Layer: "relu9"}, Query{Background: rows}, `layer "relu9" of the neuron does not exist`},
		{m, NeuronConductance{Layer: "relu1", Unit: 4}, Query{Background: rows}, "unit 4 out of range: layer relu1 has units 0…3"},
		{m, GradCAM{}, Query{}, "name convolutional layers"},
		{m, GradCAM{}, Query{Layers: []string{"relu1"}}, "layer relu1 with rows of shape [4]"},
		{m, GuidedGradCAM{}, Query{}, `layer "" of the map does not exist`},
		{function(func(x *Node) *Node { return Slice(Sort(x, -1, true), AxisRange(), AxisElem(0)) }), Saliency{}, Query{}, "for operation Sort"},
		{function(func(x *Node) *Node { return Sub(x, ReduceAndKeep(x, ReduceMean, 0)) }), Saliency{}, Query{}, "mixes rows"},
		{plainModel{model.NewStore(), func(_ *model.Scope, x *Node, tap tapper) *Node { return Add(tap("h", activation.Relu(x)), x) }}, Conductance{},
			Query{Background: rows, Layers: []string{"h"}}, `layer "h" does not carry all of the model's output`},
	} {
		c.q.Rows, c.q.Backend = rows, backend.ForTest(t)[0]
		_, err := Explain(context.Background(), c.model, c.m, c.q)
		wantText(t, c.m.Name(), err, c.want)
	}
	ctx, cancel := context.WithCancel(context.Background())
	q := Query{Rows: rows, Background: rows, Memory: 4000, Backend: backend.ForTest(t)[0], Progress: func(done, total int) {
		if done > total {
			t.Errorf("progress %d of %d", done, total)
		}
		cancel()
	}}
	if _, err := Explain(ctx, m, IntegratedGradients{}, q); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestResize: linear between the centres of places, and the nearest place.
func TestResize(t *testing.T) {
	maps, err := array.From([]float32{0, 4}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "linear", resize(maps, []int{4}, false).Data, []float32{0, 1, 3, 4}, 0)
	near(t, "nearest", resize(maps, []int{5}, true).Data, []float32{0, 0, 0, 4, 4}, 0)
	square, err := array.From([]float32{0, 2, 4, 6}, 1, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "one pixel", resize(square, []int{1, 1}, false).Data, []float32{3}, 0)
}
