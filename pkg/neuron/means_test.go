package neuron_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/neuron"
)

// TestChanceCountsAllSubsets enumerates every pair of subsets of a small
// group.
func TestChanceCountsAllSubsets(t *testing.T) {
	for n := 1; n <= 7; n++ {
		sum, count := map[[2]int]float64{}, map[[2]int]float64{}
		for x := range 1 << n {
			for y := range 1 << n {
				a, b, common, union := 0, 0, 0, 0
				for i := range n {
					inX, inY := x>>i&1, y>>i&1
					a, b, common, union = a+inX, b+inY, common+inX*inY, union+(inX|inY)
				}
				if union > 0 {
					sum[[2]int{a, b}] += float64(common) / float64(union)
				}
				count[[2]int{a, b}]++
			}
		}
		for k, c := range count {
			if got, want := must(neuron.ChanceJaccard(n, k[0], k[1])), sum[k]/c; math.Abs(got-want) > 1e-12 {
				t.Errorf("n=%d, sizes %v: got %v, want %v", n, k, got, want)
			}
		}
	}
}

// TestChanceStaysFiniteForLargeGroups: m is nearly a·b/n, so the index is
// nearly m/(a+b−m) of that.
func TestChanceStaysFiniteForLargeGroups(t *testing.T) {
	got := must(neuron.ChanceJaccard(14780, 5000, 5000))
	if m := 5000.0 * 5000 / 14780; math.Abs(got-m/(10000-m)) > 1e-4 {
		t.Errorf("got %v, want about %v", got, m/(10000-m))
	}
}

// TestMeansAreThoseOfTheMatrix averages blocks of the matrix with plain loops.
func TestMeansAreThoseOfTheMatrix(t *testing.T) {
	r := random.Stream(3, "test")
	layers := [][]neuron.TopSet{randomSets(r.IntN, 7, 20, 5), randomSets(r.IntN, 1, 20, 5), {}, randomSets(r.IntN, 9, 20, 6)}
	for _, cfg := range []neuron.MeansConfig{{}, {WithDead: true}, {WithDiagonal: true}, {WithDiagonal: true, WithDead: true}} {
		cfg.Permutations = 3
		for _, m := range must(neuron.PairMeans(context.Background(), layers, 20, cfg)) {
			sum, chance, count := 0.0, 0.0, 0.0
			for p, a := range layers[m.A] {
				for q, b := range layers[m.B] {
					same := m.A == m.B && p == q
					if !cfg.WithDead && (a.Dead() || b.Dead()) || same && !cfg.WithDiagonal {
						continue
					}
					count++
					if same {
						sum, chance = sum+1, chance+1
						continue
					}
					sum += neuron.Jaccard(a, b)
					chance += must(neuron.ChanceJaccard(20, len(a.Positions), len(b.Positions)))
				}
			}
			if count > 0 {
				sum, chance = sum/count, chance/count
			}
			if math.Abs(m.Mean-sum) > 1e-12 || math.Abs(m.Chance-chance) > 1e-12 {
				t.Errorf("%+v, layers %d, %d: mean %v chance %v, want %v %v", cfg, m.A, m.B, m.Mean, m.Chance, sum, chance)
			}
		}
	}
}

