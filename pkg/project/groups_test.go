package project

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

func TestKMeansFixture(t *testing.T) {
	c := fixture.Load(t, "clustering")
	for _, name := range []string{"points", "codes"} {
		got, err := KMeans(c.Array(name), KMeansConfig{Start: c.Array("kmeans_" + name + ".init")})
		if err != nil {
			t.Fatal(err)
		}
		labels, _ := c.Ints("kmeans_" + name + ".labels")
		if !slices.Equal(got.Labels, labels) {
			t.Errorf("%s: other labels", name)
		}
		for i, want := range c.Array("kmeans_" + name + ".centres").Data {
			if math.Abs(float64(got.Centres.Data[i]-want)) > 1e-4+1e-5*math.Abs(float64(want)) {
				t.Errorf("%s: centre %d: got %g, want %g", name, i, got.Centres.Data[i], want)
			}
		}
		want := c.Array("kmeans_" + name + ".inertia_iterations").Data
		if math.Abs(got.Inertia-float64(want[0])) > 1e-4+1e-5*float64(want[0]) || got.Iterations != int(want[1]) || !got.Converged {
			t.Errorf("%s: inertia %g after %d iterations (settled %v), want %g after %g", name, got.Inertia, got.Iterations, got.Converged, want[0], want[1])
		}
	}
}

