package project

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// Init says where t-SNE puts the points before the first step.
type Init int

// The starts.
const (
	// InitDefault is InitPCA, or InitRandom for Precomputed distances.
	InitDefault Init = iota
	// InitPCA takes the first two principal components, divided so that the
	// first has standard deviation 1e-4. The map then needs no seed.
	InitPCA
	// InitRandom draws from the normal distribution of deviation 1e-4.
	InitRandom
)

// TSNEConfig is what [TSNE] can be told. Its zero value gives scikit-learn's
// defaults.
type TSNEConfig struct {
	// Metric compares rows.
	Metric Metric

	// Perplexity is the effective number of neighbours of each row; 0 means
	// 30. It must lie in 1…rows−1.
	Perplexity float64

	// Iterations is the number of steps; 0 means 1000.
	Iterations int

	// EarlyExaggeration multiplies attraction during the first 250 steps;
	// 0 means 12.
	EarlyExaggeration float64

	// LearningRate is the step's length; 0 means
	// max(rows/EarlyExaggeration/4, 50).
	LearningRate float64

	// Angle is the side of a cell, as a share of its distance, up to which
	// its points repel as one; 0 means 0.5. At most 1.
	Angle float64

	// Exact compares all pairs: P holds every pair, not 3·Perplexity+1
	// neighbours, and no points repel as one. For small inputs: time and
	// memory grow with rows².
	Exact bool

	// Init is where points start.
	Init Init

	// Seed decides the random start; without one it changes nothing.
	Seed uint64

	// Threads bounds the processors used; 0 means all. The map does not
	// depend on it.
	Threads int

	// Progress, if not nil, is called after each step.
	Progress func(done, total int)
}

// exaggerated is the number of steps with early exaggeration and low momentum.
const exaggerated = 250

func (c TSNEConfig) withDefaults(rows int) (TSNEConfig, error) {
	c.Perplexity = cmp.Or(c.Perplexity, 30)
	c.Iterations = cmp.Or(c.Iterations, 1000)
	c.EarlyExaggeration = cmp.Or(c.EarlyExaggeration, 12)
	c.LearningRate = cmp.Or(c.LearningRate, max(float64(rows)/c.EarlyExaggeration/4, 50))
	c.Angle = cmp.Or(c.Angle, 0.5)
	c.Threads = threads(c.Threads)
	if c.Init == InitDefault {
		c.Init = InitPCA
		if c.Metric == Precomputed {
			c.Init = InitRandom
		}
	}
	switch {
	case !(c.Perplexity >= 1 && c.Perplexity <= float64(rows-1)):
		return c, fmt.Errorf("project: perplexity %g of %d rows: want 1…%d, at best below a third of the rows", c.Perplexity, rows, rows-1)
	case c.Iterations < 1:
		return c, fmt.Errorf("project: %d iterations: want at least 1", c.Iterations)
	case !(c.EarlyExaggeration >= 1) || math.IsInf(c.EarlyExaggeration, 0):
		return c, fmt.Errorf("project: early exaggeration %g: want 1 or more", c.EarlyExaggeration)
	case !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0):
		return c, fmt.Errorf("project: learning rate %g: want a positive number", c.LearningRate)
	case !(c.Angle > 0 && c.Angle <= 1):
		return c, fmt.Errorf("project: angle %g: want more than 0 and at most 1; Exact does without cells", c.Angle)
	case c.Threads < 1:
		return c, fmt.Errorf("project: %d threads: want at least 1, or 0 for all", c.Threads)
	case c.Init != InitPCA && c.Init != InitRandom:
		return c, fmt.Errorf("project: unknown start %d", int(c.Init))
	case c.Init == InitPCA && c.Metric == Precomputed:
		return c, fmt.Errorf("project: precomputed distances have no principal components: use InitRandom")
	}
	return c, nil
}

