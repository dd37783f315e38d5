// Package figures turns the results of the lesson into figures.
//
// Functions named …Data return what a figure is drawn from, to be changed before
// it is drawn.
package figures

import (
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/lesson"
	"github.com/gojacard/jacard/pkg/plots"
)

func caption(p *artifact.Provenance, what string, rows int) plots.Caption {
	return plots.Caption{What: what, N: rows, Seed: p.Seed, Source: p.ID}
}

// Digits are the names of the classes.
var Digits = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

// Rows shows images of the sample with row and label and, if a classifier is
// given and errs, what it takes them for; it knows of test rows alone.
func Rows(sample *lesson.Sample, c *lesson.Classifier, rows []int) (*plots.Figure, error) {
	images, err := sample.Images.Select(rows)
	if err != nil {
		return nil, err
	}
	images = unit(images, sample.White)
	grid := plots.ImageGrid{Images: images}
	for _, row := range rows {
		label := fmt.Sprintf("%d: %d", row, sample.Labels[row])
		if test := row - sample.TrainRows; c != nil && test >= 0 && c.Predicted[test] != sample.Labels[row] {
			label += fmt.Sprintf(", not %d", c.Predicted[test])
		}
		grid.Labels = append(grid.Labels, label)
	}
	note := caption(&sample.Provenance, "Rows of the sample with their labels", len(rows))
	if c != nil {
		note.Source, note.Note = c.ID, "where the network errs: not what it says"
	}
	return plots.Images(plots.ImagesData{Title: "Digits", Grids: []plots.ImageGrid{grid}, Columns: min(10, len(rows)), Caption: note})
}

// unit scales pixels to 0…1.
func unit(images *array.Array, white float64) *array.Array {
	out := images.Clone()
	for i := range out.Data {
		out.Data[i] /= float32(white)
	}
	return out
}

// ReLU draws max(x, 0) at the integers −10…10.
func ReLU() (*plots.Figure, error) {
	line := plots.Series{}
	for x := -10.0; x <= 10; x++ {
		line.X, line.Y = append(line.X, x), append(line.Y, max(x, 0))
	}
	return plots.Lines(plots.LinesData{
		Title: "The rectified linear unit", XLabel: "x", YLabel: "ReLU(x)", Series: []plots.Series{line},
		Size: plots.Size{Width: 480, Height: 300}, Caption: plots.Caption{What: "max(x, 0) at the integers −10…10"},
	})
}

// Loss draws the training loss.
func Loss(c *lesson.Classifier) (*plots.Figure, error) {
	note := caption(&c.Provenance, "Mean of each epoch's batches: cross-entropy and L2 penalty", 0)
	if c.Stopped {
		note.Note = "stopped as the loss did not improve"
	}
	return plots.Lines(plots.LinesData{
		Title: "Training loss", XLabel: "epoch", YLabel: "loss", LogY: true, Series: []plots.Series{{Y: c.Loss}},
		Size: plots.Size{Width: 600, Height: 320}, Caption: note,
	})
}

// Confusion draws predictions of the test rows against their digits.
func Confusion(c *lesson.Classifier) (*plots.Figure, error) {
	return plots.Confusion(plots.ConfusionData{
		Title: fmt.Sprintf("Test accuracy %.4f", c.TestAccuracy), Classes: Digits,
		Matrices: []plots.ConfusionMatrix{{Counts: c.Confusion}}, Size: plots.Size{Width: 640, Height: 480},
		Caption: caption(&c.Provenance, "Test rows by digit and prediction", len(c.Predicted)),
	})
}

// EmbeddingsData holds the maps of the given layers side by side, or of all but
// the input as the lesson has it; images are shown in the interactive form.
func EmbeddingsData(e *lesson.Embeddings, sample *lesson.Sample, layers ...int) (plots.ScatterData, error) {
	if layers == nil {
		for layer := 2; layer <= len(e.Layers); layer++ {
			layers = append(layers, layer)
		}
	}
	data := plots.ScatterData{
		Title: "What the layers make of the digits", Classes: e.Labels, ClassNames: Digits,
		Images: unit(sample.Images.Slice(0, len(e.Labels)), sample.White), Name: "layers", Columns: 3, Radius: 1.6,
		Caption: caption(&e.Provenance, "t-SNE of each layer's output from a random start, first training rows", len(e.Labels)),
	}
	data.Caption.Note = fmt.Sprintf("perplexity %g; share of rows that most of the 10 nearest on the map agree with: ", e.Perplexity)
	for i, layer := range layers {
		if layer < 1 || layer > len(e.Layers) {
			return data, fmt.Errorf("lesson: layer %d has no map: there are layers 1…%d", layer, len(e.Layers))
		}
		l := e.Layers[layer-1]
		data.Facets = append(data.Facets, plots.Facet{Name: fmt.Sprintf("layer %d (%d units)", layer, l.Units), Points: l.Points})
		if i > 0 {
			data.Caption.Note += ", "
		}
		data.Caption.Note += fmt.Sprintf("%.3f in layer %d", l.MapAccuracy, layer)
	}
	return data, nil
}

// Embeddings draws the maps of layers side by side; see [EmbeddingsData].
func Embeddings(e *lesson.Embeddings, sample *lesson.Sample, layers ...int) (*plots.Figure, error) {
	data, err := EmbeddingsData(e, sample, layers...)
	if err != nil {
		return nil, err
	}
	return plots.Scatter(data)
}

