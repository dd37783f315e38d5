package jacard

import (
	"bytes"
	"context"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/artifact"
)

func TestShapes(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		n := len(s.neurons.IDs)
		inputs := []int{30, 20, 20, 20, 20}
		for _, c := range []struct {
			what      string
			got, want []int
		}{
			{"images", s.digits.Images.Shape, []int{800, 784}},
			{"codes", s.encoding.Values.Shape, []int{800, 30}},
			{"outputs", []int{len(s.attributions.Outputs.Data)}, []int{800}},
			{"map", s.projection.Points.Shape, []int{800, 2}},
			{"similarity", s.similarity.Network.Shape, []int{100, 100}},
			{"neuron map", s.neuronMap.Points.Shape, []int{len(s.neuronMap.Neurons), 2}},
			{"losses", []int{len(s.autoencoder.Loss), len(s.autoencoder.LegacyLoss), len(s.classifier.Epochs)}, []int{2, 2, 8}},
			{"linear layers", linears(s.attributions), []int{0, 2, 5, 8, 11}},
			{"layers", []int{len(s.neurons.Layers), len(s.similarity.Layers), len(s.masks.Layers)}, []int{5, 5, 5}},
			{"sweep", []int{len(s.sweep.Rows)}, []int{6 * (1 + 1 + 2) * 3}}, // layers and all, modes and seeds, δ
			{"confusion", []int{s.classifier.Test.Rows(), s.classifier.Train.Rows()}, []int{200, 600}},
		} {
			if !slices.Equal(c.got, c.want) {
				t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
			}
		}
		for i, width := range inputs {
			if got := s.attributions.Splits[i].Values.Shape; !slices.Equal(got, []int{800, width}) {
				t.Errorf("attributions at split %d: got %v", i, got)
			}
			if got := s.neurons.Layers[i].Activations.Shape; !slices.Equal(got, []int{n, 20}) {
				t.Errorf("activations of layer %d: got %v", i, got)
			}
			if got := s.masks.Layers[i].Mask.Values.Shape; !slices.Equal(got, []int{20, width}) {
				t.Errorf("mask of layer %d: got %v", i, got)
			}
		}
		if s.autoencoder.Loss[1] >= s.autoencoder.Loss[0] {
			t.Errorf("autoencoder does not learn: %v", s.autoencoder.Loss)
		}
		if s.classifier.Test.Accuracy() < 0.9 {
			t.Errorf("tiny classifier is right in %.3f only", s.classifier.Test.Accuracy())
		}
	})
}

func linears(a *Attributions) (out []int) {
	for _, p := range a.Splits {
		out = append(out, p.Linear)
	}
	return out
}

// TestSecondRunLoads: another process with the same configuration computes
// nothing, tells so, writes nothing, and has the same results.
func TestSecondRunLoads(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		before := values(t, s.dir)
		ear := &listener{}
		again := runAll(t, open(t, tinyConfig(), s.dir, s.study.work.Backend, ear))
		if computed, loaded := ear.count("computed"), ear.count("loaded"); computed != 0 || loaded != len(stepNames) {
			t.Errorf("%d steps computed and %d loaded, want 0 and %d: %q", computed, loaded, len(stepNames), ear.lines)
		}
		if !slices.Equal(again.ids(), s.ids()) {
			t.Errorf("ids: got %v, want %v", again.ids(), s.ids())
		}
		if !maps.Equal(values(t, s.dir), before) {
			t.Error("the store changed")
		}
		if !(again.classifier.Net.Hash() == s.classifier.Net.Hash()) || !again.projection.Points.Equal(s.projection.Points) {
			t.Error("loaded values differ from computed ones")
		}
		for name, pair := range map[string][2]artifact.Table{
			"classifier": {s.classifier.Table(), again.classifier.Table()}, "neurons": {s.neurons.Table(), again.neurons.Table()},
			"similarity": {s.similarity.Table(), again.similarity.Table()}, "sweep": {s.sweep.Table(), again.sweep.Table()},
			"map":          {s.projection.Table(), again.projection.Table()},
			"attributions": {s.attributions.Table(s.attributions.Splits[4]), again.attributions.Table(again.attributions.Splits[4])},
		} {
			if a, b := csv(t, pair[0]), csv(t, pair[1]); !bytes.Equal(a, b) || len(a) == 0 {
				t.Errorf("table %s: got %d bytes, want the same %d", name, len(b), len(a))
			}
		}
		// Steps asked for again in one process are not read again.
		said := len(ear.lines)
		must(s.study.Sweep(context.Background(), tinyCluster()))(t)
		if len(ear.lines) != said {
			t.Errorf("told again: %q", ear.lines[said:])
		}
	})
}

