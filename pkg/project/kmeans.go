package project

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/project/internal/kernel"
)

// KMeansConfig is what [KMeans] can be told.
type KMeansConfig struct {
	// Clusters is the number of clusters, 1…rows. It has no default; with
	// Start it may stay 0.
	Clusters int

	// Restarts is the number of k-means++ starts, of which the best counts;
	// 0 means 10.
	Restarts int

	// MaxIterations ends a start that has not settled; 0 means 300.
	MaxIterations int

	// Start, if not nil, holds the first centres, [clusters, features], and
	// is the only start.
	Start *array.Array

	// Seed decides the starts.
	Seed uint64
}

// KMeansResult is the best of all starts of [KMeans].
type KMeansResult struct {
	Labels     []int        // of each row, 0…clusters−1
	Centres    *array.Array // [clusters, features]
	Inertia    float64      // Σ squared distance of rows to their centre
	Iterations int
	Converged  bool // no label changed in the last iteration
}

// KMeans divides rows into clusters so that the squared distances to their
// means are small: Lloyd's iteration from k-means++ starts (Arthur &
// Vassilvitskii, 2007) until no label changes; of several starts the one with
// the least inertia, the first of equals. A row between two centres goes to
// the one with the smaller number. A cluster that loses all rows takes the row
// farthest from its centre; it stays empty only if there are fewer different
// rows than clusters.
func KMeans(x *array.Array, cfg KMeansConfig) (*KMeansResult, error) {
	if err := checkRows(x, 1); err != nil {
		return nil, err
	}
	cfg.Restarts, cfg.MaxIterations = cmp.Or(cfg.Restarts, 10), cmp.Or(cfg.MaxIterations, 300)
	if cfg.Start != nil {
		if err := checkRows(cfg.Start, 1); err != nil {
			return nil, fmt.Errorf("%w (in Start)", err)
		}
		if cfg.Start.Width() != x.Width() || cfg.Clusters != 0 && cfg.Clusters != cfg.Start.Rows() {
			return nil, fmt.Errorf("project: start centres of shape %v for %d clusters of %d features", cfg.Start.Shape, cfg.Clusters, x.Width())
		}
		cfg.Clusters, cfg.Restarts = cfg.Start.Rows(), 1
	}
	switch {
	case cfg.Clusters < 1 || cfg.Clusters > x.Rows():
		return nil, fmt.Errorf("project: %d clusters of %d rows: want 1…%d", cfg.Clusters, x.Rows(), x.Rows())
	case cfg.Restarts < 1 || cfg.MaxIterations < 1:
		return nil, fmt.Errorf("project: %d restarts of %d iterations: want at least 1 of each", cfg.Restarts, cfg.MaxIterations)
	}
	s, err := newSpace(x, Euclidean, 1)
	if err != nil {
		return nil, err
	}
	var best *KMeansResult
	r := random.Stream(cfg.Seed, "project.KMeans")
	for range cfg.Restarts {
		centres := cfg.Start
		if centres == nil {
			centres = spreadCentres(s, cfg.Clusters, r)
		}
		result := lloyd(x, centres.Clone(), cfg.MaxIterations)
		if best == nil || result.Inertia < best.Inertia {
			best = result
		}
	}
	return best, nil
}

// spreadCentres draws rows as k-means++ does: the first at random, each further
// one with probability proportional to its squared distance to the nearest
// drawn so far, the best of 2 + ⌊ln k⌋ draws.
func spreadCentres(s *space, clusters int, r *rand.Rand) *array.Array {
	centres := array.New(clusters, s.x.Width())
	nearest := slices.Repeat([]float64{math.Inf(1)}, s.n)
	draws := 2 + int(math.Log(float64(clusters)))
	for c := range clusters {
		trials := []int{r.IntN(s.n)}
		if c > 0 {
			trials = drawProportional(nearest, draws, r)
		}
		var best []float64
		bestSum, bestRow := math.Inf(1), 0
		for _, row := range trials {
			with, sum := slices.Clone(nearest), 0.0
			for i := range with {
				with[i] = min(with[i], squaredDistance(s.x.Row(i), s.x.Row(row)))
				sum += with[i]
			}
			if sum < bestSum {
				best, bestSum, bestRow = with, sum, row
			}
		}
		nearest = best
		copy(centres.Row(c), s.x.Row(bestRow))
	}
	return centres
}