// TestPermutations: sets that agree are found, and p-values do not depend on
// the number of threads.
func TestPermutations(t *testing.T) {
	r := random.Stream(4, "test")
	alike := make([]neuron.TopSet, 12)
	for j := range alike {
		alike[j] = neuron.NewTopSet(1, 2, 3, 4, 5+r.IntN(20))
	}
	byChance := make([]neuron.TopSet, 12)
	for j := range byChance {
		byChance[j] = neuron.NewTopSet(r.Perm(40)[:5]...)
	}
	layers := [][]neuron.TopSet{alike, byChance}
	calls := 0
	cfg := neuron.MeansConfig{Permutations: 199, Seed: 7, Progress: func(done, total int) {
		if calls++; total != 199 || done < 1 || done > total {
			t.Errorf("progress %d of %d", done, total)
		}
	}}
	means := must(neuron.PairMeans(context.Background(), layers, 40, cfg))
	if calls != 199 {
		t.Errorf("progress came %d times, want 199", calls)
	}
	if m := means[0]; m.P != 1.0/200 || m.Q < m.P {
		t.Errorf("equal sets: got %+v, want P = 1/200", m)
	}
	cfg.Progress = nil
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for threads := 1; threads <= 4; threads++ {
		runtime.GOMAXPROCS(threads)
		if again := must(neuron.PairMeans(context.Background(), layers, 40, cfg)); !slices.Equal(again, means) {
			t.Errorf("%d threads give %v, before %v", threads, again, means)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := neuron.PairMeans(ctx, layers, 40, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// TestPValuesAreUniformUnderTheNull draws random layers: one p-value in five
// must lie below 0.2.
func TestPValuesAreUniformUnderTheNull(t *testing.T) {
	r, below := random.Stream(5, "test"), 0
	const layers = 400
	for l := range layers {
		sets := make([]neuron.TopSet, 6)
		for j := range sets {
			sets[j] = neuron.NewTopSet(r.Perm(30)[:4]...)
		}
		m := must(neuron.PairMeans(context.Background(), [][]neuron.TopSet{sets}, 30, neuron.MeansConfig{Permutations: 49, Seed: uint64(l)}))[0]
		if m.P <= 0.2 {
			below++
		}
	}
	if share := float64(below) / layers; math.Abs(share-0.2) > 0.08 { // four standard deviations
		t.Errorf("%g of the p-values are at most 0.2, want 0.2", share)
	}
}

// TestPValueOfOnePair compares with the exact tail: two sets of 3 out of 20
// have at least 2 images in common in (C(3,2)·17 + 1) of C(20,3) = 1140 draws.
func TestPValueOfOnePair(t *testing.T) {
	layer := []neuron.TopSet{neuron.NewTopSet(0, 1, 2), neuron.NewTopSet(0, 1, 3)}
	const draws, want = 20000, 52.0 / 1140
	m := must(neuron.PairMeans(context.Background(), [][]neuron.TopSet{layer}, 20, neuron.MeansConfig{Permutations: draws}))[0]
	if sd := math.Sqrt(want * (1 - want) / draws); math.Abs(m.P-want) > 4*sd {
		t.Errorf("got P = %g, want %g ± %g", m.P, want, 4*sd)
	}
}

// TestFalseDiscovery: worked by hand from Benjamini & Hochberg's rule.
func TestFalseDiscovery(t *testing.T) {
	got := must(neuron.FalseDiscovery([]float64{0.04, 0.01, 0.03, 0.9, 0.01}))
	// sorted 0.01 0.01 0.03 0.04 0.9; times n/rank: 0.05 0.025 0.05 0.05 0.9
	want := []float64{0.05, 0.025, 0.05, 0.9, 0.025}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-15 {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func ExamplePairMeans() {
	layers := [][]neuron.TopSet{
		{neuron.NewTopSet(0, 1, 2), neuron.NewTopSet(0, 1, 3)},
		{neuron.NewTopSet(0, 1, 2), neuron.NewTopSet(7, 8, 9)},
	}
	means, _ := neuron.PairMeans(context.Background(), layers, 20, neuron.MeansConfig{Seed: 42})
	for _, m := range means {
		fmt.Printf("%d–%d: %.2f, by chance %.3f, p %.3f, q %.3f\n", m.A, m.B, m.Mean, m.Chance, m.P, m.Q)
	}
	// Output:
	// 0–0: 0.50, by chance 0.095, p 0.064, q 0.096
	// 0–1: 0.38, by chance 0.095, p 0.004, q 0.012
	// 1–1: 0.00, by chance 0.095, p 1.000, q 1.000
}

func ExampleChanceJaccard() {
	level, _ := neuron.ChanceJaccard(66, 10, 10)
	fmt.Printf("%.4f\n", level)
	// Output: 0.0856
}

func ExampleFalseDiscovery() {
	q, _ := neuron.FalseDiscovery([]float64{0.01, 0.04, 0.5})
	fmt.Printf("%.3f\n", q)
	// Output: [0.030 0.060 0.500]
}

func BenchmarkPairMeans(b *testing.B) {
	r := random.Stream(6, "bench")
	layers := make([][]neuron.TopSet, 5)
	for l := range layers {
		for range 100 {
			layers[l] = append(layers[l], neuron.NewTopSet(r.Perm(66)[:10]...))
		}
	}
	for b.Loop() {
		must(neuron.PairMeans(context.Background(), layers, 66, neuron.MeansConfig{Permutations: 100}))
	}
}
