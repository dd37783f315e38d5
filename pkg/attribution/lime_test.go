package attribution

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/mat"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/fixture/net"
	"github.com/gojacard/jacard/pkg/array"
)

// TestImageFits gives lime's draws and outputs to our distances, weights,
// selections and fits.
func TestImageFits(t *testing.T) {
	c := fixture.Load(t, "lime-image")
	for _, picture := range []string{"astronaut", "coffee", "smooth"} {
		name := func(s string) string { return picture + "." + s }
		equal := func(what string, got []float64) {
			t.Helper()
			near(t, name(what), toFloat32(got), c.Array(name(what)).Data, tolerance(t, c, name(what)))
		}
		drawn, shape := c.Ints(name("perturbation"))
		samples, players := shape[0], shape[1]
		z := mat.NewDense(samples, players, nil)
		for i, v := range drawn {
			z.Set(i/players, i%players, float64(v))
		}
		var distances, weights []float64
		for i := range samples {
			d := LIME{}.distance(z.RawRowView(i))
			distances = append(distances, d)
			weights = append(weights, kernel(d, LIME{}.width(players)))
		}
		equal("distances", distances)
		equal("weights", weights)

		probabilities := c.Array(name("probabilities"))
		outputs := func(class int) []float64 {
			y := make([]float64, samples)
			for i := range y {
				y[i] = float64(probabilities.At(i, class))
			}
			return y
		}
		r := newRegression(z, weights)
		top, _ := c.Ints(name("top_labels"))
		order, _ := c.Ints(name("order"))
		var coefficients, intercepts, scores, predictions []float64
		for i, class := range top {
			f := mustFit(t, r, outputs(class), Surrogate{})
			coefficients = append(coefficients, f.coefficients...)
			intercepts, scores, predictions = append(intercepts, f.intercept), append(scores, f.R2), append(predictions, f.Prediction)
			if got, want := TopPlayers(toFloat32(f.coefficients), players, false), order[i*players:(i+1)*players]; !slices.Equal(got, want) {
				t.Errorf("%s, class %d: order %v, want %v", picture, class, got, want)
			}
			if i == 0 {
				shown := TopPlayers(toFloat32(f.coefficients), 5, true)
				segments, _ := c.Ints(name("segments"))
				mask, _ := c.Ints(name("mask_top5_positive"))
				for k, s := range segments {
					if slices.Contains(shown, s) != (mask[k] == 1) {
						t.Fatalf("%s: players %v are not lime's mask", picture, shown)
					}
				}
			}
		}
		equal("coefficients", coefficients)
		equal("intercept", intercepts)
		equal("score", scores)
		equal("local_pred", predictions)

		for selection, of := range map[Selection]string{HighestWeights: "highest_weights.", ForwardSelection: "forward_selection."} {
			want, _ := c.Ints(name(of + "features"))
			f := mustFit(t, r, outputs(top[0]), Surrogate{Features: len(want), Selection: selection})
			got := TopPlayers(toFloat32(f.coefficients), players, false)
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: features %v, want %v", picture, of, got, want)
				continue
			}
			var chosen []float64
			for _, k := range got {
				chosen = append(chosen, f.coefficients[k])
			}
			equal(of+"coefficients", chosen)
			equal(of+"intercept_score_pred", []float64{f.intercept, f.R2, f.Prediction})
		}
	}
}

