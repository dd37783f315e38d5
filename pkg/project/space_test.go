package project

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// mixture draws rows of several blobs of unequal spread around centres in two
// classes, like attributions of a two-class network.
func mixture(rows, width int, seed uint64) (x *array.Array, labels []int) {
	r := rand.New(rand.NewPCG(seed, 1))
	const blobs = 12
	centres, spread := array.New(blobs, width), make([]float64, blobs)
	for b := range blobs {
		spread[b] = 0.05 + 0.3*r.Float64()
		for k := range width {
			centres.Row(b)[k] = float32(r.NormFloat64() + 1.5*float64(b%2*2-1)*float64(k%3-1))
		}
	}
	x = array.New(rows, width)
	for i := range rows {
		b := r.IntN(blobs)
		labels = append(labels, b%2)
		along := r.NormFloat64()
		for k := range width {
			x.Row(i)[k] = centres.At(b, k) + float32(spread[b]*(r.NormFloat64()+along*math.Sin(float64(k*(b+1)))))
		}
	}
	return x, labels
}

// distances is the slow twin of a space: all distances from their definition.
func distances(x *array.Array, metric Metric) [][]float64 {
	n := x.Rows()
	d := make([][]float64, n)
	for i := range n {
		d[i] = make([]float64, n)
		for j := range n {
			var dot, aa, bb, squares float64
			for k := range x.Width() {
				a, b := float64(x.At(i, k)), float64(x.At(j, k))
				dot, aa, bb, squares = dot+a*b, aa+a*a, bb+b*b, squares+(a-b)*(a-b)
			}
			switch metric {
			case Euclidean:
				d[i][j] = math.Sqrt(squares)
			case Cosine:
				d[i][j] = 1 - dot/math.Sqrt(aa*bb)
			case Precomputed:
				d[i][j] = float64(x.At(i, j))
			}
		}
	}
	return d
}

// dissimilarity is 1 − S for a made-up similarity S of rows with many equal
// ones, as Jaccard similarities of neurons are.
func dissimilarity(n int, seed uint64) *array.Array {
	r := rand.New(rand.NewPCG(seed, 2))
	kind := make([]int, n)
	for i := range kind {
		kind[i] = r.IntN(max(2, n/4))
	}
	d := array.New(n, n)
	for i := range n {
		for j := range n {
			if kind[i] != kind[j] {
				d.Row(i)[j] = 1 - float32((kind[i]*kind[j])%7)/10
			}
		}
	}
	return d
}

func TestNearestNeighbours(t *testing.T) {
	for _, n := range []int{2, 5, 17, 130} {
		for _, metric := range []Metric{Euclidean, Cosine, Precomputed} {
			x, _ := mixture(n, 7, uint64(n))
			if metric == Precomputed {
				x = dissimilarity(n, 3)
			} else {
				copy(x.Row(n-1), x.Row(0)) // ties
				copy(x.Row(n/2), x.Row(0))
			}
			d := distances(x, metric)
			k := min(n-1, 90)
			got, err := NearestNeighbours(x, k, metric)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				seen := map[int32]bool{int32(i): true}
				last, lastID := math.Inf(-1), int32(-1)
				for r, id := range got.Of(i) {
					gotD := float64(got.Distances[i*k+r])
					if seen[id] {
						t.Fatalf("%v, %d rows: row %d has neighbour %d twice or itself", metric, n, i, id)
					}
					if seen[id] = true; math.Abs(gotD-d[i][id]) > 2e-6 {
						t.Errorf("%v, %d rows: distance of %d and %d: got %g, want %g", metric, n, i, id, gotD, d[i][id])
					}
					if gotD < last || gotD == last && id < lastID {
						t.Errorf("%v, %d rows: neighbours of %d out of order at rank %d", metric, n, i, r)
					}
					last, lastID = gotD, id
				}
				for j := range n {
					if !seen[int32(j)] && d[i][j] < last-2e-6 {
						t.Errorf("%v, %d rows: row %d lacks neighbour %d at %g, keeps one at %g", metric, n, i, j, d[i][j], last)
					}
				}
			}
		}
	}
}

