package jacard

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/neuron"
)

// TestCompareSmall: a small run gives every line of the table; those it cannot
// give say why.
func TestCompareSmall(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		c := must(s.study.Compare(context.Background()))(t)
		want := []string{"training rows", "first 20", "first 64", "parameters", "autoencoder, MSE per pixel, epoch 1", "classifier, cross-entropy before",
			"classifier, least", "classifier, test accuracy", "classifier, mean test", "base value", "Σφ of confident ones", "Σφ of confident zeros",
			"largest completeness gap", "map, 10-NN", "map, silhouette", "Jaccard values", "mean Jaccard", "test rows right"}
		if len(c.Checks) != len(want) {
			t.Fatalf("%d checks, want %d: %+v", len(c.Checks), len(want), c.Checks)
		}
		for i, k := range c.Checks {
			if !strings.HasPrefix(k.Quantity, want[i]) {
				t.Errorf("check %d is %q, want %q", i, k.Quantity, want[i])
			}
			if k.Published == "" || k.Ours == "" || !k.Met && k.Note == "" {
				t.Errorf("incomplete: %+v", k)
			}
		}
		for _, i := range []int{1, 2, 12} { // labels and gap do not depend on size
			if !c.Checks[i].Met {
				t.Errorf("missed: %+v", c.Checks[i])
			}
		}
		if k := c.Checks[17]; !k.Met || k.Ours != "–" || !strings.Contains(k.Note, "whole data set") {
			t.Errorf("legacy shift of a cluster that is not there: %+v", k)
		}
		if slices.ContainsFunc(c.Missed(), func(k Check) bool { return k.Met }) || len(c.Missed()) == 0 {
			t.Errorf("missed: %+v", c.Missed())
		}
		if table := c.Table(); table.Rows() != len(want) || len(table.Columns) != 6 || table.Check() != nil {
			t.Errorf("table of %d rows and %d columns: %v", table.Rows(), len(table.Columns), table.Check())
		}
	})
}

// TestSimilarity: blocks of the network's matrix are the layers' matrices, and
// orders name the living neurons.
func TestSimilarity(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		var alive []int
		for i, l := range s.similarity.Layers {
			for p := range 20 {
				for q := range 20 {
					want := 1.0 // also of a dead neuron with itself
					if p != q {
						want = neuron.Jaccard(s.neurons.Layers[i].Sets[p], s.neurons.Layers[i].Sets[q])
					}
					if got := l.Matrix.At(p, q); float64(got) != float64(float32(want)) || got != s.similarity.Network.At(20*i+p, 20*i+q) {
						t.Fatalf("%s, neurons %d and %d: got %g, want %g", l.Neurons, p, q, got, want)
					}
				}
				if !s.neurons.Layers[i].Stats[p].Dead {
					alive = append(alive, 20*i+p)
				}
				if s.similarity.LayerOf[20*i+p] != i {
					t.Errorf("neuron %d is of layer %d", 20*i+p, s.similarity.LayerOf[20*i+p])
				}
			}
			if !slices.Equal(slices.Sorted(slices.Values(l.Order)), l.Alive) {
				t.Errorf("%s: order %v, alive %v", l.Neurons, l.Order, l.Alive)
			}
		}
		if !slices.Equal(s.similarity.Alive, alive) || !slices.Equal(slices.Sorted(slices.Values(s.similarity.Order)), alive) || !slices.Equal(s.neuronMap.Neurons, alive) {
			t.Errorf("alive %v, order %v, mapped %v; want %v", s.similarity.Alive, s.similarity.Order, s.neuronMap.Neurons, alive)
		}
		if len(s.similarity.Means) != 15 {
			t.Errorf("%d means of pairs of layers, want 15", len(s.similarity.Means))
		}
	})
}

// TestNeuronMapOfFewNeurons: too few living neurons for the perplexity.
func TestNeuronMapOfFewNeurons(t *testing.T) {
	s := tinyOn(t, fast(t))
	few := must(s.study.With(func(c *Config) { c.Neurons.MapPerplex = 40 }))(t)
	_, err := few.NeuronMap(context.Background(), s.similarity)
	wantError(t, err, "lower Neurons.MapPerplex")
	// Dead neurons are mapped too, as published.
	legacy := s.study.WithLegacy(Legacy{TopSets: true})
	n := must(legacy.Neurons(context.Background(), tinyCluster()))(t)
	m := must(legacy.NeuronMap(context.Background(), must(legacy.Similarity(context.Background(), n))(t)))(t)
	if !slices.Equal(m.Neurons, idRange(0, 100)) {
		t.Errorf("legacy map of neurons %v", m.Neurons)
	}
}

// TestMedianTwin: as many values lie above as below.
func TestMedianTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for n := 1; n < 30; n++ {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(rng.IntN(20))
		}
		before := slices.Clone(values)
		m := median(values)
		below, above := 0, 0
		for _, v := range values {
			if v < m {
				below++
			}
			if v > m {
				above++
			}
		}
		if 2*below > n || 2*above > n || !slices.Equal(values, before) {
			t.Errorf("median of %v: got %g", before, m)
		}
	}
	if got := median([]float64{4, 1}); got != 2.5 {
		t.Errorf("median of 4 and 1: got %g, want 2.5", got)
	}
	if !math.IsNaN(median(nil)) {
		t.Error("median of nothing is a number")
	}
}
