package attribution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// shapleyTwin is the definition in float64: the mean over all orders of the
// players, written by sizes of coalitions, and over the background.
func shapleyTwin(f func(x []float64) float64, x []float64, background [][]float64, player []int) []float64 {
	n := slices.Max(player) + 1
	worth := func(s int) (mean float64) {
		for _, b := range background {
			z := slices.Clone(b)
			for k := range z {
				if s>>player[k]&1 == 1 {
					z[k] = x[k]
				}
			}
			mean += f(z) / float64(len(background))
		}
		return mean
	}
	phi := make([]float64, n)
	for s := range 1 << n {
		size := bits.OnesCount(uint(s))
		for k := range n {
			if s>>k&1 == 0 {
				orders := math.Gamma(float64(size+1)) * math.Gamma(float64(n-size))
				phi[k] += orders / math.Gamma(float64(n+1)) * (worth(s|1<<k) - worth(s))
			}
		}
	}
	return phi
}

// bent is a function with interactions of every order, for any width, plain
// and as a graph.
func bent(x []float64) float64 {
	z := 0.3
	for k, v := range x {
		z += math.Sin(float64(k+1)) * v
	}
	return math.Tanh(z) + x[0]*x[len(x)-1]
}

func bentGraph(x *graph.Node) *graph.Node {
	n := x.Shape().Dim(1)
	w := make([]float32, n)
	for k := range w {
		w[k] = float32(math.Sin(float64(k + 1)))
	}
	z := graph.AddScalar(graph.ReduceSum(graph.Mul(x, graph.InsertAxes(graph.Const(x.Graph(), w), 0)), 1), 0.3)
	return graph.Add(graph.Tanh(z), graph.ReduceSum(graph.Mul(column(x, 0), column(x, n-1)), 1))
}

// TestShapleyTwin compares the exact method, and kernel SHAP with all
// coalitions, with the definition: widths 1 to 6, groups, one and many
// background rows.
func TestShapleyTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	b := backend.ForTest(t)[0]
	for _, c := range []struct {
		width, background int
		player            []int // nil: each its own
	}{
		{width: 1, background: 3}, {width: 2, background: 1}, {width: 3, background: 4}, {width: 6, background: 3},
		{width: 6, background: 2, player: []int{0, 1, 0, 2, 2, 1}}, {width: 5, background: 3, player: []int{0, 0, 0, 0, 0}},
	} {
		rows, background := random(rng, 3, c.width), random(rng, c.background, c.width)
		q := Query{Rows: rows, Background: background, Backend: b}
		player := identity(c.width)
		if c.player != nil {
			player = c.player
			q.Groups = [][]int{player}
		}
		for _, method := range []Method{ExactShapley{}, KernelSHAP{}} {
			a, err := Explain(context.Background(), function(bentGraph), method, q)
			if err != nil {
				t.Fatalf("%s, %+v: %v", method.Name(), c, err)
			}
			for i := range rows.Rows() {
				var want []float32
				for _, v := range shapleyTwin(bent, wide(rows.Row(i)), wideRows(background), player) {
					want = append(want, float32(v))
				}
				near(t, fmt.Sprintf("%s, %+v", method.Name(), c), a.Layers[0].Values.Row(i), want, 2e-6)
			}
			if errs := a.Layers[0].Errors; errs != nil && slices.ContainsFunc(errs.Data, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s, %+v: all coalitions are enumerated, errors %v", method.Name(), c, errs.Data)
			}
		}
	}
}

