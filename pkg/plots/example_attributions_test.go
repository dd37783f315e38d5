package plots_test

import (
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/plots"
)

func ExampleSignedImages() {
	digits, rescale, shapley := array.New(2, 28, 28), array.New(2, 28, 28), array.New(2, 784)
	rescale.Data[400] = -0.02
	tell(plots.SignedImages(plots.SignedImagesData{
		Title: "What speaks for a one", Images: digits, Names: []string{"id 7", "id 12"}, ValueName: "φ",
		Columns: []plots.SignedColumn{{Name: "rescale", Values: rescale}, {Name: "sampled Shapley", Values: shapley}},
		Caption: plots.Caption{Target: "P(digit = 1)", Gap: 3e-7},
	}))
	// Output:
	// What speaks for a one
	// target P(digit = 1) · gap 3.0e-07 · scale ±0.02
}

func ExampleSuperpixels() {
	tell(plots.Superpixels(plots.SuperpixelsData{
		Title: "LIME", ValueName: "weight",
		Panels: []plots.SuperpixelPanel{{
			Name: "id 7", Label: "R² 0.81", Image: array.New(3, 2, 2), Segments: []int{0, 0, 1, 1}, Weights: []float64{0.3, -0.1},
		}},
	}))
	// Output:
	// LIME
	// scale ±0.3
}

func ExampleWaterfall() {
	tell(plots.Waterfall(plots.WaterfallData{
		Title: "Row 12", XLabel: "P(malignant)", Base: 0.37, Values: []float64{0.3, -0.1}, Output: new(0.57),
		Names: []string{"worst area", "mean texture"}, Inputs: []float64{2019, 10.38},
		Caption: plots.Caption{Method: "exact Shapley", Target: "P(malignant)"},
	}))
	// Output:
	// Row 12
	// method exact Shapley · target P(malignant)
}

func ExampleBeeswarm() {
	values, inputs := array.New(100, 30), array.New(100, 30)
	tell(plots.Beeswarm(plots.BeeswarmData{
		Title: "Values of all rows", XLabel: "φ of P(malignant)", Values: values, Inputs: inputs, Max: 10,
		Caption: plots.Caption{Method: "Kernel SHAP", N: 100},
	}))
	// Output:
	// Values of all rows
	// method Kernel SHAP · n = 100 · 1,067 of 1,100 points lie more than a third under others
}

func ExamplePerturbation() {
	tell(plots.Perturbation(plots.PerturbationData{
		Title: "Deletion", YLabel: "P(digit = 1)",
		Panels: []plots.PerturbationPanel{{
			Name: "deletion", Curves: []plots.PerturbationCurve{{Name: "rescale", Y: []float64{1, 0.2, 0}}},
			RandomMean: []float64{1, 0.6, 0}, RandomStd: []float64{0, 0.1, 0},
		}},
	}))
	// Output:
	// Deletion
	// behind the names: area under the curve; band: random orders ± one standard deviation
}

func ExampleAgreement() {
	tell(plots.Agreement(plots.AgreementData{
		Title: "Do the methods agree?", Methods: []string{"rescale", "Grad-CAM"}, Measure: "Spearman's ρ",
		Values: [][]float64{{1, 0.3}, {0.3, 1}}, Caption: plots.Caption{N: 50},
	}))
	// Output:
	// Do the methods agree?
	// n = 50
}

func ExampleRandomisation() {
	maps := func() []*array.Array { return []*array.Array{array.New(1, 28, 28), array.New(1, 28, 28)} }
	tell(plots.Randomisation(plots.RandomisationData{
		Title: "What is left when the network forgets", Methods: []string{"rescale", "guided backprop"}, Stages: []string{"trained", "dense2"},
		Values: [][]*array.Array{maps(), maps()}, Similarity: [][]float64{{1, 0.1}, {1, 0.97}}, Measure: "rank correlation",
	}))
	// Output:
	// What is left when the network forgets
	// each method has a scale of its own
}
