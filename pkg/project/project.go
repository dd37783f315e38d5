// Package project lays rows out in the plane and says what is to be seen
// there: t-SNE and principal components, measures of how far a map can be
// trusted, and clusters drawn by hand or found by k-means and DBSCAN.
//
//	m, err := project.TSNE(ctx, phi, project.TSNEConfig{Metric: project.Cosine})
//	trust, err := project.Trustworthiness(phi, m.Points, 10, project.Cosine)
//	ids, err := project.Rectangle(m.Points, -80, -72, 28, 36)
//
// Rows are compared by a [Metric]. Neighbours are always exact; of rows at the
// same distance the one with the smaller id is nearer. Every result is the
// same, bit for bit, for any number of threads and with or without vector
// instructions; randomness comes from the seed alone.
//
// Coordinates of a t-SNE map mean nothing by themselves: compare maps by
// their quality, never by position.
package project

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gojacard/jacard/pkg/array"
)

// Metric says how two rows are compared.
type Metric int

// The metrics.
const (
	// Euclidean is the length of the difference. The zero value.
	Euclidean Metric = iota
	// Cosine is 1 − cos of the angle between two rows, in [0, 2]. Rows of
	// zeros have no angle and are an error.
	Cosine
	// Precomputed reads row i of a square array as the distances from i to
	// all rows, for example 1 − S of a similarity S.
	Precomputed
)

var metricNames = [...]string{"euclidean", "cosine", "precomputed"}

func (m Metric) String() string {
	if m < 0 || int(m) >= len(metricNames) {
		return fmt.Sprintf("Metric(%d)", int(m))
	}
	return metricNames[m]
}

// MarshalText writes the metric's name, so that stored configurations read
// well.
func (m Metric) MarshalText() ([]byte, error) {
	if m < 0 || int(m) >= len(metricNames) {
		return nil, fmt.Errorf("project: unknown metric %d", int(m))
	}
	return []byte(metricNames[m]), nil
}

// UnmarshalText reads a metric's name.
func (m *Metric) UnmarshalText(text []byte) error {
	for i, name := range metricNames {
		if name == string(text) {
			*m = Metric(i)
			return nil
		}
	}
	return fmt.Errorf("project: unknown metric %q: the metrics are %v", text, metricNames)
}

// largestValue keeps sums of squared differences far inside float32.
const largestValue = 1e15

// checkRows tells whether x is a [rows, features] array with at least least
// rows, of numbers whose squares can be summed.
func checkRows(x *array.Array, least int) error {
	if x == nil {
		return fmt.Errorf("project: no array")
	}
	if err := x.Check(); err != nil {
		return fmt.Errorf("project: %w", err)
	}
	if len(x.Shape) != 2 || x.Shape[1] == 0 {
		return fmt.Errorf("project: shape %v is not [rows, features]: flatten rows first", x.Shape)
	}
	if x.Rows() < least {
		return fmt.Errorf("project: got %d rows, need at least %d", x.Rows(), least)
	}
	for i, v := range x.Data {
		if !(v >= -largestValue && v <= largestValue) {
			return fmt.Errorf("project: row %d, feature %d is %g: want a number within ±%g", i/x.Shape[1], i%x.Shape[1], v, float32(largestValue))
		}
	}
	return nil
}

// checkMap is checkRows for maps.
func checkMap(points *array.Array, least int) error {
	if err := checkRows(points, least); err != nil {
		return err
	}
	if points.Shape[1] != 2 {
		return fmt.Errorf("project: shape %v is not a map: want [rows, 2]", points.Shape)
	}
	return nil
}

// threads reads the Threads field of a config.
func threads(n int) int {
	if n == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// parallel calls work for 0…n−1 in pieces of size piece, from up to workers
// goroutines, each with its own number. Which worker gets which piece is left
// to chance, so work must write where only its piece writes. After ctx ends no
// new piece starts.
func parallel(ctx context.Context, n, piece, workers int, work func(worker, from, to int)) error {
	var next atomic.Int64
	loop := func(worker int) {
		for ctx.Err() == nil {
			to := int(next.Add(int64(piece)))
			if to-piece >= n {
				return
			}
			work(worker, to-piece, min(to, n))
		}
	}
	workers = min(workers, (n+piece-1)/piece)
	if workers <= 1 {
		loop(0)
		return ctx.Err()
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { loop(w) })
	}
	wg.Wait()
	return ctx.Err()
}
