package neuron

import (
	"fmt"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// ClusteredOrder returns an order of the rows of a symmetric similarity
// matrix that puts similar ones side by side, for heat maps.
//
// Rows are clustered by average linkage on 1 − similarity (Sokal & Michener,
// 1958; found by chains of nearest neighbours, Murtagh, 1983). When two
// clusters join, each is turned so that the most similar of their four pairs
// of ends touch (Gruvaeus & Wainer, 1972): every cluster is one stretch of the
// order, but another turn of the same tree may have more similar neighbours.
// Ties go to the smaller row number. Time and memory grow with the square of
// the rows.
func ClusteredOrder(similarity *array.Array) ([]int, error) {
	if err := similarity.Check(); err != nil {
		return nil, fmt.Errorf("neuron: similarity: %w", err)
	}
	n := similarity.Rows()
	if len(similarity.Shape) != 2 || similarity.Width() != n {
		return nil, fmt.Errorf("neuron: similarity of shape %v: want a square matrix", similarity.Shape)
	}
	t := tree{similarity: similarity, distance: make([][]float64, n), leaves: make([][]int, n)}
	for p := range n {
		t.distance[p], t.leaves[p] = make([]float64, n), []int{p}
		for q, v := range similarity.Row(p) {
			if v != similarity.At(q, p) { // true for NaN, too
				return nil, fmt.Errorf("neuron: similarity of %d and %d is %g, of %d and %d %g: want a symmetric matrix of numbers", p, q, v, q, p, similarity.At(q, p))
			}
			t.distance[p][q] = 1 - float64(v)
		}
	}
	var chain []int
	for clusters := n; clusters > 1; {
		if len(chain) == 0 {
			chain = append(chain, slices.IndexFunc(t.leaves, func(l []int) bool { return l != nil }))
		}
		top, below := chain[len(chain)-1], -1
		if len(chain) > 1 {
			below = chain[len(chain)-2]
		}
		near := t.nearest(top, below)
		if near != below {
			chain = append(chain, near)
			continue
		}
		t.join(min(top, near), max(top, near))
		chain = chain[:len(chain)-2]
		clusters--
	}
	if n == 0 {
		return nil, nil
	}
	return t.leaves[0], nil
}

// tree is a forest of clusters, each kept at its smallest row number.
type tree struct {
	similarity *array.Array
	distance   [][]float64
	leaves     [][]int // in order; nil for a row inside another cluster
}

// nearest returns the cluster nearest to p: preferred if it is as near as any
// (so that chains end), else the smallest number.
func (t *tree) nearest(p, preferred int) int {
	best := preferred
	for q, l := range t.leaves {
		if l != nil && q != p && (best < 0 || t.distance[p][q] < t.distance[p][best]) {
			best = q
		}
	}
	return best
}

// join moves cluster b into a, with the mean distance over all pairs of
// leaves (Lance & Williams, 1967).
func (t *tree) join(a, b int) {
	na, nb := float64(len(t.leaves[a])), float64(len(t.leaves[b]))
	for q, l := range t.leaves {
		if l != nil && q != a && q != b {
			da, db := t.distance[a][q], t.distance[b][q]
			// Rounding must not bring a join nearer than both its parts were:
			// chains of nearest neighbours would no longer end.
			d := max((na*da+nb*db)/(na+nb), min(da, db))
			t.distance[a][q], t.distance[q][a] = d, d
		}
	}
	left, right := t.leaves[a], t.leaves[b]
	var turnLeft, turnRight bool
	best := t.similarity.At(left[len(left)-1], right[0])
	for _, turn := range [][2]bool{{false, true}, {true, false}, {true, true}} {
		l, r := left[len(left)-1], right[0]
		if turn[0] {
			l = left[0]
		}
		if turn[1] {
			r = right[len(right)-1]
		}
		if s := t.similarity.At(l, r); s > best {
			best, turnLeft, turnRight = s, turn[0], turn[1]
		}
	}
	if turnLeft {
		slices.Reverse(left)
	}
	if turnRight {
		slices.Reverse(right)
	}
	t.leaves[a], t.leaves[b] = append(left, right...), nil
}
