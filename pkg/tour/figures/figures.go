// Package figures says what the results of the tour look like: it turns them
// into figures of pkg/plots, with their captions.
package figures

import (
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/plots"
	"github.com/gojacard/jacard/pkg/segment"
	"github.com/gojacard/jacard/pkg/tour"
)

func caption(p *artifact.Provenance, what string, n int) plots.Caption {
	return plots.Caption{What: what, Gap: math.NaN(), N: n, Seed: p.Seed, Source: p.ID}
}

// names returns the class of each picture.
func names(p *tour.Pictures) []string {
	out := make([]string, len(p.Labels))
	for i, l := range p.Labels {
		out[i] = p.Classes[l]
	}
	return out
}

// Maps draws what several methods say about the pictures, one column a method,
// each with its own scale: methods measure different things. The caption has
// the largest gap of those that are complete.
func Maps(p *tour.Pictures, explanations ...*tour.Explanation) (*plots.Figure, error) {
	data := plots.SignedImagesData{
		Title: "What speaks for the class? " + p.Name, Images: p.Rows, Names: names(p), ValueName: "φ", PerColumn: true, Share: 0.995,
	}
	gap := math.NaN()
	for _, e := range explanations {
		column := plots.SignedColumn{Name: e.Method, Values: e.Values}
		if e.Complete {
			gap = math.Max(e.MaxGap, zeroIfNaN(gap))
		}
		data.Columns = append(data.Columns, column)
	}
	what := "attributions of pixels"
	if p.Rows.Shape[1] > 1 {
		what += ", summed over colours"
	}
	data.Caption = caption(&p.Provenance, what, len(p.Labels))
	data.Caption.Target, data.Caption.Gap = "logit of the picture's class", gap
	return plots.SignedImages(data)
}

func zeroIfNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// Curves draws deletion and insertion curves beside random orders.
func Curves(p *tour.Pictures, c *tour.Checks) (*plots.Figure, error) {
	data := plots.PerturbationData{Title: "Do the named pixels move the output? " + p.Name, XLabel: "share of inputs replaced", YLabel: "logit of the class",
		Panels: []plots.PerturbationPanel{
			{Name: "deletion: faster down is better", RandomMean: c.RandomDeletion, RandomStd: c.RandomDeletionStd},
			{Name: "insertion: faster up is better", RandomMean: c.RandomInsertion, RandomStd: c.RandomInsertionStd},
		}}
	for k, curves := range [][][]float64{c.Deletion, c.Insertion} {
		data.Panels[k].Shares = c.Share
		for i, y := range curves {
			data.Panels[k].Curves = append(data.Panels[k].Curves, plots.PerturbationCurve{Name: c.Methods[i], Y: y})
		}
	}
	data.Caption = caption(&c.Provenance, "mean over the pictures; replaced by the mean background picture", len(p.Labels))
	return plots.Perturbation(data)
}

// Agreement draws the mean rank correlation of every pair of methods.
func Agreement(p *tour.Pictures, c *tour.Checks) (*plots.Figure, error) {
	return plots.Agreement(plots.AgreementData{Title: "Do methods agree? " + p.Name, Methods: c.Methods, Values: c.Agreement, Measure: "Spearman's ρ",
		Caption: caption(&c.Provenance, "rank correlation of the attributions, mean over the pictures", len(p.Labels))})
}

// Randomisation draws what is left of the attributions of one picture when the
// network forgets, and the similarity against the stages.
func Randomisation(p *tour.Pictures, panel *tour.Panel, picture int) (*plots.Figure, error) {
	return plots.Randomisation(plots.RandomisationData{Title: "What is left when the network forgets? " + p.Name, Methods: panel.Methods, Stages: panel.Stages,
		Values: panel.Maps, Row: picture, Image: p.Rows, Similarity: panel.Similarity, Measure: "rank correlation", PerMap: true, ValueName: "φ",
		Caption: caption(&panel.Provenance, "parameters drawn anew from the output down; correlation with the trained network's attributions, mean over the pictures", len(p.Labels))})
}

// Waterfall draws how one row's features lead from the base value to the
// output.
func Waterfall(a *attribution.Attribution, rows *array.Array, names []string, row int, output string) (*plots.Figure, error) {
	if row < 0 || row >= rows.Rows() {
		return nil, fmt.Errorf("figures: row %d: there are 0…%d", row, rows.Rows()-1)
	}
	if a.BaseValues == nil {
		return nil, fmt.Errorf("figures: row %d: %s has no base value to start a waterfall from; take a method with a background or a baseline", row, a.Method)
	}
	return plots.Waterfall(plots.WaterfallData{Title: fmt.Sprintf("What made row %d different?", row), XLabel: output, Base: a.BaseValues[row],
		Output: new(float64(a.Outputs.Data[row])), Values: floats(a.Layers[0].Values.Row(row)), Names: names, Inputs: floats(rows.Row(row)), Caption: attributionCaption(a, output, 1)})
}

