package measure

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/gojacard/jacard/pkg/array"
)

// Agreement compares two attributions of one row, which have the same length.
type Agreement func(a, b []float32) float64

// Spearman is the rank correlation of the values, −1…1; equal values share
// their mean rank. NaN if all values of one side are equal.
func Spearman(a, b []float32) float64 {
	return stat.Correlation(ranks(a), ranks(b), nil)
}

// SpearmanAbs is [Spearman] of the absolute values: signs are forgotten.
func SpearmanAbs(a, b []float32) float64 { return Spearman(abs(a), abs(b)) }

// Signs is the share of inputs to which both give the same sign; 0 is a sign of
// its own.
func Signs(a, b []float32) float64 {
	equal := 0
	for i := range a {
		if sign(a[i]) == sign(b[i]) {
			equal++
		}
	}
	return float64(equal) / float64(len(a))
}

// TopOverlap returns the agreement |A ∩ B|/k of the sets A and B of the k
// largest |φ|; of equal ones the first inputs count. k is cut to the number of
// inputs.
func TopOverlap(k int) Agreement {
	return func(a, b []float32) float64 {
		n := max(1, min(k, len(a)))
		first := top(a, n)
		common := 0
		for _, i := range top(b, n) {
			if slices.Contains(first, i) {
				common++
			}
		}
		return float64(common) / float64(n)
	}
}

// Agree returns the mean agreement over the rows of every pair of attributions,
// [methods, methods]. Rows where it is not a number are left out; NaN if that
// leaves none. Attributions are [rows, ...]; other numbers of rows or inputs than
// the first one's, and values that are not finite, are errors.
func Agree(how Agreement, values ...*array.Array) ([][]float64, error) {
	if len(values) == 0 {
		return nil, fmt.Errorf("measure: no attributions to compare")
	}
	for i, v := range values {
		if err := check(fmt.Sprintf("attribution %d", i), v); err != nil {
			return nil, err
		}
		if err := same(fmt.Sprintf("attributions %d", i), v, "attributions 0", values[0]); err != nil {
			return nil, err
		}
	}
	out := make([][]float64, len(values))
	for i := range values {
		out[i] = make([]float64, len(values))
		for j := range values {
			out[i][j] = meanAgreement(how, values[i], values[j])
		}
	}
	return out, nil
}

func meanAgreement(how Agreement, a, b *array.Array) float64 {
	sum, n := 0.0, 0
	for r := range a.Rows() {
		if v := how(a.Row(r), b.Row(r)); !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return sum / float64(n)
}

// ranks returns the rank of each value, ascending from 1; equal values get the
// mean of theirs.
func ranks(values []float32) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	out := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			out[i] = float64(from+to+1) / 2
		}
		from = to
	}
	return out
}

// top returns the inputs of the n largest |φ|, descending.
func top(values []float32, n int) []int {
	return byValue(abs(values))[:n]
}

// byValue lists inputs by descending value; of equal ones the first comes first.
func byValue(values []float32) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[j], values[i]) })
	return order
}

func abs(values []float32) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = max(v, -v)
	}
	return out
}

func sign(v float32) int { return cmp.Compare(v, 0) }
