package neuron

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/gojacard/jacard/internal/random"
)

// MeansConfig is what [PairMeans] can be told. Its zero value is ready to
// use.
type MeansConfig struct {
	// WithDiagonal counts each neuron's index with itself, 1, as the
	// published means between layers do.
	WithDiagonal bool

	// WithDead counts dead neurons: 0 with all others if their sets are
	// empty, as the lists say if they are legacy lists.
	WithDead bool

	// Permutations is the number of random draws behind the p-values. 0 means
	// 999; the smallest possible p-value is 1/(Permutations+1).
	Permutations int

	// Seed of the random sets.
	Seed uint64

	// Progress, if not nil, is called after each draw, by one caller at a
	// time.
	Progress func(done, total int)
}

// PairMean is the mean Jaccard index between two layers, or within one, and
// what it would be by chance.
type PairMean struct {
	A, B int // layers, A ≤ B; A = B is a layer with itself

	// Pairs counts the pairs of two neurons. Without any there is nothing to
	// compare: P and Q are 1, Mean and Chance 0 (1 with the diagonal).
	Pairs int

	Mean float64

	// Chance is the exact expectation of Mean if every set were drawn at
	// random, with its own size, from the images of the group.
	Chance float64

	// P is the share of random draws with at least this Mean, the observed
	// one counted among them; small means more alike than chance. It tests
	// against independent random sets only: neurons of one network share
	// their inputs, so a small P is no surprise, and a large one is.
	P float64

	// Q is P after control of the false discovery rate over all means of the
	// call; see [FalseDiscovery].
	Q float64
}

// PairMeans returns the mean Jaccard index of every layer and of every two
// layers: (0,0), (0,1), …, (1,1), (1,2), …. layers holds the top sets of each
// layer, all of one group of the given number of images.
//
// Within a layer each two neurons count once, and with the diagonal the mean
// is that of the whole square matrix. The draws depend on the seed alone, not
// on the number of threads.
func PairMeans(ctx context.Context, layers [][]TopSet, images int, cfg MeansConfig) ([]PairMean, error) {
	cfg.Permutations = cmp.Or(cfg.Permutations, 999)
	if cfg.Permutations < 0 || images < 1 {
		return nil, fmt.Errorf("neuron: %d permutations of %d images: want at least one image, and 0 (999) or more permutations", cfg.Permutations, images)
	}
	var sets []TopSet
	first := make([]int, 0, len(layers)+1) // first set of each layer
	for l, layer := range layers {
		if err := checkSets(layer, images); err != nil {
			return nil, fmt.Errorf("%w (layer %d)", err, l)
		}
		first = append(first, len(sets))
		for _, s := range layer {
			if cfg.WithDead || !s.Dead() {
				sets = append(sets, s)
			}
		}
	}
	first = append(first, len(sets))

	observed := newPairSums(sets, first, images, cfg.WithDiagonal)
	observed.add(sets)
	means := observed.means()
	if err := addChance(means, sets, first, images, cfg.WithDiagonal); err != nil {
		return nil, err
	}
	reached, err := permute(ctx, sets, first, images, cfg, means)
	if err != nil {
		return nil, err
	}
	p := make([]float64, len(means))
	for i := range means {
		p[i] = 1
		if means[i].Pairs > 0 {
			p[i] = float64(1+reached[i]) / float64(1+cfg.Permutations)
		}
		means[i].P = p[i]
	}
	q, err := FalseDiscovery(p)
	if err != nil {
		return nil, err
	}
	for i := range means {
		means[i].Q = q[i]
	}
	return means, nil
}

