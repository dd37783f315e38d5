package figures_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/jacard/figures"
	"github.com/gojacard/jacard/pkg/neuron"
	"github.com/gojacard/jacard/pkg/plots"
	"github.com/gojacard/jacard/pkg/weightshift"
)

var ctx = context.Background()

// tinyConfig runs every step in about a second.
func tinyConfig() jacard.Config {
	c := jacard.Quick()
	c.Seed = 7
	c.TrainRows, c.TestRows = 600, 200
	c.Autoencoder.Hidden, c.Autoencoder.Epochs = []int{64, 32}, 2
	c.Classifier.Width, c.Classifier.Epochs, c.Classifier.Rate, c.Classifier.Momentum = 20, 8, 0.1, 0.9
	c.Background.Rows = 13
	c.Projection = jacard.ProjectionConfig{Perplexity: 15, Iterations: 60}
	c.Neurons.MapPerplex, c.Neurons.Important, c.Neurons.MaskLevel, c.Neurons.Permutations = 3, 0.02, 0.005, 50
	c.Shift = jacard.ShiftConfig{Deltas: []float64{-0.5, 0, 1}, Seeds: 2}
	return c
}

func cluster() jacard.Cluster {
	c := jacard.Cluster{Name: "tiny", How: "every 53rd row"}
	for id := 2; id < 800; id += 53 {
		c.IDs = append(c.IDs, id)
	}
	return c
}

func open(t testing.TB, c jacard.Config, dir string) *jacard.Study {
	t.Helper()
	all := backend.ForTest(t)
	return must(jacard.Open(c, jacard.Options{Store: dir, Backend: all[len(all)-1], Announce: func(string) {},
		Progress: func(string) func(int, int) { return func(int, int) {} }}))
}

// must is for calls that succeed on any input of these tests.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type everyStep struct {
	s    *jacard.Study
	d    *jacard.Digits
	ae   *jacard.Autoencoder
	cls  *jacard.Classifier
	att  *jacard.Attributions
	m    *jacard.Map
	n    *jacard.Neurons
	sim  *jacard.Similarity
	nm   *jacard.NeuronMap
	mask *jacard.Masks
	sw   *jacard.Sweep
	ch   *jacard.Changes
}

// tiny computes the tiny study once; results stay in memory.
var tiny = sync.OnceValue(func() func(t testing.TB) *everyStep {
	var once sync.Once
	var e *everyStep
	return func(t testing.TB) *everyStep {
		once.Do(func() {
			s := open(t, tinyConfig(), t.TempDir())
			n := must(s.Neurons(ctx, cluster()))
			sim := must(s.Similarity(ctx, n))
			e = &everyStep{s, must(s.Digits(ctx)), must(s.Autoencoder(ctx)), must(s.Classifier(ctx)), must(s.Attributions(ctx)), must(s.Map(ctx)),
				n, sim, must(s.NeuronMap(ctx, sim)), must(s.Masks(ctx, cluster())), must(s.Sweep(ctx, cluster())), must(s.Changes(ctx, cluster(), 0, 1))}
		})
		if e == nil {
			t.Fatal("the tiny study failed in another test")
		}
		return e
	}
})()