// Map is a layout of rows in the plane and how it was made.
type Map struct {
	Points *array.Array // [rows, 2]

	// KL is the divergence Σ p ln(p/q) of the map from its affinities, in
	// nats, with q summed over all pairs. Comparable only between maps of the
	// same rows, metric and perplexity.
	KL float64

	Iterations   int
	Perplexity   float64
	LearningRate float64
	Neighbours   int // of each row in P, before it was made symmetric
}

// TSNE lays rows out in the plane so that near rows stay near: the points'
// affinities q_ij ∝ 1/(1 + |y_i − y_j|²) are fitted to the rows' affinities
// P by gradient descent on KL(P‖Q) (van der Maaten & Hinton, 2008), with
// repulsion from far cells (Barnes & Hut; van der Maaten, 2014).
//
// Numbers follow scikit-learn: for metrics other than Euclidean, too, the
// distance is squared before the Gaussian; P keeps the ⌊3·Perplexity+1⌋ exact
// nearest neighbours (all others if there are fewer); momentum is 0.5 during
// the 250 steps of early exaggeration and 0.8 after; all steps are made.
//
// Equal rows are welcome and may share a point. Errors: fewer than 2 rows,
// values that are NaN, infinite or beyond 1e15, zero rows with Cosine, a perplexity out of range,
// rows that are all equal with InitPCA, a descent that leaves the finite
// numbers, and the end of ctx.
func TSNE(ctx context.Context, x *array.Array, cfg TSNEConfig) (*Map, error) {
	s, err := newSpace(x, cfg.Metric, 2)
	if err != nil {
		return nil, err
	}
	if cfg, err = cfg.withDefaults(s.n); err != nil {
		return nil, err
	}
	start, err := startPoints(x, cfg)
	if err != nil {
		return nil, err
	}
	k := min(s.n-1, int(3*cfg.Perplexity+1))
	if cfg.Exact {
		k = s.n - 1
	}
	p, err := newAffinities(ctx, s, k, cfg.Perplexity, cfg.Threads)
	if err != nil {
		return nil, err
	}

	d := newDescent(p, start, cfg)
	for i := range cfg.Iterations {
		exaggeration, momentum := 1.0, 0.8
		if i < exaggerated {
			exaggeration, momentum = cfg.EarlyExaggeration, 0.5
		}
		if err := d.step(ctx, exaggeration, momentum); err != nil {
			return nil, fmt.Errorf("project: t-SNE of %d rows, iteration %d: %w", s.n, i, err)
		}
		if cfg.Progress != nil {
			cfg.Progress(i+1, cfg.Iterations)
		}
	}
	kl, err := d.divergence(ctx)
	if err != nil {
		return nil, fmt.Errorf("project: t-SNE of %d rows: %w", s.n, err)
	}
	return &Map{
		Points: d.points(), KL: kl, Iterations: cfg.Iterations,
		Perplexity: cfg.Perplexity, LearningRate: cfg.LearningRate, Neighbours: k,
	}, nil
}

// startDeviation is small enough that no point repels another by its start.
const startDeviation = 1e-4

func startPoints(x *array.Array, cfg TSNEConfig) (*array.Array, error) {
	points := array.New(x.Rows(), 2)
	if cfg.Init == InitRandom {
		r := random.Stream(cfg.Seed, "project.TSNE start")
		for i := range points.Data {
			points.Data[i] = float32(startDeviation * r.NormFloat64())
		}
		return points, nil
	}
	axes := min(2, x.Width(), x.Rows())
	pca, err := PCA(x, axes)
	if err != nil {
		return nil, err
	}
	// The divisor of the deviation is rows, as NumPy's.
	deviation := math.Sqrt(pca.Variance[0] * float64(x.Rows()-1) / float64(x.Rows()))
	if deviation == 0 {
		return nil, fmt.Errorf("project: all %d rows are equal: there is nothing to map", x.Rows())
	}
	for i := range x.Rows() {
		for c, v := range pca.Scores.Row(i) {
			points.Row(i)[c] = float32(float64(v) / deviation * startDeviation)
		}
	}
	return points, nil
}
