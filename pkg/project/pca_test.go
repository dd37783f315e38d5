package project

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

func TestPCAFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-affinities")
	got, err := PCA(c.Array("x"), 5)
	if err != nil {
		t.Fatal(err)
	}
	wide := func(v []float64) []float32 {
		out := make([]float32, len(v))
		for i := range v {
			out[i] = float32(v[i])
		}
		return out
	}
	for name, values := range map[string][]float32{
		"pca_mean": wide(got.Mean), "pca_components": got.Directions.Data, "pca_scores": got.Scores.Data,
		"pca_explained_variance": wide(got.Variance), "pca_explained_variance_ratio": wide(got.Share),
	} {
		for i, want := range c.Array(name).Data {
			if math.Abs(float64(values[i]-want)) > 5e-4+1e-4*math.Abs(float64(want)) {
				t.Fatalf("%s, entry %d: got %g, want %g", name, i, values[i], want)
			}
		}
	}
}

// TestStartFixture: the first positions are scikit-learn's.
func TestStartFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-affinities")
	got, err := startPoints(c.Array("x"), TSNEConfig{Init: InitPCA})
	if err != nil {
		t.Fatal(err)
	}
	want := c.Array("y_init")
	for axis := range 2 {
		sign := 1.0
		if got.At(0, axis)*want.At(0, axis) < 0 {
			sign = -1
		}
		for i := range want.Rows() {
			if math.Abs(sign*float64(got.At(i, axis))-float64(want.At(i, axis))) > 1e-8 {
				t.Fatalf("point %d, axis %d: got %g, want %g", i, axis, got.At(i, axis), want.At(i, axis))
			}
		}
	}
}

// TestPCALaws: directions are orthonormal, scores have the variances stated
// and none in common, all components give the rows back; for more rows than
// features and for fewer.
func TestPCALaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for _, shape := range [][2]int{{2, 2}, {40, 7}, {7, 7}, {6, 50}} {
		n, width := shape[0], shape[1]
		x := array.New(n, width)
		for i := range x.Data {
			x.Data[i] = float32(float64(i%width+1)*r.NormFloat64() + 5)
		}
		k := min(n, width)
		p, err := PCA(x, k)
		if err != nil {
			t.Fatal(err)
		}
		share := 0.0
		for a := range k {
			share += p.Share[a]
			for b := range k {
				unit, covariance := 0.0, 0.0
				for c := range width {
					unit += float64(p.Directions.At(a, c)) * float64(p.Directions.At(b, c))
				}
				for i := range n {
					covariance += float64(p.Scores.At(i, a)) * float64(p.Scores.At(i, b)) / float64(n-1)
				}
				wantUnit, wantCovariance := 0.0, 0.0
				if a == b {
					wantUnit, wantCovariance = 1, p.Variance[a]
				}
				if math.Abs(unit-wantUnit) > 1e-5 || math.Abs(covariance-wantCovariance) > 1e-4*p.Variance[0] {
					t.Errorf("%v: directions %d, %d: product %g, covariance of scores %g", shape, a, b, unit, covariance)
				}
			}
			if a > 0 && p.Variance[a] > p.Variance[a-1] {
				t.Errorf("%v: variances rise: %v", shape, p.Variance)
			}
		}
		if math.Abs(share-1) > 1e-9 {
			t.Errorf("%v: shares sum to %g", shape, share)
		}
		for i := range n {
			for c := range width {
				back := p.Mean[c]
				for a := range k {
					back += float64(p.Scores.At(i, a)) * float64(p.Directions.At(a, c))
				}
				if math.Abs(back-float64(x.At(i, c))) > 1e-4 {
					t.Fatalf("%v: row %d, feature %d: %g comes back as %g", shape, i, c, x.At(i, c), back)
				}
			}
		}
	}
	for _, k := range []int{-1, 0, 3} {
		if _, err := PCA(rows(t, []float32{1, 2, 3}, []float32{3, 2, 2}), k); err == nil {
			t.Errorf("%d components of 2 rows: no error", k)
		}
	}
}
