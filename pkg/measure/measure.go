// Package measure tells how good attributions are: whether they add up, whether
// the inputs they name move the output, whether they change when nothing much
// did, whether they depend on the network at all, and whether methods agree.
//
// No measure needs a human's opinion, and none proves an attribution right:
// each catches one kind of wrong. Values are attributions to the input, [rows,
// inputs] or [rows, players] with [attribution.Query.Groups].
package measure

import (
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
)

// Completeness returns Σφ − (f(x) − base value) for each row, in units of f, of
// any method that has a base value, whether it promises 0 or not. What LRP
// absorbs is missing here; [attribution.LayerAttribution.Gaps] counts it.
func Completeness(a *attribution.Attribution, layer string) ([]float64, error) {
	l, err := a.Layer(layer)
	if err != nil {
		return nil, err
	}
	if a.BaseValues == nil {
		return nil, fmt.Errorf("measure: %s has no base value to count from", a.Method)
	}
	gaps := make([]float64, l.Values.Rows())
	for i := range gaps {
		sum := 0.0
		for _, v := range l.Values.Row(i) {
			sum += float64(v)
		}
		gaps[i] = sum - (float64(a.Outputs.Data[i]) - a.BaseValues[i])
	}
	return gaps, nil
}

// Gini returns the Gini index of |φ| of each row: 0 if all inputs have the same
// share, 1 − 1/n if one of n has all. A row of zeros has 0. Values are [rows,
// ...]; nothing, and values that are not finite, are errors.
//
// Hurley and Rickard, 2009; Chalasani et al., 2020.
func Gini(values *array.Array) ([]float64, error) {
	if err := check("values", values); err != nil {
		return nil, err
	}
	out := make([]float64, values.Rows())
	size := make([]float64, values.Width())
	for i := range out {
		total := 0.0
		for k, v := range values.Row(i) {
			size[k] = math.Abs(float64(v))
			total += size[k]
		}
		if total == 0 {
			continue
		}
		slices.Sort(size)
		n, sum := float64(len(size)), 0.0
		for k, v := range size {
			sum += v / total * (n - float64(k) - 0.5) / n
		}
		out[i] = 1 - 2*sum
	}
	return out, nil
}

func check(name string, a *array.Array) error {
	if a == nil {
		return fmt.Errorf("measure: no %s given", name)
	}
	if err := a.Check(); err != nil {
		return fmt.Errorf("measure: %s: %w", name, err)
	}
	if a.Rows() == 0 || a.Width() == 0 {
		return fmt.Errorf("measure: %s: shape %v holds nothing", name, a.Shape)
	}
	for i, v := range a.Data {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("measure: %s: value %d of row %d is %g", name, i%a.Width(), i/a.Width(), v)
		}
	}
	return nil
}

// same refuses arrays that do not hold the same rows and units.
func same(what string, a *array.Array, other string, b *array.Array) error {
	if a.Rows() != b.Rows() || a.Width() != b.Width() {
		return fmt.Errorf("measure: %s have %d rows of %d, %s have %d of %d", what, a.Rows(), a.Width(), other, b.Rows(), b.Width())
	}
	return nil
}
