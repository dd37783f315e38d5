package figures

import (
	"fmt"
	"slices"

	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/plots"
	"github.com/gojacard/jacard/pkg/weightshift"
)

// SweepAccuracy draws test accuracy against δ: one line a mode, one panel a
// layer; random masks as the mean over their seeds with the range as a band.
func SweepAccuracy(s *jacard.Sweep) (*plots.Figure, error) {
	return sweep(s, measure{title: "Weight shifts: test accuracy", label: "test accuracy, %", rows: testRows(s),
		of: func(r weightshift.Row) float64 { return 100 * r.TestAccuracy }})
}

// SweepLoss draws the test loss against δ in the same way.
func SweepLoss(s *jacard.Sweep) (*plots.Figure, error) {
	return sweep(s, measure{title: "Weight shifts: test loss", label: "cross-entropy", logarithmic: true, rows: testRows(s),
		of: func(r weightshift.Row) float64 { return r.TestLoss }})
}

// ClusterProbability draws the mean probability of the cluster's images
// against δ in the same way.
func ClusterProbability(s *jacard.Sweep) (*plots.Figure, error) {
	return sweep(s, measure{title: "Weight shifts: the images of " + s.Cluster, label: "mean P(digit = 1)",
		of: func(r weightshift.Row) float64 { return r.ClusterMeanP }})
}

// measure is what a sweep's figure shows of each of its rows.
type measure struct {
	title, label string
	logarithmic  bool
	rows         int // images measured; 0 leaves them out of the caption
	of           func(weightshift.Row) float64
}

func testRows(s *jacard.Sweep) int {
	return s.Before.TN + s.Before.FP + s.Before.FN + s.Before.TP
}

func sweep(s *jacard.Sweep, m measure) (*plots.Figure, error) {
	data := plots.LinesData{Title: m.title, XLabel: "δ", YLabel: m.label, LogY: m.logarithmic}
	var layers []string
	seeds := 0
	for _, r := range s.Rows {
		if !slices.Contains(layers, r.Layer) {
			layers = append(layers, r.Layer)
		}
	}
	for _, layer := range layers {
		for _, mode := range weightshift.Modes() {
			line, n := sweepLine(s, layer, mode, m.of)
			if len(line.X) > 0 {
				data.Series = append(data.Series, line)
			}
			seeds = max(seeds, n)
		}
	}
	data.Caption = caption(&s.Provenance, "copies of the classifier with shifted weights of important neurons of "+s.Cluster)
	data.Caption.N = m.rows
	data.Caption.Note = fmt.Sprintf("random: mean and range over %d masks of equal size", seeds)
	return plots.Lines(data)
}

// sweepLine averages a mode's rows by δ and counts its seeds.
func sweepLine(s *jacard.Sweep, layer string, mode weightshift.Mode, value func(weightshift.Row) float64) (line plots.Series, seeds int) {
	line = plots.Series{Name: string(mode), Facet: layer}
	byDelta := map[float64][]float64{}
	for _, r := range s.Rows {
		if r.Layer == layer && r.Mode == mode {
			if byDelta[r.Delta] == nil {
				line.X = append(line.X, r.Delta)
			}
			byDelta[r.Delta] = append(byDelta[r.Delta], value(r))
		}
	}
	slices.Sort(line.X)
	for _, d := range line.X {
		values := byDelta[d]
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		line.Y = append(line.Y, sum/float64(len(values)))
		line.Low, line.High = append(line.Low, slices.Min(values)), append(line.High, slices.Max(values))
		seeds = max(seeds, len(values))
	}
	if seeds < 2 {
		line.Low, line.High = nil, nil
	}
	return line, seeds
}

// BeforeAfter draws the confusion matrices of the test rows before a shift
// and after it in each mode; of random masks the first.
func BeforeAfter(s *jacard.Sweep, layer string, delta float64) (*plots.Figure, error) {
	rows := s.At(layer, delta)
	if len(rows) == 0 {
		return nil, fmt.Errorf("figures: the sweep has no layer %q with δ = %g", layer, delta)
	}
	data := plots.ConfusionData{Title: fmt.Sprintf("Before and after a shift of %s by δ = %g", layer, delta),
		Classes: classes, Matrices: []plots.ConfusionMatrix{confusionRow("before", s.Before)}, Caption: caption(&s.Provenance, "test rows by true and predicted class")}
	seen := map[weightshift.Mode]bool{}
	for _, r := range rows {
		if !seen[r.Mode] {
			seen[r.Mode] = true
			data.Matrices = append(data.Matrices, confusionRow(string(r.Mode), r))
		}
	}
	data.Caption.N = testRows(s)
	return plots.Confusion(data)
}

func confusionRow(name string, r weightshift.Row) plots.ConfusionMatrix {
	return plots.ConfusionMatrix{Name: name, Counts: [][]int{{r.TN, r.FP}, {r.FN, r.TP}}}
}

// ProbabilityChanges draws a histogram of how far each test row's probability
// moved, one panel a mode.
func ProbabilityChanges(c *jacard.Changes) (*plots.Figure, error) {
	data := plots.HistogramData{Title: fmt.Sprintf("Change of P(digit = 1), %s, δ = %g", c.Layer, c.Delta), XLabel: "change of probability",
		LogY: true, Caption: caption(&c.Provenance, "test rows by how far their probability moved")}
	for _, m := range c.Modes {
		data.Samples = append(data.Samples, plots.Sample{Name: string(m.Mode), Facet: string(m.Mode), Values: m.Changes})
	}
	if len(c.Modes) > 0 {
		data.Caption.N = len(c.Modes[0].Changes)
	}
	return plots.Histogram(data)
}
