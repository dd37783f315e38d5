package figures_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/lesson"
	"github.com/gojacard/jacard/pkg/lesson/exercise"
	"github.com/gojacard/jacard/pkg/lesson/figures"
	"github.com/gojacard/jacard/pkg/metric"
	"github.com/gojacard/jacard/pkg/plots"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func noise(rng *rand.Rand, size float64, shape ...int) *array.Array {
	a := array.New(shape...)
	for i := range a.Data {
		a.Data[i] = float32(size * rng.NormFloat64())
	}
	return a
}

// TestFigures draws made-up results and reads the words in the pictures.
// JACARD_SHOTS names a folder that keeps them.
func TestFigures(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const rows = 60
	sample := &lesson.Sample{Images: noise(rng, 60, rows+2, 784), Labels: make([]int, rows+2), White: 255, TrainRows: rows}
	sample.Labels[rows], sample.Labels[rows+1] = 1, 2
	e := &lesson.Embeddings{Perplexity: 3}
	for i := range rows {
		e.Labels = append(e.Labels, i%10)
	}
	for layer := 1; layer <= 4; layer++ {
		e.Layers = append(e.Layers, lesson.Embedding{Layer: layer, Units: 10 * layer, Points: noise(rng, 1, rows, 2), MapAccuracy: 0.9})
	}
	c := &lesson.Classifier{Loss: []float64{4, 1, 0.3, 0.2}, Stopped: true, TestAccuracy: 0.5,
		Confusion: must(metric.NewConfusion([]int{1, 2}, []int{1, 3}, 10)), Predicted: []int{1, 3}}
	v := &lesson.Saliency{Row: 9, Label: 6, Predicted: 6, Draws: 200, BackgroundRows: 15000, White: 255, Image: noise(rng, 100, 28, 28)}
	for range 10 {
		v.Digits = append(v.Digits, lesson.DigitSaliency{Values: noise(rng, 0.01, 28, 28), Errors: array.New(28, 28), Probability: 0.1})
	}
	orders := *v
	orders.Permutation = true
	curve := lesson.ConvergenceCurve{Method: "pixel by pixel", Draws: []int{10, 100}, Error: []float64{0.01, 0.003}, Distance: []float64{0.012, 0.004}}
	k := &lesson.Convergence{Row: 9, Label: 6, ReferenceDraws: 4000, Curves: []lesson.ConvergenceCurve{curve}}

	for name, want := range map[string]struct {
		figure *plots.Figure
		words  string
	}{
		"rows":        {must(figures.Rows(sample, c, []int{8, 61})), "61: 2, not 3"},
		"relu":        {must(figures.ReLU()), "ReLU(x)"},
		"loss":        {must(figures.Loss(c)), "stopped as the loss"},
		"confusion":   {must(figures.Confusion(c)), "Test accuracy 0.5000"},
		"embeddings":  {must(figures.Embeddings(e, sample)), "layer 4 (40 units)"},
		"two-layers":  {must(figures.Embeddings(e, sample, 1, 4)), "layer 1 (10 units)"},
		"image":       {must(figures.Image(v)), "250"},
		"saliency":    {must(figures.Saliency(v, 3)), "Shapley values for digit 3"},
		"both":        {must(figures.ImageAndSaliency(v)), "Row 9: digit 6"},
		"digits":      {must(figures.AllDigits(&orders)), "9: f = 0.100"},
		"convergence": {must(figures.Convergence(k)), "pixel by pixel: distance"},
	} {
		var svg bytes.Buffer
		if err := want.figure.SVG(&svg); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(svg.String(), want.words) || want.figure.Caption() == "" {
			t.Errorf("%s: no %q in the picture, or no caption", name, want.words)
		}
		if dir := os.Getenv("JACARD_SHOTS"); dir != "" {
			if err := want.figure.Save(filepath.Join(dir, "lesson-"+name+".png")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := must(figures.Embeddings(e, sample)).HTML(); err != nil {
		t.Error(err)
	}
	if text := must(figures.Layers(e).Markdown()); !strings.Contains(text, "| 4 | 40 |") {
		t.Error(text)
	}
	if text := must(figures.Sums(v, &orders).Markdown()); !strings.Contains(text, "permutations | 200") {
		t.Error(text)
	}

	// The library's own figures are answers to the exercises.
	for name, verdict := range map[string]exercise.Verdict{
		"facets":  exercise.Facets(must(figures.EmbeddingsData(e, sample)), e),
		"picture": exercise.Picture(figures.ImageData(v), v),
		"map":     exercise.Map(figures.SaliencyData(v, v.Label), v),
		"both":    exercise.SideBySide(figures.ImageData(v), figures.SaliencyData(v, v.Label), v),
	} {
		if !verdict.Right() {
			t.Errorf("%s: %s", name, verdict)
		}
	}

	if _, err := figures.Embeddings(e, sample, 5); err == nil {
		t.Error("layer 5 has a map")
	}
	if _, err := figures.Saliency(v, 10); err == nil {
		t.Error("there is a digit 10")
	}
}
