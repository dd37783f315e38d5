package figures

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/plots"
)

func mapCaption(m *jacard.Map) plots.Caption {
	c := caption(&m.Provenance, "images by their 30 attributions; axes have no meaning")
	c.Method, c.N = "t-SNE, cosine", len(m.Labels)
	c.Note = fmt.Sprintf("trustworthiness %.4f, 10-NN label accuracy %.4f, silhouette %.3f", m.Trustworthiness, m.KNNAccuracy, m.Silhouette)
	return c
}

// Map draws the map of all images by class, with clusters outlined.
func Map(m *jacard.Map, clusters ...jacard.Cluster) (*plots.Figure, error) {
	return plots.Scatter(mapData(m, clusters))
}

// Brush is the map with pictures, to choose a cluster on; the selection is
// called name.
func Brush(m *jacard.Map, d *jacard.Digits, name string, clusters ...jacard.Cluster) (*plots.Figure, error) {
	data := mapData(m, clusters)
	data.Name, data.Images = name, d.Images
	return plots.Scatter(data)
}

func mapData(m *jacard.Map, clusters []jacard.Cluster) plots.ScatterData {
	data := plots.ScatterData{Title: "Map of the attributions", Points: m.Points, Classes: m.Labels, ClassNames: classes, Caption: mapCaption(m)}
	for _, c := range clusters {
		data.Groups = append(data.Groups, plots.Group{Name: c.Name, IDs: c.IDs})
	}
	return data
}

// Colouring says what the colour of a neuron means.
type Colouring int

// The colourings of [NeuronMap].
const (
	ByClass      Colouring = iota // class association
	ByActivation                  // average activation
	ByLayer
)

// NeuronMap draws the map of neurons.
func NeuronMap(nm *jacard.NeuronMap, n *jacard.Neurons, by Colouring) (*plots.Figure, error) {
	data := plots.ScatterData{Points: nm.Points, IDs: nm.Neurons, Caption: caption(&nm.Provenance, "neurons by the images that excite them; axes have no meaning"),
		Size: plots.Size{Width: 560, Height: 460}}
	data.Caption.Method, data.Caption.N = "t-SNE of the rows of S, cosine", len(nm.Neurons)
	data.Caption.Note = fmt.Sprintf("cluster %s, trustworthiness %.3f", n.Cluster, nm.Trustworthiness)
	var layer []int
	var class, active []float64
	for i, l := range n.Layers {
		data.ClassNames = append(data.ClassNames, l.Neurons)
		for _, st := range l.Stats {
			layer, class, active = append(layer, i), append(class, st.ClassAssociation), append(active, st.AverageActivation)
		}
	}
	for _, id := range nm.Neurons {
		switch by {
		case ByLayer:
			data.Classes = append(data.Classes, layer[id])
		case ByActivation:
			data.Values = append(data.Values, active[id])
		default:
			data.Values = append(data.Values, class[id])
		}
	}
	switch by {
	case ByLayer:
		data.Title = "Neurons by layer"
	case ByActivation:
		data.Title, data.ValueName, data.ClassNames = "Neurons by average activation", "average activation", nil
	default:
		data.Title, data.ValueName, data.ClassNames = "Neurons by class association", "class association", nil
	}
	return plots.Scatter(data)
}

// Similarity draws the Jaccard matrix of all living neurons, in clustered
// order within each layer.
func Similarity(s *jacard.Similarity) (*plots.Figure, error) {
	var order []int
	var axis plots.HeatAxis
	first := 0
	for _, l := range s.Layers {
		for _, j := range l.Order {
			order = append(order, first+j)
		}
		if len(l.Order) > 0 { // a layer of dead neurons has no block
			axis.Blocks = append(axis.Blocks, plots.Block{Name: l.Neurons, Count: len(l.Order)})
		}
		first += l.Matrix.Rows()
	}
	return similarity(s, order, axis, "layer by layer, similar neurons side by side")
}

// ClusteredSimilarity draws the same matrix with similar neurons of all layers
// side by side.
func ClusteredSimilarity(s *jacard.Similarity) (*plots.Figure, error) {
	return similarity(s, s.Order, plots.HeatAxis{Label: "neurons of all layers"}, "similar neurons of all layers side by side")
}

func similarity(s *jacard.Similarity, order []int, axis plots.HeatAxis, what string) (*plots.Figure, error) {
	values := array.New(len(order), len(order))
	for i, p := range order {
		for k, q := range order {
			values.Row(i)[k] = s.Network.At(p, q)
		}
	}
	c := caption(&s.Provenance, "Jaccard index of the top sets of two neurons, "+what)
	c.N = len(order)
	c.Note = fmt.Sprintf("%d dead neurons left out", s.Network.Rows()-len(s.Alive))
	return plots.HeatMap(plots.HeatMapData{Title: "Similarity of neurons", Values: values, ValueName: "Jaccard index", High: 1, Rows: axis, Columns: axis, Caption: c})
}

