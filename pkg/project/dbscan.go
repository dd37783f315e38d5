package project

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/gojacard/jacard/pkg/array"
)

// Noise is the label of rows that belong to no cluster.
const Noise = -1

// DBSCANResult is what [DBSCAN] finds.
type DBSCANResult struct {
	Labels   []int  // of each row, 0…Clusters−1 or [Noise]
	Core     []bool // rows with at least minPoints within eps
	Clusters int
	Noise    int // rows labelled Noise
}

// DBSCAN finds clusters of any shape by density (Ester et al., 1996). A row
// with at least minPoints rows within distance eps, itself included, is a core
// row; core rows within eps of each other share a cluster; other rows within
// eps of a core row join it; the rest is noise. Clusters are numbered by their
// first core row, and a row near several clusters joins the one with the
// smallest number. Memory grows with rows, not with pairs.
func DBSCAN(x *array.Array, eps float64, minPoints int, metric Metric) (*DBSCANResult, error) {
	s, err := newSpace(x, metric, 1)
	if err != nil {
		return nil, err
	}
	if !(eps > 0) || math.IsInf(eps, 0) || minPoints < 1 {
		return nil, fmt.Errorf("project: DBSCAN with eps %g, minPoints %d: want a positive distance and at least 1 point", eps, minPoints)
	}
	ctx, workers, limit := context.Background(), threads(0), s.gap(eps)
	out := &DBSCANResult{Labels: make([]int, s.n), Core: make([]bool, s.n)}
	err = s.each(ctx, workers, func(_, row int, gaps []float32) {
		count := 0
		for _, gap := range gaps {
			if float64(gap) <= limit {
				count++
			}
		}
		out.Core[row] = count >= minPoints
	})
	if err != nil {
		return nil, err
	}
	core, other := []int{}, []int{}
	for i, is := range out.Core {
		if is {
			core = append(core, i)
		} else {
			other = append(other, i)
		}
	}

	var mu sync.Mutex
	sets := newDisjoint(s.n)
	if err = s.only(ctx, workers, core, func(_, row int, gaps []float32) {
		mu.Lock()
		defer mu.Unlock()
		for j, gap := range gaps[:row] {
			if float64(gap) <= limit && out.Core[j] {
				sets.join(row, j)
			}
		}
	}); err != nil {
		return nil, err
	}
	for i := range out.Labels {
		out.Labels[i] = Noise
	}
	for _, i := range core { // ascending, and a set's root is its least row
		if root := sets.root(i); root == i {
			out.Labels[i] = out.Clusters
			out.Clusters++
		} else {
			out.Labels[i] = out.Labels[root]
		}
	}
	err = s.only(ctx, workers, other, func(_, row int, gaps []float32) {
		for j, gap := range gaps {
			if float64(gap) <= limit && out.Core[j] && (out.Labels[row] == Noise || out.Labels[j] < out.Labels[row]) {
				out.Labels[row] = out.Labels[j]
			}
		}
	})
	for _, label := range out.Labels {
		if label == Noise {
			out.Noise++
		}
	}
	return out, err
}

// disjoint holds disjoint sets of rows, each named by its least row.
type disjoint []int

func newDisjoint(n int) disjoint {
	d := make(disjoint, n)
	for i := range d {
		d[i] = i
	}
	return d
}

func (d disjoint) root(i int) int {
	for d[i] != i {
		d[i] = d[d[i]]
		i = d[i]
	}
	return i
}

func (d disjoint) join(i, j int) {
	i, j = d.root(i), d.root(j)
	d[max(i, j)] = min(i, j)
}
