// Package figures turns the results of the Iris study into figures.
package figures

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/iris"
	"github.com/gojacard/jacard/pkg/neuron/diagram"
	"github.com/gojacard/jacard/pkg/plots"
)

func caption(p *artifact.Provenance, what string, rows int) plots.Caption {
	return plots.Caption{What: what, N: rows, Seed: p.Seed, Source: p.ID}
}

// Flowers draws petal width against petal length, test rows outlined.
func Flowers(f *iris.Flowers) (*plots.Figure, error) {
	points := array.New(len(f.Labels), 2)
	for id := range f.Labels {
		points.Row(id)[0], points.Row(id)[1] = f.Centimetres.At(id, 2), f.Centimetres.At(id, 3)
	}
	return plots.Scatter(plots.ScatterData{
		Title: "Fisher's irises", XLabel: "petal length, cm", YLabel: "petal width, cm",
		Points: points, Classes: f.Labels, ClassNames: iris.Species, Groups: []plots.Group{{Name: "test rows", IDs: f.Test}},
		Name: "flowers", Size: plots.Size{Width: 600, Height: 420},
		Caption: caption(&f.Provenance, "All flowers by their petals", len(f.Labels)),
	})
}

// Loss draws the training loss with the published values on the same axes.
func Loss(c *iris.Classifier) (*plots.Figure, error) {
	published := plots.Series{Name: "published (another split, no seed)", Marks: true}
	for _, v := range iris.PublishedLoss {
		published.X, published.Y = append(published.X, float64(v.Epoch)), append(published.Y, v.Value)
	}
	return plots.Lines(plots.LinesData{
		Title: "Training loss", XLabel: "epoch", YLabel: "cross-entropy", LogY: true,
		Series:  []plots.Series{{Name: "this run", Y: c.Loss}, published},
		Caption: caption(&c.Provenance, "Mean cross-entropy of the training rows before each step, one batch an epoch", len(c.Train)),
	})
}

// Confusion draws predictions against species.
func Confusion(c *iris.Classifier, m iris.Measures) (*plots.Figure, error) {
	return plots.Confusion(plots.ConfusionData{
		Title: fmt.Sprintf("%d of %d rows right", m.Right, m.Rows), Classes: iris.Species,
		Matrices: []plots.ConfusionMatrix{{Counts: m.Confusion}},
		Caption:  caption(&c.Provenance, "Rows by species and prediction", m.Rows),
	})
}

// byNeuron draws values [neurons, names], neurons side by side.
func byNeuron(data plots.HeatMapData, names []string) (*plots.Figure, error) {
	values := data.Values
	data.Values = array.New(values.Width(), values.Rows())
	for j := range values.Rows() {
		for k, v := range values.Row(j) {
			data.Values.Row(k)[j] = v
		}
	}
	data.Rows = plots.HeatAxis{Names: names}
	data.Size = plots.Size{Width: 780, Height: 100 + 40*len(names)}
	return neurons(data)
}

// neurons draws values whose columns are the hidden neurons.
func neurons(data plots.HeatMapData) (*plots.Figure, error) {
	data.Columns = plots.HeatAxis{Label: "hidden neuron"}
	for j := range data.Values.Width() {
		data.Columns.Names = append(data.Columns.Names, fmt.Sprint(j))
	}
	data.Numbers = true
	return plots.HeatMap(data)
}

// ShareActive draws the share of each species' rows in which a neuron fires.
func ShareActive(c *iris.Classifier, r *iris.Roles) (*plots.Figure, error) {
	return byNeuron(plots.HeatMapData{
		Title: "How often each neuron fires", ValueName: "share of rows", Values: r.ShareActive, High: 1,
		Caption: caption(&c.Provenance, "Share of a species' rows with activation > 0", len(r.Rows)),
	}, iris.Species)
}

// MeanActivation draws the mean activation for each species.
func MeanActivation(c *iris.Classifier, r *iris.Roles) (*plots.Figure, error) {
	return byNeuron(plots.HeatMapData{
		Title: "How strongly each neuron fires", ValueName: "activation", Values: r.MeanActivation,
		Caption: caption(&c.Provenance, "Mean activation over a species' rows", len(r.Rows)),
	}, iris.Species)
}