// TestTableFits does the same for lime's tables, with bins and without.
func TestTableFits(t *testing.T) {
	c := fixture.Load(t, "lime-tabular")
	for _, kind := range []string{"discretised", "continuous"} {
		for row := range 3 {
			name := func(s string) string { return fmt.Sprintf("%s.%d.%s", kind, row, s) }
			equal := func(what string, got []float64) {
				t.Helper()
				near(t, name(what), toFloat32(got), c.Array(name(what)).Data, tolerance(t, c, name(what)))
			}
			data := c.Array(name("data"))
			z := mat.NewDense(data.Rows(), data.Width(), toFloat64(data.Data))
			var distances, weights []float64
			for i := range data.Rows() {
				var d mat.VecDense
				d.SubVec(z.RowView(i), z.RowView(0))
				distances = append(distances, d.Norm(2))
				weights = append(weights, kernel(d.Norm(2), euclideanWidth(data.Width())))
			}
			equal("distances", distances)
			equal("weights", weights)
			f := mustFit(t, newRegression(z, weights), toFloat64(c.Array(name("probability")).Data), Surrogate{})
			equal("coefficients", f.coefficients)
			equal("intercept_score_pred", []float64{f.intercept, f.R2, f.Prediction})
		}
	}
}

// TestTableMarginals compares the bins of Iris with lime's.
func TestTableMarginals(t *testing.T) {
	c := fixture.Load(t, "lime-tabular")
	table := c.Array("iris_x")
	got := map[string][]float64{}
	for k := range table.Width() {
		m := TabularLIME{}.marginal(table, k)
		got["quartiles"] = append(got["quartiles"], m.borders...)
		for _, b := range m.bins {
			got["bin_mean"] = append(got["bin_mean"], b.mean)
			got["bin_sd"] = append(got["bin_sd"], b.deviation)
			got["bin_min"] = append(got["bin_min"], b.least)
			got["bin_max"] = append(got["bin_max"], b.largest)
			got["bin_frequency"] = append(got["bin_frequency"], b.share)
		}
	}
	for name, values := range got {
		near(t, name, toFloat32(values), c.Array(name).Data, tolerance(t, c, name))
	}
}

// TestTableDraws: whole runs of 5000 samples lie within lime's spread, and so
// do their standard errors.
func TestTableDraws(t *testing.T) {
	c := fixture.Load(t, "lime-tabular")
	var p struct{ Rows []int }
	c.JSON("parameters", &p)
	rows, err := c.Array("iris_x").Select(p.Rows)
	if err != nil {
		t.Fatal(err)
	}
	trained := mlp(fixtureLayers(c, "model"))
	mean, sd := c.Array("mean"), c.Array("sd")
	m := plainModel{trained.store, func(scope *model.Scope, x *graph.Node, tap tapper) *graph.Node {
		at := func(a *array.Array) *graph.Node { return graph.InsertAxes(graph.Const(x.Graph(), a.Data), 0) }
		return trained.build(scope, graph.Div(graph.Sub(x, at(mean)), at(sd)), tap)
	}}
	for _, kind := range []string{"discretised", "continuous"} {
		classes := make([]int, len(p.Rows))
		for i := range classes {
			label, _ := c.Ints(fmt.Sprintf("%s.%d.label", kind, i))
			classes[i] = label[0]
		}
		a, err := Explain(context.Background(), m, TabularLIME{Continuous: kind == "continuous"},
			Query{Rows: rows, Background: c.Array("iris_x"), Target: Target{Outputs: classes}, Seed: 1, Backend: backend.ForTest(t)[0]})
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Rows {
			want := c.Array(fmt.Sprintf("%s.%d.mean_of_20_runs", kind, i)).Data
			spread := c.Array(fmt.Sprintf("%s.%d.sd_of_one_run", kind, i)).Data
			for k, got := range a.Layers[0].Values.Row(i) {
				if d := math.Abs(float64(got - want[k])); d > 4*float64(spread[k])+1e-4 {
					t.Errorf("%s, row %d, feature %d: got %g, want %g ± %g", kind, i, k, got, want[k], spread[k])
				}
				// The spread of 20 runs is itself uncertain by a sixth.
				if e := a.Layers[0].Errors.Row(i)[k]; e < spread[k]/2-1e-5 || e > 2*spread[k]+1e-5 {
					t.Errorf("%s, row %d, feature %d: standard error %g, lime's runs spread by %g", kind, i, k, e, spread[k])
				}
			}
		}
	}
}

