package attribution

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// methods is the table of all methods that the laws hold for, each with the
// laws that its definition does not promise: dummy, symmetry, linearity, self
// (a row against itself gets zeros), form (a function written otherwise has
// the same values).
var methods = []lawful{
	{Method: Rescale{}},
	{Method: SampledShapley{Draws: 20}, except: "symmetry"},
	{Method: ExactShapley{}},
	{Method: KernelSHAP{}, except: "dummy"}, // 0 but for the rounding of its solution
	{Method: Ablation{}},
	{Method: Occlusion{}},
	{Method: Permutation{}},
	{Method: Saliency{}, except: "linearity"},
	{Method: Saliency{Signed: true}},
	{Method: GradientTimesInput{}},
	{Method: GuidedBackprop{}, except: "linearity"},
	{Method: Deconvolution{}, except: "linearity"},
	{Method: LRP{}, except: "linearity form"},
	{Method: IntegratedGradients{}, error: 1e-5},
	{Method: Conductance{}, error: 1e-5},
	{Method: InternalInfluence{Path{Points: 8}}, except: "self"},
	{Method: ExpectedGradients{Draws: 20}},
	{Method: SmoothGrad{Draws: 20}, except: "symmetry"},
	{Method: SmoothGrad{Draws: 20, Statistic: GradientVariance}, except: "symmetry linearity"},
	{Method: LIME{Samples: 40}, except: "dummy symmetry"},        // up to the draws
	{Method: TabularLIME{Samples: 40}, except: "dummy symmetry"}, // up to the draws
}

type lawful struct {
	Method
	except string
	error  float64 // of its numbers, beyond rounding
}

// methodsOn returns all methods on the Go backend and the first on others:
// laws are about formulas, and each call there is compiled for 0.2 s. Fixtures
// and twins run on all backends.
func methodsOn(t *testing.T, b compute.Backend) []lawful {
	if b == backend.ForTest(t)[0] {
		return methods
	}
	return methods[:1]
}

// attribute runs a method and returns the input's values.
func attribute(t *testing.T, b compute.Backend, m Method, f Model, rows, background *array.Array) *array.Array {
	t.Helper()
	return attributeEach(t, b, m, f, rows, background, []Target{{}})[0]
}

// attributeEach is attribute for several targets.
func attributeEach(t *testing.T, b compute.Backend, m Method, f Model, rows, background *array.Array, targets []Target) []*array.Array {
	t.Helper()
	q := Query{Rows: rows, Backend: b}
	if m.Promise().Background != Unused {
		q.Background = background
	}
	all, err := ExplainEach(context.Background(), f, m, q, targets)
	if err != nil {
		t.Fatalf("%s on %s: %v", m.Name(), b.Name(), err)
	}
	values := make([]*array.Array, len(all))
	for i, a := range all {
		values[i] = a.Layers[0].Values
	}
	return values
}

