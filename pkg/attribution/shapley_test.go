package attribution

import (
	"context"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// TestExactEqualsEnumeration compares values, worths of all 256 coalitions and
// interactions with the fixture's float64 enumeration.
func TestExactEqualsEnumeration(t *testing.T) {
	c := fixture.Load(t, "shapley-exact")
	m := mlp(fixtureLayers(c, "model"))
	q := Query{Rows: c.Array("x"), Background: c.Array("background")}
	for _, b := range backend.ForTest(t) {
		q.Backend = b
		all, err := ExplainEach(context.Background(), m, ExactShapley{Interactions: true}, q, []Target{{}, {Output: 1}})
		if err != nil {
			t.Fatal(err)
		}
		for out, a := range all {
			near(t, b.Name()+": φ", a.Layers[0].Values.Data, outputOf(c.Array("phi"), out), tolerance(t, c, "phi"))
			if a.MaxGap() > 1e-5 {
				t.Errorf("%s: gap %.2g of the scale", b.Name(), a.MaxGap())
			}
		}
		pairs := all[0].Layers[0].Interactions
		near(t, b.Name()+": interactions", pairs.Slice(0, 2).Data, c.Array("interaction_output0").Data, tolerance(t, c, "interaction_output0"))

		p := mustProblem(t, m, ExactShapley{}, q, Target{}, Target{Output: 1})
		defer p.close()
		g, err := p.newGame(context.Background(), Input)
		if err != nil {
			t.Fatal(err)
		}
		worths, done := array.New(5, 256, 2), 0
		err = ExactShapley{}.enumerate(context.Background(), g, slices.Repeat([][]int{identity(8)}, 5), func(target, row int, v []float64) {
			for s, worth := range v {
				worths.Row(row)[2*s+target] = float32(worth)
			}
		}, &done, 5*256)
		if err != nil || done != 5*256 {
			t.Fatalf("%d coalitions: %v", done, err)
		}
		near(t, b.Name()+": worths", worths.Data, c.Array("coalition_value").Data, tolerance(t, c, "coalition_value"))
	}
}

// TestCaptum: exact values against one baseline, and sampled ones over the
// orders that captum drew; one output for each row.
func TestCaptum(t *testing.T) {
	c := fixture.Load(t, "captum-mlp")
	m := mlp(fixtureLayers(c, "model"))
	units, _ := c.Ints("target")
	target := Target{Outputs: units[:4]}
	orders, dims := c.Ints("shapley_sampling_permutations")
	plan := givenDraws(4, 1, func(_ *game, row int) iter.Seq[draw] {
		return func(yield func(draw) bool) {
			for order := range slices.Chunk(orders, dims[1]) {
				yield(draw{players: identity(dims[1]), paths: []path{{order: order}}})
			}
		}
	})
	for _, b := range backend.ForTest(t) {
		q := Query{Rows: c.Array("x").Slice(0, 4), Background: c.Array("baseline"), Target: target, Backend: b}
		a, err := Explain(context.Background(), m, ExactShapley{}, q)
		if err != nil {
			t.Fatal(err)
		}
		near(t, b.Name()+": exact", a.Layers[0].Values.Data, c.Array("shapley_exact").Data, tolerance(t, c, "shapley_exact"))
		a = samplePlan(t, m, q, target, plan)
		near(t, b.Name()+": sampled", a.Layers[0].Values.Data, c.Array("shapley_sampling").Data, tolerance(t, c, "shapley_sampling"))
	}
}

// TestOneByOneEqualsScikitLearn runs the legacy estimator over the draws of
// the fixture, whose model ends in a softmax.
func TestOneByOneEqualsScikitLearn(t *testing.T) {
	c := fixture.Load(t, "sklearn-mlp")
	m := function(func(x *graph.Node) *graph.Node {
		for i, last := range []bool{false, false, true} {
			name := string(rune('0' + i))
			x = graph.Dot(x, graph.Const(x.Graph(), matrix(c.Array("coefs."+name)))).Product()
			x = graph.Add(x, graph.InsertAxes(graph.Const(x.Graph(), c.Array("intercepts."+name).Data), 0))
			if !last {
				x = graph.Max(x, graph.ScalarZero(x.Graph(), x.DType()))
			}
		}
		return graph.Softmax(x)
	})
	index, dims := c.Ints("index")
	replaced, _ := c.Ints("subset")
	n, draws := dims[0], dims[1]
	plan := givenDraws(1, 60, func(*game, int) iter.Seq[draw] {
		return func(yield func(draw) bool) {
			for i, b := range index {
				k := i / draws
				var order []int
				for j, r := range replaced[i*n:][:n] {
					if r == 0 && j != k {
						order = append(order, j)
					}
				}
				yield(draw{background: b, players: []int{k}, paths: []path{{order: append(order, k), from: len(order)}}})
			}
		}
	})
	plan.longest = 1
	for _, b := range backend.ForTest(t) {
		q := Query{Rows: c.Array("x").Slice(0, 1), Background: c.Array("background"), Backend: b}
		a := samplePlan(t, m, q, Target{Output: 2}, plan)
		near(t, b.Name()+": values", a.Layers[0].Values.Data, c.Array("shapley").Data, tolerance(t, c, "shapley"))
		near(t, b.Name()+": standard errors", a.Layers[0].Errors.Data, c.Array("shapley_se").Data, tolerance(t, c, "shapley_se"))
	}
}

// TestSampledWithinErrors: on 30 inputs, the values are as near to a long run
// as their standard errors say, and their errors no larger than those of
// shap.PermutationExplainer with as many evaluations.
func TestSampledWithinErrors(t *testing.T) {
	c := fixture.Load(t, "shapley-sampling")
	m := mlp(fixtureLayers(c, "model"))
	for _, b := range backend.ForTest(t) {
		q := Query{Rows: c.Array("x"), Background: c.Array("background"), Seed: 7, Backend: b}
		a, err := Explain(context.Background(), m, SampledShapley{Draws: 400}, q)
		if err != nil {
			t.Fatal(err)
		}
		within(t, b.Name(), c, a)
		ours, theirs := mean(a.Layers[0].Errors.Data), mean(c.Array("permutation_sd").Data)
		t.Logf("%s: mean standard error %.4f, of shap %.4f", b.Name(), ours, theirs)
		if ours > 1.5*theirs { // 10 pairs of orders on each of 20 background rows
			t.Errorf("%s: mean standard error %.4f, more than 1.5 times %.4f", b.Name(), ours, theirs)
		}
	}
}

// TestKernelWithinErrors does the same for kernel SHAP and its budget in shap.
func TestKernelWithinErrors(t *testing.T) {
	c := fixture.Load(t, "shapley-sampling")
	m := mlp(fixtureLayers(c, "model"))
	for _, b := range backend.ForTest(t) {
		q := Query{Rows: c.Array("x"), Background: c.Array("background"), Seed: 8, Backend: b}
		a, err := Explain(context.Background(), m, KernelSHAP{Coalitions: 1000}, q)
		if err != nil {
			t.Fatal(err)
		}
		within(t, b.Name(), c, a)
		ours, theirs := mean(a.Layers[0].Errors.Data), mean(c.Array("kernel_sd").Data)
		t.Logf("%s: mean standard error %.4f, of shap %.4f", b.Name(), ours, theirs)
		if ours > 1.5*theirs {
			t.Errorf("%s: mean standard error %.4f, more than 1.5 times %.4f", b.Name(), ours, theirs)
		}
	}
}

// within holds estimates to the fixture's rule: 99 % no further from the
// reference than four standard errors, and sums equal to f(x) − mean f.
func within(t *testing.T, what string, c *fixture.Case, a *Attribution) {
	t.Helper()
	l, want, se := a.Layers[0], c.Array("phi_reference"), c.Array("phi_reference_se")
	far := 0
	for i, v := range l.Values.Data {
		z := math.Abs(float64(v-want.Data[i])) / math.Hypot(float64(l.Errors.Data[i]), float64(se.Data[i]))
		if z > 4 {
			far++
		}
	}
	if far*100 > len(want.Data) {
		t.Errorf("%s: %d of %d values further than four standard errors from the reference", what, far, len(want.Data))
	}
	for row, gap := range l.Gaps {
		if math.Abs(gap) > 1e-5 {
			t.Errorf("%s: row %d: the sum misses f(x) − mean f by %g", what, row, gap)
		}
	}
}

// TestErrorsAreStandardErrors: over 60 seeds, both estimators scatter about the
// exact values as their standard errors say.
func TestErrorsAreStandardErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	m := mlp(randomLayers(rng, 6, 12, 1))
	b := backend.ForTest(t)[0]
	q := Query{Rows: random(rng, 1, 6), Background: random(rng, 400, 6), Backend: b}
	exact, err := Explain(context.Background(), m, ExactShapley{}, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []Method{SampledShapley{Draws: 40}, SampledShapley{Draws: 40, LegacyOneByOne: true}, KernelSHAP{Coalitions: 30}, KernelSHAP{Coalitions: 54}} {
		var off, claimed float64
		const seeds = 60
		for q.Seed = range seeds {
			a, err := Explain(context.Background(), m, method, q)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range a.Layers[0].Values.Data {
				off += math.Pow(float64(v-exact.Layers[0].Values.Data[k]), 2)
				claimed += math.Pow(float64(a.Layers[0].Errors.Data[k]), 2)
			}
		}
		// 360 squares, of which the six of a seed hang together: their mean
		// scatters by about 15 %.
		if ratio := off / claimed; ratio < 0.6 || ratio > 1.6 {
			t.Errorf("%+v: mean squared error is %.2f of the squared standard errors", method, ratio)
		}
	}
}

func givenDraws(rows, background int, draws func(*game, int) iter.Seq[draw]) sampling {
	return sampling{longest: longestSegment, background: slices.Repeat([][]int{identity(background)}, rows),
		size: func(int) int { return 1 }, draws: draws}
}

func samplePlan(t *testing.T, m Model, q Query, target Target, plan sampling) *Attribution {
	t.Helper()
	p := mustProblem(t, m, SampledShapley{}, q, target)
	defer p.close()
	all, err := p.sample(context.Background(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func mustProblem(t *testing.T, m Model, method Method, q Query, targets ...Target) *problem {
	t.Helper()
	p, err := newProblem(m, method, q, targets)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mean(values []float32) float64 { return sum(values) / float64(len(values)) }