// TestFigures: every figure is drawn; its caption says what it is drawn from.
func TestFigures(t *testing.T) {
	e := tiny(t)
	legacy := e.s.WithLegacy(jacard.Legacy{TopSets: true})
	old := must(legacy.Similarity(ctx, must(legacy.Neurons(ctx, cluster()))))
	ids := e.d.Test()[:6]
	images := must(e.s.Reconstruct(ctx, ids))
	file := must(must(e.s.With(func(c *jacard.Config) { c.Autoencoder.FileOrder = true })).Autoencoder(ctx))
	draw := func(f *plots.Figure, err error) func() (*plots.Figure, error) {
		return func() (*plots.Figure, error) { return f, err }
	}
	for _, c := range []struct {
		name   string
		source string
		says   []string
		draw   func() (*plots.Figure, error)
	}{
		{"Digits", e.d.ID, []string{"n = 6"}, draw(figures.Digits(e.d, ids))},
		{"Reconstructions", e.ae.ID, []string{"n = 6"}, draw(figures.Reconstructions(e.d, e.ae, ids, images))},
		{"AutoencoderLoss", e.ae.ID, []string{"63.965"}, draw(figures.AutoencoderLoss(e.ae, file))},
		{"ClassifierLog", e.cls.ID, []string{"n = 200"}, draw(figures.ClassifierLog(e.cls))},
		{"Confusion", e.cls.ID, []string{"n = 800"}, draw(figures.Confusion(e.cls))},
		{"RowBars", e.att.ID, []string{"gap ", "rescale", "P(digit = 1)", "13 background rows"}, draw(figures.RowBars(e.att, 0, 1))},
		{"RowBars 11", e.att.ID, []string{"gap ", "linear 11"}, draw(figures.RowBars(e.att, 11, 799))},
		{"GlobalBars", e.att.ID, []string{"gap ", "n = 800"}, draw(figures.GlobalBars(e.att, 0, e.d.Labels, cluster()))},
		{"GlobalBars of no cluster", e.att.ID, nil, draw(figures.GlobalBars(e.att, 8, e.d.Labels, jacard.Cluster{}))},
		{"Map", e.m.ID, []string{"t-SNE", "trustworthiness", "n = 800"}, draw(figures.Map(e.m, cluster()))},
		{"Brush", e.m.ID, []string{"silhouette"}, draw(figures.Brush(e.m, e.d, "brushed"))},
		{"NeuronMap by class", e.nm.ID, []string{"trustworthiness", "cluster tiny"}, draw(figures.NeuronMap(e.nm, e.n, figures.ByClass))},
		{"NeuronMap by activation", e.nm.ID, nil, draw(figures.NeuronMap(e.nm, e.n, figures.ByActivation))},
		{"NeuronMap by layer", e.nm.ID, nil, draw(figures.NeuronMap(e.nm, e.n, figures.ByLayer))},
		{"Similarity", e.sim.ID, []string{"dead neurons left out"}, draw(figures.Similarity(e.sim))},
		{"ClusteredSimilarity", e.sim.ID, []string{"all layers"}, draw(figures.ClusteredSimilarity(e.sim))},
		{"LayerMeans", e.sim.ID, nil, draw(figures.LayerMeans(e.sim))},
		{"DepthProfile", e.sim.ID, []string{"chance"}, draw(figures.DepthProfile(e.sim, old))},
		{"Masks", e.mask.ID, []string{"weights in masks"}, draw(figures.Masks(e.mask, 0))},
		{"Importance", e.mask.ID, []string{"above 0.02", "n = 100"}, draw(figures.Importance(e.mask, 0.02))},
		{"SweepAccuracy", e.sw.ID, []string{"2 masks", "tiny", "n = 200"}, draw(figures.SweepAccuracy(e.sw))},
		{"SweepLoss", e.sw.ID, nil, draw(figures.SweepLoss(e.sw))},
		{"ClusterProbability", e.sw.ID, nil, draw(figures.ClusterProbability(e.sw))},
		{"BeforeAfter", e.sw.ID, []string{"n = 200"}, draw(figures.BeforeAfter(e.sw, "dense0", 1))},
		{"BeforeAfter all", e.sw.ID, nil, draw(figures.BeforeAfter(e.sw, "all", -0.5))},
		{"ProbabilityChanges", e.ch.ID, []string{"n = 200"}, draw(figures.ProbabilityChanges(e.ch))},
	} {
		f, err := c.draw()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		wants := append(c.says, c.source[:12])
		if c.source != e.d.ID { // reading the digits draws nothing
			wants = append(wants, "seed 7")
		}
		for _, want := range wants {
			if !strings.Contains(f.Caption(), want) {
				t.Errorf("%s: caption %q lacks %q", c.name, f.Caption(), want)
			}
		}
		var png bytes.Buffer
		if err := f.PNG(&png); err != nil || png.Len() < 1000 {
			t.Errorf("%s: PNG of %d bytes, %v", c.name, png.Len(), err)
		}
	}
}