// TestLaws puts every method through what its definition promises, whatever
// its formula.
func TestLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	rows, background := random(rng, 6, 4), random(rng, 5, 4)
	twins := rows.Clone() // inputs 0 and 1 alike in all rows
	twinBackground := background.Clone()
	for _, a := range []*array.Array{twins, twinBackground} {
		for i := range a.Rows() {
			a.Row(i)[1] = a.Row(i)[0]
		}
	}
	input := func(x *Node, i int) *Node { return Slice(x, AxisRange(), AxisElem(i)) }
	unused := func(x *Node) *Node { // neither input 2, nor in effect input 3
		y := Mul(Sigmoid(input(x, 0)), Max(input(x, 1), input(x, 0)))
		return Add(y, MulScalar(input(x, 3), 0))
	}
	symmetric := func(x *Node) *Node {
		y := Add(Mul(input(x, 0), input(x, 1)), Add(Exp(input(x, 0)), Exp(input(x, 1))))
		return Tanh(MulScalar(y, 0.2)) // where it is not flat
	}
	f := func(x *Node) *Node { return Tanh(Add(Square(input(x, 0)), input(x, 1))) }
	g := func(x *Node) *Node { return Mul(Sigmoid(input(x, 1)), activation.Relu(input(x, 2))) }
	both := func(x *Node) *Node { return Sub(MulScalar(f(x), 2), MulScalar(g(x), 3)) }

	for _, b := range backend.ForTest(t) {
		for _, m := range methodsOn(t, b) {
			name := m.Name() + " on " + b.Name()
			promises := func(law string) bool { return !strings.Contains(m.except, law) }
			values := func(f func(x *Node) *Node) *array.Array {
				t.Helper()
				return attribute(t, b, m, function(f), rows, background)
			}
			if promises("dummy") {
				phi := values(unused)
				for i := range phi.Rows() {
					if phi.At(i, 2) != 0 || phi.At(i, 3) != 0 {
						t.Errorf("%s: dummy: unused inputs of row %d got %g and %g", name, i, phi.At(i, 2), phi.At(i, 3))
					}
				}
			}
			if promises("symmetry") {
				phi := attribute(t, b, m, function(symmetric), twins, twinBackground)
				for i := range phi.Rows() {
					if d := math.Abs(float64(phi.At(i, 0) - phi.At(i, 1))); !(d <= 1e-6) {
						t.Errorf("%s: symmetry: inputs of row %d got %g and %g", name, i, phi.At(i, 0), phi.At(i, 1))
					}
				}
			}
			pb := values(both) // complete to MaxGap, or an error
			if promises("linearity") {
				pf, pg := values(f), values(g)
				sum := array.New(pf.Shape...)
				for k := range sum.Data {
					sum.Data[k] = 2*pf.Data[k] - 3*pg.Data[k]
				}
				if _, size := distance(pb.Data, pb.Data); size < 0.1 {
					t.Errorf("%s: linear in the model: values of at most %g say little", name, size)
				}
				near(t, name+": linear in the model", pb.Data, sum.Data, 2e-6+m.error)
			}
			if promises("self") && m.Promise().Background == Required {
				for i := range rows.Rows() {
					row := rows.Slice(i, i+1)
					for k, v := range attribute(t, b, m, function(both), row, row).Data {
						if v != 0 {
							t.Errorf("%s: row %d against itself: input %d got %g", name, i, k, v)
						}
					}
				}
			}
		}
	}
}

// TestSameFunctionWrittenOtherwise: a function has one attribution.
func TestSameFunctionWrittenOtherwise(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	rows, background, w := random(rng, 8, 6), random(rng, 5, 6), random(rng, 6, 6)
	zero := func(z *Node) *Node { return ScalarZero(z.Graph(), z.DType()) }
	for _, c := range []struct {
		name  string
		forms []func(*Node) *Node
	}{
		{"relu", []func(*Node) *Node{
			activation.Relu,
			func(z *Node) *Node { return Max(zero(z), z) },
			func(z *Node) *Node { return Neg(Min(Neg(z), zero(z))) },
			func(z *Node) *Node { return Where(GreaterThan(z, zero(z)), z, ZerosLike(z)) },
			func(z *Node) *Node { return MulScalar(Add(z, Abs(z)), 0.5) },
			func(z *Node) *Node { return Mul(z, ConvertDType(GreaterThan(z, zero(z)), z.DType())) },
			func(z *Node) *Node { return activation.Relu(StopGradient(z)) },
		}},
		{"sigmoid", []func(*Node) *Node{
			Sigmoid,
			func(z *Node) *Node { return Reciprocal(OnePlus(Exp(Neg(z)))) },
			func(z *Node) *Node { return MulScalar(OnePlus(Tanh(MulScalar(z, 0.5))), 0.5) },
		}},
		{"square", []func(*Node) *Node{
			Square,
			func(z *Node) *Node { return Mul(z, z) },
			func(z *Node) *Node { return PowScalar(Abs(z), 2) },
		}},
		{"softmax", []func(*Node) *Node{
			func(z *Node) *Node { return Softmax(z) },
			func(z *Node) *Node { e := Exp(z); return Div(e, ReduceAndKeep(e, ReduceSum, -1)) },
			func(z *Node) *Node { return Softmax(AddScalar(z, 3)) },
		}},
	} {
		for _, b := range backend.ForTest(t) {
			for _, m := range methodsOn(t, b) {
				if strings.Contains(m.except, "form") {
					continue
				}
				targets := make([]Target, len(c.forms)) // one model of all forms: compiling takes the time
				for i := range targets {
					targets[i].Output = i * w.Rows()
				}
				all := attributeEach(t, b, m, function(func(x *Node) *Node {
					var outputs []*Node
					for _, form := range c.forms {
						y := form(Dot(x, Const(x.Graph(), matrix(w))).Product())
						outputs = append(outputs, Dot(y, Const(x.Graph(), matrix(w))).Product())
					}
					return Concatenate(outputs, 1)
				}), rows, background, targets)
				_, size := distance(all[0].Data, all[0].Data)
				if size == 0 {
					t.Errorf("%s on %s: %s: all values are 0, which says nothing", m.Name(), b.Name(), c.name)
				}
				for _, phi := range all[1:] {
					near(t, m.Name()+" on "+b.Name()+": "+c.name, phi.Data, all[0].Data, 1e-5*size+m.error)
				}
			}
		}
	}
}

