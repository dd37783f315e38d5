package attribution

import (
	"math"

	"github.com/gojacard/jacard/pkg/array"
)

// roundingShare of the largest |f| is the least scale: a float32 output has a
// rounding error of 6e-8·|f|, and a gap of 1e-4 of 1/256·|f| is 4e-7·|f|.
const roundingShare = 1.0 / 256

// scale returns the part of [Attribution.Scale] that the rows themselves ask for.
func scale(outputs *array.Array, base []float64) float64 {
	var change, size float64
	for i, v := range outputs.Data {
		change = max(change, math.Abs(float64(v)-base[i]))
		size = max(size, math.Abs(float64(v)))
	}
	return max(change, size*roundingShare)
}

// pass widens the scale by f at a point between a row and its background.
func (a *Attribution) pass(row int, f float64) {
	a.between = max(a.between, math.Abs(f-a.BaseValues[row]))
}

// measure fills in gaps and scale, and fails where one gap is above
// limit·scale or not a number.
func (a *Attribution) measure(limit float64) error {
	worst := a.fillGaps()
	for i, l := range a.Layers {
		gap := math.Abs(l.Gaps[worst[i]])
		if !(gap <= limit*a.Scale) {
			return &GapError{Method: a.Method, Layer: l.Layer, Row: worst[i], Gap: gap, Scale: a.Scale, Max: limit,
				Hint: "does the model treat each row by itself and the same way in every call?"}
		}
	}
	return nil
}

// fillGaps fills in gaps and scale, and returns for each layer the row with
// the largest gap.
func (a *Attribution) fillGaps() (worst []int) {
	a.Scale = max(scale(a.Outputs, a.BaseValues), a.between)
	worst = make([]int, len(a.Layers))
	for i := range a.Layers {
		l := &a.Layers[i]
		l.Gaps = make([]float64, l.Values.Rows())
		for r := range l.Gaps {
			l.Gaps[r] = sum(l.Values.Row(r)) - (float64(a.Outputs.Data[r]) - a.BaseValues[r])
			if l.Absorbed != nil {
				l.Gaps[r] += l.Absorbed[r]
			}
			if size := math.Abs(l.Gaps[r]); size > math.Abs(l.Gaps[worst[i]]) || math.IsNaN(size) {
				worst[i] = r
			}
		}
		if gap := math.Abs(l.Gaps[worst[i]]); gap > 0 { // 0/0: nothing moved and nothing was divided
			l.MaxGap = gap / a.Scale
		}
	}
	return worst
}
