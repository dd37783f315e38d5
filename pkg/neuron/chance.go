package neuron

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/combin"
)

// ChanceJaccard returns the exact expectation of the Jaccard index of two
// sets of a and b images drawn at random from n. The number m of common
// images has a hypergeometric distribution, so it is
//
//	Σ_m m/(a+b−m) · C(a,m)·C(n−a,b−m)/C(n,b)
//
// with binomials as logarithms. Two sets of 10 out of 66 have 0.0856.
func ChanceJaccard(n, a, b int) (float64, error) {
	if n < 1 || a < 0 || b < 0 || a > n || b > n {
		return 0, fmt.Errorf("neuron: chance level of sets of %d and %d out of %d images: want 0 ≤ size ≤ images, and an image", a, b, n)
	}
	all := logBinomial(n, b)
	sum := 0.0
	for m := max(1, a+b-n); m <= min(a, b); m++ {
		sum += index(m, a, b) * math.Exp(logBinomial(a, m)+logBinomial(n-a, b-m)-all)
	}
	return sum, nil
}

func logBinomial(n, k int) float64 { return combin.LogGeneralizedBinomial(float64(n), float64(k)) }

// addChance fills in the chance level of each mean. Pairs with the same sizes
// share one expectation.
func addChance(means []PairMean, sets []TopSet, first []int, images int, diagonal bool) error {
	counts := make([][]sizeCount, len(first)-1)
	for l := range counts {
		counts[l] = countSizes(sets[first[l]:first[l+1]])
	}
	level := map[[2]int]float64{}
	for i := range means {
		m := &means[i]
		sum := 0.0
		for _, a := range counts[m.A] {
			for _, b := range counts[m.B] {
				key := [2]int{min(a.size, b.size), max(a.size, b.size)}
				if _, known := level[key]; !known {
					e, err := ChanceJaccard(images, a.size, b.size)
					if err != nil {
						return err
					}
					level[key] = e
				}
				pairs := float64(a.sets * b.sets)
				switch {
				case m.A == m.B && a.size == b.size:
					pairs = float64(a.sets*(a.sets-1)) / 2
				case m.A == m.B: // each pair of sizes comes twice
					pairs /= 2
				}
				sum += pairs * level[key]
			}
		}
		m.Chance = overPairs(sum, m.Pairs, first[m.A+1]-first[m.A], diagonal && m.A == m.B)
	}
	return nil
}

type sizeCount struct{ size, sets int }

// countSizes tells how many sets there are of each size, smallest size first.
func countSizes(sets []TopSet) []sizeCount {
	sizes := make([]int, len(sets))
	for j, s := range sets {
		sizes[j] = len(s.Positions)
	}
	slices.Sort(sizes)
	var counts []sizeCount
	for _, size := range sizes {
		if k := len(counts); k == 0 || counts[k-1].size != size {
			counts = append(counts, sizeCount{size: size})
		}
		counts[len(counts)-1].sets++
	}
	return counts
}

// FalseDiscovery returns the q-values of p-values: the smallest false
// discovery rate at which each would be called a discovery,
//
//	q_(i) = min over j ≥ i of p_(j)·n/j,  p_(1) ≤ … ≤ p_(n)
//
// in the order of the input (Benjamini & Hochberg, 1995; valid for
// independent or positively dependent tests). Values outside [0, 1] are an
// error.
func FalseDiscovery(p []float64) ([]float64, error) {
	order := make([]int, len(p))
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("neuron: p-value %d is %g: want a number in [0, 1]", i, v)
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	q := make([]float64, len(p))
	least := 1.0
	for rank := len(order); rank > 0; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(len(p))/float64(rank))
		q[i] = least
	}
	return q, nil
}
