package project

import (
	"context"
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/project/internal/kernel"
)

// space compares rows under one metric. It works on gaps, numbers that order
// pairs as their distances do and cost less: the squared distance for
// Euclidean, the squared distance of unit rows (= 2 − 2 cos) for Cosine, the
// distance itself for Precomputed. Differences are taken before squaring, so
// near rows keep their digits and equal rows have gap 0.
type space struct {
	metric Metric
	n      int
	x      *array.Array // unit rows for Cosine
	tiles  kernel.Tiles // of x, unless Precomputed
}

func newSpace(x *array.Array, metric Metric, least int) (*space, error) {
	if err := checkRows(x, least); err != nil {
		return nil, err
	}
	s := &space{metric: metric, n: x.Rows(), x: x}
	switch metric {
	case Euclidean:
	case Cosine:
		unit, err := unitRows(x)
		if err != nil {
			return nil, err
		}
		s.x = unit
	case Precomputed:
		return s, checkDistances(x)
	default:
		return nil, fmt.Errorf("project: unknown metric %d", int(metric))
	}
	s.tiles = kernel.Pack(s.x.Data, s.n, s.x.Width())
	return s, nil
}

func unitRows(x *array.Array) (*array.Array, error) {
	out := array.New(x.Shape...)
	for i := range x.Rows() {
		squares := 0.0
		for _, v := range x.Row(i) {
			squares += float64(v) * float64(v)
		}
		if squares == 0 {
			return nil, fmt.Errorf("project: row %d is all zeros and has no angle to other rows: leave it out or use the Euclidean metric", i)
		}
		scale := 1 / math.Sqrt(squares)
		for k, v := range x.Row(i) {
			out.Row(i)[k] = float32(float64(v) * scale)
		}
	}
	return out, nil
}

func checkDistances(x *array.Array) error {
	n := x.Rows()
	if x.Width() != n {
		return fmt.Errorf("project: precomputed distances of shape %v: want [rows, rows]", x.Shape)
	}
	for i := range n {
		for j, d := range x.Row(i) {
			switch {
			case d < 0:
				return fmt.Errorf("project: precomputed distance %g of rows %d and %d is negative", d, i, j)
			case d != x.At(j, i):
				return fmt.Errorf("project: precomputed distances are not symmetric: %g from row %d to %d, %g back", d, i, j, x.At(j, i))
			}
		}
		if d := x.At(i, i); d != 0 {
			return fmt.Errorf("project: precomputed distance of row %d to itself is %g, want 0", i, d)
		}
	}
	return nil
}

// distance turns a gap into the metric's distance.
func (s *space) distance(gap float32) float64 {
	switch s.metric {
	case Euclidean:
		return math.Sqrt(float64(gap))
	case Cosine:
		return float64(gap) / 2
	default:
		return float64(gap)
	}
}

// squared returns the square of distance.
func (s *space) squared(gap float32) float64 {
	if s.metric == Euclidean {
		return float64(gap)
	}
	d := s.distance(gap)
	return d * d
}

// gap turns a distance into a gap.
func (s *space) gap(distance float64) float64 {
	switch s.metric {
	case Euclidean:
		return distance * distance
	case Cosine:
		return 2 * distance
	default:
		return distance
	}
}

// each calls visit once for every row with its gaps to all rows. The slice is
// the worker's own until the next call.
func (s *space) each(ctx context.Context, workers int, visit func(worker, row int, gaps []float32)) error {
	return s.only(ctx, workers, nil, visit)
}

// only is each for the rows listed; nil means all.
func (s *space) only(ctx context.Context, workers int, rows []int, visit func(worker, row int, gaps []float32)) error {
	count := len(rows)
	if rows == nil {
		count = s.n
	}
	at := func(i int) int {
		if rows == nil {
			return i
		}
		return rows[i]
	}
	if s.metric == Precomputed {
		return parallel(ctx, count, 16, workers, func(worker, from, to int) {
			for i := from; i < to; i++ {
				visit(worker, at(i), s.x.Row(at(i)))
			}
		})
	}
	width, stride := s.x.Width(), s.tiles.Padded()
	type scratch struct{ quad, gaps []float32 }
	scratches := make([]scratch, workers)
	return parallel(ctx, count, kernel.QuadRows, workers, func(worker, from, to int) {
		b := &scratches[worker]
		if b.gaps == nil {
			*b = scratch{make([]float32, kernel.QuadRows*width), make([]float32, kernel.QuadRows*stride)}
		}
		for i := from; i < to; i++ {
			copy(b.quad[(i-from)*width:], s.x.Row(at(i)))
		}
		s.tiles.Quad(b.gaps, b.quad)
		for i := from; i < to; i++ {
			gaps := b.gaps[(i-from)*stride:]
			visit(worker, at(i), gaps[:s.n:s.n])
		}
	})
}
