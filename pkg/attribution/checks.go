package attribution

import (
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// checkBackground refuses a background that checked rows cannot be compared
// with.
func checkBackground(rows, background *array.Array) error {
	if err := checkValues("background", background); err != nil {
		return err
	}
	if !slices.Equal(rows.Shape[1:], background.Shape[1:]) {
		return fmt.Errorf("attribution: background has row shape %v, rows have %v", background.Shape[1:], rows.Shape[1:])
	}
	return nil
}

func checkValues(name string, a *array.Array) error {
	if a == nil {
		return fmt.Errorf("attribution: no %s given", name)
	}
	if err := a.Check(); err != nil {
		return fmt.Errorf("attribution: %s: %w", name, err)
	}
	if a.Rows() == 0 || a.Width() == 0 {
		return fmt.Errorf("attribution: %s: shape %v holds nothing", name, a.Shape)
	}
	for i, v := range a.Data {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("attribution: %s: value %d of row %d is %g: remove or fill such rows first", name, i%a.Width(), i/a.Width(), v)
		}
	}
	return nil
}