// TestTies holds the tie rule: of equal rows the smaller id is nearer.
func TestTies(t *testing.T) {
	x := array.New(300, 3)
	for i := range x.Data {
		x.Data[i] = 1
	}
	for _, metric := range []Metric{Euclidean, Cosine} {
		got, err := NearestNeighbours(x, 4, metric)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range map[int][]int32{0: {1, 2, 3, 4}, 2: {0, 1, 3, 4}, 299: {0, 1, 2, 3}} {
			if !slices.Equal(got.Of(i), want) || got.Distances[i*4] != 0 {
				t.Errorf("%v: neighbours of %d among equal rows: got %v at %g, want %v at 0", metric, i, got.Of(i), got.Distances[i*4], want)
			}
		}
	}
}

func TestCosineFixture(t *testing.T) {
	c := fixture.Load(t, "tsne-affinities")
	s, err := newSpace(c.Array("x"), Cosine, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := c.Array("distance")
	_ = s.each(context.Background(), 1, func(_, row int, gaps []float32) {
		for j, gap := range gaps {
			if math.Abs(s.distance(gap)-float64(want.At(row, j))) > 2e-6 {
				t.Errorf("cosine distance of %d and %d: got %g, want %g", row, j, s.distance(gap), want.At(row, j))
			}
		}
	})
}

func TestMetricText(t *testing.T) {
	text, err := json.Marshal(struct{ M Metric }{Cosine})
	if err != nil || string(text) != `{"M":"cosine"}` {
		t.Fatalf("got %s, %v", text, err)
	}
	var back struct{ M Metric }
	if err := json.Unmarshal(text, &back); err != nil || back.M != Cosine {
		t.Errorf("got %v, %v back", back.M, err)
	}
	if err := json.Unmarshal([]byte(`{"M":"manhattan"}`), &back); err == nil || !strings.Contains(err.Error(), "manhattan") {
		t.Errorf("unknown metric: got %v", err)
	}
	if got := Metric(9).String(); got != "Metric(9)" {
		t.Errorf("got %q", got)
	}
}

// rows makes an array of equal width from literals.
func rows(t *testing.T, values ...[]float32) *array.Array {
	t.Helper()
	a, err := array.FromRows(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestBadRows(t *testing.T) {
	nan := float32(math.NaN())
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		x      *array.Array
		metric Metric
		want   string
	}{
		{"nil", nil, Euclidean, "no array"},
		{"no rows", array.New(0, 3), Euclidean, "0 rows"},
		{"one row", array.New(1, 3), Euclidean, "1 rows"},
		{"pictures", array.New(4, 2, 2), Euclidean, "[4 2 2]"},
		{"no features", array.New(4, 0), Euclidean, "[4 0]"},
		{"broken", &array.Array{Shape: []int{2, 2}, Data: make([]float32, 3)}, Euclidean, "holds 4 values"},
		{"NaN", rows(t, []float32{1, 2}, []float32{3, nan}), Euclidean, "row 1, feature 1 is NaN"},
		{"infinite", rows(t, []float32{inf, 2}, []float32{3, 4}), Cosine, "row 0, feature 0 is +Inf"},
		{"huge", rows(t, []float32{1e20, 2}, []float32{3, 4}), Euclidean, "row 0, feature 0 is 1e+20"},
		{"zero row", rows(t, []float32{1, 2}, []float32{0, 0}), Cosine, "row 1 is all zeros"},
		{"not square", array.New(3, 2), Precomputed, "[3 2]"},
		{"negative", rows(t, []float32{0, -1}, []float32{-1, 0}), Precomputed, "negative"},
		{"not symmetric", rows(t, []float32{0, 1}, []float32{2, 0}), Precomputed, "not symmetric"},
		{"diagonal", rows(t, []float32{1, 1}, []float32{1, 0}), Precomputed, "itself"},
		{"metric", array.New(3, 2), Metric(7), "unknown metric 7"},
	} {
		_, errNear := NearestNeighbours(c.x, 1, c.metric)
		_, errMap := TSNE(context.Background(), c.x, TSNEConfig{Metric: c.metric, Perplexity: 1})
		for call, err := range map[string]error{"NearestNeighbours": errNear, "TSNE": errMap} {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "project: ") {
				t.Errorf("%s of %s: got error %v, want one with %q", call, c.name, err, c.want)
			}
		}
	}
	for _, k := range []int{-1, 0, 3} {
		if _, err := NearestNeighbours(rows(t, []float32{1}, []float32{2}, []float32{3}), k, Euclidean); err == nil {
			t.Errorf("%d neighbours of 3 rows: no error", k)
		}
	}
}
