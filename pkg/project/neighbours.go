package project

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// Neighbours lists the K nearest other rows of each row, nearest first.
type Neighbours struct {
	K         int
	IDs       []int32   // [rows, K]
	Distances []float32 // [rows, K], in the metric's unit
}

// Of returns the neighbours of one row, nearest first.
func (nb *Neighbours) Of(row int) []int32 { return nb.IDs[row*nb.K : (row+1)*nb.K] }

// NearestNeighbours compares all pairs of rows and keeps the k nearest others
// of each. Of rows at the same distance the one with the smaller id is nearer.
// k must lie in 1…rows−1.
func NearestNeighbours(x *array.Array, k int, metric Metric) (*Neighbours, error) {
	s, err := newSpace(x, metric, 2)
	if err != nil {
		return nil, err
	}
	near, err := s.nearest(context.Background(), k, threads(0))
	if err != nil {
		return nil, err
	}
	out := &Neighbours{K: k, IDs: make([]int32, len(near)), Distances: make([]float32, len(near))}
	for i, c := range near {
		out.IDs[i], out.Distances[i] = c.id(), float32(s.distance(c.gap()))
	}
	return out, nil
}

// candidate is a row that may be among the nearest: the bits of its gap above
// its id. Gaps are not negative, so candidates order as (gap, id) do.
type candidate uint64

func newCandidate(gap float32, id int) candidate {
	return candidate(math.Float32bits(gap)&^(1<<31))<<32 | candidate(id) // a gap of −0 is 0
}

func (c candidate) gap() float32 { return math.Float32frombits(uint32(c >> 32)) }
func (c candidate) id() int32    { return int32(uint32(c)) }

// nearest returns the k nearest others of each row, [rows, k], nearest first.
func (s *space) nearest(ctx context.Context, k, workers int) ([]candidate, error) {
	if k < 1 || k >= s.n {
		return nil, fmt.Errorf("project: %d neighbours asked of %d rows: want 1…%d", k, s.n, s.n-1)
	}
	out := make([]candidate, s.n*k)
	pools := make([][]candidate, workers)
	err := s.each(ctx, workers, func(worker, row int, gaps []float32) {
		pools[worker] = nearestOf(pools[worker][:0], k, row, gaps)
		copy(out[row*k:], pools[worker][:k])
	})
	return out, err
}

// nearestOf returns a pool whose first k places hold the nearest rows but self.
// Candidates are pooled and the pool is cut back to the k nearest when full: a
// sort now and then costs less than a heap kept in order.
func nearestOf(pool []candidate, k, self int, gaps []float32) []candidate {
	full := max(4*k, 64)
	farthest := float32(math.Inf(1))
	for id, gap := range gaps {
		// A later row at the distance of the k-th so far is not nearer.
		if gap >= farthest || id == self {
			continue
		}
		if pool = append(pool, newCandidate(gap, id)); len(pool) == full {
			slices.Sort(pool)
			pool = pool[:k]
			farthest = pool[k-1].gap()
		}
	}
	slices.Sort(pool)
	return pool
}
