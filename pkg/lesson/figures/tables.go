package figures

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/lesson"
	"github.com/gojacard/jacard/pkg/plots"
)

// Layers tables how well each layer's output, and its map, keep the digits
// apart.
func Layers(e *lesson.Embeddings) plots.Table {
	t := plots.Table{Columns: []string{"layer", "units", "10-NN accuracy in the layer", "on its map", "Kullback–Leibler divergence of the map"},
		Caption: caption(&e.Provenance, fmt.Sprintf("Perplexity %g", e.Perplexity), len(e.Labels))}
	for _, l := range e.Layers {
		t.Rows = append(t.Rows, []any{l.Layer, l.Units, l.Accuracy, l.MapAccuracy, l.KL})
	}
	return t
}

// Sums tables what Shapley values add up to, for the image's own label.
func Sums(all ...*lesson.Saliency) plots.Table {
	t := plots.Table{Columns: []string{"estimator", "draws a pixel", "Σφ", "its standard error", "f(x) − mean f over drawn rows", "f(x) − mean f over all rows"}}
	for _, v := range all {
		d, drawing := v.Own(), any(nil)
		if !v.Permutation {
			drawing = d.SumError()
		}
		t.Rows = append(t.Rows, []any{v.Method(), v.Draws, d.Sum(), drawing, d.Probability - d.DrawnBaseValue, d.Probability - d.BaseValue})
		t.Caption = caption(&v.Provenance, fmt.Sprintf("Row %d, digit %d", v.Row, v.Label), 0)
	}
	return t
}
