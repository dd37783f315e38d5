package neuron_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/neuron"
)

// TestClustersAreStretches joins the two nearest clusters again and again, by
// the mean over all pairs of leaves, and finds every cluster in one stretch of
// the order.
func TestClustersAreStretches(t *testing.T) {
	r := random.Stream(8, "test")
	for range 30 {
		n := 2 + r.IntN(25)
		s := array.New(n, n)
		for p := range n {
			s.Row(p)[p] = 1
			for q := range p {
				v := float32(r.Float64()) // no ties: the tree is unique
				s.Row(p)[q], s.Row(q)[p] = v, v
			}
		}
		order := must(neuron.ClusteredOrder(s))
		place := make([]int, n)
		for i, p := range order {
			place[p] = i
		}
		if sorted := slices.Sorted(slices.Values(order)); len(sorted) != n || sorted[0] != 0 || sorted[n-1] != n-1 || len(slices.Compact(sorted)) != n {
			t.Fatalf("order %v is no permutation of %d rows", order, n)
		}
		clusters := make([][]int, n)
		for p := range clusters {
			clusters[p] = []int{p}
		}
		for len(clusters) > 1 {
			bestA, bestB, best := 0, 1, math.Inf(-1)
			for a := range clusters {
				for b := a + 1; b < len(clusters); b++ {
					sum := 0.0
					for _, p := range clusters[a] {
						for _, q := range clusters[b] {
							sum += float64(s.At(p, q))
						}
					}
					if mean := sum / float64(len(clusters[a])*len(clusters[b])); mean > best {
						bestA, bestB, best = a, b, mean
					}
				}
			}
			joined := slices.Concat(clusters[bestA], clusters[bestB])
			clusters = append(slices.Delete(clusters, bestB, bestB+1), joined)
			clusters = slices.Delete(clusters, bestA, bestA+1)
			first, last := n, -1
			for _, p := range joined {
				first, last = min(first, place[p]), max(last, place[p])
			}
			if last-first+1 != len(joined) {
				t.Fatalf("cluster %v is not one stretch of %v", joined, order)
			}
		}
	}
}

// TestTiesEnd: matrices of few values, as Jaccard matrices are, still give a
// permutation, the same each time.
func TestTiesEnd(t *testing.T) {
	r := random.Stream(9, "test")
	for range 50 {
		s := must(neuron.JaccardMatrix(randomSets(r.IntN, 1+r.IntN(60), 6, 4)))
		order := must(neuron.ClusteredOrder(s))
		if got := slices.Compact(slices.Sorted(slices.Values(order))); len(got) != s.Rows() {
			t.Fatalf("%v is no permutation of %d rows", order, s.Rows())
		}
		if !slices.Equal(order, must(neuron.ClusteredOrder(s))) {
			t.Fatal("two runs differ")
		}
	}
	if order := must(neuron.ClusteredOrder(array.New(0, 0))); len(order) != 0 {
		t.Errorf("no rows: got %v", order)
	}
}

func ExampleClusteredOrder() {
	s, _ := array.FromRows([][]float32{
		{1, 0, 0.9, 0.1},
		{0, 1, 0.2, 0.8},
		{0.9, 0.2, 1, 0},
		{0.1, 0.8, 0, 1},
	})
	order, _ := neuron.ClusteredOrder(s)
	fmt.Println(order)
	// Output: [0 2 1 3]
}

func BenchmarkClusteredOrder(b *testing.B) {
	r := random.Stream(10, "bench")
	sets := make([]neuron.TopSet, 500)
	for j := range sets {
		sets[j] = neuron.NewTopSet(r.Perm(66)[:10]...)
	}
	s := must(neuron.JaccardMatrix(sets))
	b.Run("matrix", func(b *testing.B) {
		for b.Loop() {
			must(neuron.JaccardMatrix(sets))
		}
	})
	b.Run("order", func(b *testing.B) {
		for b.Loop() {
			must(neuron.ClusteredOrder(s))
		}
	})
}
