package attribution

import (
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// checkRows refuses what no method can explain.
func checkRows(rows, background *array.Array) error {
	for _, a := range []struct {
		name string
		*array.Array
	}{{"rows", rows}, {"background", background}} {
		if a.Array == nil {
			return fmt.Errorf("attribution: no %s given", a.name)
		}
		if err := a.Check(); err != nil {
			return fmt.Errorf("attribution: %s: %w", a.name, err)
		}
		if a.Rows() == 0 || a.Width() == 0 {
			return fmt.Errorf("attribution: %s have shape %v: nothing to explain", a.name, a.Shape)
		}
		for i, v := range a.Data {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				return fmt.Errorf("attribution: %s: value %d of row %d is %g: remove or fill such rows first", a.name, i%a.Width(), i/a.Width(), v)
			}
		}
	}
	if !slices.Equal(rows.Shape[1:], background.Shape[1:]) {
		return fmt.Errorf("attribution: background has row shape %v, rows have %v", background.Shape[1:], rows.Shape[1:])
	}
	return nil
}
