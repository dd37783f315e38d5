package project

import (
	"context"
	"math"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
)

// dense spreads sparse rows out.
func (a *affinities) dense() [][]float64 {
	out := make([][]float64, len(a.start)-1)
	for i := range out {
		out[i] = make([]float64, len(out))
		for e := a.start[i]; e < a.start[i+1]; e++ {
			out[i][a.col[e]] += float64(a.p[e])
		}
	}
	return out
}

func TestAffinitiesFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-affinities")
	s, err := newSpace(c.Array("x"), Cosine, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		name       string
		k          int
		perplexity float64
	}{{"joint_30", 199, 30}, {"joint_3", 199, 3}, {"joint_30_sparse", 91, 30}} {
		a, err := newAffinities(context.Background(), s, v.k, v.perplexity, 2)
		if err != nil {
			t.Fatal(err)
		}
		want := c.Array(v.name)
		for i, row := range a.dense() {
			for j, got := range row {
				w := float64(want.At(i, j))
				if math.Abs(got-w) > 2e-5+1e-3*w {
					t.Fatalf("%s: p of %d and %d: got %g, want %g", v.name, i, j, got, w)
				}
				// The stated tolerance is coarse beside p ≈ 1/n²; most of it
				// allows for scikit-learn's search. Ours solves exactly.
				if math.Abs(got-w) > 1e-9+2e-3*w {
					t.Errorf("%s: p of %d and %d: got %g, want %g within 0.2 %%", v.name, i, j, got, w)
				}
			}
		}
	}
}

// TestFitPerplexity checks what the search promises, over distances of any
// scale, and its limits where no β exists.
func TestFitPerplexity(t *testing.T) {
	x, _ := mixture(120, 5, 4)
	for _, scale := range []float64{1e-12, 1, 1e9} {
		for _, perplexity := range []float64{1.5, 5, 30, 110} {
			s, err := newSpace(x, Euclidean, 2)
			if err != nil {
				t.Fatal(err)
			}
			near, err := s.nearest(context.Background(), 119, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 120 {
				d2 := make([]float64, 119)
				for j := range d2 {
					d2[j] = scale * s.squared(near[i*119+j].gap())
				}
				p := append([]float64{}, d2...)
				beta := fitPerplexity(p, perplexity)
				sum, entropy := 0.0, 0.0
				for j := range p {
					sum += p[j]
					if p[j] > 0 {
						entropy -= p[j] * math.Log(p[j])
						if want := math.Exp(-beta * (d2[j] - d2[0])); math.Abs(p[j]/p[0]-want) > 1e-9 {
							t.Fatalf("p%d/p0: got %g, want %g", j, p[j]/p[0], want)
						}
					}
				}
				if math.Abs(sum-1) > 1e-12 || math.Abs(entropy-math.Log(perplexity)) > 1e-7 {
					t.Fatalf("scale %g, row %d: sum %g, perplexity %g, want %g", scale, i, sum, math.Exp(entropy), perplexity)
				}
			}
		}
	}
	equal := []float64{4, 4, 4, 4}
	fitPerplexity(equal, 2)
	for _, p := range equal {
		if p != 0.25 {
			t.Errorf("equal distances: got p %v, want 0.25 each", equal)
		}
	}
	tied := []float64{0, 0, 0, 0, 1, 2} // more equal rows than the perplexity
	fitPerplexity(tied, 2)
	for j, want := range []float64{0.25, 0.25, 0.25, 0.25, 0, 0} {
		if math.Abs(tied[j]-want) > 1e-9 {
			t.Errorf("tied distances: got p %v", tied)
		}
	}
}

// TestAffinityLaws: symmetric, sum 1, nothing on the diagonal.
func TestAffinityLaws(t *testing.T) {
	x, _ := mixture(400, 6, 9)
	for _, perplexity := range []float64{1, 7, 50} {
		s, err := newSpace(x, Cosine, 2)
		if err != nil {
			t.Fatal(err)
		}
		a, err := newAffinities(context.Background(), s, int(3*perplexity+1), perplexity, 2)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		p := a.dense()
		for i := range p {
			for j := range p {
				if sum += p[i][j]; p[i][j] != p[j][i] || i == j && p[i][j] != 0 {
					t.Fatalf("perplexity %g: p(%d,%d) %g, p(%d,%d) %g", perplexity, i, j, p[i][j], j, i, p[j][i])
				}
			}
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("perplexity %g: ΣP %g, want 1", perplexity, sum)
		}
	}
}
