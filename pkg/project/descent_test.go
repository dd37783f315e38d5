package project

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// gradient returns the gradient of KL where the points are, [rows, 2].
func (d *descent) gradient(t *testing.T) [][2]float64 {
	t.Helper()
	z, err := d.forces(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := make([][2]float64, len(d.x))
	for i := range d.x {
		out[i] = [2]float64{
			4 * (float64(d.attractX[i]) - float64(d.repelX[i])/z),
			4 * (float64(d.attractY[i]) - float64(d.repelY[i])/z),
		}
	}
	return out
}

// slowKL is the definition: Σ p ln(p/q) over all pairs, in float64.
func slowKL(p [][]float64, y [][2]float64) float64 {
	z := 0.0
	q := make([][]float64, len(y))
	for i := range y {
		q[i] = make([]float64, len(y))
		for j := range y {
			if i != j {
				q[i][j] = 1 / (1 + math.Pow(y[i][0]-y[j][0], 2) + math.Pow(y[i][1]-y[j][1], 2))
				z += q[i][j]
			}
		}
	}
	kl := 0.0
	for i := range y {
		for j := range y {
			if p[i][j] > 0 {
				kl += p[i][j] * math.Log(p[i][j]*z/q[i][j])
			}
		}
	}
	return kl
}

func start(t *testing.T, x *array.Array, metric Metric, k int, perplexity float64, y *array.Array, cfg TSNEConfig) *descent {
	t.Helper()
	s, err := newSpace(x, metric, 2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newAffinities(context.Background(), s, k, perplexity, 2)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Perplexity = perplexity
	if cfg, err = cfg.withDefaults(s.n); err != nil {
		t.Fatal(err)
	}
	return newDescent(p, y, cfg)
}

// TestGradientIsSlopeOfKL compares the gradient with differences of the
// divergence written out again in float64.
func TestGradientIsSlopeOfKL(t *testing.T) {
	x, _ := mixture(60, 5, 1)
	r := rand.New(rand.NewPCG(1, 1))
	y, wide := array.New(60, 2), make([][2]float64, 60)
	for i := range wide {
		for c := range 2 {
			y.Row(i)[c] = float32(3 * r.NormFloat64())
			wide[i][c] = float64(y.At(i, c))
		}
	}
	d := start(t, x, Cosine, 20, 5, y, TSNEConfig{Exact: true})
	p := d.p.dense()
	kl, err := d.divergence(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := slowKL(p, wide); math.Abs(kl-want) > 1e-5*want {
		t.Errorf("divergence: got %g, want %g", kl, want)
	}
	const h = 1e-5
	for i, g := range d.gradient(t) {
		for c := range 2 {
			at := wide[i][c]
			wide[i][c] = at + h
			up := slowKL(p, wide)
			wide[i][c] = at - h
			down := slowKL(p, wide)
			wide[i][c] = at
			if want := (up - down) / (2 * h); math.Abs(g[c]-want) > 1e-6 {
				t.Errorf("gradient of point %d, axis %d: got %g, want %g", i, c, g[c], want)
			}
		}
	}
}

func TestGradientFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-affinities")
	d := start(t, c.Array("x"), Cosine, 199, 30, c.Array("y_random"), TSNEConfig{Exact: true})
	kl, err := d.divergence(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := float64(c.Array("kl_random").Data[0]); math.Abs(kl-want) > 1e-4*want {
		t.Errorf("KL: got %g, want %g", kl, want)
	}
	want, largest := c.Array("gradient_random"), 0.0
	for _, v := range want.Data {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i, g := range d.gradient(t) {
		for k := range 2 {
			if w := float64(want.At(i, k)); math.Abs(g[k]-w) > 1e-7+1e-4*math.Abs(w) {
				t.Errorf("gradient of point %d: got %g, want %g (largest %g)", i, g[k], w, largest)
			}
		}
	}
}

// TestDescentFixture follows two short traces of the update rule.
func TestDescentFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-affinities")
	for _, v := range []struct {
		name         string
		steps        int
		exaggeration float64
		tolerance    float64
	}{{"y_25", 25, 1, 1e-3}, {"y_10_exaggerated", 10, 12, 5e-3}} {
		d := start(t, c.Array("x"), Cosine, 199, 30, c.Array("y_init"), TSNEConfig{Exact: true, LearningRate: 50})
		for range v.steps {
			if err := d.step(context.Background(), v.exaggeration, 0.5); err != nil {
				t.Fatal(err)
			}
		}
		want, got := c.Array(v.name), d.points()
		for i, w := range want.Data {
			if math.Abs(float64(got.Data[i]-w)) > v.tolerance {
				t.Fatalf("%s: point %d, axis %d: got %g, want %g ± %g", v.name, i/2, i%2, got.Data[i], w, v.tolerance)
			}
		}
	}
}

// TestRepulsion compares the tree with all pairs: equal at a tiny angle, near
// at the default, over maps with gaps, ties and outliers.
func TestRepulsion(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	scatter := func(n int, f func(i int) (x, y float64)) (x, y []float32) {
		for i := range n {
			a, b := f(i)
			x, y = append(x, float32(a)), append(y, float32(b))
		}
		return x, y
	}
	maps := map[string]func(i int) (x, y float64){
		"cloud":       func(int) (x, y float64) { return 40 * r.NormFloat64(), 40 * r.NormFloat64() },
		"grid":        func(i int) (x, y float64) { return float64(i % 20), float64(i / 20) },
		"one place":   func(int) (x, y float64) { return 3, -2 },
		"line":        func(i int) (x, y float64) { return float64(i), 0 },
		"outlier":     func(i int) (x, y float64) { return math.Pow(float64(i%2)*1e4, float64(i/500)), 0.01 * r.Float64() },
		"two islands": func(i int) (x, y float64) { return float64(i%2)*1000 + r.Float64(), r.Float64() },
		"start":       func(int) (x, y float64) { return 1e-4 * r.NormFloat64(), 1e-4 * r.NormFloat64() },
	}
	for name, f := range maps {
		for _, n := range []int{2, 31, 32, 33, 700} {
			x, y := scatter(n, f)
			fx, fy, z := make([]float64, n), make([]float64, n), 0.0
			size := 0.0
			for i := range n {
				for j := range n {
					dx, dy := float64(x[i])-float64(x[j]), float64(y[i])-float64(y[j])
					q := 1 / (1 + dx*dx + dy*dy)
					if i != j {
						z += q
					}
					fx[i] += q * q * dx
					fy[i] += q * q * dy
				}
				size = max(size, math.Hypot(fx[i], fy[i]))
			}
			// Errors are measured against what rounding leaves of the largest
			// force, or of n places at the same point.
			size += 1e-4 * float64(n)
			for _, v := range []struct {
				angle     float64
				exact     bool
				tolerance float64
			}{{0.5, true, 1e-5}, {1e-6, false, 1e-5}, {0.5, false, 0.03}} {
				tr := newTree(n, v.angle, 3)
				if err := tr.build(context.Background(), x, y); err != nil {
					t.Fatal(err)
				}
				gotX, gotY := make([]float32, n), make([]float32, n)
				gotZ, err := tr.repel(context.Background(), gotX, gotY, v.exact)
				if err != nil {
					t.Fatal(err)
				}
				// Each point's own q = 1 goes through its float32 sum.
				if math.Abs(gotZ-z) > v.tolerance*z+1e-7*float64(n) {
					t.Errorf("%s of %d, angle %g, exact %v: Z %g, want %g", name, n, v.angle, v.exact, gotZ, z)
				}
				for i := range n {
					if miss := math.Hypot(float64(gotX[i])-fx[i], float64(gotY[i])-fy[i]); miss > v.tolerance*size {
						t.Errorf("%s of %d, angle %g, exact %v: force on %d misses by %g of %g", name, n, v.angle, v.exact, i, miss, size)
						break
					}
				}
			}
		}
	}
}

// TestHilbert: the curve visits every cell once and steps to a neighbour, and
// its leading bits name the quadrant.
func TestHilbert(t *testing.T) {
	const side = 64 // the last 6 levels of a corner of the square
	at := map[uint32][2]int{}
	for x := range side {
		for y := range side {
			at[hilbert(uint32(x), uint32(y))] = [2]int{x, y}
		}
	}
	for code := range uint32(side*side - 1) {
		a, ok := at[code]
		b := at[code+1]
		if dx, dy := a[0]-b[0], a[1]-b[1]; !ok || dx*dx+dy*dy != 1 {
			t.Fatalf("code %d lies at %v (%v), code %d at %v", code, a, ok, code+1, b)
		}
	}
	for code := uint32(0); code < side*side; code += 16 {
		a := at[code]
		for k := range uint32(16) {
			if b := at[code+k]; b[0]/4 != a[0]/4 || b[1]/4 != a[1]/4 {
				t.Fatalf("codes %d and %d leave a quadrant: %v, %v", code, code+k, a, b)
			}
		}
	}
	if hilbert(hilbertCells-1, 0) != 1<<32-1 && hilbert(0, hilbertCells-1) != 1<<32-1 {
		t.Error("the curve does not end in a corner")
	}
}
