package measure_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/fixture/net"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/measure"
	"github.com/gojacard/jacard/pkg/network"
)

var ctx = context.Background()

func near(t *testing.T, what string, got []float64, want []float32, atol, rtol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(got[i] - float64(want[i])); !(d <= atol+rtol*math.Abs(float64(want[i]))) {
			t.Errorf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

// TestCaptum compares curves, infidelity and max-sensitivity with captum's.
func TestCaptum(t *testing.T) {
	c := fixture.Load(t, "metrics-explanations")
	m := net.Network(t, c, "model")
	units, _ := c.Ints("target")
	for _, b := range backend.ForTest(t) {
		q := attribution.Query{Rows: c.Array("x"), Target: attribution.Target{Outputs: units}, Backend: b}
		phi := c.Array("attribution")
		curves := q
		curves.Background = c.Array("baseline")
		for _, order := range []string{"morf", "lerf"} {
			for _, way := range []string{"deletion", "insertion"} {
				got, err := measure.Curve(ctx, m, curves, phi, measure.CurveConfig{Insert: way == "insertion", Least: order == "lerf"})
				if err != nil {
					t.Fatal(err)
				}
				name := order + "." + way
				near(t, b.Name()+" "+name, slices.Concat(got.Rows...), c.Array(name).Data, 2e-6, 0)
				near(t, b.Name()+" "+name+" area", got.Area, c.Array(name+"_auc").Data, 2e-6, 0)
			}
		}
		sensitivity, err := measure.MaxSensitivity(ctx, m, attribution.Saliency{}, q, c.Array("sensitivity.perturbation"))
		if err != nil {
			t.Fatal(err)
		}
		near(t, b.Name()+" sensitivity", sensitivity, c.Array("sensitivity.value").Data, 1e-5, 1e-3)
		for _, normalise := range []bool{false, true} {
			got, err := measure.Infidelity(ctx, m, q, phi, c.Array("infidelity.perturbation"), normalise)
			if err != nil {
				t.Fatal(err)
			}
			name := map[bool]string{false: "infidelity.value", true: "infidelity.normalised"}[normalise]
			near(t, b.Name()+" "+name, got, c.Array(name).Data, 1e-7, 1e-3)
		}
	}
}

// linear is a model whose attributions are known: weight times input.
func linear(t *testing.T, weights ...float32) *network.Network {
	t.Helper()
	n, err := network.New("linear", []int{len(weights)}, network.Dense(1))
	if err != nil {
		t.Fatal(err)
	}
	w, err := array.From(weights, 1, len(weights))
	if err != nil {
		t.Fatal(err)
	}
	if n, err = n.WithParameters(n.Parameters().With("dense0.weight", w)); err != nil {
		t.Fatal(err)
	}
	return n
}

func rows(t *testing.T, values ...[]float32) *array.Array {
	t.Helper()
	a, err := array.FromRows(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestLinear: a linear model's own shares have no infidelity, their deletion
// falls as fast as any order can, and joined inputs count as one player.
func TestLinear(t *testing.T) {
	m := linear(t, 3, -1, 2, 0.5)
	x, base := rows(t, []float32{1, 1, 1, 1}), rows(t, []float32{0, 0, 0, 0})
	q := attribution.Query{Rows: x, Background: base, Backend: backend.ForTest(t)[0], Seed: 5}
	a, err := attribution.Explain(ctx, m, attribution.Rescale{}, q)
	if err != nil {
		t.Fatal(err)
	}
	gaps, err := measure.Completeness(a, attribution.Input)
	if err != nil || math.Abs(gaps[0]) > 1e-6 {
		t.Errorf("completeness: %v, %v", gaps, err)
	}
	phi := a.Layers[0].Values
	noise, err := measure.Noise(x, 20, 0.3, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := measure.Infidelity(ctx, m, q, phi, noise, false)
	if err != nil || got[0] > 1e-12 {
		t.Errorf("infidelity: %v, %v", got, err)
	}
	curve, err := measure.Curve(ctx, m, q, phi, measure.CurveConfig{Random: 30})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "deletion", curve.Rows[0], []float32{4.5, 1.5, -0.5, -1, 0}, 1e-6, 0)
	near(t, "its mean", curve.Mean(), []float32{4.5, 1.5, -0.5, -1, 0}, 1e-6, 0)
	if curve.RandomArea <= curve.Area[0] || len(curve.RandomStd) != 5 || curve.RandomStd[0] != 0 || curve.RandomStd[2] == 0 {
		t.Errorf("control: area %g of %g, deviations %v", curve.RandomArea, curve.Area[0], curve.RandomStd)
	}
	few, done, total, calls := q, 0, 0, 0
	few.Memory = 150 // few rows at once: curves go on in the next batch
	few.Progress = func(d, all int) { done, total, calls = d, all, calls+1 }
	again, err := measure.Curve(ctx, m, few, phi, measure.CurveConfig{Random: 30})
	if err != nil || !slices.Equal(again.RandomMean, curve.RandomMean) || !slices.Equal(again.Rows[0], curve.Rows[0]) {
		t.Errorf("the same seed gives another control in little memory: %v", err)
	}
	if done != 31*5 || total != done || calls < 10 {
		t.Errorf("progress ended at %d of %d after %d calls, want all of %d rows in several", done, total, calls, 31*5)
	}
	q.Groups = [][]int{{0, 0, 1, 1}}
	curve, err = measure.Curve(ctx, m, q, rows(t, []float32{2, 2.5}), measure.CurveConfig{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "groups", curve.Rows[0], []float32{4.5, 2, 0}, 1e-6, 0)
}

// TestMaxSensitivity: attributions of a linear model to its input are
// w·(x − b), so a step u changes them by |w·u|/|w·(x − b)|.
func TestMaxSensitivity(t *testing.T) {
	m := linear(t, 3, 4)
	q := attribution.Query{Rows: rows(t, []float32{1, 1}), Background: rows(t, []float32{0, 0}), Backend: backend.ForTest(t)[0]}
	u, err := array.From([]float32{0.1, 0, 0, 0.1, 0, 0}, 1, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	got, err := measure.MaxSensitivity(ctx, m, attribution.Rescale{}, q, u)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "sensitivity", got, []float32{0.4 / 5}, 1e-6, 0)
	q.Background = q.Rows
	if got, err = measure.MaxSensitivity(ctx, m, attribution.Rescale{}, q, u); err != nil || !math.IsNaN(got[0]) {
		t.Errorf("where the attribution is zero: got %v, %v, want NaN", got, err)
	}
	ball, err := measure.Ball(q.Rows, 50, 0.02, 3)
	if err != nil {
		t.Fatal(err)
	}
	if low, high := slices.Min(ball.Data), slices.Max(ball.Data); low < -0.02 || low > -0.01 || high < 0.01 || high > 0.02 {
		t.Errorf("perturbations from %g to %g, want them to fill ±0.02", low, high)
	}
}

func TestAgreement(t *testing.T) {
	a := []float32{1, 2, 3, 4}
	for _, c := range []struct {
		how  measure.Agreement
		b    []float32
		want float64
	}{
		{measure.Spearman, []float32{10, 20, 30, 40}, 1},
		{measure.Spearman, []float32{4, 3, 2, 1}, -1},
		{measure.Spearman, []float32{1, 1, 3, 4}, 0.9486832980505138}, // ranks 1.5, 1.5, 3, 4
		{measure.SpearmanAbs, []float32{-1, 2, -3, 4}, 1},
		{measure.Signs, []float32{-1, 2, 0, 4}, 0.5},
		{measure.TopOverlap(2), []float32{-9, 0, 0, 4}, 0.5},
		{measure.TopOverlap(9), []float32{0, 0, 0, 0}, 1},
	} {
		if got := c.how(a, c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v with %v: got %g, want %g", a, c.b, got, c.want)
		}
	}
	if got := measure.Spearman(a, []float32{2, 2, 2, 2}); !math.IsNaN(got) {
		t.Errorf("against equal values: %g, want NaN", got)
	}
	x, y := rows(t, a, []float32{0, 0, 0, 0}), rows(t, []float32{4, 3, 2, 1}, a)
	got, err := measure.Agree(measure.Spearman, x, y)
	if err != nil || got[0][1] != -1 || got[0][0] != 1 || got[1][0] != -1 {
		t.Errorf("rows that have no ranks are left out: %v, %v", got, err)
	}
}

func TestGini(t *testing.T) {
	got, err := measure.Gini(rows(t, []float32{1, -1, 1, -1}, []float32{0, 0, 0, 5}, []float32{0, 0, 0, 0}, []float32{1, 2, 3, 4}))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Gini", got, []float32{0, 0.75, 0, 0.25}, 1e-6, 0)
}

// TestRandomise: what the network has learned changes its attributions, and a
// cascade forgets all of it; an independent stage keeps the other layers.
func TestRandomise(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	n, err := network.New("mlp", []int{12}, network.Dense(20), network.ReLU(), network.Dense(3))
	if err != nil {
		t.Fatal(err)
	}
	n = n.Initialize(network.TorchInit, rng)
	x := array.New(5, 12)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	q := attribution.Query{Rows: x, Background: array.New(1, 12), Backend: backend.ForTest(t)[0], Seed: 3}
	for _, independent := range []bool{false, true} {
		p, err := measure.Randomise(ctx, n, []attribution.Method{attribution.Rescale{}}, q, measure.RandomiseConfig{Independent: independent, Labels: n})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"trained", "dense2", "dense0", "shuffled labels"}; !slices.Equal(p.Stages, want) {
			t.Fatalf("stages %v, want %v", p.Stages, want)
		}
		s := p.Similarity[0]
		if s[0] != 1 || s[3] != 1 || s[1] > 0.9 || s[2] > 0.9 {
			t.Errorf("similarities %v", s)
		}
		again, err := measure.Randomise(ctx, n, []attribution.Method{attribution.Rescale{}}, q, measure.RandomiseConfig{Independent: independent})
		if err != nil || !again.Values[0][2].Equal(p.Values[0][2]) {
			t.Errorf("the same seed gives another panel: %v", err)
		}
	}
}

func TestBadInput(t *testing.T) {
	m := linear(t, 1, 2)
	x, base := rows(t, []float32{1, 1}), rows(t, []float32{0, 0})
	q := attribution.Query{Rows: x, Background: base, Backend: backend.ForTest(t)[0]}
	none := q
	none.Background = nil
	split := q
	split.Groups = [][]int{{0, 5}}
	nan := rows(t, []float32{1, float32(math.NaN())})
	other := linear(t, 1, 2, 3)
	broken := func(_ network.Spec, values []float32, _ *rand.Rand) { values[0] = float32(math.NaN()) }
	for want, err := range map[string]error{
		"needs a baseline":             second(measure.Curve(ctx, m, none, x, measure.CurveConfig{})),
		"Steps -1":                     second(measure.Curve(ctx, m, q, x, measure.CurveConfig{Steps: -1})),
		"value 1 of row 0 is NaN":      second(measure.Curve(ctx, m, q, nan, measure.CurveConfig{})),
		"names players 0…5":            second(measure.Curve(ctx, m, split, x, measure.CurveConfig{})),
		"values of 2 rows for 1 rows":  second(measure.Curve(ctx, m, q, array.New(2, 2), measure.CurveConfig{})),
		"want [rows, draws, ...]":      second(measure.Infidelity(ctx, m, q, x, array.New(1, 3, 5), false)),
		"0 draws":                      second(measure.Noise(x, 0, 1, 0)),
		"radius -1":                    second(measure.Ball(x, 1, -1, 0)),
		"no attributions to compare":   second(measure.Agree(measure.Spearman)),
		"attributions 1 have 1 rows":   second(measure.Agree(measure.Spearman, array.New(2, 2), x)),
		"no methods to check":          second(measure.Randomise(ctx, m, nil, q, measure.RandomiseConfig{})),
		`saliency, stage "dense0"`:     second(measure.Randomise(ctx, m, []attribution.Method{attribution.Saliency{}}, none, measure.RandomiseConfig{Init: broken})),
		"has other layers than":        second(measure.Randomise(ctx, m, []attribution.Method{attribution.Rescale{}}, q, measure.RandomiseConfig{Labels: other})),
		"shape [0 2] holds nothing":    second(measure.Gini(array.New(0, 2))),
		"takes one for all rows":       second(measure.MaxSensitivity(ctx, m, attribution.Rescale{}, attribution.Query{Rows: x, Groups: [][]int{{0, 0}, {0, 1}}}, array.New(1, 1, 2))),
		"no network given":             second(measure.Randomise(ctx, nil, []attribution.Method{attribution.Rescale{}}, q, measure.RandomiseConfig{})),
		`layer "dense9" was not asked`: second(measure.Completeness(&attribution.Attribution{}, "dense9")),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func ExampleCurve() {
	m, err := network.New("sum", []int{3}, network.Dense(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	w, _ := array.From([]float32{1, 5, 2}, 1, 3)
	if m, err = m.WithParameters(m.Parameters().With("dense0.weight", w)); err != nil {
		fmt.Println(err)
		return
	}
	x, _ := array.FromRows([][]float32{{1, 1, 1}})
	base, _ := array.FromRows([][]float32{{0, 0, 0}})
	phi, _ := array.FromRows([][]float32{{1, 5, 2}})
	c, err := measure.Curve(ctx, m, attribution.Query{Rows: x, Background: base}, phi, measure.CurveConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("output while inputs are deleted:", c.Rows[0])
	// Output:
	// output while inputs are deleted: [8 3 1 0]
}