func csv(t *testing.T, table artifact.Table) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := table.EncodeCSV(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestThreads: one thread and two give the same bytes.
func TestThreads(t *testing.T) {
	if testing.Short() {
		t.Skip("computes the study again")
	}
	onAll(t, func(t *testing.T, s *tiny) {
		want := map[string]string{}
		for path, hash := range values(t, s.dir) {
			if slices.Contains(s.ids(), filepath.Base(filepath.Dir(path))) {
				want[path] = hash
			}
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
		for _, threads := range []int{1, 2} {
			if threads == runtime.GOMAXPROCS(threads) {
				continue // this is how the tiny study was computed
			}
			dir := t.TempDir()
			runAll(t, open(t, tinyConfig(), dir, s.study.work.Backend, &listener{}))
			if got := values(t, dir); !maps.Equal(got, want) {
				for path := range want {
					if got[path] != want[path] {
						t.Errorf("%d threads: %s differs", threads, path)
					}
				}
			}
		}
	})
}

// TestIDs: a change of the configuration changes the ids of exactly the steps
// that depend on it.
func TestIDs(t *testing.T) {
	const digits, autoencoder, encoding, classifier, attributions = 0, 1, 2, 3, 4
	from := func(step int) []string { return stepNames[step:] }
	shiftChain := []string{"masks", "sweep", "changes"}
	explained := append([]string{"attributions", "map"}, shiftChain...)
	described := append([]string{"neurons", "similarity", "neuron map"}, shiftChain...)
	for _, c := range []struct {
		name   string
		slow   bool // trains again
		change func(c *Config)
		want   []string
	}{
		{"nothing", false, func(c *Config) {}, nil},
		{"seed", true, func(c *Config) { c.Seed++ }, from(autoencoder)}, // reading draws nothing
		{"rows", true, func(c *Config) { c.TestRows-- }, from(digits)},
		{"autoencoder", true, func(c *Config) { c.Autoencoder.Epochs = 1 }, from(autoencoder)},
		{"fault 9.12", true, func(c *Config) { c.Legacy.Order = true }, from(autoencoder)},
		{"encoding", true, func(c *Config) { c.Encoding.MinMax = true }, from(encoding)},
		{"classifier", true, func(c *Config) { c.Classifier.Momentum = 0.4 }, from(classifier)},
		{"background", false, func(c *Config) { c.Background.Rows-- }, explained},
		{"fault 9.10", false, func(c *Config) { c.Legacy.Background = true }, explained},
		{"map", false, func(c *Config) { c.Projection.Perplexity = 14 }, []string{"map"}},
		{"top sets", false, func(c *Config) { c.Neurons.TopK = 9 }, described},
		{"fault 9.7", false, func(c *Config) { c.Legacy.TopSets = true }, described},
		{"fault 9.6", false, func(c *Config) { c.Legacy.FourLayers = true }, described},
		{"permutations", false, func(c *Config) { c.Neurons.Permutations-- }, []string{"similarity", "neuron map"}},
		{"neuron map", false, func(c *Config) { c.Neurons.MapPerplex = 2 }, []string{"neuron map"}},
		{"mask level", false, func(c *Config) { c.Neurons.MaskLevel = 0.01 }, shiftChain},
		{"mask share", false, func(c *Config) { c.Neurons.MaskShare = 0.4 }, shiftChain},
		{"important", false, func(c *Config) { c.Neurons.Important = 0.03 }, shiftChain},
		{"fault 9.1", false, func(c *Config) { c.Legacy.Average = true }, shiftChain},
		{"fault 9.2", false, func(c *Config) { c.Legacy.Lookup = true }, shiftChain},
		{"fault 9.5", false, func(c *Config) { c.Legacy.LayerMixup = true }, shiftChain},
		{"method one", false, func(c *Config) { c.Legacy.MaskFormula = true }, shiftChain},
		{"shifts", false, func(c *Config) { c.Shift.Seeds = 1 }, []string{"sweep"}},
		{"fault 9.4", false, func(c *Config) { c.Legacy.RowMixup = true }, []string{"sweep", "changes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.slow && testing.Short() {
				t.Skip("trains again")
			}
			s := tinyOn(t, fast(t))
			computed := s.ear.count("computed")
			other := runAll(t, must(s.study.With(c.change))(t))
			var got []string
			for i, id := range other.ids() {
				if id != s.ids()[i] {
					got = append(got, stepNames[i])
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("other ids: got %v, want %v", got, c.want)
			}
			if n := s.ear.count("computed") - computed; n > len(c.want) {
				t.Errorf("%d steps computed, want at most %d: the others are shared", n, len(c.want))
			}
		})
	}
}

// TestNames: one set of images under two names is two results.
func TestNames(t *testing.T) {
	s, ctx := tinyOn(t, fast(t)), context.Background()
	c := tinyCluster()
	c.Name = "another name"
	if got := must(s.study.Neurons(ctx, c))(t).Cluster; got != c.Name {
		t.Errorf("neurons of cluster %q, want %q", got, c.Name)
	}
	if got := must(s.study.Sweep(ctx, c))(t); got.Cluster != c.Name || got.Rows[0].Cluster != c.Name {
		t.Errorf("sweep of clusters %q and %q, want %q", got.Cluster, got.Rows[0].Cluster, c.Name)
	}
}

// TestWithLeavesTheStudy: what a changed study does to its configuration does
// not reach the study it was made from.
func TestWithLeavesTheStudy(t *testing.T) {
	s := open(t, tinyConfig(), t.TempDir(), fast(t), &listener{})
	other := must(s.With(func(c *Config) {
		c.Shift.Deltas[0], c.Classifier.Dropouts[1], c.Autoencoder.Hidden[0] = -9, 0.9, 9
	}))(t)
	if s.Config.Shift.Deltas[0] != -0.5 || s.Config.Classifier.Dropouts[1] != 0.2 || s.Config.Autoencoder.Hidden[0] != 64 || other.Config.Shift.Deltas[0] != -9 {
		t.Errorf("With changed the study itself: %+v", s.Config)
	}
	if s.Variant() != "corrected" || s.WithLegacy(AllLegacy()).Variant() != "legacy" {
		t.Error("variants are not told apart")
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"code", func(c *Config) { c.Autoencoder.Code = 0 }, "Autoencoder.Code is 0"},
		{"hidden", func(c *Config) { c.Autoencoder.Hidden = []int{64, 0} }, "Autoencoder.Hidden [64 0]"},
		{"epochs", func(c *Config) { c.Classifier.Epochs = -1 }, "Classifier.Epochs is -1"},
		{"rate", func(c *Config) { c.Autoencoder.Rate = math.NaN() }, "Autoencoder.Rate is NaN"},
		{"infinite rate", func(c *Config) { c.Classifier.Rate = math.Inf(1) }, "Classifier.Rate is +Inf"},
		{"momentum", func(c *Config) { c.Classifier.Momentum = 1 }, "Classifier.Momentum 1"},
		{"rows", func(c *Config) { c.TrainRows = -1 }, "TrainRows -1"},
		{"no dropouts", func(c *Config) { c.Classifier.Dropouts = nil }, "Classifier.Dropouts []"},
		{"dropout", func(c *Config) { c.Classifier.Dropouts = []float64{0, 1} }, "Classifier.Dropouts [0 1]"},
		{"hold-out", func(c *Config) { c.Classifier.HoldOut = 1 }, "Classifier.HoldOut 1"},
		{"hold-out NaN", func(c *Config) { c.Classifier.HoldOut = math.NaN() }, "Classifier.HoldOut NaN"},
		{"class", func(c *Config) { c.Background.Only = "twos" }, `Background.Only "twos"`},
		{"mask level", func(c *Config) { c.Neurons.MaskLevel = 0 }, "Neurons.MaskLevel is 0"},
		{"mask share", func(c *Config) { c.Neurons.MaskShare = 1.5 }, "Neurons.MaskShare 1.5"},
		{"important", func(c *Config) { c.Neurons.Important = 0 }, "Neurons.Important is 0"},
		{"no zero", func(c *Config) { c.Shift.Deltas = []float64{-1, 1} }, "lacks 0"},
		{"order", func(c *Config) { c.Shift.Deltas = []float64{0, -1} }, "ascending"},
	} {
		cfg := Quick()
		c.change(&cfg)
		if _, err := Open(cfg, Options{Store: t.TempDir(), Backend: fast(t)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
	for _, cfg := range []Config{Thesis(), Quick()} {
		if err := cfg.check(); err != nil {
			t.Error(err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	for value, want := range map[string]int{"": 100, "0": 100, "1": 5, "yes": 5} {
		t.Setenv(EnvQuick, value)
		if got := FromEnvironment().Autoencoder.Epochs; got != want {
			t.Errorf("%s=%q: got %d epochs, want %d", EnvQuick, value, got, want)
		}
	}
}