// TestHiddenLayersAsPlayers: units of a layer are players of the game that the
// rest of the model plays.
func TestHiddenLayersAsPlayers(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 2))
	layers := randomLayers(rng, 4, 6, 5, 2)
	m, rest := mlp(layers), mlp(layers[2:])
	rows, background := random(rng, 3, 4), random(rng, 4, 4)
	for _, b := range backend.ForTest(t) {
		hidden := func(x *array.Array) *array.Array {
			e := mustProblem(t, m, Rescale{}, Query{Rows: x, Background: x, Backend: b}, Target{})
			defer e.close()
			ev, err := e.newEvaluator("relu1", x.Rows())
			if err != nil {
				t.Fatal(err)
			}
			defer ev.close()
			out, err := ev.outputs(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		want, err := Explain(context.Background(), rest, ExactShapley{}, Query{Rows: hidden(rows), Background: hidden(background), Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []Method{ExactShapley{}, SampledShapley{Draws: 16}} {
			a, err := Explain(context.Background(), m, method, Query{Rows: rows, Background: background, Layers: []string{"relu1", Input}, Backend: b})
			if err != nil {
				t.Fatalf("%s: %v", method.Name(), err)
			}
			if method.Name() != "sampled Shapley" {
				near(t, b.Name()+": "+method.Name(), a.Layers[0].Values.Data, want.Layers[0].Values.Data, 2e-6)
			}
			for i := range rows.Rows() { // one base value serves both layers
				near(t, "totals", []float32{float32(sum(a.Layers[0].Values.Row(i)))}, []float32{float32(sum(a.Layers[1].Values.Row(i)))}, 1e-6)
			}
		}
	}
	skip := plainModel{model.NewStore(), func(_ *model.Scope, x *graph.Node, tap tapper) *graph.Node {
		return graph.Add(tap("half", graph.Tanh(x)), x)
	}}
	for _, method := range []Method{ExactShapley{}, KernelSHAP{}, SampledShapley{}} {
		_, err := Explain(context.Background(), skip, method, Query{Rows: rows, Background: background, Layers: []string{"half"}, Backend: backend.ForTest(t)[0]})
		wantText(t, method.Name(), err, `layer "half" does not carry all of the model's output: a path from the input runs around it`)
		_, err = Explain(context.Background(), m, method, Query{Rows: rows, Background: background, Layers: []string{"linear2"}, Target: Target{Layer: "relu1"}, Backend: backend.ForTest(t)[0]})
		wantText(t, method.Name(), err, `layer "linear2" does not lie between the input and layer relu1`)
	}
}

// TestCutChangesNothing: the affine beginning of a model is found, and walking
// behind it gives the same values as mixing whole rows.
func TestCutChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 3))
	m := mlp(randomLayers(rng, 70, 12, 6, 2))
	rows, background := random(rng, 2, 70), random(rng, 5, 70)
	for i := range background.Data {
		background.Data[i] *= 100 // as pixels are
	}
	for _, b := range backend.ForTest(t) {
		p := mustProblem(t, m, SampledShapley{}, Query{Rows: rows, Background: background, Backend: b}, Target{})
		defer p.close()
		values := make([]*array.Array, 2)
		for cut := range values {
			g, err := p.newGame(context.Background(), Input)
			if err != nil {
				t.Fatal(err)
			}
			if g.affine != 12 {
				t.Fatalf("%s: cut at a node of width %d, want 12", b.Name(), g.affine)
			}
			if cut == 0 {
				g.affine = 0
			}
			drawn, done := p.drawBackground(10), 0
			tallies, err := g.sample(context.Background(), sampling{longest: longestSegment, background: drawn, size: func(int) int { return 10 },
				draws: func(g *game, row int) iter.Seq[draw] { return g.orders(row, drawn[row]) }}, p.results(), &done, 20)
			if err != nil {
				t.Fatal(err)
			}
			values[cut] = array.New(2, 70)
			for row, sum := range tallies {
				sum.fill(0, values[cut].Row(row), make([]float32, 70))
			}
		}
		near(t, b.Name(), values[1].Data, values[0].Data, 1e-5)
	}
}

