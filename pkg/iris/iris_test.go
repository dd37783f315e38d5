package iris_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/iris"
	"github.com/gojacard/jacard/pkg/network"
)

var ctx = context.Background()

func open(t testing.TB, cfg iris.Config) *iris.Study {
	t.Helper()
	all := backend.ForTest(t)
	s, err := iris.Open(cfg, iris.Options{Store: t.TempDir(), Backend: all[len(all)-1], Announce: func(string) {},
		Progress: func(string) func(int, int) { return func(int, int) {} }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// trained trains the published network once for all tests.
var trained = sync.OnceValue(func() func(testing.TB) *iris.Classifier {
	var c *iris.Classifier
	return func(t testing.TB) *iris.Classifier {
		if c == nil {
			c = must(open(t, iris.Published()).Classifier(ctx))
		}
		return c
	}
})

func everyRow() []int {
	ids := make([]int, iris.Rows)
	for i := range ids {
		ids[i] = i
	}
	return ids
}

func TestFlowers(t *testing.T) {
	for _, stratified := range []bool{false, true} {
		cfg := iris.Published()
		cfg.Stratified = stratified
		f := must(open(t, cfg).Flowers(ctx))
		all := slices.Concat(f.Train, f.Test)
		slices.Sort(all)
		if len(f.Test) != 15 || !slices.Equal(all, everyRow()) {
			t.Errorf("test rows %v and %d training rows are no split of 150", f.Test, len(f.Train))
		}
		count := make([]int, 3)
		for _, id := range f.Test {
			count[f.Labels[id]]++
		}
		if stratified && !slices.Equal(count, []int{5, 5, 5}) || !stratified && slices.Equal(count, []int{5, 5, 5}) {
			t.Errorf("stratified %v: test rows by species %v", stratified, count)
		}
		for k := range iris.Features {
			sum, square := 0.0, 0.0
			for _, id := range f.Train {
				v := float64(f.Values.At(id, k))
				sum, square = sum+v, square+v*v
			}
			n := float64(len(f.Train))
			if math.Abs(sum/n) > 1e-6 || math.Abs(square/n-1) > 1e-6 { // float32
				t.Errorf("%s: mean %g and variance %g over the training rows", iris.Features[k], sum/n, square/n)
			}
		}
	}
	cfg := iris.Published()
	cfg.UCI = true
	if v := must(open(t, cfg).Flowers(ctx)).Centimetres.At(34, 3); v != 0.1 {
		t.Errorf("UCI's flower 34 has petal width %g", v)
	}
}

// TestClassifier computes the network again in float64.
func TestClassifier(t *testing.T) {
	c := trained()(t)
	w, b := must(c.Net.Parameters().Get("dense0.weight")), must(c.Net.Parameters().Get("dense0.bias"))
	w2, b2 := must(c.Net.Parameters().Get("dense2.weight")), must(c.Net.Parameters().Get("dense2.bias"))
	const tolerance = 1e-4 // activations to 10 in float32, sums of twelve
	for id := range iris.Rows {
		hidden := make([]float64, 12)
		for j := range hidden {
			z := float64(b.Data[j])
			for i := range 4 {
				z += float64(w.At(j, i)) * float64(c.Values.At(id, i))
			}
			hidden[j] = max(z, 0)
			if math.Abs(hidden[j]-float64(c.Hidden.At(id, j))) > tolerance {
				t.Fatalf("flower %d, neuron %d: %g, want %g", id, j, c.Hidden.At(id, j), hidden[j])
			}
		}
		for k := range 3 {
			z := float64(b2.Data[k])
			for j, h := range hidden {
				z += float64(w2.At(k, j)) * h
			}
			if math.Abs(z-float64(c.Logits.At(id, k))) > tolerance {
				t.Fatalf("flower %d, logit %d: %g, want %g", id, k, c.Logits.At(id, k), z)
			}
		}
	}
	if len(c.Loss) != 125 || c.Loss[0] < 0.9 || c.Loss[0] > 1.4 || c.Loss[124] >= 0.06 {
		t.Errorf("%d losses from %g to %g; want ln 3 or so, then below 0.06", len(c.Loss), c.Loss[0], c.Loss[124])
	}
	if p := must(c.Probabilities(0)); math.Abs(p[0]+p[1]+p[2]-1) > 1e-12 || p[0] < 0.99 {
		t.Errorf("probabilities %v of the first setosa", p)
	}
	m := must(c.Measure(c.Train))
	if m.Rows != 135 || m.Right < 130 || m.CrossEntropy > c.Loss[124] {
		t.Errorf("training rows: %+v after a last loss of %g", m, c.Loss[124])
	}
	if again := must(open(t, iris.Published()).Classifier(ctx)); !again.Logits.Equal(c.Logits) {
		t.Error("the same seed gave another network")
	}
}

// TestBands holds the study to the bands: the mean over ten seeds.
func TestBands(t *testing.T) {
	if testing.Short() {
		t.Skip("trains ten networks")
	}
	s := open(t, iris.Published())
	for _, c := range must(s.Compare(ctx)) {
		t.Logf("%s: published %s, ours %s, accepted %s", c.Quantity, c.Published, c.Ours, c.Band)
		if c.Band != "" && !c.Met {
			t.Errorf("%s is %s, accepted %s", c.Quantity, c.Ours, c.Band)
		}
	}
	stable := must(s.Stability(ctx))
	for _, r := range stable.Runs {
		total := r.Shared + r.Silent + r.Dead
		for k, n := range r.Exclusive {
			total += n
			if r.MeanActive[k] < 1 || r.MeanActive[k] > 12 {
				t.Errorf("seed %d: %g neurons active for %s", r.Seed, r.MeanActive[k], iris.Species[k])
			}
		}
		if total != 12 {
			t.Errorf("seed %d: roles of %d neurons", r.Seed, total)
		}
	}
	for j, v := range stable.Match {
		if v < -1 || v > 1+1e-12 {
			t.Errorf("neuron %d: correlation %g", j, v)
		}
	}
}

// byHand is a network of three neurons whose roles can be read off.
func byHand(t *testing.T) *iris.Classifier {
	t.Helper()
	net := must(network.New("hand", []int{4}, network.Dense(3), network.ReLU(), network.Dense(3)))
	p := net.Parameters()
	// Neuron 0 fires for setosa, neuron 1 for all, neuron 2 never.
	p = p.With("dense0.weight", must(array.From([]float32{1, -1, 0, 0, 0, 0, 2, -1, 0, 0, 0, 0}, 3, 4)))
	p = p.With("dense0.bias", must(array.From([]float32{0, 1, -1}, 3)))
	p = p.With("dense2.weight", must(array.From([]float32{3, 0, 1, 0, 1, 1, -1, 0.5, 1}, 3, 3)))
	p = p.With("dense2.bias", must(array.From([]float32{0, 0.1, 0.2}, 3)))
	net = must(net.WithParameters(p))
	c := &iris.Classifier{Net: net, Labels: []int{0, 0, 1, 2}, Values: must(array.From([]float32{
		1, -1, 0.5, 1, // neuron 0: 2, neuron 1: 1
		-1, -2, 0, 0, // 1 by its negative weight, 1
		-1, 0, 0, 1, // 0, 0
		0, 0.5, 1, -1, // 0, 4
	}, 4, 4))}
	out := must(net.Activations(ctx, c.Values, []string{"relu1", "dense2"}, network.RunConfig{Backend: backend.ForTest(t)[0]}))
	c.Hidden, c.Logits, c.Predicted = out[0], out[1], []int{0, 0, 2, 1}
	return c
}

func TestRoles(t *testing.T) {
	r := must(byHand(t).Roles([]int{0, 1, 2, 3}))
	want := []iris.Role{{Neuron: 0, Species: []int{0}, Kind: iris.Exclusive}, {Neuron: 1, Species: []int{0, 2}, Kind: iris.Shared}, {Neuron: 2, Kind: iris.Dead}}
	if fmt.Sprint(r.Neurons) != fmt.Sprint(want) {
		t.Errorf("roles %v, want %v", r.Neurons, want)
	}
	if got, want := r.ShareActive.Data, []float32{1, 0, 0, 1, 0, 1, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("share active %v, want %v", got, want)
	}
	if got, want := r.MeanActivation.Data, []float32{1.5, 0, 0, 1, 0, 4, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("mean activation %v, want %v", got, want)
	}
	if got := r.Of(iris.Exclusive, 1); got != nil {
		t.Errorf("exclusive to versicolor: %v", got)
	}
	if v := must(byHand(t).Roles([]int{0})).ShareActive.At(0, 2); v == v {
		t.Errorf("share %g of a species without rows, want NaN", v)
	}
}

// TestExplain: the published rule overlooks a negative weight on a negative
// value, and the published loop keeps the last neuron's features alone.
func TestExplain(t *testing.T) {
	c, ids := byHand(t), []int{0, 1, 2, 3}
	for rule, want := range map[iris.Rule]string{
		iris.Contribution:   "[[0 1] [2]] [[1] []] [] [[2 3]]",
		iris.PositiveWeight: "[[0] [2]] [[0] [2]] [] [[2]]",
	} {
		var got []string
		for _, e := range must(c.Explain(ids, rule)) {
			got = append(got, fmt.Sprint(e.Relevant))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", rule, strings.Join(got, " "), want)
		}
	}
	if got, want := fmt.Sprint(must(c.LegacyExplanations(ids))), "[[{[0 1] [2]} {[0 1] [2]}] [{[1] [2]}] [{[] []}]]"; got != want {
		t.Errorf("as published %s, want %s", got, want)
	}
	v := must(c.Contributions(3))
	if !slices.Equal(v.Data, []float32{0, -0.5, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0}) {
		t.Errorf("w·x %v", v.Data)
	}
}

// TestAblate compares with networks whose weights from the neuron are 0.
func TestAblate(t *testing.T) {
	c := trained()(t)
	ids := everyRow()
	all := must(c.Ablate(ids))
	if len(all) != 13 || all[0].Flips != 0 || all[0].Right != must(c.Measure(ids)).Right {
		t.Fatalf("%d ablations, first %+v", len(all), all[0])
	}
	w := must(c.Net.Parameters().Get("dense2.weight"))
	be := backend.ForTest(t)
	for j := range 12 {
		without := w.Clone()
		for k := range 3 {
			without.Row(k)[j] = 0
		}
		net := must(c.Net.WithParameters(c.Net.Parameters().With("dense2.weight", without)))
		logits := must(net.Predict(ctx, c.Values, network.RunConfig{Backend: be[len(be)-1]}))
		for k := range 3 {
			mean := 0.0
			for id := 50 * k; id < 50*(k+1); id++ {
				mean += float64(logits.At(id, k)-c.Logits.At(id, k)) / 50
			}
			if got := all[j+1].Logits[k][k]; math.Abs(got-mean) > 1e-4 { // float32 sums of logits up to 30
				t.Errorf("neuron %d: logit of %s changes by %g, want %g", j, iris.Species[k], got, mean)
			}
		}
	}
}

// TestConductance integrates along the line in many small steps.
func TestConductance(t *testing.T) {
	c := trained()(t)
	ids := []int{0, 60, 133}
	got := must(c.Conductance(ids))
	if got.Gap > 1e-4 {
		t.Errorf("gap %g", got.Gap)
	}
	w, b := must(c.Net.Parameters().Get("dense0.weight")), must(c.Net.Parameters().Get("dense0.bias"))
	w2 := must(c.Net.Parameters().Get("dense2.weight"))
	const steps = 2000
	for r, id := range ids {
		for j := range 12 {
			sum := 0.0
			for s := range steps {
				// ∂h/∂x·(x − x′) at the middle of the step; z is linear in h.
				z, slope := float64(b.Data[j]), 0.0
				for i := range 4 {
					v := float64(w.At(j, i)) * float64(c.Values.At(id, i))
					z += v * (float64(s) + 0.5) / steps
					slope += v
				}
				if z > 0 {
					sum += slope * float64(w2.At(c.Labels[id], j)) / steps
				}
			}
			v := float64(got.Values.At(r, j))
			if math.Abs(v-sum) > 0.02 { // one step holds the kink: slopes to 10, weights to 3, /2000
				t.Errorf("flower %d, neuron %d: %g, want %g", id, j, v, sum)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for want, spoil := range map[string]func(*iris.Config){
		"Hidden is 0":            func(c *iris.Config) { c.Hidden = 0 },
		"TestRows is 148 of 150": func(c *iris.Config) { c.TestRows = 148 },
		"Rate is NaN":            func(c *iris.Config) { c.Rate = math.NaN() },
		"Seeds is -1":            func(c *iris.Config) { c.Seeds = -1 },
	} {
		cfg := iris.Published()
		spoil(&cfg)
		if _, err := iris.Open(cfg, iris.Options{Store: t.TempDir()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	c := byHand(t)
	for name, err := range map[string]error{
		"roles":         second(c.Roles([]int{4})),
		"no roles":      second(c.Roles(nil)),
		"explanation":   second(c.Explain([]int{-1}, iris.Contribution)),
		"rule":          second(c.Explain([]int{0}, iris.Rule(7))),
		"contributions": second(c.Contributions(4)),
		"ablation":      second(c.Ablate([]int{4})),
		"conductance":   second(c.Conductance([]int{4})),
		"probabilities": second(c.Probabilities(4)),
		"nothing":       second(c.Measure(nil)),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "iris: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
