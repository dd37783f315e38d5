// Package figures says what each result of the study looks like: it turns
// results of pkg/jacard into figures of pkg/plots, with their captions.
// Notebooks and the command draw the same figures from here.
package figures

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/metric"
	"github.com/gojacard/jacard/pkg/plots"
)

// caption starts a caption with what the provenance knows.
func caption(p *artifact.Provenance, what string) plots.Caption {
	return plots.Caption{What: what, Seed: p.Seed, Source: p.ID}
}

// classes names the two digits, by label.
var classes = []string{"0", "1"}

// Digits shows the images with these ids.
func Digits(d *jacard.Digits, ids []int) (*plots.Figure, error) {
	grid, err := grid("", d.Images, ids)
	if err != nil {
		return nil, err
	}
	c := caption(&d.Provenance, "MNIST digits in file order")
	c.N = len(ids)
	return plots.Images(plots.ImagesData{Title: "Zeros and ones", Grids: []plots.ImageGrid{grid}, Caption: c})
}

// Reconstructions shows images beside what the autoencoder makes of them.
func Reconstructions(d *jacard.Digits, ae *jacard.Autoencoder, ids []int, out *array.Array) (*plots.Figure, error) {
	original, err := grid("original", d.Images, ids)
	if err != nil {
		return nil, err
	}
	c := caption(&ae.Provenance, "test images and their reconstructions, both clipped to [0, 1]")
	c.N = len(ids)
	return plots.Images(plots.ImagesData{Title: "What the code keeps", Grids: []plots.ImageGrid{original, {Name: fmt.Sprintf("from %d numbers", ae.Code), Images: out}}, Caption: c})
}

func grid(name string, images *array.Array, ids []int) (plots.ImageGrid, error) {
	rows, err := images.Select(ids)
	return plots.ImageGrid{Name: name, Images: rows}, err
}

// AutoencoderLoss draws the training losses of one or more runs, with the
// published values on the same axes.
func AutoencoderLoss(first *jacard.Autoencoder, others ...*jacard.Autoencoder) (*plots.Figure, error) {
	data := plots.LinesData{Title: "Autoencoder: training loss", XLabel: "epoch", YLabel: "mean squared error per pixel", LogY: true}
	for _, run := range append([]*jacard.Autoencoder{first}, others...) {
		data.Series = append(data.Series, plots.Series{Name: run.Order, Y: run.Loss})
	}
	published := plots.Series{Name: "published", Marks: true}
	const rows, batch = 12665, 64 // the published run's
	for _, v := range jacard.PublishedAutoencoder {
		published.X = append(published.X, float64(v.Epoch+1))
		published.Y = append(published.Y, v.Value/jacard.LegacyLossFactor(rows, batch))
	}
	data.Series = append(data.Series, published)
	data.Caption = caption(&first.Provenance, "training loss by epoch; published values divided by 63.965 (fault 9.9)")
	return plots.Lines(data)
}

// ClassifierLog draws test accuracy and losses by epoch, with the published
// accuracy on the same axes.
func ClassifierLog(c *jacard.Classifier) (*plots.Figure, error) {
	var x, train, test, accuracy []float64
	for _, e := range c.Epochs {
		x, train, test = append(x, float64(e.Epoch)), append(train, e.TrainBCE), append(test, e.TestBCE)
		accuracy = append(accuracy, 100*e.Accuracy)
	}
	var px, py []float64
	const testRows = 2115
	for _, v := range jacard.PublishedClassifier {
		px, py = append(px, float64(v.Epoch)), append(py, 100*v.Value/testRows)
	}
	loss, err := plots.Lines(plots.LinesData{Title: "cross-entropy", XLabel: "epoch", YLabel: "mean per row", LogY: true,
		Series: []plots.Series{{Name: "training (with dropout)", X: x, Y: train}, {Name: "test", X: x, Y: test}},
		Size:   plots.Size{Width: 390, Height: 320}})
	if err != nil {
		return nil, err
	}
	right, err := plots.Lines(plots.LinesData{Title: "test accuracy", XLabel: "epoch", YLabel: "%",
		Series: []plots.Series{{Name: "ours", X: x, Y: accuracy}, {Name: "published", X: px, Y: py, Marks: true}},
		Size:   plots.Size{Width: 390, Height: 320}})
	if err != nil {
		return nil, err
	}
	cap := caption(&c.Provenance, "classifier's log by epoch")
	cap.N = c.Test.Rows()
	return plots.Beside("Classifier: training log", cap, 2, loss, right)
}

// Confusion draws the confusion matrices of training and test rows.
func Confusion(c *jacard.Classifier) (*plots.Figure, error) {
	cap := caption(&c.Provenance, "rows by true and predicted class at threshold 0.5")
	cap.N = c.Train.Rows() + c.Test.Rows()
	return plots.Confusion(plots.ConfusionData{Title: "Classifier: confusion", Classes: classes, Caption: cap,
		Matrices: []plots.ConfusionMatrix{confusion("training rows", c.Train), confusion("test rows", c.Test)}})
}

func confusion(name string, b metric.Binary) plots.ConfusionMatrix {
	return plots.ConfusionMatrix{Name: name, Counts: [][]int{{b.TN, b.FP}, {b.FN, b.TP}}}
}