// TestAffine: what counts as the affine beginning of a model.
func TestAffine(t *testing.T) {
	b := backend.ForTest(t)[0]
	dot := func(x *graph.Node, units int) *graph.Node {
		return graph.Dot(x, graph.Ones(x.Graph(), shapes.Make(dtypes.Float32, x.Shape().Dim(1), units))).Product()
	}
	for _, c := range []struct {
		what  string
		f     func(x *graph.Node) *graph.Node
		width int // of the node; 3 is the input
	}{
		{"two dense layers", func(x *graph.Node) *graph.Node { return graph.Tanh(dot(graph.AddScalar(dot(x, 5), 1), 4)) }, 4},
		{"scaled, shifted, reshaped", func(x *graph.Node) *graph.Node {
			return graph.Exp(dot(graph.Reshape(graph.DivScalar(graph.AddScalar(x, -1), 2), 2, 3), 7))
		}, 7},
		{"all of it", func(x *graph.Node) *graph.Node { return dot(x, 2) }, 2},
		{"not affine", func(x *graph.Node) *graph.Node { return dot(graph.Square(x), 5) }, 3},
		{"a path around", func(x *graph.Node) *graph.Node { return graph.Add(graph.Tanh(dot(x, 3)), graph.Abs(x)) }, 3},
		{"two that meet", func(x *graph.Node) *graph.Node { return graph.Tanh(graph.Add(dot(x, 5), dot(graph.Neg(x), 5))) }, 5},
		{"a product of two", func(x *graph.Node) *graph.Node { return graph.Mul(dot(x, 5), dot(x, 5)) }, 3},
	} {
		g := graph.NewGraph(b, "affine")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2, 3))
		if got := walk.NewSection(x, c.f(x)).Affine().Shape().Dim(1); got != c.width {
			t.Errorf("%s: node of width %d, want %d", c.what, got, c.width)
		}
		g.Finalize()
	}
}

// TestShapleyBatches: memory changes nothing but rounding, the same call gives
// the same bytes, a row does not depend on those beside it, progress reaches
// its end, and a cancelled call says how far it came.
func TestShapleyBatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 4))
	m := mlp(randomLayers(rng, 7, 9, 1))
	rows, background := random(rng, 4, 7), random(rng, 5, 7)
	background.Row(0)[2] = rows.Row(0)[2] // one that sits out one walk
	for i, b := range backend.ForTest(t) {
		methods := []Method{SampledShapley{Draws: 30}, KernelSHAP{Coalitions: 60}, ExactShapley{}, SampledShapley{Draws: 6, LegacyOneByOne: true}}
		if i > 0 {
			methods = methods[:2] // the others build the same graphs, and each call is compiled
		}
		for _, method := range methods {
			q := Query{Rows: rows, Background: background, Backend: b}
			last := 0
			q.Progress = func(done, total int) {
				if done < last || done > total {
					t.Errorf("%s: progress %d of %d after %d", method.Name(), done, total, last)
				}
				if last = done; done == total {
					last = -1
				}
			}
			whole, err := Explain(context.Background(), m, method, q)
			if err != nil {
				t.Fatalf("%s: %v", method.Name(), err)
			}
			if last != -1 {
				t.Errorf("%s: progress ended at %d", method.Name(), last)
			}
			q.Progress = nil
			again, err := Explain(context.Background(), m, method, q)
			if err != nil || !bytes.Equal(array.Bytes(again.Layers[0].Values.Data), array.Bytes(whole.Layers[0].Values.Data)) {
				t.Errorf("%s: two equal calls differ, or %v", method.Name(), err)
			}
			q.Memory = 4 * 4 * (7 + 9*3 + 1*3) // a few rows
			small, err := Explain(context.Background(), m, method, q)
			if err != nil {
				t.Fatalf("%s in little memory: %v", method.Name(), err)
			}
			near(t, method.Name()+" in little memory", small.Layers[0].Values.Data, whole.Layers[0].Values.Data, 1e-6)
			q.Memory, q.Rows = 0, rows.Slice(0, 1)
			first, err := Explain(context.Background(), m, method, q)
			if err != nil {
				t.Fatal(err)
			}
			near(t, method.Name()+", first row alone", first.Layers[0].Values.Data, whole.Layers[0].Values.Row(0), 1e-6)

			ctx, cancel := context.WithCancel(context.Background())
			q.Progress = func(int, int) { cancel() }
			q.Memory = 4 * 4 * (7 + 9*3 + 1*3)
			if _, err = Explain(ctx, m, method, q); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: cancelled: got %v", method.Name(), err)
			}
			wantText(t, method.Name()+" cancelled", err, "stopped after ")
		}
	}
}

