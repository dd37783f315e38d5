package project

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// Trustworthiness says how far neighbours in a map are neighbours in truth:
//
//	1 − 2/(n k (2n − 3k − 1)) Σ_i Σ_{j among the k nearest of i in the map} max(0, rank_i(j) − k)
//
// where rank_i(j) is 1 for the row nearest to i in x under metric (Venna &
// Kaski, 2001). 1 is perfect; chance is near 0.5. Rows at the same distance
// share the best of their ranks, so it does not matter which of several equal
// rows the map shows first. k must lie below rows/2.
func Trustworthiness(x, points *array.Array, k int, metric Metric) (float64, error) {
	original, err := newSpace(x, metric, 3)
	if err != nil {
		return 0, err
	}
	if err := checkMap(points, 1); err != nil {
		return 0, err
	}
	n := original.n
	if points.Rows() != n {
		return 0, fmt.Errorf("project: %d rows but %d points", n, points.Rows())
	}
	if k < 1 || 2*k >= n {
		return 0, fmt.Errorf("project: trustworthiness of %d rows over %d neighbours: want 1…%d", n, k, (n-1)/2)
	}
	shown, err := newSpace(points, Euclidean, 3)
	if err != nil {
		return 0, err
	}
	ctx, workers := context.Background(), threads(0)
	near, err := shown.nearest(ctx, k, workers)
	if err != nil {
		return 0, err
	}
	penalty := make([]int, n)
	nearerThan := make([][]int, workers)
	err = original.each(ctx, workers, func(worker, row int, gaps []float32) {
		counts := slices.Grow(nearerThan[worker][:0], k)[:k]
		nearerThan[worker] = counts
		countNearer(counts, near[row*k:(row+1)*k], gaps)
		for _, count := range counts {
			// The row itself is among those counted unless j equals it, and
			// then the rank is 1 anyway: the count is the rank.
			penalty[row] += max(0, count-k)
		}
	})
	sum := 0
	for _, p := range penalty {
		sum += p
	}
	return 1 - 2*float64(sum)/(float64(n)*float64(k)*float64(2*n-3*k-1)), err
}

// countNearer writes how many rows, the row itself included, are strictly
// nearer than each neighbour. Few rows are nearer than the farthest of them, so
// one comparison decides most.
func countNearer(counts []int, near []candidate, gaps []float32) {
	clear(counts)
	farthest := float32(0)
	for _, c := range near {
		farthest = max(farthest, gaps[c.id()])
	}
	for _, gap := range gaps {
		if gap >= farthest {
			continue
		}
		for i, c := range near {
			if gap < gaps[c.id()] {
				counts[i]++
			}
		}
	}
}

// KNNAccuracy says how well a map keeps labels together. accuracy is the share
// of points whose label is the most frequent among their k nearest other
// points (of equally frequent labels the smallest); purity is the mean share
// of those k points that have the point's own label. points may have any
// number of columns; k must lie in 1…rows−1.
func KNNAccuracy(points *array.Array, labels []int, k int) (accuracy, purity float64, err error) {
	s, err := newSpace(points, Euclidean, 2)
	if err != nil {
		return 0, 0, err
	}
	if len(labels) != s.n {
		return 0, 0, fmt.Errorf("project: %d points but %d labels", s.n, len(labels))
	}
	near, err := s.nearest(context.Background(), k, threads(0))
	if err != nil {
		return 0, 0, err
	}
	right, same := 0, 0
	for i, own := range labels {
		votes := map[int]int{}
		for _, c := range near[i*k : (i+1)*k] {
			votes[labels[c.id()]]++
		}
		winner, most := 0, 0
		for label, count := range votes {
			if count > most || count == most && label < winner {
				winner, most = label, count
			}
		}
		if winner == own {
			right++
		}
		same += votes[own]
	}
	return float64(right) / float64(s.n), float64(same) / float64(s.n*k), nil
}

// SilhouetteConfig is what [Silhouette] can be told. Its zero value compares
// all rows by Euclidean distance.
type SilhouetteConfig struct {
	Metric Metric

	// Sample is the number of rows drawn, without putting back, to stand for
	// all; 0 means all of them.
	Sample int

	// Seed decides the sample.
	Seed uint64
}

// Silhouettes is the result of [Silhouette].
type Silhouettes struct {
	Mean   float64
	IDs    []int     // rows compared, ascending
	Values []float64 // of those rows
}

// Silhouette says how much nearer rows lie to their own label than to the next
// one: (b − a)/max(a, b) for each row, where a is the mean distance to the
// other rows of its label and b the least mean distance to the rows of another
// label (Rousseeuw, 1987). A row alone with its label has 0. Labels may be any
// integers, but there must be at least two different ones and fewer than rows.
func Silhouette(x *array.Array, labels []int, cfg SilhouetteConfig) (*Silhouettes, error) {
	if err := checkRows(x, 2); err != nil {
		return nil, err
	}
	if len(labels) != x.Rows() {
		return nil, fmt.Errorf("project: %d rows but %d labels", x.Rows(), len(labels))
	}
	if cfg.Sample < 0 || cfg.Sample > x.Rows() || cfg.Sample > 0 && cfg.Metric == Precomputed {
		return nil, fmt.Errorf("project: sample of %d from %d rows, %v: want 0 (all) or 1…%d, and no sample of precomputed distances", cfg.Sample, x.Rows(), cfg.Metric, x.Rows())
	}
	out := &Silhouettes{IDs: make([]int, x.Rows())}
	for i := range out.IDs {
		out.IDs[i] = i
	}
	if cfg.Sample > 0 {
		out.IDs = random.Stream(cfg.Seed, "project.Silhouette").Perm(x.Rows())[:cfg.Sample]
		slices.Sort(out.IDs)
		var err error
		if x, err = x.Select(out.IDs); err != nil {
			return nil, err
		}
	}
	s, err := newSpace(x, cfg.Metric, 2)
	if err != nil {
		return nil, err
	}
	own := make([]int, s.n)
	for i, id := range out.IDs {
		own[i] = labels[id]
	}
	groups := slices.Compact(slices.Sorted(slices.Values(own)))
	if len(groups) < 2 || len(groups) >= s.n {
		return nil, fmt.Errorf("project: %d different labels on %d rows: want 2…%d", len(groups), s.n, s.n-1)
	}
	size := make([]int, len(groups))
	for i, label := range own {
		own[i], _ = slices.BinarySearch(groups, label)
		size[own[i]]++
	}

	out.Values = make([]float64, s.n)
	workers := threads(0)
	sums := make([]float64, workers*len(groups))
	err = s.each(context.Background(), workers, func(worker, row int, gaps []float32) {
		sum := sums[worker*len(groups) : (worker+1)*len(groups)]
		clear(sum)
		for j, gap := range gaps {
			sum[own[j]] += s.distance(gap)
		}
		if size[own[row]] == 1 {
			return
		}
		a, b := 0.0, math.Inf(1)
		for g, total := range sum {
			if g == own[row] {
				a = total / float64(size[g]-1)
			} else {
				b = min(b, total/float64(size[g]))
			}
		}
		if most := max(a, b); most > 0 {
			out.Values[row] = (b - a) / most
		}
	})
	for _, v := range out.Values {
		out.Mean += v / float64(s.n)
	}
	return out, err
}