// Weights draws the weights of each neuron for each feature.
func Weights(c *iris.Classifier) (*plots.Figure, error) {
	w, _, err := c.Weights()
	if err != nil {
		return nil, err
	}
	return byNeuron(plots.HeatMapData{
		Title: "What each neuron listens to", ValueName: "weight", Signed: true, Values: w,
		Caption: caption(&c.Provenance, "Weights of the hidden layer, for standardised features", 0),
	}, iris.Features)
}

// Contributions draws w·x of one row.
func Contributions(c *iris.Classifier, id int) (*plots.Figure, error) {
	v, err := c.Contributions(id)
	if err != nil {
		return nil, err
	}
	return byNeuron(plots.HeatMapData{
		Title:     fmt.Sprintf("Flower %d (%s): what each feature adds to each neuron", id, says(c, id)),
		ValueName: "w·x", Signed: true, Values: v,
		Caption: caption(&c.Provenance, "Weight times standardised feature, before the bias", 1),
	}, iris.Features)
}

// Activations draws the hidden neurons' activations for some rows.
func Activations(c *iris.Classifier, ids []int) (*plots.Figure, error) {
	values, err := c.Hidden.Select(ids)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, id := range ids {
		names = append(names, fmt.Sprintf("%d: %s", id, says(c, id)))
	}
	return neurons(plots.HeatMapData{
		Title: "The hidden layer for each row", ValueName: "activation", Values: values, Rows: plots.HeatAxis{Names: names},
		Size:    plots.Size{Width: 800, Height: 100 + 26*len(ids)},
		Caption: caption(&c.Provenance, "Activation of each hidden neuron for each row", len(ids)),
	})
}

// says is a flower's species, and the prediction if it differs.
func says(c *iris.Classifier, id int) string {
	truth, predicted := iris.Species[c.Labels[id]], iris.Species[c.Predicted[id]]
	if truth == predicted {
		return truth
	}
	return fmt.Sprintf("%s, taken for %s", truth, predicted)
}

// Conductance draws the parts that neurons have in the logit of each species.
func Conductance(c *iris.Classifier, v *iris.Conductance) (*plots.Figure, error) {
	note := caption(&c.Provenance, "Mean over a species' rows, baseline: the mean training flower", len(v.Rows))
	note.Method, note.Target, note.Gap = "layer conductance", "logit of the row's own species", v.Gap
	return byNeuron(plots.HeatMapData{
		Title: "What each neuron adds to the logit of the species", ValueName: "conductance", Signed: true, Values: v.Mean, Caption: note,
	}, iris.Species)
}

// Network draws the network with the path of one flower; in its interactive
// form the flower can be chosen.
func Network(ctx context.Context, c *iris.Classifier, id int) (*plots.Figure, error) {
	data, err := diagram.Of(ctx, c.Net, c.Values, diagram.Config{Inputs: iris.Features, Outputs: iris.Species})
	if err != nil {
		return nil, err
	}
	data.Title, data.Row = "The path of a flower through the network", id
	for id := range c.Labels {
		data.RowNames = append(data.RowNames, says(c, id))
	}
	data.Caption = caption(&c.Provenance, "Inputs in standard deviations from the mean training flower", 0)
	return plots.Network(data)
}

// Match draws how well each neuron of the first network is found again in the
// others.
func Match(s *iris.Stability) (*plots.Figure, error) {
	values := array.New(1, len(s.Match))
	for j, v := range s.Match {
		values.Row(0)[j] = float32(v)
	}
	return neurons(plots.HeatMapData{
		Title: fmt.Sprintf("Neurons of seed %d, looked for in the networks of other seeds (%d)", s.Runs[0].Seed, len(s.Runs)-1), ValueName: "correlation",
		Values: values, High: 1, Rows: plots.HeatAxis{Names: []string{"best match"}}, Size: plots.Size{Width: 780, Height: 150},
		Caption: caption(&s.Provenance, "Largest correlation with a neuron of another network over all flowers, mean over the networks; grey: dead", 150),
	})
}
