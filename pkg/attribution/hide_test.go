package attribution

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/fixture/net"
)

// TestHidingEqualsCaptum compares ablation and occlusion with captum's.
func TestHidingEqualsCaptum(t *testing.T) {
	mlp, cnn := fixture.Load(t, "captum-mlp"), fixture.Load(t, "captum-cnn")
	segments, _ := cnn.Ints("segments")
	for _, c := range []struct {
		*fixture.Case
		key        string
		m          Method
		background string
		groups     []int
	}{
		{mlp, "feature_ablation", Ablation{}, "baseline", nil},
		{mlp, "occlusion", Occlusion{Window: []int{3}, Stride: []int{2}}, "baseline", nil},
		{cnn, "occlusion_stride3", Occlusion{Window: []int{3, 3, 3}, Stride: []int{3, 3, 3}}, "", nil},
		{cnn, "occlusion_stride2", Occlusion{Window: []int{3, 3, 3}, Stride: []int{3, 2, 2}}, "", nil},
		{cnn, "feature_ablation_segments", Ablation{}, "baseline", slices.Concat(segments, segments, segments)},
	} {
		network := net.Network(t, c.Case, "model")
		units, _ := c.Ints("target")
		q := Query{Rows: c.Array("x"), Target: Target{Outputs: units}}
		if c.background != "" {
			q.Background = c.Array(c.background)
		}
		if c.groups != nil {
			q.Groups = [][]int{c.groups}
		}
		for _, b := range backend.ForTest(t) {
			q.Backend = b
			a, err := Explain(context.Background(), network, c.m, q)
			if err != nil {
				t.Fatalf("%s: %s: %v", b.Name(), c.key, err)
			}
			got := a.Layers[0].Values.Data
			if c.groups != nil {
				got = nil
				for i := range q.Rows.Rows() {
					all, err := PerInput(a.Layers[0].Values.Row(i), c.groups)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, all...)
				}
			}
			near(t, b.Name()+": "+c.key, got, c.Array(c.key).Data, tolerance(t, c.Case, c.key))
		}
	}
}