// Beeswarm draws the attributions of all rows, feature by feature.
func Beeswarm(a *attribution.Attribution, rows *array.Array, names []string, output string) (*plots.Figure, error) {
	return plots.Beeswarm(plots.BeeswarmData{Title: "What moves the output, over all rows?", XLabel: "φ of " + output, Values: a.Layers[0].Values, Names: names, Inputs: rows,
		Caption: attributionCaption(a, output, rows.Rows())})
}

func attributionCaption(a *attribution.Attribution, output string, n int) plots.Caption {
	return plots.Caption{Method: a.Method, Target: output, Gap: a.MaxGap(), N: n, Seed: a.Provenance.Seed, Source: a.Provenance.Parameters}
}

func floats(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// Explanations lists what each method promises and how far it keeps it.
func Explanations(explanations ...*tour.Explanation) plots.Table {
	t := plots.Table{Columns: []string{"method", "complete", "largest gap, share of the change", "mean standard error, share of the largest |φ|", "mean share absorbed by biases"}}
	for _, e := range explanations {
		gap := math.NaN()
		if e.Complete {
			gap = e.MaxGap
		}
		var errors any
		if len(e.Errors) > 0 {
			sum, most := 0.0, 0.0
			for i, v := range e.Errors {
				sum += float64(v)
				most = max(most, math.Abs(float64(e.Values.Data[i])))
			}
			errors = sum / float64(len(e.Errors)) / most
		}
		var absorbed any
		if len(e.Absorbed) > 0 {
			sum := 0.0
			for i, v := range e.Absorbed {
				sum += v / float64(e.Outputs[i])
			}
			absorbed = sum / float64(len(e.Absorbed))
		}
		t.Rows = append(t.Rows, []any{e.Method, e.Complete, gap, errors, absorbed})
	}
	return t
}

// Checks lists the areas below the curves and the sparseness of each method.
func Checks(c *tour.Checks) plots.Table {
	t := plots.Table{Columns: []string{"method", "deletion area (low is good)", "insertion area (high is good)", "Gini index"},
		Caption: plots.Caption{What: "areas below the mean curves, in units of the logit", Seed: c.Seed, Source: c.ID, Gap: math.NaN()}}
	for i, m := range c.Methods {
		t.Rows = append(t.Rows, []any{m, c.DeletionArea[i], c.InsertionArea[i], c.Gini[i]})
	}
	return t
}

// Pictures shows the pictures to explain.
func Pictures(p *tour.Pictures) (*plots.Figure, error) {
	c := caption(&p.Provenance, "test pictures that the network gets right", len(p.Labels))
	c.Note = fmt.Sprintf("%.1f %% of %d test pictures right", 100*p.Accuracy, p.TestRows)
	grid := plots.ImageGrid{Labels: names(p)}
	if s := p.Rows.Shape; s[1] == 1 {
		grid.Images = &array.Array{Shape: []int{s[0], s[2], s[3]}, Data: p.Rows.Data}
	} else {
		grid.Images = p.Rows
	}
	return plots.Images(plots.ImagesData{Title: "Pictures to explain: " + p.Name, Grids: []plots.ImageGrid{grid}, Columns: len(p.Labels), Caption: c})
}

// Superpixels draws the players of each picture, filled with what a method
// says about them.
func Superpixels(p *tour.Pictures, cfg segment.QuickshiftConfig, e *tour.Explanation) (*plots.Figure, error) {
	data := plots.SuperpixelsData{Title: e.Method + " of superpixels", ValueName: "weight", Columns: len(p.Labels)}
	if e.Complete {
		data.ValueName = "φ"
	}
	for i, l := range p.Labels {
		m, err := p.Segments(i, cfg)
		if err != nil {
			return nil, err
		}
		weights, pixels := make([]float64, m.Count), p.Rows.Shape[2]*p.Rows.Shape[3]
		for k, label := range m.Labels { // all channels of a segment have its value
			weights[label] = float64(e.Values.At(i, k%pixels))
		}
		panel := plots.SuperpixelPanel{Name: p.Classes[l], Image: &array.Array{Shape: p.Rows.Shape[1:], Data: p.Rows.Row(i)}, Segments: m.Labels, Weights: weights}
		if len(e.R2) > 0 {
			panel.Label = fmt.Sprintf("R² %.2f", e.R2[i])
		}
		data.Panels = append(data.Panels, panel)
	}
	data.Caption = caption(&e.Provenance, "players by quickshift, coloured by their value", len(p.Labels))
	data.Caption.Method, data.Caption.Target = e.Method, "logit of the picture's class"
	return plots.Superpixels(data)
}
