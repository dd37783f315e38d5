package project

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

func mustTSNE(t *testing.T, x *array.Array, cfg TSNEConfig) *Map {
	t.Helper()
	m, err := TSNE(context.Background(), x, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestThreads holds the law: the same bytes for any number of threads.
func TestThreads(t *testing.T) {
	x, _ := mixture(1100, 8, 3)
	for _, cfg := range []TSNEConfig{
		{Metric: Cosine, Iterations: 120},
		{Perplexity: 12, Iterations: 60, Init: InitRandom, Seed: 5},
		{Perplexity: 12, Iterations: 40, Exact: true},
	} {
		cfg.Threads = 1
		want := mustTSNE(t, x, cfg)
		for _, threads := range []int{2, 5, 64} {
			cfg.Threads = threads
			if got := mustTSNE(t, x, cfg); !got.Points.Equal(want.Points) || got.KL != want.KL {
				t.Errorf("%+v: another map than with one thread", cfg)
			}
		}
	}
}

func TestSeed(t *testing.T) {
	x, _ := mixture(100, 4, 3)
	cfg := TSNEConfig{Perplexity: 10, Iterations: 20, Init: InitRandom}
	first := mustTSNE(t, x, cfg)
	if again := mustTSNE(t, x, cfg); !again.Points.Equal(first.Points) {
		t.Error("the same seed gave another map")
	}
	cfg.Seed = 1
	if other := mustTSNE(t, x, cfg); other.Points.Equal(first.Points) {
		t.Error("another seed gave the same map")
	}
}

// TestEmbeddingFixture holds a whole run to the bands of scikit-learn's and
// openTSNE's runs on the same rows.
func TestEmbeddingFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-embedding")
	var params struct {
		Bands map[string]struct{ Low, High float64 }
	}
	c.JSON("parameters", &params)
	labels, _ := c.Ints("labels")
	x := c.Array("x")
	for _, cfg := range []TSNEConfig{{Metric: Cosine}, {Metric: Cosine, Init: InitRandom, Seed: 1}} {
		if cfg.Init == InitRandom && testing.Short() {
			break
		}
		m := mustTSNE(t, x, cfg)
		trust, err := Trustworthiness(x, m.Points, 10, Cosine)
		if err != nil {
			t.Fatal(err)
		}
		accuracy, _, err := KNNAccuracy(m.Points, labels, 10)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Silhouette(m.Points, labels, SilhouetteConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("KL %.4f, trustworthiness %.4f, accuracy %.4f, silhouette %.4f", m.KL, trust, accuracy, s.Mean)
		if m.Neighbours != 91 || m.Iterations != 1000 || m.Perplexity != 30 || m.LearningRate != 50 {
			t.Errorf("defaults: got %d neighbours, %d iterations, perplexity %g, rate %g", m.Neighbours, m.Iterations, m.Perplexity, m.LearningRate)
		}
		if high := params.Bands["kl"].High; m.KL > high {
			t.Errorf("KL %g above %g", m.KL, high)
		}
		for name, got := range map[string]float64{"trustworthiness_10": trust, "knn10_accuracy": accuracy, "silhouette": s.Mean} {
			if low := params.Bands[name].Low; got < low {
				t.Errorf("%s %g below %g", name, got, low)
			}
		}
	}
}

// TestAngle: cells cost next to nothing in quality.
func TestAngle(t *testing.T) {
	x, _ := mixture(300, 6, 2)
	approximate := mustTSNE(t, x, TSNEConfig{Perplexity: 15})
	exact := mustTSNE(t, x, TSNEConfig{Perplexity: 15, Exact: true})
	if exact.Neighbours != 299 || approximate.Neighbours != 46 {
		t.Errorf("neighbours: got %d exact, %d approximate", exact.Neighbours, approximate.Neighbours)
	}
	if math.Abs(exact.KL-approximate.KL) > 0.1*exact.KL {
		t.Errorf("KL: %g exact, %g approximate", exact.KL, approximate.KL)
	}
}

// TestGridStaysRegular: points that lie on a plane stay neighbours on it.
func TestGridStaysRegular(t *testing.T) {
	x := array.New(225, 2)
	for i := range 225 {
		x.Row(i)[0], x.Row(i)[1] = float32(i%15), float32(i/15)
	}
	m := mustTSNE(t, x, TSNEConfig{Perplexity: 20, Iterations: 600})
	trust, err := Trustworthiness(x, m.Points, 8, Euclidean)
	if err != nil || trust < 0.99 {
		t.Errorf("trustworthiness of a grid's map: %g, %v", trust, err)
	}
}

// TestNeuronMaps: rows of a similarity with many equal rows, read as features
// and as distances, at the sizes of the neuron maps.
func TestNeuronMaps(t *testing.T) {
	for _, n := range []int{100, 400} {
		if n > 100 && testing.Short() {
			break
		}
		d := dissimilarity(n, 4)
		s := d.Clone()
		for i := range s.Data {
			s.Data[i] = 1 - s.Data[i]
		}
		asFeatures := mustTSNE(t, s, TSNEConfig{Metric: Cosine, Perplexity: 10})
		asDistances := mustTSNE(t, d, TSNEConfig{Metric: Precomputed, Perplexity: 10})
		for name, v := range map[string]struct {
			x      *array.Array
			m      *Map
			metric Metric
		}{"features": {s, asFeatures, Cosine}, "distances": {d, asDistances, Precomputed}} {
			trust, err := Trustworthiness(v.x, v.m.Points, 10, v.metric)
			if err != nil || trust < 0.9 {
				t.Errorf("%d neurons as %s: trustworthiness %g, %v", n, name, trust, err)
			}
		}
	}
}

// TestSmall: the least inputs give finite maps.
func TestSmall(t *testing.T) {
	for _, x := range []*array.Array{
		rows(t, []float32{1}, []float32{2}),
		rows(t, []float32{1, 2, 3}, []float32{2, 3, 4}, []float32{5, 1, 1}),
		rows(t, []float32{1, 1}, []float32{1, 1}, []float32{1, 1}, []float32{2, 1}),
	} {
		m := mustTSNE(t, x, TSNEConfig{Perplexity: 1, Iterations: 300})
		if err := checkMap(m.Points, x.Rows()); err != nil || math.IsNaN(m.KL) {
			t.Errorf("%d rows: KL %g, %v", x.Rows(), m.KL, err)
		}
	}
	equal := array.New(20, 3)
	for i := range equal.Data {
		equal.Data[i] = 1
	}
	if _, err := TSNE(context.Background(), equal, TSNEConfig{Perplexity: 5}); err == nil || !strings.Contains(err.Error(), "all 20 rows are equal") {
		t.Errorf("equal rows: got error %v", err)
	}
	mustTSNE(t, equal, TSNEConfig{Perplexity: 5, Iterations: 50, Init: InitRandom})
}

func TestBadConfig(t *testing.T) {
	x, _ := mixture(20, 3, 1)
	for want, cfg := range map[string]TSNEConfig{
		"perplexity 30 of 20 rows": {},
		"perplexity 0.5":           {Perplexity: 0.5},
		"perplexity NaN":           {Perplexity: math.NaN()},
		"-1 iterations":            {Perplexity: 5, Iterations: -1},
		"early exaggeration 0.5":   {Perplexity: 5, EarlyExaggeration: 0.5},
		"learning rate -1":         {Perplexity: 5, LearningRate: -1},
		"angle 2":                  {Perplexity: 5, Angle: 2},
		"angle -0.1":               {Perplexity: 5, Angle: -0.1},
		"-2 threads":               {Perplexity: 5, Threads: -2},
		"unknown start 9":          {Perplexity: 5, Init: 9},
		"left the map":             {Perplexity: 5, LearningRate: 1e30},
	} {
		if _, err := TSNE(context.Background(), x, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	d := dissimilarity(20, 1)
	if _, err := TSNE(context.Background(), d, TSNEConfig{Metric: Precomputed, Perplexity: 5, Init: InitPCA}); err == nil || !strings.Contains(err.Error(), "InitRandom") {
		t.Errorf("components of precomputed distances: got error %v", err)
	}
}

func TestProgressAndCancel(t *testing.T) {
	x, _ := mixture(100, 4, 3)
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	_, err := TSNE(ctx, x, TSNEConfig{Perplexity: 5, Iterations: 50, Progress: func(done, total int) {
		if calls++; done != calls || total != 50 {
			t.Errorf("progress: got %d of %d at call %d", done, total, calls)
		}
		if done == 10 {
			cancel()
		}
	}})
	if calls != 10 || !errors.Is(err, context.Canceled) {
		t.Errorf("after %d calls: got error %v, want context.Canceled after 10", calls, err)
	}
}

// TestPublishedSize times 14,780 rows: JACARD_SLOW=1 go test -run PublishedSize -v
func TestPublishedSize(t *testing.T) {
	if os.Getenv("JACARD_SLOW") == "" {
		t.Skip("set JACARD_SLOW=1: several seconds of all processors")
	}
	x, labels := mixture(14780, 30, 1)
	clock := time.Now()
	lap := func(what string, err error) {
		t.Logf("%s: %v", what, time.Since(clock).Round(time.Millisecond))
		if clock = time.Now(); err != nil {
			t.Fatal(err)
		}
	}
	m, err := TSNE(context.Background(), x, TSNEConfig{Metric: Cosine})
	lap("t-SNE", err)
	trust, err := Trustworthiness(x, m.Points, 10, Cosine)
	lap("trustworthiness", err)
	accuracy, purity, err := KNNAccuracy(m.Points, labels, 10)
	lap("10-NN accuracy", err)
	s, err := Silhouette(m.Points, labels, SilhouetteConfig{})
	lap("silhouette", err)
	_, err = KMeans(x, KMeansConfig{Clusters: 10})
	lap("k-means", err)
	_, err = DBSCAN(x, 0.0255, 20, Cosine)
	lap("DBSCAN, cosine", err)
	found, err := DBSCAN(m.Points, 4, 20, Euclidean)
	lap("DBSCAN of the map", err)
	_, err = PCA(x, 2)
	lap("PCA", err)
	t.Logf("KL %.4f, trustworthiness %.5f, accuracy %.5f, purity %.5f, silhouette %.4f, %d dense clusters, %d noise", m.KL, trust, accuracy, purity, s.Mean, found.Clusters, found.Noise)
}
