// Package figures says what the results of the tour look like: it turns them
// into figures of pkg/plots, with their captions.
package figures

import (
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
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
// each with its own scale: methods measure different things. Below a map of a
// complete method stands its gap.
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
	data.Caption = caption(&p.Provenance, "attributions summed over colours, each method on a scale of its own", len(p.Labels))
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
	data := plots.LinesData{Title: "Do the named pixels move the output? " + p.Name, XLabel: "share of inputs replaced", YLabel: "logit of the class"}
	for _, way := range []struct {
		name           string
		curves         [][]float64
		random, spread []float64
	}{
		{"deletion: faster down is better", c.Deletion, c.RandomDeletion, c.RandomDeletionStd},
		{"insertion: faster up is better", c.Insertion, c.RandomInsertion, c.RandomInsertionStd},
	} {
		for i, curve := range way.curves {
			data.Series = append(data.Series, plots.Series{Name: c.Methods[i], Facet: way.name, X: c.Share, Y: curve})
		}
		if way.random == nil {
			continue
		}
		low, high := make([]float64, len(way.random)), make([]float64, len(way.random))
		for k, m := range way.random {
			low[k], high[k] = m-way.spread[k], m+way.spread[k]
		}
		data.Series = append(data.Series, plots.Series{Name: "random order", Facet: way.name, X: c.Share, Y: way.random, Low: low, High: high})
	}
	data.Caption = caption(&c.Provenance, "mean over the pictures; replaced by the mean background picture; band: one standard deviation of random orders", len(p.Labels))
	return plots.Lines(data)
}

// Agreement draws the mean rank correlation of every pair of methods.
func Agreement(p *tour.Pictures, c *tour.Checks) (*plots.Figure, error) {
	n := len(c.Methods)
	values := array.New(n, n)
	for i, row := range c.Agreement {
		for j, v := range row {
			values.Data[i*n+j] = float32(v)
		}
	}
	axis := plots.HeatAxis{Names: c.Methods}
	return plots.HeatMap(plots.HeatMapData{Title: "Do methods agree? " + p.Name, Values: values, ValueName: "rank correlation", Signed: true, Low: -1, High: 1,
		Rows: axis, Columns: axis, Numbers: true, Caption: caption(&c.Provenance, "Spearman's rank correlation of the attributions, mean over the pictures", len(p.Labels))})
}

// Randomisation draws what is left of the attributions of one picture when the
// network forgets: one row a method, one column a stage.
func Randomisation(p *tour.Pictures, panel *tour.Panel, picture int) (*plots.Figure, error) {
	if picture < 0 || picture >= len(p.Labels) {
		return nil, fmt.Errorf("figures: picture %d: there are 0…%d", picture, len(p.Labels)-1)
	}
	ids := make([]int, len(panel.Methods))
	for i := range ids {
		ids[i] = picture
	}
	images, err := p.Rows.Select(ids)
	if err != nil {
		return nil, err
	}
	data := plots.SignedImagesData{Title: "What is left when the network forgets? " + p.Name, Images: images, Names: panel.Methods, ValueName: "φ", PerColumn: true, Share: 0.995}
	for k, stage := range panel.Stages {
		column := plots.SignedColumn{Name: stage}
		var rows []*array.Array
		for i := range panel.Methods {
			row := panel.Maps[i][k].Slice(picture, picture+1).Clone()
			unitScale(row)
			rows = append(rows, row)
			column.Labels = append(column.Labels, fmt.Sprintf("ρ %.2f", panel.Similarity[i][k]))
		}
		if column.Values, err = array.Concat(rows...); err != nil {
			return nil, err
		}
		data.Columns = append(data.Columns, column)
	}
	data.Caption = caption(&panel.Provenance, "parameters drawn anew from the output down; each map on its own scale; ρ: mean rank correlation with the trained network's attributions", len(p.Labels))
	return plots.SignedImages(data)
}

// unitScale divides by the largest magnitude: methods in one column measure
// different things.
func unitScale(a *array.Array) {
	var most float32
	for _, v := range a.Data {
		most = max(most, v, -v)
	}
	if most == 0 {
		return
	}
	for i := range a.Data {
		a.Data[i] /= most
	}
}

// Forgetting draws the similarity of the attributions against the stages.
func Forgetting(p *tour.Pictures, panel *tour.Panel) (*plots.Figure, error) {
	data := plots.LinesData{Title: "Similarity while the network forgets: " + p.Name, XLabel: "layers drawn anew, from the output down", YLabel: "rank correlation"}
	cascade := len(panel.Stages) - 1 // the last stage, shuffled labels, is no step of the cascade
	for i, m := range panel.Methods {
		var x []float64
		for k := range cascade {
			x = append(x, float64(k))
		}
		data.Series = append(data.Series, plots.Series{Name: m, X: x, Y: panel.Similarity[i][:cascade]})
	}
	data.Caption = caption(&panel.Provenance, "mean over the pictures; a line that stays high does not depend on what the network has learned", len(p.Labels))
	return plots.Lines(data)
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
	for i, l := range p.Labels {
		m, err := p.Segments(i, cfg)
		if err != nil {
			return nil, err
		}
		weights, pixels := make([]float64, m.Count), p.Rows.Shape[2]*p.Rows.Shape[3]
		for k, label := range m.Labels { // all channels of a segment have its value
			weights[label] = float64(e.Values.At(i, k%pixels))
		}
		panel := plots.SuperpixelPanel{Name: p.Classes[l], Image: p.Rows.Slice(i, i+1), Segments: m.Labels, Weights: weights}
		if len(e.R2) > 0 {
			panel.Label = fmt.Sprintf("R² %.2f", e.R2[i])
		}
		data.Panels = append(data.Panels, panel)
	}
	data.Caption = caption(&e.Provenance, "players by quickshift, filled with their value", len(p.Labels))
	data.Caption.Method, data.Caption.Target = e.Method, "logit of the picture's class"
	return plots.Superpixels(data)
}