// TestShapleyBadInput: what a method cannot do is said with its numbers.
func TestShapleyBadInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 5))
	m := mlp(randomLayers(rng, 25, 4, 1))
	rows, background := random(rng, 2, 25), random(rng, 3, 25)
	on := backend.ForTest(t)[0]
	for _, c := range []struct {
		method Method
		q      Query
		want   string
	}{
		{ExactShapley{}, Query{}, "row 0: 25 players differ from the background, at most 20"},
		{ExactShapley{}, Query{Groups: [][]int{{0, 1}}}, "partition 0 of Groups has 2 entries"},
		{ExactShapley{}, Query{Groups: [][]int{slices.Repeat([]int{1}, 25)}}, "player 0 of 0…1 has no input"},
		{SampledShapley{Draws: -2}, Query{}, "-2 draws: want an even number of at least 4"},
		{SampledShapley{Draws: 5}, Query{}, "5 draws: want an even number"},
		{SampledShapley{Draws: 1, LegacyOneByOne: true}, Query{}, "1 draws: want at least 2"},
		{SampledShapley{}, Query{Memory: 30}, "memory bound of 30 bytes: one row takes about"},
		{SampledShapley{}, Query{Memory: 4 * (25 + 4*3 + 1*3)}, "the smallest batch, 2 rows, takes about"},
		{KernelSHAP{}, Query{Memory: 30}, "memory bound of 30 bytes"},
		{KernelSHAP{Coalitions: -1}, Query{}, "-1 coalitions"},
		{KernelSHAP{Coalitions: 10}, Query{}, "row 0: 10 coalitions do not determine 25 players"},
		{KernelSHAP{Coalitions: 50}, Query{}, "50 coalitions barely determine 25 players"},
	} {
		c.q.Rows, c.q.Background, c.q.Backend = rows, background, on
		_, err := Explain(context.Background(), m, c.method, c.q)
		wantText(t, fmt.Sprintf("%+v", c.method), err, c.want)
	}
	_, err := Explain(context.Background(), m, ExactShapley{}, Query{Rows: rows, Backend: on})
	wantText(t, "no background", err, "no background given: exact Shapley compares each row with one")

	// Few players against the background: enumerable, whatever the width.
	same := rows.Clone()
	for i := range 2 {
		for k := range 3 {
			same.Row(i)[k] = 0
		}
	}
	a, err := Explain(context.Background(), m, ExactShapley{}, Query{Rows: rows.Slice(0, 1), Background: same.Slice(0, 1), Backend: on})
	if err != nil || a.Layers[0].Values.At(0, 24) != 0 || a.Layers[0].Values.At(0, 2) == 0 {
		t.Errorf("three players that differ: %v, %v", a, err)
	}
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

func wideRows(a *array.Array) [][]float64 {
	var rows [][]float64
	for i := range a.Rows() {
		rows = append(rows, wide(a.Row(i)))
	}
	return rows
}

// TestEveryKindIsPlayed: the inputs and every tapped layer of all kinds of
// models can be walked, with the cut or without, and the walks add up.
func TestEveryKindIsPlayed(t *testing.T) {
	b := backend.ForTest(t)[0]
	for _, k := range append(kinds, operations...) {
		if k.onlyXLA {
			continue
		}
		m := k.seeded(t, b)
		rng := rand.New(rand.NewPCG(10, 6))
		rows, background := random(rng, append([]int{1}, k.row...)...), random(rng, append([]int{3}, k.row...)...)
		a, err := Explain(context.Background(), m, SampledShapley{Draws: 4}, Query{Rows: rows, Background: background,
			Layers: append([]string{Input}, tapsOf(t, m, rows, b)...), MaxGap: 2e-5, Backend: b})
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		t.Logf("%s: gap %.1g", k.name, a.MaxGap())
	}
}
