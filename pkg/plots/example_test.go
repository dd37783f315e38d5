package plots_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/plots"
)

// tell saves a figure and says what came of it.
func tell(f *plots.Figure, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := f.Save(filepath.Join(dir, "figure.png")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n%s\n", f.Title(), f.Caption())
}

func ExampleLines() {
	tell(plots.Lines(plots.LinesData{
		Title: "Loss of the autoencoder", XLabel: "epoch", YLabel: "mean squared error", LogY: true,
		Series: []plots.Series{
			{Name: "this run", Y: []float64{0.047, 0.019, 0.016, 0.015}},
			{Name: "published", X: []float64{1, 4}, Y: []float64{0.0467, 0.0145}, Marks: true},
		},
		Caption: plots.Caption{What: "Training loss after each epoch", N: 12665, Seed: 42},
	}))
	// Output:
	// Loss of the autoencoder
	// Training loss after each epoch · n = 12,665 · seed 42
}

func ExampleBars() {
	tell(plots.Bars(plots.BarsData{
		Title: "Attributions of row 1", XLabel: "φ", Max: 2,
		Groups:  []plots.BarGroup{{Values: []float64{0.02, -0.04, 0.1, 0.01}}},
		Caption: plots.Caption{Method: "rescale", Target: "P(digit = 1)", Gap: 3e-7},
	}))
	// Output:
	// Attributions of row 1
	// method rescale · target P(digit = 1) · gap 3.0e-07
}

func ExampleImages() {
	digits := array.New(16, 28, 28)
	tell(plots.Images(plots.ImagesData{
		Title: "Digits", Columns: 4, Grids: []plots.ImageGrid{{Name: "original", Images: digits}},
	}))
	// Output:
	// Digits
}

func ExampleConfusion() {
	tell(plots.Confusion(plots.ConfusionData{
		Title: "Test rows", Classes: []string{"0", "1"},
		Matrices: []plots.ConfusionMatrix{
			{Name: "before", Counts: [][]int{{978, 2}, {1, 1134}}},
			{Name: "after", Counts: [][]int{{970, 10}, {4, 1131}}},
		},
		Caption: plots.Caption{N: 2115},
	}))
	// Output:
	// Test rows
	// n = 2,115
}

func ExampleScatter() {
	points, err := array.From([]float32{-1, 0, 1, 0, 1, 1}, 3, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	tell(plots.Scatter(plots.ScatterData{
		Title: "Map", Points: points, Classes: []int{0, 1, 1}, ClassNames: []string{"zero", "one"},
		Groups: []plots.Group{{Name: "cluster 0", IDs: []int{1, 2}}},
	}))
	// Output:
	// Map
}

func ExampleScatter_facets() {
	pixels, err := array.From([]float32{-1, 0, 1, 0, 0, 1}, 3, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	logits, err := array.From([]float32{-5, 0, 5, 0, 5, 1}, 3, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := plots.Scatter(plots.ScatterData{
		Title: "Rows by layer", Classes: []int{0, 1, 1}, ClassNames: []string{"zero", "one"},
		Facets: []plots.Facet{{Name: "pixels", Points: pixels}, {Name: "logits", Points: logits}},
	})
	tell(f, err)
	page, err := f.HTML() // maps that are linked by their rows; ShowInteractive displays them
	fmt.Println(strings.Contains(page, "https://"), err)
	// Output:
	// Rows by layer
	//
	// false <nil>
}

func ExampleNetwork() {
	input, _ := array.From([]float32{1, -2, 0.5, 1}, 2, 2)       // two rows of two features
	hidden, _ := array.From([]float32{3, 0, 0, 0.5, 0, 2}, 2, 3) // after ReLU
	logits, _ := array.From([]float32{3, 0.5, -0.5, 4}, 2, 2)
	first, _ := array.From([]float32{1, -1, -1, 1, 0, 0.5}, 3, 2)
	second, _ := array.From([]float32{1, 0, 0, 0, -1, 2}, 2, 3)
	data := plots.NetworkData{
		Title: "The path of row 0",
		Layers: []plots.NetworkLayer{
			{Name: "input", Units: []string{"length", "width"}, Activations: input},
			{Name: "relu1", Activations: hidden},
			{Name: "logits", Units: []string{"a", "b"}, Activations: logits},
		},
		Weights: []*array.Array{first, second},
	}
	tell(plots.Network(data))
	path, err := plots.Path(data, 0)
	fmt.Printf("logit of output %d: %g, strongest edge into it: %+v %v\n", path.Output, path.Logit, path.Edges[1][0], err)
	// Output:
	// The path of row 0
	// edges as wide as |w·a|, at most 3; path: the fewest edges of each connection with 80 % of what it adds to the logit of a
	// logit of output 0: 3, strongest edge into it: {From:0 To:0 Weight:1 Contribution:3 Flow:3 Before:0 Path:true} <nil>
}

func ExampleHeatMap() {
	similarity, err := array.From([]float32{1, 0.4, 0.4, 1}, 2, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	layers := plots.HeatAxis{Blocks: []plots.Block{{Name: "relu1", Count: 1}, {Name: "relu3", Count: 1}}}
	tell(plots.HeatMap(plots.HeatMapData{
		Title: "Jaccard similarity", Values: similarity, High: 1, Numbers: true, Rows: layers, Columns: layers,
	}))
	// Output:
	// Jaccard similarity
}

func ExampleHistogram() {
	tell(plots.Histogram(plots.HistogramData{
		Title: "Mean activations", XLabel: "activation", Bins: 10,
		Samples: []plots.Sample{{Values: []float64{0.1, 0.2, 0.25, 0.6}}},
		Marks:   []plots.Mark{{Name: "threshold", Value: 0.2}},
	}))
	// Output:
	// Mean activations
}

func ExampleTable_Markdown() {
	md, err := plots.Table{
		Columns: []string{"quantity", "published", "ours", "within the band"},
		Rows: [][]any{
			{"parameters", 1153454, 1153454, true},
			{"test accuracy", 0.99858, 0.99811, true},
			{"silhouette", 0.39, nil, nil},
		},
	}.Markdown()
	fmt.Print(md, err, "\n")
	// Output:
	// | quantity | published | ours | within the band |
	// | --- | ---: | ---: | --- |
	// | parameters | 1,153,454 | 1,153,454 | true |
	// | test accuracy | 0.9986 | 0.9981 | true |
	// | silhouette | 0.39 |  |  |
	// <nil>
}