// TestKMeansLaws: every row lies with its nearest centre, every centre is the
// mean of its rows, and the seed decides.
func TestKMeansLaws(t *testing.T) {
	for _, n := range []int{1, 9, 301} {
		x, _ := mixture(n, 3, uint64(n))
		for _, k := range []int{1, min(n, 5), min(n, 40)} {
			got, err := KMeans(x, KMeansConfig{Clusters: k, Restarts: 3, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if again, _ := KMeans(x, KMeansConfig{Clusters: k, Restarts: 3, Seed: 1}); !slices.Equal(again.Labels, got.Labels) {
				t.Error("the same seed gave other labels")
			}
			mean, size := make([]float64, k*3), make([]float64, k)
			inertia := 0.0
			for i, label := range got.Labels {
				size[label]++
				own := squaredDistance(x.Row(i), got.Centres.Row(label))
				inertia += own
				for c := range k {
					if squaredDistance(x.Row(i), got.Centres.Row(c)) < own-1e-5 {
						t.Errorf("%d rows, %d clusters: row %d is nearer to centre %d than to its own", n, k, i, c)
					}
				}
				for f := range 3 {
					mean[label*3+f] += float64(x.At(i, f))
				}
			}
			for c := range k {
				for f := range 3 {
					if want := mean[c*3+f] / size[c]; !(math.Abs(float64(got.Centres.At(c, f))-want) < 1e-5) {
						t.Errorf("%d rows, %d clusters: centre %d: got %g, mean %g of %g rows", n, k, c, got.Centres.At(c, f), want, size[c])
					}
				}
			}
			if math.Abs(inertia-got.Inertia) > 1e-9*inertia {
				t.Errorf("inertia: got %g, want %g", got.Inertia, inertia)
			}
		}
	}
}

// TestKMeansEmpty: a centre without rows finds some, and stays empty only
// where there are too few different rows.
func TestKMeansEmpty(t *testing.T) {
	x := rows(t, []float32{0}, []float32{1}, []float32{10}, []float32{11})
	got, err := KMeans(x, KMeansConfig{Start: rows(t, []float32{0}, []float32{500})})
	if err != nil || !got.Converged || !slices.Equal(got.Labels, []int{0, 0, 1, 1}) {
		t.Errorf("far centre: got %+v, %v", got, err)
	}
	equal := array.New(6, 2)
	got, err = KMeans(equal, KMeansConfig{Clusters: 3})
	if err != nil || !got.Converged || got.Inertia != 0 {
		t.Errorf("equal rows: got %+v, %v", got, err)
	}
}

func TestDBSCANFixture(t *testing.T) {
	c := fixture.Load(t, "clustering")
	for i, v := range []struct {
		eps             float64
		minPoints       int
		clusters, noise int
	}{{4, 5, 3, 32}, {8, 10, 2, 24}, {12, 20, 2, 22}} {
		got, err := DBSCAN(c.Array("points"), v.eps, v.minPoints, Euclidean)
		if err != nil {
			t.Fatal(err)
		}
		name := "dbscan_" + string(rune('0'+i))
		labels, _ := c.Ints(name + ".labels")
		core, _ := c.Ints(name + ".core")
		for row := range labels {
			if got.Labels[row] != labels[row] || got.Core[row] != (core[row] == 1) {
				t.Errorf("%s: row %d: got label %d, core %v, want %d, %d", name, row, got.Labels[row], got.Core[row], labels[row], core[row])
			}
		}
		if got.Clusters != v.clusters || got.Noise != v.noise {
			t.Errorf("%s: got %d clusters, %d noise, want %d, %d", name, got.Clusters, got.Noise, v.clusters, v.noise)
		}
	}
}

// slowDBSCAN grows clusters one after the other from lists of neighbours.
func slowDBSCAN(d [][]float64, eps float64, minPoints int) []int {
	n := len(d)
	near := make([][]int, n)
	labels := make([]int, n)
	for i := range n {
		labels[i] = Noise
		for j := range n {
			if d[i][j] <= eps {
				near[i] = append(near[i], j)
			}
		}
	}
	clusters := 0
	for i := range n {
		if labels[i] != Noise || len(near[i]) < minPoints {
			continue
		}
		queue := []int{i}
		for len(queue) > 0 {
			row := queue[0]
			queue = queue[1:]
			if labels[row] != Noise {
				continue
			}
			labels[row] = clusters
			if len(near[row]) >= minPoints {
				queue = append(queue, near[row]...)
			}
		}
		clusters++
	}
	return labels
}

func TestDBSCANSlowTwin(t *testing.T) {
	for _, n := range []int{1, 40, 300} {
		for _, metric := range []Metric{Euclidean, Cosine, Precomputed} {
			x, _ := mixture(n, 3, uint64(n))
			if metric == Precomputed {
				x = dissimilarity(n, 5)
			}
			for _, eps := range []float64{0.0501, 0.2503, 1.0007} {
				for _, minPoints := range []int{1, 4, 15} {
					got, err := DBSCAN(x, eps, minPoints, metric)
					if err != nil {
						t.Fatal(err)
					}
					if want := slowDBSCAN(distances(x, metric), eps, minPoints); !slices.Equal(got.Labels, want) {
						t.Errorf("%d rows, %v, eps %g, %d points: got %v, want %v", n, metric, eps, minPoints, got.Labels, want)
					}
				}
			}
		}
	}
}

func TestBadGroups(t *testing.T) {
	x, _ := mixture(10, 3, 1)
	for want, call := range map[string]func() error{
		"0 clusters of 10 rows":  func() error { _, err := KMeans(x, KMeansConfig{}); return err },
		"11 clusters of 10 rows": func() error { _, err := KMeans(x, KMeansConfig{Clusters: 11}); return err },
		"-1 restarts":            func() error { _, err := KMeans(x, KMeansConfig{Clusters: 2, Restarts: -1}); return err },
		"[2 5] for 0 clusters":   func() error { _, err := KMeans(x, KMeansConfig{Start: array.New(2, 5)}); return err },
		"in Start":               func() error { _, err := KMeans(x, KMeansConfig{Start: array.New(2)}); return err },
		"eps 0":                  func() error { _, err := DBSCAN(x, 0, 3, Euclidean); return err },
		"eps NaN":                func() error { _, err := DBSCAN(x, math.NaN(), 3, Euclidean); return err },
		"minPoints 0":            func() error { _, err := DBSCAN(x, 1, 0, Euclidean); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}