// TestImageDraws explains pictures by a network with draws of our own: the
// coefficients are lime's within the standard errors of both. The astronaut's
// superpixels are hidden by lime's mean colours, which are rounded to bytes.
func TestImageDraws(t *testing.T) {
	c := fixture.Load(t, "lime-image")
	m := net.Network(t, c, "model", 3, 32, 32)
	for _, b := range backend.ForTest(t) {
		for _, e := range []struct {
			picture string
			fill    Fill
			hidden  *array.Array
		}{
			{"coffee", Fill{Value: 1.0 / 255}, nil}, {"smooth", Fill{}, nil},
			{"astronaut", Fill{}, channelsFirst(c.Ints("astronaut.hidden_image"))},
		} {
			picture, method := e.picture, LIME{Samples: 300, Repeats: 4, Fill: e.fill}
			rows := channelsFirst(c.Ints(picture + ".image"))
			segments, _ := c.Ints(picture + ".segments")
			top, _ := c.Ints(picture + ".top_labels")
			var targets []Target
			for _, class := range top {
				targets = append(targets, Target{Output: class})
			}
			q := Query{Rows: rows, Background: e.hidden, Groups: [][]int{slices.Concat(segments, segments, segments)}, Seed: 1, Backend: b}
			all, err := ExplainEach(context.Background(), m, method, q, targets)
			if err != nil {
				t.Fatal(err)
			}
			want := c.Array(picture + ".coefficients")
			for i, a := range all {
				l := a.Layers[0]
				for k, got := range l.Values.Row(0) {
					// Theirs is one fit, ours the mean of four: five times our variance.
					if d, e := math.Abs(float64(got-want.At(i, k))), math.Sqrt(5)*float64(l.Errors.At(0, k)); d > 6*e+1e-5 {
						t.Errorf("%s, %s, superpixel %d: got %g, lime's %g, standard error %g", b.Name(), a.Target, k, got, want.At(i, k), e)
					}
				}
				if s := c.Array(picture + ".score").Data[i]; math.Abs(l.Fits[0].R2-float64(s)) > 0.1 {
					t.Errorf("%s, %s: R² %g, lime's %g", b.Name(), a.Target, l.Fits[0].R2, s)
				}
			}
		}
	}
}

// TestMeanColours compares the hidden picture with lime's, which is rounded
// down to bytes.
func TestMeanColours(t *testing.T) {
	c := fixture.Load(t, "lime-image")
	rows := channelsFirst(c.Ints("astronaut.image"))
	want := channelsFirst(c.Ints("astronaut.hidden_image"))
	segments, _ := c.Ints("astronaut.segments")
	got := meanColours(rows.Row(0), slices.Concat(segments, segments, segments), slices.Max(segments)+1, rows.Shape[1:])
	for k, v := range got {
		if d := 255 * (v - want.Data[k]); d < -1e-3 || d > 1 {
			t.Errorf("input %d: got %g of 255, want %g and a fraction", k, 255*v, 255*want.Data[k])
		}
	}
}

// TestSurrogateTwin compares fits with the normal equations of all features
// and an unpenalised intercept, solved by elimination.
func TestSurrogateTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for _, features := range []int{1, 2, 7} {
		const samples, ridge = 40, 0.7
		z, weights, y := mat.NewDense(samples, features, nil), make([]float64, samples), make([]float64, samples)
		for i := range samples {
			weights[i], y[i] = rng.Float64(), rng.NormFloat64()+3
			for k := range features {
				z.Set(i, k, rng.NormFloat64())
				y[i] += float64(k) * z.At(i, k)
			}
		}
		n := features + 1 // the intercept last
		a, b := mat.NewDense(n, n, nil), mat.NewVecDense(n, nil)
		for i := range samples {
			row := append(mat.Row(nil, i, z), 1)
			for j := range n {
				for k := range n {
					a.Set(j, k, a.At(j, k)+weights[i]*row[j]*row[k])
				}
				b.SetVec(j, b.AtVec(j)+weights[i]*row[j]*y[i])
			}
		}
		for k := range features {
			a.Set(k, k, a.At(k, k)+ridge)
		}
		var want mat.VecDense
		if err := want.SolveVec(a, b); err != nil {
			t.Fatal(err)
		}
		f := mustFit(t, newRegression(z, weights), y, Surrogate{Ridge: ridge})
		for k, got := range append(f.coefficients, f.intercept) {
			if d := math.Abs(got - want.AtVec(k)); d > 1e-12 {
				t.Errorf("%d features: coefficient %d: got %g, want %g", features, k, got, want.AtVec(k))
			}
		}
	}
}