func matrix(a *array.Array) [][]float32 {
	out := make([][]float32, a.Rows())
	for i := range out {
		out[i] = a.Row(i)
	}
	return out
}

// TestSplitTotals: the attributions of every split sum to the same number.
func TestSplitTotals(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	m := mlp(randomLayers(rng, 10, 20, 20, 20, 1))
	layers := []string{Input, "linear2", "relu1", "relu3"}
	for _, b := range backend.ForTest(t) {
		a, err := Explain(context.Background(), m, Rescale{}, Query{Rows: random(rng, 30, 10), Background: random(rng, 9, 10), Layers: layers, Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			var totals []float64
			for _, l := range a.Layers {
				totals = append(totals, float64(sum(l.Values.Row(i))))
			}
			for k, v := range totals {
				if math.Abs(v-totals[0]) > 1e-6 {
					t.Errorf("%s: row %d: %s sums to %g, the input to %g", b.Name(), i, layers[k], v, totals[0])
				}
			}
		}
	}
}

// TestBatchesDoNotMatter: any size of batch gives the same values up to
// rounding, the same call the same bytes; one row and one background row too.
func TestBatchesDoNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	m := mlp(randomLayers(rng, 8, 16, 16, 1))
	rows, background := random(rng, 23, 8), random(rng, 11, 8)
	for _, b := range backend.ForTest(t) {
		run := func(rows, background *array.Array, pairs int) *Attribution {
			t.Helper()
			steps, last := 0, 0
			a, err := Explain(context.Background(), m, Rescale{}, Query{Rows: rows, Background: background,
				Layers: []string{Input, "relu3"}, Memory: pairs * 4 * 16, Backend: b,
				Progress: func(done, total int) {
					if steps++; done <= last || total != rows.Rows() {
						t.Errorf("progress %d of %d after %d", done, total, last)
					}
					last = done
				},
			})
			if err != nil {
				t.Fatalf("%s: pairs %d: %v", b.Name(), pairs, err)
			}
			if last != rows.Rows() {
				t.Errorf("%s: progress ended at %d of %d", b.Name(), last, rows.Rows())
			}
			return a
		}
		whole := run(rows, background, 0)
		for i, again := range run(rows, background, 0).Layers {
			if !again.Values.Equal(whole.Layers[i].Values) {
				t.Errorf("%s: two equal calls differ in layer %s", b.Name(), again.Layer)
			}
		}
		for _, pairs := range []int{4, 7, 22, 55, 100000} {
			a := run(rows, background, pairs)
			for i, l := range a.Layers {
				near(t, b.Name()+": "+l.Layer, l.Values.Data, whole.Layers[i].Values.Data, 2e-6)
			}
			if math.Abs(a.BaseValue()-whole.BaseValue()) > 1e-7 {
				t.Errorf("%s: pairs %d: base value %g, want %g", b.Name(), pairs, a.BaseValue(), whole.BaseValue())
			}
		}
		one := run(rows.Slice(4, 5), background, 0)
		near(t, b.Name()+": one row", one.Layers[0].Values.Data, whole.Layers[0].Values.Row(4), 1e-6)
		mean := make([]float32, 8) // of single background rows
		few := background.Slice(0, 3)
		for i := range few.Rows() {
			for k, v := range run(rows.Slice(4, 5), few.Slice(i, i+1), 0).Layers[0].Values.Data {
				mean[k] += v / float32(few.Rows())
			}
		}
		near(t, b.Name()+": single background rows", mean, run(rows.Slice(4, 5), few, 0).Layers[0].Values.Data, 1e-6)
	}
}
