package lesson

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
)

var ctx = context.Background()

// TestSmall runs a small lesson: every step gives what the next one needs.
func TestSmall(t *testing.T) {
	cfg := Quick()
	cfg.Rows, cfg.Classifier.Epochs, cfg.Projection.Rows, cfg.Projection.Iterations = 1200, 3, 200, 60
	cfg.Convergence = ConvergenceConfig{Draws: []int{5}, Reference: 40}
	options := Options{Store: t.TempDir(), Backend: backend.ForTest(t)[0], Announce: func(string) {},
		Progress: func(string) func(int, int) { return func(int, int) {} }}
	s, err := Open(cfg, options)
	if err != nil {
		t.Fatal(err)
	}
	sample, err := s.Sample(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if x, labels := sample.Train(); x.Rows() != 600 || len(labels) != 600 || sample.White != 255 {
		t.Errorf("%d training rows, %d labels, white %g", x.Rows(), len(labels), sample.White)
	}
	c, err := s.Classifier(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c.TestAccuracy < 0.6 || c.Layers() != 4 || c.Confusion.Accuracy() != c.TestAccuracy || len(c.Wrong(sample)) == 0 {
		t.Errorf("accuracy %g, %d layers, %d wrong", c.TestAccuracy, c.Layers(), len(c.Wrong(sample)))
	}
	e, err := s.Embeddings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range e.Layers {
		if l.Layer != i+1 || l.Points.Rows() != 200 || l.Units != []int{784, 512, 256, 10}[i] {
			t.Errorf("map %d: layer %d of %d units, %d points", i, l.Layer, l.Units, l.Points.Rows())
		}
	}

	v, err := s.Saliency(ctx)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for k, d := range v.Digits {
		total += d.Probability
		// Pixels are drawn apart from each other, so the sum errs as they do.
		if gap := math.Abs(d.Sum() - (d.Probability - d.BaseValue)); gap > 5*d.SumError()+1e-5 {
			t.Errorf("digit %d: sum off by %g, standard error %g", k, gap, d.SumError())
		}
		if math.Abs(d.DrawnBaseValue-d.BaseValue) > 1e-5 {
			t.Errorf("digit %d: counted from %g, the mean over the background is %g", k, d.DrawnBaseValue, d.BaseValue)
		}
	}
	if math.Abs(total-1) > 1e-5 || v.Row != 9 || v.Label != sample.Labels[9] || v.Image.At(14, 14) != sample.Images.At(9, 14*Side+14) || v.BackgroundRows != 600 {
		t.Errorf("saliency of row %d, label %d, probabilities add up to %g", v.Row, v.Label, total)
	}

	wrong := c.Wrong(sample)[0]
	other, err := s.With(func(c *Config) {
		c.Saliency = SaliencyConfig{Row: wrong, Iterations: 20, Permutation: true, Background: []int{3, 5}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, err = other.Saliency(ctx); err != nil {
		t.Fatal(err)
	}
	if v.Predicted == v.Label || v.Predicted != c.Predicted[wrong-sample.TrainRows] || v.BackgroundRows >= 300 {
		t.Errorf("row %d: label %d, predicted %d, against %d rows", wrong, v.Label, v.Predicted, v.BackgroundRows)
	}
	for k, d := range v.Digits {
		if gap := math.Abs(d.Sum() - (d.Probability - d.DrawnBaseValue)); gap > 1e-4 {
			t.Errorf("digit %d: permutations miss their sum by %g", k, gap)
		}
	}

	k, err := s.Convergence(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Curves) != 2 || k.Curves[0].Draws[0] != 5 || k.Curves[1].Draws[0] != 6 || k.ReferenceError <= 0 {
		t.Fatalf("convergence: %+v", k)
	}
	for _, curve := range k.Curves {
		// Standard errors of five draws are rough, those of pixels with nothing
		// but zeros too small.
		if ratio := curve.Distance[0] / curve.Error[0]; ratio < 0.3 || ratio > 3 {
			t.Errorf("%s: distance %g, standard error %g", curve.Method, curve.Distance[0], curve.Error[0])
		}
	}

	// What is stored is found without its inputs, which are large.
	if err := os.RemoveAll(filepath.Join(options.Store, "lesson-sample")); err != nil {
		t.Fatal(err)
	}
	options.Announce = func(line string) {
		if !strings.HasPrefix(line, "loaded ") {
			t.Errorf("a stored step says %q", line)
		}
	}
	if s, err = Open(cfg, options); err != nil {
		t.Fatal(err)
	}
	again, err := s.Embeddings(ctx)
	if err != nil || again.ID != e.ID {
		t.Errorf("maps of layers %s, read %+v, %v", e.ID, again, err)
	}
	if again, err := s.Classifier(ctx); err != nil || again.ID != c.ID || again.Inputs["sample"] != sample.ID {
		t.Errorf("classifier %s, read %+v, %v", c.ID, again, err)
	}
}

// TestLayerOutputEqualsScikitLearn: layers of MLPClassifier by number, the
// last equal to the model's own probabilities.
func TestLayerOutputEqualsScikitLearn(t *testing.T) {
	f := fixture.Load(t, "sklearn-mlp")
	net, err := network.New("mlp", []int{64}, network.Dense(32), network.ReLU(), network.Dense(16), network.ReLU(), network.Dense(10), network.Softmax(0))
	if err != nil {
		t.Fatal(err)
	}
	params := net.Parameters()
	for i := range 3 {
		w := f.Array(fmt.Sprintf("coefs.%d", i)) // [in, out]
		turned := array.New(w.Shape[1], w.Shape[0])
		for in := range w.Rows() {
			for out, v := range w.Row(in) {
				turned.Row(out)[in] = v
			}
		}
		name := net.LayerNames()[2*i]
		params = params.With(name+".weight", turned).With(name+".bias", f.Array(fmt.Sprintf("intercepts.%d", i)))
	}
	if net, err = net.WithParameters(params); err != nil {
		t.Fatal(err)
	}
	c, x := &Classifier{Net: net}, f.Array("x")
	for _, b := range backend.ForTest(t) {
		s, err := Open(Quick(), Options{Store: t.TempDir(), Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		output := func(layer int) *array.Array {
			out, err := s.LayerOutput(ctx, c, x, layer)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if output(1) != x {
			t.Error("layer 1 is not the input")
		}
		for layer := 2; layer <= c.Layers(); layer++ {
			got, want := output(layer), f.Array(fmt.Sprintf("activation.%d", layer))
			for i, v := range got.Data {
				const atol, rtol = 1e-4, 1e-5 // the fixture's, for activations up to 29
				if !slices.Equal(got.Shape, want.Shape) || math.Abs(float64(v-want.Data[i])) > atol+rtol*math.Abs(float64(want.Data[i])) {
					t.Fatalf("%s, layer %d %v: value %d is %g, want %g", b.Name(), layer, got.Shape, i, v, want.Data[i])
				}
			}
		}
		p, err := s.Probabilities(ctx, c, x)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range output(4).Data {
			if math.Abs(float64(v-p.Data[i])) > 1e-6 {
				t.Fatalf("%s: layer 4 says %g, the model %g", b.Name(), v, p.Data[i])
			}
		}
		for _, layer := range []int{0, 5} {
			if _, err := s.LayerOutput(ctx, c, x, layer); err == nil {
				t.Errorf("there is a layer %d", layer)
			}
		}
	}
}

// TestBadSettings: each is refused by the name of its field.
func TestBadSettings(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Rows is 70001":              func(c *Config) { c.Rows = 70001 },
		"Classifier.Rate is NaN":     func(c *Config) { c.Classifier.Rate = math.NaN() },
		"Classifier.Hidden [0]":      func(c *Config) { c.Classifier.Hidden = []int{0} },
		"Classifier.Alpha -1":        func(c *Config) { c.Classifier.Alpha = -1 },
		"Projection.Rows is 20000":   func(c *Config) { c.Projection.Rows = 20000 },
		"Projection.Perplexity":      func(c *Config) { c.Projection.Perplexity = 0 },
		"Saliency.Row is 30000":      func(c *Config) { c.Saliency.Row = 30000 },
		"Saliency.Iterations is 1":   func(c *Config) { c.Saliency.Iterations = 1 },
		"wants an even number":       func(c *Config) { c.Saliency.Iterations, c.Saliency.Permutation = 25, true },
		"Saliency.Background [10]":   func(c *Config) { c.Saliency.Background = []int{10} },
		"Convergence.Draws []":       func(c *Config) { c.Convergence.Draws = nil },
		"Convergence.Reference is 3": func(c *Config) { c.Convergence.Reference = 3 },
	} {
		cfg := Lesson()
		change(&cfg)
		if _, err := Open(cfg, Options{Store: t.TempDir()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
