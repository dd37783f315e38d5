package plots

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// PerturbationData is what [Perturbation] draws.
type PerturbationData struct {
	Title   string
	XLabel  string // empty means "share of the inputs"
	YLabel  string // the output that is followed, such as "P(digit = 1)"
	Panels  []PerturbationPanel
	Caption Caption
	Size    Size
}

// PerturbationPanel shows how one way to change the inputs moves the output.
type PerturbationPanel struct {
	Name   string    // such as "insertion", "deletion", "MoRF", "LeRF"; no two alike
	Shares []float64 // of the inputs changed at each step, ascending; nil means equal steps from 0 to 1
	Curves []PerturbationCurve

	// The control: mean and standard deviation of random orders at each step.
	// nil means none.
	RandomMean, RandomStd []float64
}

// PerturbationCurve is the output after each step.
type PerturbationCurve struct {
	Name      string
	Y         []float64
	Low, High []float64 // edges of a band; nil means none
}

// Perturbation draws insertion and deletion curves, or MoRF and LeRF: the
// output while inputs are put in or taken out by the rank of their
// attributions, beside random orders with a band of one standard deviation.
// The legend says the area under each curve, ∫ y d(share) by trapezoids, panel
// by panel. The figure has an interactive form that tells all values at one
// share.
func Perturbation(data PerturbationData) (*Figure, error) {
	fail := func(p PerturbationPanel, format string, args ...any) (*Figure, error) {
		return nil, fmt.Errorf("plots: perturbation %q, panel %q: "+format, append([]any{data.Title, p.Name}, args...)...)
	}
	if len(data.Panels) == 0 {
		return nil, fmt.Errorf("plots: perturbation %q: no panels; give at least one", data.Title)
	}
	lines := LinesData{
		Title: data.Title, XLabel: cmp.Or(data.XLabel, "share of the inputs"), YLabel: data.YLabel, Caption: data.Caption, Size: data.Size,
	}
	seen, controlled := map[string]bool{}, false
	areas := map[string][]string{} // by curve and panel
	for i, p := range data.Panels {
		if seen[p.Name] {
			return fail(p, "two panels have this name")
		}
		seen[p.Name] = true
		if len(p.Curves) == 0 {
			return fail(p, "no curves; give at least one")
		}
		shares, err := p.shares()
		if err != nil {
			return fail(p, "%w", err)
		}
		series := make([]Series, 0, len(p.Curves)+1)
		for _, c := range p.Curves {
			series = append(series, Series{Name: c.Name, Y: c.Y, Low: c.Low, High: c.High})
		}
		if p.RandomMean != nil {
			controlled = true
			if len(p.RandomStd) != len(p.RandomMean) {
				return fail(p, "%d standard deviations of random orders for %d means", len(p.RandomStd), len(p.RandomMean))
			}
			random := Series{Name: "random order", Y: p.RandomMean, control: true}
			for i, v := range p.RandomMean {
				random.Low, random.High = append(random.Low, v-p.RandomStd[i]), append(random.High, v+p.RandomStd[i])
			}
			series = append(series, random)
		}
		for k, s := range series {
			if s.Name == "" || slices.ContainsFunc(series[:k], func(other Series) bool { return other.Name == s.Name }) {
				return fail(p, "curve %d is called %q: give each curve a name of its own, beside \"random order\"", k, s.Name)
			}
			if len(s.Y) != len(shares) {
				return fail(p, "curve %q has %d values for %d shares", s.Name, len(s.Y), len(shares))
			}
			if areas[s.Name] == nil {
				areas[s.Name] = slices.Repeat([]string{"–"}, len(data.Panels))
			}
			areas[s.Name][i] = number(area(shares, s.Y), 'g', 3)
			s.Facet, s.X = p.Name, shares
			lines.Series = append(lines.Series, s)
		}
	}
	for i, s := range lines.Series {
		lines.Series[i].note = strings.Join(areas[s.Name], " / ")
	}
	note := "behind the names: area under the curve"
	if len(data.Panels) > 1 {
		note += " in each panel"
	}
	lines.Caption = lines.Caption.with(note)
	if controlled {
		lines.Caption = lines.Caption.with("band: random orders ± one standard deviation")
	}
	return Lines(lines)
}

// shares returns the panel's shares, or equal steps.
func (p PerturbationPanel) shares() ([]float64, error) {
	if p.Shares == nil {
		n := len(p.Curves[0].Y)
		even := make([]float64, n)
		for i := range even {
			even[i] = float64(i) / float64(max(n-1, 1))
		}
		return even, nil
	}
	for i, v := range p.Shares {
		if !(v >= 0 && v <= 1) || i > 0 && v <= p.Shares[i-1] {
			return nil, fmt.Errorf("share %d is %g; shares ascend within 0…1", i, v)
		}
	}
	return p.Shares, nil
}

// area is the integral of y over x by trapezoids.
func area(x, y []float64) float64 {
	sum := 0.0
	for i := 1; i < len(x); i++ {
		sum += (x[i] - x[i-1]) * (y[i] + y[i-1]) / 2
	}
	return sum
}