// TestForwardTwin compares forward selection with one that fits anew for every
// candidate.
func TestForwardTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 2))
	const samples, features = 60, 8
	z, weights, y := mat.NewDense(samples, features, nil), make([]float64, samples), make([]float64, samples)
	for i := range samples {
		weights[i] = rng.Float64()
		for k := range features {
			z.Set(i, k, float64(rng.IntN(2)))
			y[i] += math.Sin(float64(3*k)) * z.At(i, k)
		}
		y[i] += z.At(i, 1) * z.At(i, 5)
		z.Set(i, 7, z.At(i, 2)) // one twice
	}
	r := newRegression(z, weights)
	var want []int
	for range 5 {
		best, score := -1, -1.0
		for k := range features {
			if slices.Contains(want, k) || k == 7 { // the second of the twins adds nothing after the first
				continue
			}
			used := append(slices.Clone(want), k)
			part := mat.NewDense(samples, len(used), nil)
			for j, u := range used {
				part.SetCol(j, mat.Col(nil, u, z))
			}
			if f := mustFit(t, newRegression(part, weights), y, Surrogate{Ridge: 1e-12}); f.R2 > score {
				best, score = k, f.R2
			}
		}
		want = append(want, best)
	}
	slices.Sort(want)
	right := mat.NewVecDense(features, nil)
	centred := make([]float64, samples)
	var mean float64
	for i, w := range weights {
		mean += w * y[i] / r.all
	}
	for i, w := range weights {
		centred[i] = math.Sqrt(w) * (y[i] - mean)
	}
	right.MulVec(r.centred.T(), mat.NewVecDense(samples, centred))
	if got := r.forward(right, 5); !slices.Equal(got, want) {
		t.Errorf("got features %v, want %v", got, want)
	}
	if got := r.forward(right, features); len(got) != features-1 {
		t.Errorf("got %d features, want %d: one is there twice", len(got), features-1)
	}
}

// TestLIMEErrors: the standard error of one fit is that of repeated fits.
func TestLIMEErrors(t *testing.T) {
	rows, _ := array.FromRows([][]float32{{1, -1, 2, 0.5, 1.5}})
	m := function(func(x *graph.Node) *graph.Node {
		return graph.ReduceSum(graph.Mul(graph.Tanh(x), graph.Sigmoid(graph.Reverse(x, 1))), 1)
	})
	errors := func(repeats int) []float32 {
		a, err := Explain(context.Background(), m, LIME{Samples: 400, Repeats: repeats, Proximity: Euclidean}, Query{Rows: rows, Seed: 3, Backend: backend.ForTest(t)[0]})
		if err != nil {
			t.Fatal(err)
		}
		return a.Layers[0].Errors.Data
	}
	const repeats = 200 // whose spread is uncertain by 5 %
	one, many := errors(1), errors(repeats)
	for k := range one {
		if ratio := float64(one[k]) / (float64(many[k]) * math.Sqrt(repeats)); ratio < 0.75 || ratio > 1.33 {
			t.Errorf("player %d: one fit claims %g, %d fits spread by %g", k, one[k], repeats, float64(many[k])*math.Sqrt(repeats))
		}
	}
}

