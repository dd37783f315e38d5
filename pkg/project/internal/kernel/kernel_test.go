package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func values(r *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(scale * r.NormFloat64())
	}
	return v
}

// TestVectorEqualsPlain holds the package's promise: the same bits with and
// without vectors, over shapes with and without rests.
func TestVectorEqualsPlain(t *testing.T) {
	if !vector {
		t.Skip("built without GOEXPERIMENT=simd, or no AVX2 here")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 15, 16, 17, 100} {
		for _, w := range []int{1, 2, 30} {
			tiles, quad := Pack(values(r, n*w, 3), n, w), values(r, QuadRows*w, 3)
			got, want := make([]float32, QuadRows*tiles.Padded()), make([]float32, QuadRows*tiles.Padded())
			quadVector(got, quad, tiles.data, tiles.Padded(), w)
			quadPlain(want, quad, tiles.data, tiles.Padded(), w)
			if !slices.Equal(got, want) {
				t.Errorf("Quad: n %d, width %d: vector and plain differ", n, w)
			}
		}
		var a Group
		copy(a.X[:], values(r, GroupSize, 10))
		copy(a.Y[:], values(r, GroupSize, 10))
		b := a
		x, y, m := values(r, n, 10), values(r, n, 10), values(r, n, 1)
		repelVector(&a, x, y, m)
		repelPlain(&b, x, y, m)
		if a != b {
			t.Errorf("Repel: %d masses: vector and plain differ", n)
		}
		x, y, m = values(r, n*Lanes, 10), values(r, n*Lanes, 10), values(r, n*Lanes, 1)
		gx, gy := attractVector(1, 2, x, y, m)
		if wx, wy := attractPlain(1, 2, x, y, m); gx != wx || gy != wy {
			t.Errorf("Attract: %d neighbours: got (%g, %g) with vectors, (%g, %g) without", n*Lanes, gx, gy, wx, wy)
		}
	}
}

// TestFormulas compares the loops with their formulas in float64.
func TestFormulas(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n, w = 37, 5
	near := func(what string, got float32, want, scale float64) {
		t.Helper()
		if math.Abs(float64(got)-want) > 2e-6*scale {
			t.Errorf("%s: got %g, want %g", what, got, want)
		}
	}

	rows, quad := values(r, n*w, 2), values(r, QuadRows*w, 2)
	tiles := Pack(rows, n, w)
	dst := make([]float32, QuadRows*tiles.Padded())
	tiles.Quad(dst, quad)
	for i := range QuadRows {
		for j := range n {
			want := 0.0
			for k := range w {
				want += math.Pow(float64(quad[i*w+k])-float64(rows[j*w+k]), 2)
			}
			near("squared distance", dst[i*tiles.Padded()+j], want, want)
		}
	}

	x, y, m := values(r, 40, 3), values(r, 40, 3), values(r, 40, 1)
	var g Group
	copy(g.X[:], values(r, GroupSize, 3))
	copy(g.Y[:], values(r, GroupSize, 3))
	g.Repel(x[:25], y[:25], m[:25])
	g.Repel(x[25:], y[25:], m[25:])
	for i := range GroupSize {
		var fx, fy, z float64
		for j := range m {
			dx, dy := float64(g.X[i])-float64(x[j]), float64(g.Y[i])-float64(y[j])
			d2 := dx*dx + dy*dy
			z += float64(m[j]) / (1 + d2)
			fx += float64(m[j]) * dx / ((1 + d2) * (1 + d2))
			fy += float64(m[j]) * dy / ((1 + d2) * (1 + d2))
		}
		near("Z", g.Z[i], z, 10)
		near("FX", g.FX[i], fx, 10)
		near("FY", g.FY[i], fy, 10)
	}

	fx, fy := Attract(0.5, -1, x, y, m)
	var wx, wy float64
	for j := range m {
		dx, dy := 0.5-float64(x[j]), -1-float64(y[j])
		q := 1 / (1 + dx*dx + dy*dy)
		wx += float64(m[j]) * q * dx
		wy += float64(m[j]) * q * dy
	}
	near("attraction x", fx, wx, 10)
	near("attraction y", fy, wy, 10)
}

func BenchmarkQuad(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	tiles, quad := Pack(values(r, 14780*30, 1), 14780, 30), values(r, QuadRows*30, 1)
	dst := make([]float32, QuadRows*tiles.Padded())
	for b.Loop() {
		tiles.Quad(dst, quad)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(4*14780), "ns/pair")
}

func BenchmarkRepel(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	x, y, m := values(r, 500, 30), values(r, 500, 30), values(r, 500, 1)
	var g Group
	copy(g.X[:], values(r, GroupSize, 30))
	for b.Loop() {
		g.Repel(x, y, m)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(500*GroupSize), "ns/pair")
}

func BenchmarkAttract(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	x, y, p := values(r, 112, 30), values(r, 112, 30), values(r, 112, 1)
	for b.Loop() {
		Attract(1, 2, x, y, p)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/112, "ns/pair")
}
