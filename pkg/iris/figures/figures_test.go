package figures_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/iris"
	"github.com/gojacard/jacard/pkg/iris/figures"
	"github.com/gojacard/jacard/pkg/plots"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestFigures draws everything of a short study and reads the words in it.
// JACARD_SHOTS names a folder that keeps the pictures.
func TestFigures(t *testing.T) {
	ctx := context.Background()
	cfg := iris.Quick()
	cfg.Seeds = 2
	all := backend.ForTest(t)
	s := must(iris.Open(cfg, iris.Options{Store: t.TempDir(), Backend: all[len(all)-1], Announce: func(string) {},
		Progress: func(string) func(int, int) { return func(int, int) {} }}))
	f, c, stable := must(s.Flowers(ctx)), must(s.Classifier(ctx)), must(s.Stability(ctx))
	m, r := must(c.Measure(c.Test)), must(c.Roles(f.All()))
	for name, want := range map[string]struct {
		figure *plots.Figure
		words  string
	}{
		"flowers":       {must(figures.Flowers(f)), "petal length, cm"},
		"loss":          {must(figures.Loss(c)), "published (another split, no seed)"},
		"confusion":     {must(figures.Confusion(c, m)), "versicolor"},
		"share-active":  {must(figures.ShareActive(c, r)), "share of rows"},
		"activation":    {must(figures.MeanActivation(c, r)), "hidden neuron"},
		"weights":       {must(figures.Weights(c)), "sepal width"},
		"contributions": {must(figures.Contributions(c, 70)), "Flower 70 (versicolor"},
		"activations":   {must(figures.Activations(c, f.Test)), "The hidden layer for each row"},
		"conductance":   {must(figures.Conductance(c, must(c.Conductance(f.All())))), "baseline: the mean training flower"},
		"network":       {must(figures.Network(ctx, c, 70)), "row 70: versicolor"},
		"match":         {must(figures.Match(stable)), "best match"},
	} {
		var svg bytes.Buffer
		if err := want.figure.SVG(&svg); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(svg.String(), want.words) || want.figure.Caption() == "" {
			t.Errorf("%s: no %q in the picture, or no caption", name, want.words)
		}
		if dir := os.Getenv("JACARD_SHOTS"); dir != "" {
			if err := want.figure.Save(filepath.Join(dir, "iris-"+name+".png")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := must(figures.Network(ctx, c, 70)).HTML(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]struct {
		table plots.Table
		rows  int
		words string
	}{
		"scores":       {figures.Scores(m), 4, "| virginica |"},
		"roles":        {figures.Roles(r), 6, "| only setosa |"},
		"explanations": {figures.Explanations(must(c.Explain(f.Test, iris.Contribution)), iris.Contribution), 15, "features with w·x > 0"},
		"legacy":       {must(figures.Legacy(c, f.Test)), 15, "of the last neuron"},
		"ablations":    {figures.Ablations(must(c.Ablate(f.All()))), 13, "| neuron 11 |"},
		"stability":    {figures.Stability(stable), 2, "| 42 | "},
		"comparison":   {figures.Comparison(must(s.Compare(ctx))), 5, "mean test accuracy of 2 seeds"},
	} {
		text, err := want.table.Markdown()
		if err != nil || len(want.table.Rows) != want.rows || !strings.Contains(text, want.words) {
			t.Errorf("%s: error %v, %d rows, want %d with %q:\n%s", name, err, len(want.table.Rows), want.rows, want.words, text)
		}
		t.Logf("%s\n%s", name, text)
	}
	if _, err := figures.Contributions(c, 150); err == nil {
		t.Error("flower 150 has contributions")
	}
}