// TestOneSuperpixel: a row with a single player has a fit too.
func TestOneSuperpixel(t *testing.T) {
	rows, _ := array.FromRows([][]float32{{1, 2, 3}})
	m := function(func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, 1) })
	a, err := Explain(context.Background(), m, LIME{}, Query{Rows: rows, Groups: [][]int{{0, 0, 0}}, Backend: backend.ForTest(t)[0]})
	if err != nil {
		t.Fatal(err)
	}
	// The ridge takes a little: all 6 without it.
	if v := a.Layers[0].Values.Data; len(v) != 1 || v[0] > 6 || math.Abs(float64(v[0])-6*shrinkage(1000)) > 0.5 {
		t.Errorf("got %v, want a little less than 6", v)
	}
}

// shrinkage of a single player's coefficient: hidden rows weigh exp(−8), and a
// ridge of 1 stands beside their weighted variance.
func shrinkage(samples float64) float64 {
	hidden := samples / 2 * math.Exp(-8)
	variance := hidden * (samples / 2) / (hidden + samples/2)
	return variance / (variance + 1)
}

func mustFit(t *testing.T, r *regression, y []float64, s Surrogate) *surrogate {
	t.Helper()
	f, err := r.fit(y, s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func toFloat32(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// channelsFirst turns bytes [height, width, channels] into one row.
func channelsFirst(values, shape []int) *array.Array {
	h, w, n := shape[0], shape[1], shape[2]
	out := array.New(1, n, h, w)
	for i, v := range values {
		out.Data[i%n*h*w+i/n] = float32(v) / 255
	}
	return out
}

func TestLIMERefuses(t *testing.T) {
	rows, _ := array.FromRows([][]float32{{1, 2, 3}, {0, 1, 0}})
	m := function(func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, 1) })
	diverges := function(func(x *graph.Node) *graph.Node { return graph.Log(graph.ReduceSum(x, 1)) })
	groups := [][]int{{0, 0, 1}}
	for _, c := range []struct {
		method Method
		model  Model
		q      Query
		want   string
	}{
		{LIME{Samples: -5}, m, Query{}, "-5 samples, 1 repeats"},
		{LIME{Repeats: -5}, m, Query{}, "1000 samples, -5 repeats"},
		{LIME{KernelWidth: -1}, m, Query{}, "kernel width -1"},
		{LIME{KernelWidth: math.NaN()}, m, Query{}, "kernel width NaN"},
		{LIME{Proximity: 7}, m, Query{}, "proximity 7"},
		{LIME{Surrogate: Surrogate{Ridge: -1}}, m, Query{}, "ridge -1"},
		{LIME{Surrogate: Surrogate{Features: -1}}, m, Query{}, "-1 features"},
		{LIME{Surrogate: Surrogate{Selection: 2}}, m, Query{}, "selection 2"},
		{LIME{MeanColour: true}, m, Query{}, "MeanColour, but no Groups"},
		{LIME{MeanColour: true, Fill: Fill{Value: 1}}, m, Query{Groups: groups}, "MeanColour beside fill"},
		{LIME{}, diverges, Query{}, "row 0: the model's output for a sample is -Inf"},
		{TabularLIME{}, m, Query{}, "no background given"},
		{TabularLIME{Categorical: []int{3}}, m, Query{Background: rows}, "categorical input 3 out of range: rows have inputs 0…2"},
		{TabularLIME{}, m, Query{Background: rows, Groups: groups}, "does not join inputs"},
	} {
		c.q.Rows, c.q.Backend = rows, backend.ForTest(t)[0]
		_, err := Explain(context.Background(), c.model, c.method, c.q)
		wantText(t, fmt.Sprintf("%+v", c.method), err, c.want)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Explain(ctx, m, LIME{}, Query{Rows: rows, Backend: backend.ForTest(t)[0]})
	wantText(t, "cancelled", err, "stopped after 0 of 2000 evaluations")
}
