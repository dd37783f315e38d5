package project

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/project/internal/kernel"
)

// affinities is the symmetric matrix P of t-SNE in sparse rows. Each row is
// filled up with p = 0 at its own column to a multiple of kernel.Lanes.
type affinities struct {
	start []int32 // [rows+1]
	col   []int32
	p     []float32
}

// newAffinities computes p(j|i) ∝ exp(−β_i d_ij²) over the neighbours of each
// row, with β_i such that the entropy is ln(perplexity), and
// P = (p(j|i) + p(i|j)) / Σ (van der Maaten & Hinton, 2008, section 2).
func newAffinities(ctx context.Context, s *space, k int, perplexity float64, workers int) (*affinities, error) {
	if pairs := 2 * s.n * k; pairs > math.MaxInt32 {
		return nil, fmt.Errorf("project: %d rows with %d neighbours each are %d pairs, more than %d: fewer rows, a lower perplexity or no Exact", s.n, k, pairs, math.MaxInt32)
	}
	near, err := s.nearest(ctx, k, workers)
	if err != nil {
		return nil, err
	}
	conditional := newSparse(s.n, len(near))
	err = parallel(ctx, s.n, 128, workers, func(_, from, to int) {
		for i := from; i < to; i++ {
			conditional.start[i+1] = int32((i + 1) * k)
			row := conditional.p[i*k : (i+1)*k]
			for j, c := range near[i*k : (i+1)*k] {
				conditional.col[i*k+j] = c.id()
				row[j] = s.squared(c.gap())
			}
			fitPerplexity(row, perplexity)
		}
	})
	if err != nil {
		return nil, err
	}
	turned := conditional.transpose()
	return addSymmetric(turned.transpose(), turned), nil
}

// fitPerplexity replaces ascending squared distances by probabilities
// exp(−β d²)/Σ whose entropy is ln(perplexity), and returns β: Newton's method
// on ln β between bounds. Where more rows than the perplexity share the least
// distance no β exists; β then grows until they share all the probability.
func fitPerplexity(d2 []float64, perplexity float64) (beta float64) {
	const tolerance, steps, longest = 1e-8, 100, 2.0
	least, want := d2[0], math.Log(perplexity)
	mean := 0.0
	for j := range d2 {
		d2[j] -= least
		mean += d2[j] / float64(len(d2))
	}
	p := make([]float64, len(d2))
	low, high := 0.0, math.Inf(1)
	beta = 1
	if mean > 0 {
		beta = 1 / mean
	}
	for range steps {
		sum, first, second := 0.0, 0.0, 0.0
		for j, d := range d2 {
			p[j] = math.Exp(-beta * d)
			sum += p[j]
			first += p[j] * d
			second += p[j] * d * d
		}
		for j := range p {
			p[j] /= sum
		}
		first, second = first/sum, second/sum
		excess := math.Log(sum) + beta*first - want // of the entropy
		if math.Abs(excess) <= tolerance || mean == 0 {
			break
		}
		if excess > 0 {
			low = beta
		} else {
			high = beta
		}
		// The entropy falls by β² Var(d²) per unit of ln β.
		next := beta * math.Exp(max(-longest, min(longest, excess/(beta*beta*(second-first*first)))))
		if !(next > low && next < high) {
			if next = (low + high) / 2; math.IsInf(high, 1) {
				next = 2 * beta
			}
		}
		beta = next
	}
	copy(d2, p)
	return beta
}

// sparse is a square matrix in sparse rows.
type sparse struct {
	start []int32 // [rows+1]
	col   []int32
	p     []float64
}

func newSparse(n, entries int) *sparse {
	return &sparse{make([]int32, n+1), make([]int32, entries), make([]float64, entries)}
}

// transpose returns the transpose, each of its rows in order of columns.
func (s *sparse) transpose() *sparse {
	n := len(s.start) - 1
	t := newSparse(n, len(s.col))
	for _, j := range s.col {
		t.start[j+1]++
	}
	for j := range n {
		t.start[j+1] += t.start[j]
	}
	next := slices.Clone(t.start)
	for i := range n {
		for e := s.start[i]; e < s.start[i+1]; e++ {
			at := &next[s.col[e]]
			t.col[*at], t.p[*at] = int32(i), s.p[e]
			*at++
		}
	}
	return t
}

// addSymmetric returns (a + b) / Σ of a matrix and its transpose, both with
// rows in order of columns and without a diagonal.
func addSymmetric(a, b *sparse) *affinities {
	n, total := len(a.start)-1, 0.0
	for _, p := range a.p {
		total += 2 * p
	}
	out := &affinities{start: make([]int32, 1, n+1)}
	for i := range n {
		for x, y := a.start[i], b.start[i]; x < a.start[i+1] || y < b.start[i+1]; {
			col, p := int32(n), 0.0
			if x < a.start[i+1] {
				col = a.col[x]
			}
			if y < b.start[i+1] {
				col = min(col, b.col[y])
			}
			if x < a.start[i+1] && a.col[x] == col {
				p += a.p[x]
				x++
			}
			if y < b.start[i+1] && b.col[y] == col {
				p += b.p[y]
				y++
			}
			out.col, out.p = append(out.col, col), append(out.p, float32(p/total))
		}
		for len(out.col)%kernel.Lanes != 0 {
			out.col, out.p = append(out.col, int32(i)), append(out.p, 0)
		}
		out.start = append(out.start, int32(len(out.col)))
	}
	return out
}
