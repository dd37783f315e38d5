package attribution

import (
	"math"

	"github.com/gojacard/jacard/pkg/array"
)

// roundingShare of the largest |f| is the least scale: a float32 output has a
// rounding error of 6e-8·|f|, and a gap of 1e-4 of 1/256·|f| is 4e-7·|f|.
const roundingShare = 1.0 / 256

// scale returns what gaps are a share of; see [Attribution.Scale].
func scale(outputs *array.Array, base []float64) float64 {
	var change, size float64
	for i, v := range outputs.Data {
		change = max(change, math.Abs(float64(v)-base[i]))
		size = max(size, math.Abs(float64(v)))
	}
	return max(change, size*roundingShare)
}

// measure fills in gaps and scale, and fails where one gap is above
// limit·scale or not a number.
func (a *Attribution) measure(limit float64) error {
	a.Scale = scale(a.Outputs, a.BaseValues)
	for i := range a.Layers {
		l := &a.Layers[i]
		worst := 0
		l.Gaps = make([]float64, l.Values.Rows())
		for r := range l.Gaps {
			var sum float64
			for _, v := range l.Values.Row(r) {
				sum += float64(v)
			}
			if l.Absorbed != nil {
				sum += l.Absorbed[r]
			}
			l.Gaps[r] = sum - (float64(a.Outputs.Data[r]) - a.BaseValues[r])
			if size := math.Abs(l.Gaps[r]); size > math.Abs(l.Gaps[worst]) || math.IsNaN(size) {
				worst = r
			}
		}
		gap := math.Abs(l.Gaps[worst])
		if gap > 0 { // 0/0: nothing moved and nothing was divided
			l.MaxGap = gap / a.Scale
		}
		if !(gap <= limit*a.Scale) {
			return &GapError{Method: a.Method, Layer: l.Layer, Row: worst, Gap: gap, Scale: a.Scale, Max: limit}
		}
	}
	return nil
}