// LayerMeans draws the mean Jaccard index within and between layers.
func LayerMeans(s *jacard.Similarity) (*plots.Figure, error) {
	values := array.New(len(s.Layers), len(s.Layers))
	var axis plots.HeatAxis
	for _, l := range s.Layers {
		axis.Names = append(axis.Names, l.Neurons)
	}
	for _, m := range s.Means {
		values.Row(m.A)[m.B], values.Row(m.B)[m.A] = float32(m.Mean), float32(m.Mean)
	}
	c := caption(&s.Provenance, "mean Jaccard index of two neurons of these layers, the neurons themselves left out")
	c.N = len(s.Alive)
	return plots.HeatMap(plots.HeatMapData{Title: "Mean similarity of layers", Values: values, ValueName: "mean Jaccard index",
		Rows: axis, Columns: axis, Numbers: true, Caption: c, Size: plots.Size{Width: 520, Height: 420}})
}

// DepthProfile draws the mean Jaccard index within each layer, corrected and
// as published, beside chance and the published values.
func DepthProfile(corrected, legacy *jacard.Similarity) (*plots.Figure, error) {
	data := plots.LinesData{Title: "Does similarity grow with depth?", XLabel: "linear layer", YLabel: "mean Jaccard index",
		Caption: caption(&corrected.Provenance, "mean Jaccard index within a layer; chance: random sets of the same sizes")}
	line := func(name string, s *jacard.Similarity, chance bool) plots.Series {
		out := plots.Series{Name: name}
		for _, m := range s.Means {
			if m.A != m.B {
				continue
			}
			value := m.Mean
			if chance {
				value = m.Chance
			}
			out.X, out.Y = append(out.X, float64(s.Layers[m.A].Linear)), append(out.Y, value)
		}
		return out
	}
	published := plots.Series{Name: "published", Y: jacard.PublishedLayerJaccard, Marks: true}
	first := len(legacy.Layers) - len(jacard.PublishedLayerJaccard)
	if first < 0 {
		return nil, fmt.Errorf("figures: %d layers beside %d published ones: the profile wants a classifier as deep as the study's",
			len(legacy.Layers), len(jacard.PublishedLayerJaccard))
	}
	for _, l := range legacy.Layers[first:] {
		published.X = append(published.X, float64(l.Linear))
	}
	data.Series = []plots.Series{line("corrected", corrected, false), line("legacy: with dead neurons", legacy, false), line("chance", corrected, true), published}
	data.Caption.N = len(corrected.Alive)
	return plots.Lines(data)
}

// Masks draws the feature masks of one layer's important neurons.
func Masks(m *jacard.Masks, linear int) (*plots.Figure, error) {
	l, err := m.At(linear)
	if err != nil {
		return nil, err
	}
	rows, err := l.Mask.Values.Select(l.Important)
	if err != nil {
		return nil, err
	}
	c := caption(&m.Provenance, fmt.Sprintf("1 where an input of linear %d matters for the images that excite a neuron most", linear))
	c.N = len(l.Important)
	c.Note = fmt.Sprintf("%d of %d weights in masks of important neurons", ones(rows), len(rows.Data))
	axis := plots.HeatAxis{Label: "important neuron"}
	for _, j := range l.Important {
		axis.Names = append(axis.Names, fmt.Sprint(j))
	}
	return plots.HeatMap(plots.HeatMapData{Title: fmt.Sprintf("Feature masks of linear %d", linear), Values: rows, ValueName: "in mask", High: 1,
		Rows: axis, Columns: plots.HeatAxis{Label: "input"}, Caption: c})
}

func ones(a *array.Array) int {
	n := 0
	for _, v := range a.Data {
		if v != 0 {
			n++
		}
	}
	return n
}

// Importance draws the distribution of average activations, layer by layer,
// with the threshold of important neurons.
func Importance(m *jacard.Masks, threshold float64) (*plots.Figure, error) {
	data := plots.HistogramData{Title: "Which neurons are important?", XLabel: "average activation over the top set",
		Marks: []plots.Mark{{Name: "threshold", Value: threshold}}, Caption: caption(&m.Provenance, "neurons by average activation")}
	kept := 0
	for _, l := range m.Layers {
		data.Samples = append(data.Samples, plots.Sample{Name: l.Neurons, Facet: l.Neurons, Values: l.Averages})
		data.Caption.N += len(l.Averages)
		kept += len(l.Important)
	}
	data.Caption.Note = fmt.Sprintf("%d of them above %g", kept, threshold)
	return plots.Histogram(data)
}