// TestHidingTwin compares with the definitions, written out in float64 for a
// function known in closed form: two background rows, groups that differ from
// row to row, two targets in one call, small batches.
func TestHidingTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 1))
	rows, background := random(rng, 7, 2, 3), random(rng, 4, 2, 3)
	f := func(x []float32, unit int) float64 {
		var s, weighted float64
		for k, v := range x {
			s += float64(v)
			weighted += float64(v) * float64(k)
		}
		return []float64{s * s, weighted * s}[unit]
	}
	m := function(func(x *Node) *Node {
		flat := Reshape(x, x.Shape().Dim(0), 6)
		s := ReduceAndKeep(flat, ReduceSum, 1)
		k := Iota(x.Graph(), flat.Shape(), 1)
		return Concatenate([]*Node{Square(s), Mul(s, ReduceAndKeep(Mul(flat, k), ReduceSum, 1))}, 1)
	})
	mean := make([]float32, 6)
	for i := range background.Rows() {
		for k, v := range background.Row(i) {
			mean[k] += v / 4
		}
	}
	var groups [][]int
	for i := range rows.Rows() {
		of := []int{0, 1, 2, 0, 1, 2}
		if i%2 == 1 {
			of = []int{0, 0, 0, 1, 1, 0}
		}
		groups = append(groups, of)
	}
	drop := func(x []float32, set []int, donors [][]float32, unit int) float64 {
		var s float64
		for _, d := range donors {
			y := slices.Clone(x)
			for _, k := range set {
				y[k] = d[k]
			}
			s += (f(x, unit) - f(y, unit)) / float64(len(donors))
		}
		return s
	}
	var all [][]float32
	for i := range background.Rows() {
		all = append(all, background.Row(i))
	}
	for _, c := range []struct {
		name       string
		m          Method
		background bool
		donors     [][]float32
		groups     bool
	}{
		{"rows", Ablation{}, true, all, false},
		{"mean", Ablation{Fill{Mean: true}}, true, [][]float32{mean}, true},
		{"value", Ablation{Fill{Value: -2}}, false, [][]float32{{-2, -2, -2, -2, -2, -2}}, true},
		{"windows", Occlusion{Window: []int{2, 2}, Stride: []int{1, 2}}, true, all, false},
	} {
		q := Query{Rows: rows, Memory: 5 * 4 * 60}
		if c.background {
			q.Background = background
		}
		if c.groups {
			q.Groups = groups
		}
		for _, b := range backend.ForTest(t) {
			q.Backend = b
			got, err := ExplainEach(context.Background(), m, c.m, q, []Target{{}, {Output: 1}})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for unit, a := range got {
				for i := range rows.Rows() {
					x := rows.Row(i)
					want := make([]float32, a.Layers[0].Values.Width())
					switch {
					case c.name == "windows": // columns {0, 1} and {2}, cut at the edge, both of all rows
						for k := range want {
							sets := [][]int{{0, 1, 3, 4}, {2, 5}}
							want[k] = float32(drop(x, sets[k%3/2], c.donors, unit))
						}
					case c.groups:
						for g := range want {
							var set []int
							for k, of := range groups[i] {
								if of == g {
									set = append(set, k)
								}
							}
							want[g] = float32(drop(x, set, c.donors, unit))
						}
					default:
						for k := range want {
							want[k] = float32(drop(x, []int{k}, c.donors, unit))
						}
					}
					near(t, c.name+" on "+b.Name(), a.Layers[0].Values.Row(i), want, 1e-4) // of values near 50
				}
				if d := math.Abs(float64(a.Outputs.Data[3]) - f(rows.Row(3), unit)); d > 1e-5 {
					t.Errorf("%s: output misses by %g", c.name, d)
				}
			}
		}
	}
}

// TestPermutation: the mean over orders is ablation by the rows themselves,
// within its standard errors; errors shrink; the seed decides.
func TestPermutation(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 2))
	m, rows := mlp(randomLayers(rng, 5, 8, 1)), random(rng, 20, 5)
	groups := [][]int{{0, 1, 1, 2, 2}}
	b := backend.ForTest(t)[0]
	explain := func(m Model, method Method, q Query) *LayerAttribution {
		t.Helper()
		q.Rows, q.Groups, q.Backend = rows, groups, b
		a, err := Explain(context.Background(), m, method, q)
		if err != nil {
			t.Fatal(err)
		}
		return &a.Layers[0]
	}
	want := explain(m, Ablation{}, Query{Background: rows})
	got := explain(m, Permutation{Repeats: 200}, Query{Seed: 5})
	var chi float64
	for k, v := range got.Values.Data {
		e := float64(got.Errors.Data[k])
		z := (float64(v) - float64(want.Values.Data[k])) / e
		if math.Abs(z) > 4.5 { // 60 values, p = 4e-4 of one beyond
			t.Errorf("value %d: %g ± %g, all orders %g", k, v, e, want.Values.Data[k])
		}
		chi += z * z / float64(len(got.Values.Data))
	}
	if chi < 0.5 || chi > 1.6 {
		t.Errorf("mean squared deviation is %.2f standard errors², want about 1", chi)
	}
	first := explain(m, Permutation{}, Query{Seed: 1})
	if again := explain(m, Permutation{}, Query{Seed: 1}); !again.Values.Equal(first.Values) {
		t.Error("same seed, other values")
	}
	if other := explain(m, Permutation{}, Query{Seed: 2}); other.Values.Equal(first.Values) {
		t.Error("another seed, same values")
	}
	if one := explain(m, Permutation{Repeats: 1}, Query{}); one.Errors != nil {
		t.Error("standard errors from one order")
	}
}