// permute counts, for each mean, the draws of random sets that reach it. Each
// draw has a stream of its own and only counts are shared.
func permute(ctx context.Context, sets []TopSet, first []int, images int, cfg MeansConfig, means []PairMean) ([]int64, error) {
	reached := make([]int64, len(means))
	var next, done atomic.Int64
	var report sync.Mutex
	workers, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), cfg.Permutations) {
		workers.Go(func() error {
			draw := newRandomSets(sets, images)
			sums := newPairSums(sets, first, images, cfg.WithDiagonal)
			for {
				r := int(next.Add(1)) - 1
				if r >= cfg.Permutations {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				sums.add(draw.fill(random.Stream(cfg.Seed, "neuron: permutation "+strconv.Itoa(r))))
				for i, m := range sums.means() {
					// Sums of other terms round differently; a draw that
					// misses by rounding alone has reached the mean.
					if m.Mean >= means[i].Mean*(1-1e-12) {
						atomic.AddInt64(&reached[i], 1)
					}
				}
				done.Add(1)
				if cfg.Progress != nil {
					report.Lock()
					cfg.Progress(int(done.Load()), cfg.Permutations)
					report.Unlock()
				}
			}
		})
	}
	return reached, workers.Wait()
}

// randomSets draws sets of the same sizes, again and again into one memory.
type randomSets struct {
	sets  []TopSet
	cards []int // the images in some order
}

func newRandomSets(like []TopSet, images int) *randomSets {
	d := &randomSets{sets: make([]TopSet, len(like)), cards: make([]int, images)}
	for i := range d.cards {
		d.cards[i] = i
	}
	for j, s := range like {
		d.sets[j].Positions = make([]int, len(s.Positions))
	}
	return d
}

func (d *randomSets) fill(r *rand.Rand) []TopSet {
	for i := range d.cards { // what an earlier draw left must not matter
		d.cards[i] = i
	}
	for _, s := range d.sets {
		for k := range s.Positions {
			other := k + r.IntN(len(d.cards)-k)
			d.cards[k], d.cards[other] = d.cards[other], d.cards[k]
			s.Positions[k] = d.cards[k]
		}
	}
	return d.sets
}

// pairSums adds up the Jaccard index over the pairs of two layers.
type pairSums struct {
	first    []int
	sizes    []int32
	diagonal bool
	*counter
	inverse []float64 // inverse[u] = 1/u
	total   []float64 // Σ S over pairs, [layer, layer], a ≤ b
}

func newPairSums(sets []TopSet, first []int, images int, diagonal bool) *pairSums {
	layers := len(first) - 1
	p := &pairSums{first: first, sizes: make([]int32, len(sets)), diagonal: diagonal,
		counter: newCounter(len(sets), images), inverse: make([]float64, 2*images+1), total: make([]float64, layers*layers)}
	for j, s := range sets {
		p.sizes[j] = int32(len(s.Positions))
	}
	for u := 1; u < len(p.inverse); u++ {
		p.inverse[u] = 1 / float64(u)
	}
	return p
}

func (s *pairSums) add(sets []TopSet) {
	s.count(sets)
	layers := len(s.first) - 1
	clear(s.total)
	for b := range layers {
		for p := s.first[b]; p < s.first[b+1]; p++ {
			row, size := s.common[p*s.sets:(p+1)*s.sets], s.sizes[p]
			for a := 0; a <= b; a++ {
				sum := 0.0
				for q := s.first[a]; q < min(s.first[a+1], p); q++ {
					if c := row[q]; c > 0 {
						sum += float64(c) * s.inverse[size+s.sizes[q]-c]
					}
				}
				s.total[a*layers+b] += sum
			}
		}
	}
}

func (s *pairSums) means() []PairMean {
	var means []PairMean
	layers := len(s.first) - 1
	for a := range layers {
		for b := a; b < layers; b++ {
			m := PairMean{A: a, B: b, Pairs: pairs(s.first, a, b)}
			m.Mean = overPairs(s.total[a*layers+b], m.Pairs, s.first[a+1]-s.first[a], s.diagonal && a == b)
			means = append(means, m)
		}
	}
	return means
}

// pairs counts the pairs of two neurons of layers a ≤ b.
func pairs(first []int, a, b int) int {
	na, nb := first[a+1]-first[a], first[b+1]-first[b]
	if a == b {
		return na * (na - 1) / 2
	}
	return na * nb
}

// overPairs turns a sum over pairs into a mean, or into the mean of the whole
// square matrix of n neurons with its diagonal of ones.
func overPairs(sum float64, pairs, n int, diagonal bool) float64 {
	switch {
	case diagonal && n > 0:
		return (2*sum + float64(n)) / float64(n*n)
	case pairs > 0:
		return sum / float64(pairs)
	}
	return 0
}