// TestTables: every table has a cell for each heading, and says what was
// asked.
func TestTables(t *testing.T) {
	e := tiny(t)
	legacy := e.s.WithLegacy(jacard.Legacy{TopSets: true, FourLayers: true, Background: true})
	shift := must(figures.Shift(e.sw, "dense0", 1))
	for name, c := range map[string]struct {
		table plots.Table
		rows  int
		says  []string
	}{
		"Classifiers": {figures.Classifiers(e.cls, e.cls), 3, []string{"shuffled", "2,112"}},
		"Attributions": {figures.Attributions(e.d.Labels, e.att, must(legacy.Attributions(ctx))), 2,
			[]string{"7 of 13", "legacy: first test rows", "both classes alike"}},
		"Neurons":  {figures.Neurons(e.n, must(legacy.Neurons(ctx, cluster()))), 5, []string{"relu1 ", "relu12"}},
		"Averages": {figures.Averages(e.n, 0.2), 5, []string{"relu1 ", "legacy: at least 0.2"}},
		"Masks": {figures.MaskRuns(figures.MaskRun{Name: "corrected", Masks: e.mask},
			figures.MaskRun{Name: "legacy look-up", Masks: must(e.s.WithLegacy(jacard.Legacy{Lookup: true}).Masks(ctx, cluster()))}), 10,
			[]string{"dense0", "20 of 20", "legacy look-up", "against corrected"}},
		"No masks":          {figures.MaskRuns(), 0, []string{"equal masks"}},
		"Means":             {figures.Means(e.sim), 15, []string{"relu1 – relu3"}},
		"Clusters":          {figures.Clusters(e.d, cluster(), jacard.Cluster{Name: "empty"}), 2, []string{"every 53rd row", "empty"}},
		"Shift":             {shift, 5, []string{"before", "important", "unimportant", "random"}},
		"Table of sweep":    {must(figures.Table(e.sw.Table())), len(e.sw.Rows), []string{"flip_ids"}},
		"Table of neurons":  {must(figures.Table(e.n.Table())), 100, []string{"legacy_average_activation"}},
		"Table of mask":     {must(figures.Table(must(e.s.Explain(e.mask, 0, e.mask.Layers[0].Important[0])))), 30, []string{"in mask"}},
		"Table of nothing":  {must(figures.Table(artifact.Table{Columns: []artifact.Column{{Name: "a", Values: []string{}}}})), 0, []string{"a"}},
		"Table of log":      {must(figures.Table(e.cls.Table())), 8, []string{"held_out_bce"}},
		"Table of map":      {must(figures.Table(e.m.Table())), 800, []string{"class"}},
		"Table of compared": {must(figures.Table(must(e.s.Compare(ctx)).Table())), 18, []string{"12665 / 2115"}},
	} {
		text, err := c.table.Markdown()
		if err != nil || len(c.table.Rows) != c.rows {
			t.Errorf("%s: %d rows, want %d: %v", name, len(c.table.Rows), c.rows, err)
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
	}
	// A legacy study without the first layer leaves its cells empty and keeps
	// the others beside their own layer.
	table := figures.Neurons(e.n, must(legacy.Neurons(ctx, cluster())))
	want := must(must(legacy.Neurons(ctx, cluster())).At(2)).Summary.Distinct
	if table.Rows[0][5] != nil || table.Rows[1][5] != want {
		t.Errorf("legacy cells: got %v and %v, want none and %d", table.Rows[0][5], table.Rows[1][5], want)
	}
}

// TestErrors: what is not there is named.
func TestErrors(t *testing.T) {
	e := tiny(t)
	short := must(must(e.s.With(func(c *jacard.Config) { c.Classifier.Dropouts, c.Classifier.Epochs = []float64{0, 0.2, 0.2}, 1 })).Neurons(ctx, cluster()))
	shortSim := must(e.s.Similarity(ctx, short))
	for want, err := range map[string]error{
		"no split before linear layer 3":   second(figures.RowBars(e.att, 3, 0)),
		"image 800 out of range":           second(figures.RowBars(e.att, 0, 800)),
		"no split before linear layer 1":   second(figures.GlobalBars(e.att, 1, e.d.Labels, cluster())),
		"no mask for linear layer 14":      second(figures.Masks(e.mask, 14)),
		`no layer "dense1" with δ = 1`:     second(figures.BeforeAfter(e.sw, "dense1", 1)),
		`no layer "dense0" with δ = 0.3`:   second(figures.Shift(e.sw, "dense0", 0.3)),
		"no column of a table":             second(figures.Table(artifact.Table{Columns: []artifact.Column{{Name: "x", Values: []complex64{1}}}})),
		"3 layers beside 4 published ones": second(figures.DepthProfile(shortSim, shortSim)),
		"row id 900 out of range":          second(figures.Digits(e.d, []int{900})),
		"which no point has":               second(figures.Map(e.m, jacard.Cluster{Name: "far", IDs: []int{900}})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestNothingThere: no living and no important neuron gives a figure or an
// error that says so, and every step runs.
func TestNothingThere(t *testing.T) {
	e := tiny(t)
	none := must(e.s.With(func(c *jacard.Config) { c.Neurons.Important = 1e9 }))
	masks := must(none.Masks(ctx, cluster()))
	sweep := must(none.Sweep(ctx, cluster()))
	for _, r := range sweep.Rows {
		if r.Neurons != 0 || r.WeightsChanged != 0 || r.Flips != 0 {
			t.Fatalf("no important neuron, but %+v", r)
		}
	}
	dead := *e.n
	dead.ID = strings.Repeat("0", 64)
	dead.Layers = slices.Clone(dead.Layers)
	for i := range dead.Layers {
		l := &dead.Layers[i]
		l.Activations = array.New(l.Activations.Shape...)
		l.Sets = must(neuron.TopSets(l.Activations, neuron.TopConfig{}))
		l.Stats = must(neuron.Table(l.Activations, l.Sets, dead.Labels))
		l.Summary = must(neuron.Summarise(l.Sets))
	}
	sim := must(e.s.Similarity(ctx, &dead))
	if len(sim.Alive) != 0 || len(sim.Order) != 0 {
		t.Errorf("alive: %v", sim.Alive)
	}
	if _, err := e.s.NeuronMap(ctx, sim); err == nil || !strings.Contains(err.Error(), "0 neurons are alive") {
		t.Errorf("map of no neuron: %v", err)
	}
	oneDead := dead // a dead layer among living ones
	oneDead.ID = strings.Repeat("1", 64)
	oneDead.Layers = append([]jacard.NeuronLayer{dead.Layers[0]}, e.n.Layers[1:]...)
	simOne := must(e.s.Similarity(ctx, &oneDead))
	for name, c := range map[string]drawn{
		"masks":                      pair(figures.Masks(masks, 0)).or(false),
		"importance":                 pair(figures.Importance(masks, 1e9)).or(true),
		"sweep":                      pair(figures.SweepAccuracy(sweep)).or(true),
		"before and after":           pair(figures.BeforeAfter(sweep, "all", 1)).or(true),
		"similarity, all dead":       pair(figures.Similarity(sim)).or(false),
		"clustered, all dead":        pair(figures.ClusteredSimilarity(sim)).or(false),
		"layer means, all dead":      pair(figures.LayerMeans(sim)).or(true),
		"similarity, a dead layer":   pair(figures.Similarity(simOne)).or(true),
		"clustered, a dead layer":    pair(figures.ClusteredSimilarity(simOne)).or(true),
		"depth profile, a dead one":  pair(figures.DepthProfile(simOne, sim)).or(true),
		"changes by nothing":         pair(figures.ProbabilityChanges(must(none.Changes(ctx, cluster(), 0, 1)))).or(true),
		"changes without any modes":  pair(figures.ProbabilityChanges(&jacard.Changes{})).or(false),
		"sweep without a row at all": pair(figures.SweepLoss(&jacard.Sweep{Result: weightshift.Result{}})).or(false),
	} {
		if drawn := c.err == nil; drawn != c.fine {
			t.Errorf("%s: drawn %v, want %v: %v", name, drawn, c.fine, c.err)
		}
		if c.err == nil {
			if err := c.f.PNG(&bytes.Buffer{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, table := range map[string]plots.Table{"neurons": figures.Neurons(&dead, &dead), "means": figures.Means(sim)} {
		if _, err := table.Markdown(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// drawn is a figure, or why there is none, and which of them is wanted.
type drawn struct {
	f    *plots.Figure
	err  error
	fine bool
}

func pair(f *plots.Figure, err error) drawn { return drawn{f: f, err: err} }

func (d drawn) or(fine bool) drawn { d.fine = fine; return d }

// TestEverything draws the whole study from all images, with little training.
func TestEverything(t *testing.T) {
	if testing.Short() {
		t.Skip("takes all 14,780 images")
	}
	c := tinyConfig()
	c.TrainRows, c.TestRows = 0, 0
	c.Autoencoder.Epochs, c.Classifier.Width, c.Classifier.Epochs, c.Background.Rows = 1, 70, 2, 5
	c.Neurons.Important = 0.001
	r := must(figures.Everything(ctx, open(t, c, t.TempDir())))
	names := map[string]bool{}
	add := func(name string) {
		if names[name] {
			t.Errorf("two results are called %q", name)
		}
		names[name] = true
	}
	for _, f := range r.Figures {
		add(f.Name)
		if err := f.Figure.PNG(&bytes.Buffer{}); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	for _, table := range r.Tables {
		add(table.Name)
		if err := table.Table.Check(); err != nil || table.Table.Rows() == 0 {
			t.Errorf("%s: %d rows, %v", table.Name, table.Table.Rows(), err)
		}
	}
	if len(r.Figures) < 20 || r.Rows != 14780 || len(r.Networks) != 2 {
		t.Errorf("%d figures, %d rows, %d networks", len(r.Figures), r.Rows, len(r.Networks))
	}
	for _, k := range r.Comparison.Checks {
		if k.Ours == "–" {
			t.Errorf("not compared: %s: %s", k.Quantity, k.Note)
		}
	}
}

func ExampleTable() {
	table := must(figures.Table(artifact.Table{Columns: []artifact.Column{
		{Name: "layer", Values: []string{"relu1", "relu3"}}, {Name: "dead", Values: []int64{3, 0}}}}))
	fmt.Print(must(table.Markdown()))
	// Output:
	// | layer | dead |
	// | --- | ---: |
	// | relu1 | 3 |
	// | relu3 | 0 |
}
