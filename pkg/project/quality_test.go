package project

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

func TestQualityFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-embedding")
	x, y := c.Array("x"), c.Array("y")
	labels, _ := c.Ints("labels")
	near := func(what string, got float64, err error, want float32) {
		t.Helper()
		if err != nil || math.Abs(got-float64(want)) > 1e-4 {
			t.Errorf("%s: got %g, %v, want %g", what, got, err, want)
		}
	}
	for i, k := range []int{5, 10, 20} {
		got, err := Trustworthiness(x, y, k, Cosine)
		near("trustworthiness", got, err, c.Array("trustworthiness").Data[i])
	}
	accuracy, purity, err := KNNAccuracy(y, labels, 10)
	near("accuracy", accuracy, err, c.Array("knn10_accuracy").Data[0])
	near("purity", purity, err, c.Array("purity10").Data[0])
	s, err := Silhouette(y, labels, SilhouetteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	near("silhouette", s.Mean, err, c.Array("silhouette").Data[0])
}

func TestSilhouetteFixture(t *testing.T) {
	c := fixture.Load(t, "clustering")
	for _, v := range []struct {
		x, labels, want string
		metric          Metric
	}{
		{"points", "kmeans_points.labels", "kmeans_points.silhouette", Euclidean},
		{"codes", "kmeans_codes.labels", "kmeans_codes.silhouette", Euclidean},
		{"codes", "kmeans_codes.labels", "kmeans_codes.silhouette_cosine", Cosine},
	} {
		labels, _ := c.Ints(v.labels)
		got, err := Silhouette(c.Array(v.x), labels, SilhouetteConfig{Metric: v.metric})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Array(v.want).Data {
			if math.Abs(got.Values[i]-float64(want)) > 1e-4 {
				t.Errorf("%s: row %d: got %g, want %g", v.want, i, got.Values[i], want)
			}
		}
	}
}

// slowTrust, slowAccuracy and slowSilhouette follow the definitions with full
// sorts.
func slowTrust(dx, dy [][]float64, k int) float64 {
	n, sum := len(dx), 0.0
	for i := range n {
		for _, j := range sortedOthers(dy[i], i)[:k] {
			rank := 1
			for l := range n {
				if l != i && l != j && dx[i][l] < dx[i][j] {
					rank++
				}
			}
			sum += math.Max(0, float64(rank-k))
		}
	}
	return 1 - sum*2/(float64(n*k)*float64(2*n-3*k-1))
}

func sortedOthers(d []float64, self int) []int {
	var out []int
	for j := range d {
		if j != self {
			out = append(out, j)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(d[a], d[b]) })
	return out
}

func slowAccuracy(d [][]float64, labels []int, k int) (accuracy, purity float64) {
	for i := range d {
		count := map[int]int{}
		for _, j := range sortedOthers(d[i], i)[:k] {
			count[labels[j]]++
		}
		winner := -1 // labels are 0, 1, 2 here
		for label := range 3 {
			if winner < 0 || count[label] > count[winner] {
				winner = label
			}
		}
		if winner == labels[i] {
			accuracy += 1 / float64(len(d))
		}
		purity += float64(count[labels[i]]) / float64(k*len(d))
	}
	return accuracy, purity
}

func slowSilhouette(d [][]float64, labels []int) (mean float64) {
	for i := range d {
		total, count := map[int]float64{}, map[int]float64{}
		for j := range d {
			if i != j {
				total[labels[j]] += d[i][j]
				count[labels[j]]++
			}
		}
		if count[labels[i]] == 0 {
			continue
		}
		a, b := total[labels[i]]/count[labels[i]], math.Inf(1)
		for label := range total {
			if label != labels[i] {
				b = math.Min(b, total[label]/count[label])
			}
		}
		mean += (b - a) / math.Max(a, b) / float64(len(d))
	}
	return mean
}

func TestQualitySlowTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, n := range []int{6, 17, 90} {
		for _, metric := range []Metric{Euclidean, Cosine} {
			x, _ := mixture(n, 4, uint64(n))
			y, labels := array.New(n, 2), make([]int, n)
			for i := range n {
				labels[i] = i % 3
				y.Row(i)[0], y.Row(i)[1] = x.At(i, 0)+float32(r.NormFloat64()), float32(r.NormFloat64())
			}
			labels[n-1] = 7 // alone with its label
			dx, dy := distances(x, metric), distances(y, Euclidean)
			for _, k := range []int{1, (n - 1) / 2} {
				got, err := Trustworthiness(x, y, k, metric)
				if want := slowTrust(dx, dy, k); err != nil || math.Abs(got-want) > 1e-12 {
					t.Errorf("%d rows, %v: trustworthiness of %d: got %g, %v, want %g", n, metric, k, got, err, want)
				}
				labels[n-1] = 2
				accuracy, purity, err := KNNAccuracy(y, labels, k)
				wantA, wantP := slowAccuracy(dy, labels, k)
				if err != nil || math.Abs(accuracy-wantA) > 1e-12 || math.Abs(purity-wantP) > 1e-12 {
					t.Errorf("%d rows: accuracy of %d: got %g, %g, %v, want %g, %g", n, k, accuracy, purity, err, wantA, wantP)
				}
				labels[n-1] = 7
			}
			s, err := Silhouette(x, labels, SilhouetteConfig{Metric: metric})
			if err != nil {
				t.Fatal(err)
			}
			if want := slowSilhouette(dx, labels); math.Abs(s.Mean-want) > 1e-6 {
				t.Errorf("%d rows, %v: silhouette: got %g, want %g", n, metric, s.Mean, want)
			}
		}
	}
}

// TestTrustworthinessLaws: 1 for the rows themselves, also turned, moved and
// enlarged; equal rows are never a fault.
func TestTrustworthinessLaws(t *testing.T) {
	x, _ := mixture(150, 2, 8)
	turned := x.Clone()
	for i := range 150 {
		a, b := x.At(i, 0), x.At(i, 1)
		turned.Row(i)[0], turned.Row(i)[1] = 3*b+1, -3*a+2
	}
	if got, err := Trustworthiness(x, turned, 10, Euclidean); got != 1 || err != nil {
		t.Errorf("a turned map: got %g, %v, want 1", got, err)
	}
	equal := array.New(60, 5)
	for i := range equal.Data {
		equal.Data[i] = 2
	}
	if got, err := Trustworthiness(equal, x.Slice(0, 60), 10, Cosine); got != 1 || err != nil {
		t.Errorf("equal rows: got %g, %v, want 1", got, err)
	}
}

func TestSilhouetteSample(t *testing.T) {
	x, labels := mixture(500, 3, 6)
	all, err := Silhouette(x, labels, SilhouetteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	some, err := Silhouette(x, labels, SilhouetteConfig{Sample: 300, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(some.IDs) != 300 || !slices.IsSorted(some.IDs) || math.Abs(some.Mean-all.Mean) > 0.1 {
		t.Errorf("sample of %d: mean %g, of all %g", len(some.IDs), some.Mean, all.Mean)
	}
	if again, _ := Silhouette(x, labels, SilhouetteConfig{Sample: 300, Seed: 2}); again.Mean != some.Mean {
		t.Error("the same seed drew another sample")
	}
}

func TestBadQuality(t *testing.T) {
	x, labels := mixture(20, 3, 1)
	y := array.New(20, 2)
	for what, call := range map[string]func() error{
		"20 rows but 10 points": func() error { _, err := Trustworthiness(x, array.New(10, 2), 3, Cosine); return err },
		"not a map":             func() error { _, err := Trustworthiness(x, x, 3, Cosine); return err },
		"over 10 neighbours":    func() error { _, err := Trustworthiness(x, y, 10, Cosine); return err },
		"over 0 neighbours":     func() error { _, err := Trustworthiness(x, y, 0, Cosine); return err },
		"3 labels":              func() error { _, _, err := KNNAccuracy(y, labels[:3], 3); return err },
		"20 neighbours":         func() error { _, _, err := KNNAccuracy(y, labels, 20); return err },
		"1 different labels":    func() error { _, err := Silhouette(y, make([]int, 20), SilhouetteConfig{}); return err },
		"4 labels":              func() error { _, err := Silhouette(y, labels[:4], SilhouetteConfig{}); return err },
		"sample of 30":          func() error { _, err := Silhouette(y, labels, SilhouetteConfig{Sample: 30}); return err },
		"no sample of": func() error {
			_, err := Silhouette(dissimilarity(20, 1), labels, SilhouetteConfig{Sample: 3, Metric: Precomputed})
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got error %v, want one with %q", err, what)
		}
	}
}
