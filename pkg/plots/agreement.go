package plots

import (
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
)

// AgreementData is what [Agreement] draws.
type AgreementData struct {
	Title   string
	Methods []string
	Values  [][]float64 // [methods][methods], symmetric, −1…1; NaN is grey
	Measure string      // what is compared, such as "Spearman's ρ"
	Caption Caption
	Size    Size
}

// Agreement draws how far methods agree, pair by pair: a [HeatMap] from −1 to
// 1 with the number in each cell, unless there are more than sixteen methods.
func Agreement(data AgreementData) (*Figure, error) {
	n := len(data.Methods)
	fail := func(format string, args ...any) (*Figure, error) {
		return nil, fmt.Errorf("plots: agreement %q: "+format, append([]any{data.Title}, args...)...)
	}
	if n == 0 || len(data.Values) != n {
		return fail("%d rows of values for %d methods; give at least one method and a row for each", len(data.Values), n)
	}
	values := array.New(n, n)
	for i, row := range data.Values {
		if len(row) != n {
			return fail("row %d has %d values for %d methods", i, len(row), n)
		}
	}
	const rounding = 1e-6 // of sums taken in another order
	for i, row := range data.Values {
		for k, v := range row {
			other := data.Values[k][i]
			if math.Abs(v) > 1+rounding || math.Abs(v-other) > rounding || math.IsNaN(v) != math.IsNaN(other) {
				return fail("%q and %q agree by %g, the other way round by %g; want one number in −1…1", data.Methods[i], data.Methods[k], v, other)
			}
			values.Data[i*n+k] = float32(v)
		}
	}
	return HeatMap(HeatMapData{
		Title: data.Title, Values: values, ValueName: data.Measure, Signed: true, Low: -1, High: 1, Numbers: n <= 16,
		Rows: HeatAxis{Names: data.Methods}, Columns: HeatAxis{Names: data.Methods}, Caption: data.Caption,
		Size: data.Size.or(min(720, 120*n+240), min(620, 120*n+140)),
	})
}