func drawProportional(weights []float64, draws int, r *rand.Rand) []int {
	running, sum := make([]float64, len(weights)), 0.0
	for i, w := range weights {
		sum += w
		running[i] = sum
	}
	out := make([]int, draws)
	for i := range out {
		at := r.Float64() * sum
		// The first row whose running sum exceeds the draw: never one of
		// weight 0, unless all are.
		j, _ := slices.BinarySearchFunc(running, at, func(v, at float64) int {
			if v > at {
				return 1
			}
			return -1
		})
		out[i] = min(j, len(weights)-1)
	}
	return out
}

func squaredDistance(a, b []float32) (sum float64) {
	for k := range a {
		d := float64(a[k]) - float64(b[k])
		sum += d * d
	}
	return sum
}

func lloyd(x, centres *array.Array, most int) *KMeansResult {
	n, width, clusters := x.Rows(), x.Width(), centres.Rows()
	out := &KMeansResult{Labels: slices.Repeat([]int{-1}, n), Centres: centres}
	gaps := make([]float64, n)
	for out.Iterations < most && !out.Converged {
		out.Iterations++
		out.Converged = assign(x, centres, out.Labels, gaps)
		if out.Converged {
			break
		}
		sums, size := make([]float64, clusters*width), make([]int, clusters)
		for i, c := range out.Labels {
			size[c]++
			addTo(sums[c*width:(c+1)*width], x.Row(i), 1)
		}
		for c := range clusters {
			if size[c] > 0 {
				continue
			}
			far := farthestRow(gaps, out.Labels, size)
			if far < 0 {
				continue // fewer different rows than clusters
			}
			from := out.Labels[far]
			size[from]--
			addTo(sums[from*width:(from+1)*width], x.Row(far), -1)
			out.Labels[far], gaps[far], size[c] = c, 0, 1
			addTo(sums[c*width:(c+1)*width], x.Row(far), 1)
		}
		for c := range clusters {
			if size[c] == 0 {
				continue
			}
			for k := range width {
				centres.Row(c)[k] = float32(sums[c*width+k] / float64(size[c]))
			}
		}
	}
	for i, c := range out.Labels {
		out.Inertia += squaredDistance(x.Row(i), centres.Row(c))
	}
	return out
}

// farthestRow returns the row farthest from its centre, −1 if all lie on
// theirs, leaving alone rows that are the last of their cluster.
func farthestRow(gaps []float64, labels, size []int) int {
	far := -1
	for i, gap := range gaps {
		if gap > 0 && size[labels[i]] > 1 && (far < 0 || gap > gaps[far]) {
			far = i
		}
	}
	return far
}

func addTo(sum []float64, row []float32, sign float64) {
	for k, v := range row {
		sum[k] += sign * float64(v)
	}
}

// assign labels each row with its nearest centre, writes the squared distances
// and tells whether all labels stayed.
func assign(x, centres *array.Array, labels []int, gaps []float64) (same bool) {
	tiles, width := kernel.Pack(centres.Data, centres.Rows(), centres.Width()), x.Width()
	const piece = 256
	changed := make([]bool, (x.Rows()+piece-1)/piece)
	_ = parallel(context.Background(), x.Rows(), piece, threads(0), func(_, from, to int) {
		quad, out := make([]float32, kernel.QuadRows*width), make([]float32, kernel.QuadRows*tiles.Padded())
		for first := from; first < to; first += kernel.QuadRows {
			last := min(first+kernel.QuadRows, to)
			copy(quad, x.Data[first*width:last*width])
			tiles.Quad(out, quad)
			for i := first; i < last; i++ {
				row := out[(i-first)*tiles.Padded():][:centres.Rows()]
				best := 0
				for c, gap := range row {
					if gap < row[best] {
						best = c
					}
				}
				gaps[i] = float64(row[best])
				if labels[i] != best {
					labels[i], changed[from/piece] = best, true
				}
			}
		}
	})
	return !slices.Contains(changed, true)
}