// TestHidingRefuses: settings and queries that do not fit.
func TestHidingRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 3))
	m, rows, background := mlp(randomLayers(rng, 4, 3, 2)), random(rng, 3, 4), random(rng, 2, 4)
	nan := float32(math.NaN())
	for _, c := range []struct {
		m    Method
		q    Query
		want string
	}{
		{Ablation{Fill{Value: nan}}, Query{}, "fill value NaN"},
		{Ablation{Fill{Value: 1}}, Query{Background: background}, "fill value 1 beside a background of 2 rows"},
		{Ablation{Fill{Mean: true}}, Query{}, "no background is given"},
		{Ablation{}, Query{Layers: []string{"relu1"}}, "ablation attributes to the input alone"},
		{Ablation{}, Query{Memory: 8}, "memory bound of 8 bytes: one row takes about"},
		{Ablation{}, Query{Groups: [][]int{{0, 0, 2, 2}}}, "player 1 of 0…2 has no input"},
		{Occlusion{Window: []int{1, 2}}, Query{}, "window [1 2] with stride [1] for rows of shape [4]"},
		{Occlusion{Window: []int{5}}, Query{}, "window [5] with stride [1]"},
		{Occlusion{Window: []int{0}}, Query{}, "window [0]"},
		{Occlusion{Window: []int{2}, Stride: []int{3}}, Query{}, "inputs stay uncovered"},
		{Occlusion{}, Query{Groups: [][]int{{0, 0, 1, 1}}}, "occlusion does not join inputs"},
		{Permutation{Repeats: -1}, Query{}, "-1 repeats"},
		{Permutation{}, Query{Rows: rows.Slice(0, 1)}, "1 row: values are exchanged"},
		{Permutation{}, Query{Background: background}, "permutation compares with none"},
		{Permutation{}, Query{Groups: [][]int{{0, 0, 1, 1}, {0, 0, 1, 1}, {0, 0, 1, 1}}}, "3 partitions in Groups"},
	} {
		if c.q.Rows == nil {
			c.q.Rows = rows
		}
		c.q.Backend = backend.ForTest(t)[0]
		_, err := Explain(context.Background(), m, c.m, c.q)
		wantText(t, c.m.Name(), err, c.want)
		if err != nil && !strings.HasPrefix(err.Error(), "attribution: ") {
			t.Errorf("%v: want the package's prefix", err)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := Explain(ctx, m, Ablation{}, Query{Rows: random(rng, 50, 4), Background: background, Backend: backend.ForTest(t)[0],
		Memory: 4 * 8 * 30, Progress: func(int, int) { cancel() }})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "of 400 evaluations") {
		t.Errorf("cancelled: %v", err)
	}
}

// TestHidingProgress: done grows to the total, over all layers of targets.
func TestHidingProgress(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 4))
	last, total := 0, 0
	q := Query{Rows: random(rng, 9, 4), Backend: backend.ForTest(t)[0], Memory: 4 * 8 * 30, Progress: func(done, all int) {
		if done <= last {
			t.Errorf("progress %d after %d", done, last)
		}
		last, total = done, all
	}}
	if _, err := ExplainEach(context.Background(), mlp(randomLayers(rng, 4, 3, 2)), Ablation{}, q, []Target{{}, {Layer: "relu1"}, {Output: 1}}); err != nil {
		t.Fatal(err)
	}
	if last != total || total != 2*9*4 {
		t.Errorf("progress ended at %d of %d, want 72", last, total)
	}
}

// TestWindows: windows of an image with two channels, cut at its edge.
func TestWindows(t *testing.T) {
	got, err := Occlusion{Window: []int{2, 1, 2}, Stride: []int{2, 1, 2}}.windows([]int{2, 1, 3})
	if want := [][]int{{0, 1, 3, 4}, {2, 5}}; err != nil || !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err = (Occlusion{}).windows([]int{3}); err != nil || len(got) != 3 {
		t.Errorf("single inputs: %v, %v", got, err)
	}
}