// ImageData is an image as a heat map from black to white over the fixed scale
// 0…255, or 0…1 if the sample is scaled.
func ImageData(v *lesson.Saliency) plots.HeatMapData {
	return plots.HeatMapData{
		Title: fmt.Sprintf("Row %d: digit %d", v.Row, v.Label), Values: v.Image, ValueName: "pixel",
		Colours: plots.Grey, High: v.White, Bare: true,
		Caption: caption(&v.Provenance, fmt.Sprintf("Row %d of the sample, taken for %d with probability %.4f", v.Row, v.Predicted, v.Digits[v.Predicted].Probability), 0),
	}
}

// SaliencyData holds the Shapley values of an image for the probability of a
// digit, blue and orange around zero.
func SaliencyData(v *lesson.Saliency, digit int) plots.HeatMapData {
	d := v.Digits[digit]
	return plots.HeatMapData{
		Title: fmt.Sprintf("Shapley values for digit %d", digit), Values: d.Values, ValueName: "φ", Signed: true, Bare: true,
		Caption: saliencyCaption(v, fmt.Sprintf("sum %.3f ± %.3f, of f(x) − mean f = %.3f", d.Sum(), sumError(v, d), d.Probability-d.BaseValue)),
	}
}

// sumError: the sum of the permutation estimator errs by its draw of background
// rows alone.
func sumError(v *lesson.Saliency, d lesson.DigitSaliency) float64 {
	if v.Permutation {
		return math.Abs(d.DrawnBaseValue - d.BaseValue)
	}
	return d.SumError()
}

func saliencyCaption(v *lesson.Saliency, note string) plots.Caption {
	c := caption(&v.Provenance, fmt.Sprintf("Row %d, compared with training rows", v.Row), v.BackgroundRows)
	c.Method = fmt.Sprintf("Shapley values, %s, %d draws a pixel", v.Method(), v.Draws)
	c.Target, c.Note = "probability of the digit", note
	return c
}

// Image draws an image; see [ImageData].
func Image(v *lesson.Saliency) (*plots.Figure, error) { return plots.HeatMap(ImageData(v)) }

// Saliency draws the Shapley values for one digit; see [SaliencyData].
func Saliency(v *lesson.Saliency, digit int) (*plots.Figure, error) {
	if digit < 0 || digit >= len(v.Digits) {
		return nil, fmt.Errorf("lesson: digit %d: want 0…%d", digit, len(v.Digits)-1)
	}
	return plots.HeatMap(SaliencyData(v, digit))
}

// ImageAndSaliency draws an image beside the Shapley values for its own label,
// each on its own scale.
func ImageAndSaliency(v *lesson.Saliency) (*plots.Figure, error) {
	return SideBySide(ImageData(v), SaliencyData(v, v.Label))
}

// SideBySide draws two heat maps side by side, each on its own scale, under
// the caption of the second.
func SideBySide(left, right plots.HeatMapData) (*plots.Figure, error) {
	a, err := plots.HeatMap(left)
	if err != nil {
		return nil, err
	}
	b, err := plots.HeatMap(right)
	if err != nil {
		return nil, err
	}
	return plots.Beside("Image and saliency", right.Caption, 2, a, b)
}

// AllDigits draws the Shapley values for the probability of every digit on one
// scale.
func AllDigits(v *lesson.Saliency) (*plots.Figure, error) {
	const inRow = 5
	limit := 0.0
	for _, d := range v.Digits {
		for _, value := range d.Values.Data {
			limit = max(limit, math.Abs(float64(value)))
		}
	}
	var rows []*plots.Figure
	for from := 0; from < len(v.Digits); from += inRow {
		strip := plots.HeatMapData{
			Values: array.New(lesson.Side, inRow*lesson.Side), ValueName: "φ", Signed: true, Low: -limit, High: limit,
			Square: true, Rows: plots.HeatAxis{Blocks: []plots.Block{{Name: "", Count: lesson.Side}}}, Size: plots.Size{Width: 800, Height: 172},
		}
		for k, d := range v.Digits[from : from+inRow] {
			for y := range lesson.Side {
				copy(strip.Values.Row(y)[k*lesson.Side:], d.Values.Row(y))
			}
			strip.Columns.Blocks = append(strip.Columns.Blocks, plots.Block{Name: fmt.Sprintf("%d: f = %.3f", from+k, d.Probability), Count: lesson.Side})
		}
		row, err := plots.HeatMap(strip)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return plots.Beside(fmt.Sprintf("What speaks for and against each digit in row %d", v.Row), saliencyCaption(v, "one scale, the same draws"), 1, rows...)
}

// Convergence draws standard errors and distances against the number of draws.
func Convergence(k *lesson.Convergence) (*plots.Figure, error) {
	data := plots.LinesData{
		Title: "How many draws are enough?", XLabel: "draws for each pixel", YLabel: "root mean square over pixels", LogX: true, LogY: true,
		Caption: caption(&k.Provenance, fmt.Sprintf("Row %d, probability of digit %d; distance from %d other draws by permutations, whose own error is %.1e",
			k.Row, k.Label, k.ReferenceDraws, k.ReferenceError), 0),
		Size: plots.Size{Width: 700, Height: 420},
	}
	for _, c := range k.Curves {
		var x []float64
		for _, n := range c.Draws {
			x = append(x, float64(n))
		}
		data.Series = append(data.Series, plots.Series{Name: c.Method + ": standard error", X: x, Y: c.Error},
			plots.Series{Name: c.Method + ": distance", X: x, Y: c.Distance})
	}
	return plots.Lines(data)
}
