package jacard

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/internal/study"
)

// Config is everything that decides a result of the study. Two configurations
// that agree in what a step uses share that step's artifact.
type Config struct {
	// Seed of every random stream: initial weights, shuffles, dropout,
	// background rows, k-means, random masks.
	Seed uint64

	// TrainRows and TestRows keep the first rows of each part. 0 keeps all:
	// 12,665 and 2,115.
	TrainRows, TestRows int

	Autoencoder AutoencoderConfig
	Encoding    EncodingConfig
	Classifier  ClassifierConfig
	Background  BackgroundConfig
	Projection  ProjectionConfig
	Neurons     NeuronConfig
	Shift       ShiftConfig
	Legacy      Legacy
}

// AutoencoderConfig describes the compression of 784 pixels.
type AutoencoderConfig struct {
	// Hidden widths of the encoder; the decoder mirrors them. Empty is the
	// linear autoencoder of the study's first versions.
	Hidden []int
	Code   int // numbers kept of each image
	Epochs int
	Batch  int
	Rate   float64 // Adam's learning rate
	// FileOrder trains without shuffling, as published (fault 9.12).
	FileOrder bool
}

// EncodingConfig says what the classifier gets of the code.
type EncodingConfig struct {
	// AfterReLU gives the code as the decoder sees it. The study gives the
	// 30 numbers before that ReLU.
	AfterReLU bool
	// MinMax scales each feature to [0, 1] over train and test, as the
	// follow-up repository does.
	MinMax bool
}

// ClassifierConfig describes the 30-5×100-1 network.
type ClassifierConfig struct {
	Width    int
	Dropouts []float64 // after each ReLU layer; 0 puts no dropout layer there
	Epochs   int
	Batch    int
	Rate     float64 // of stochastic gradient descent
	Momentum float64
	// HoldOut is the share of training rows kept apart to be measured after
	// each epoch. 0 trains on all rows, as the study does.
	HoldOut float64
	// FileOrder trains without shuffling, as published (fault 9.12).
	FileOrder bool
}

// BackgroundConfig says which rows attributions are averaged over.
type BackgroundConfig struct {
	Rows int
	// Only takes the rows from one class. The zero value takes as many of each.
	Only Class
}

// Class says which digits.
type Class string

// The classes.
const (
	Both  Class = ""
	Zeros Class = "zeros"
	Ones  Class = "ones"
)

// ProjectionConfig describes the map of the attributions.
type ProjectionConfig struct {
	Perplexity float64
	Iterations int
}

// NeuronConfig describes top sets, masks and the statistics beside them.
type NeuronConfig struct {
	TopK         int     // images in a neuron's top set
	MapPerplex   float64 // perplexity of the neuron maps
	Important    float64 // least average activation of an important neuron
	MaskImages   int     // images of the top set that decide a mask
	MaskLevel    float64 // least |φ| of a masked feature of the 30 inputs
	MaskShare    float64 // for the 100 hidden inputs: share of Σ|φ| the mask must hold
	Permutations int     // draws behind each p-value
}

// ShiftConfig describes the sweep of weight shifts.
type ShiftConfig struct {
	Deltas []float64
	Seeds  int // random masks of equal size drawn per setting
}

// Legacy switches single faults of the published study back on, so that their
// effect can be seen. The zero value is the corrected study. The numbers are
// those of docs/corrections.md.
type Legacy struct {
	Order       bool // 9.12: both networks are trained in file order, without shuffling
	Background  bool // 9.10: the first 61 test rows instead of balanced training rows
	TopSets     bool // 9.7, 9.8: dead neurons and zero activations fill the top sets
	Average     bool // 9.1: average activation of ten other neurons
	Lookup      bool // 9.2: attribution rows by position in the cluster, not by id
	LayerMixup  bool // 9.5: the mask is for the inputs, the neurons are of the first hidden layer
	RowMixup    bool // 9.4: row i of the weights instead of row I[i]
	FourLayers  bool // 9.6: the first ReLU layer is left out
	MaskFormula bool // section 7: "method one", signed maxima before absolute values
}

// AllLegacy is the study as published.
func AllLegacy() Legacy {
	return Legacy{Order: true, Background: true, TopSets: true, Average: true, Lookup: true,
		LayerMixup: true, RowMixup: true, FourLayers: true}
}

// Thesis returns the published settings, with the faults corrected.
func Thesis() Config {
	return Config{
		Seed:        42,
		Autoencoder: AutoencoderConfig{Hidden: []int{512, 256, 128, 64}, Code: 30, Epochs: 100, Batch: 64, Rate: 0.001},
		Classifier: ClassifierConfig{Width: 100, Dropouts: []float64{0, 0.2, 0.3, 0.4, 0.5},
			Epochs: 25, Batch: 64, Rate: 0.01, Momentum: 0.5},
		Background: BackgroundConfig{Rows: 61},
		Projection: ProjectionConfig{Perplexity: 30, Iterations: 1000},
		Neurons: NeuronConfig{TopK: 10, MapPerplex: 10, Important: 0.2, MaskImages: 3, MaskLevel: 0.05,
			MaskShare: 0.5, Permutations: 2000},
		Shift: ShiftConfig{Deltas: []float64{-1, -0.5, -0.25, -0.1, -0.05, -0.01, 0, 0.01, 0.05, 0.1, 0.25, 0.5, 1}, Seeds: 5},
	}
}

// Quick returns settings that run the whole study in well under a minute, for
// tests and for a first look: all images, so that the published clusters
// exist, but few epochs and iterations. Its numbers are not the study's.
func Quick() Config {
	c := Thesis()
	c.Autoencoder.Epochs = 5
	c.Classifier.Epochs = 10
	c.Projection.Iterations = 300
	c.Neurons.Permutations = 200
	c.Shift.Deltas = []float64{-1, -0.25, 0, 0.25, 1}
	c.Shift.Seeds = 2
	return c
}

// EnvQuick is the variable that makes [FromEnvironment] choose [Quick].
const EnvQuick = study.EnvQuick

// FromEnvironment returns [Quick] if JACARD_QUICK is set to anything but ""
// or "0", else [Thesis]. Notebooks call it so that one text serves a class at
// full size and a test at small size.
func FromEnvironment() Config {
	if study.Quick() {
		return Quick()
	}
	return Thesis()
}

// clone shares no memory with c.
func (c Config) clone() Config {
	c.Autoencoder.Hidden = slices.Clone(c.Autoencoder.Hidden)
	c.Classifier.Dropouts = slices.Clone(c.Classifier.Dropouts)
	c.Shift.Deltas = slices.Clone(c.Shift.Deltas)
	return c
}

// check refuses settings that no step could use, naming the field.
func (c Config) check() error {
	positive := []struct {
		name  string
		value float64
	}{
		{"Autoencoder.Code", float64(c.Autoencoder.Code)}, {"Autoencoder.Epochs", float64(c.Autoencoder.Epochs)},
		{"Autoencoder.Batch", float64(c.Autoencoder.Batch)}, {"Autoencoder.Rate", c.Autoencoder.Rate},
		{"Classifier.Width", float64(c.Classifier.Width)}, {"Classifier.Epochs", float64(c.Classifier.Epochs)},
		{"Classifier.Batch", float64(c.Classifier.Batch)}, {"Classifier.Rate", c.Classifier.Rate},
		{"Background.Rows", float64(c.Background.Rows)}, {"Projection.Perplexity", c.Projection.Perplexity},
		{"Projection.Iterations", float64(c.Projection.Iterations)}, {"Neurons.TopK", float64(c.Neurons.TopK)},
		{"Neurons.MapPerplex", c.Neurons.MapPerplex}, {"Neurons.MaskImages", float64(c.Neurons.MaskImages)},
		{"Neurons.Important", c.Neurons.Important}, {"Neurons.MaskLevel", c.Neurons.MaskLevel}, {"Neurons.MaskShare", c.Neurons.MaskShare},
		{"Neurons.Permutations", float64(c.Neurons.Permutations)}, {"Shift.Seeds", float64(c.Shift.Seeds)},
	}
	for _, p := range positive {
		if !(p.value > 0) || math.IsInf(p.value, 1) {
			return fmt.Errorf("jacard: %s is %g, it must be finite and above 0: start from jacard.Thesis() or jacard.Quick()", p.name, p.value)
		}
	}
	if c.TrainRows < 0 || c.TestRows < 0 {
		return fmt.Errorf("jacard: TrainRows %d and TestRows %d must not be negative (0 keeps all)", c.TrainRows, c.TestRows)
	}
	if slices.ContainsFunc(c.Autoencoder.Hidden, func(width int) bool { return width < 1 }) {
		return fmt.Errorf("jacard: Autoencoder.Hidden %v: want widths of at least 1", c.Autoencoder.Hidden)
	}
	if c.Encoding.AfterReLU && len(c.Autoencoder.Hidden) == 0 {
		return fmt.Errorf("jacard: Encoding.AfterReLU: the linear autoencoder (Autoencoder.Hidden is empty) has no ReLU after its code")
	}
	if len(c.Classifier.Dropouts) == 0 || slices.Min(c.Classifier.Dropouts) < 0 || slices.Max(c.Classifier.Dropouts) >= 1 {
		return fmt.Errorf("jacard: Classifier.Dropouts %v: want one rate in [0, 1) for each hidden layer", c.Classifier.Dropouts)
	}
	if !(c.Classifier.Momentum >= 0 && c.Classifier.Momentum < 1) {
		return fmt.Errorf("jacard: Classifier.Momentum %g: want a number in [0, 1)", c.Classifier.Momentum)
	}
	if !slices.Contains([]Class{Both, Zeros, Ones}, c.Background.Only) {
		return fmt.Errorf("jacard: Background.Only %q: want %q, %q, or nothing for both", c.Background.Only, Zeros, Ones)
	}
	if c.Neurons.MaskShare > 1 {
		return fmt.Errorf("jacard: Neurons.MaskShare %g: want a share of at most 1", c.Neurons.MaskShare)
	}
	if !(c.Classifier.HoldOut >= 0 && c.Classifier.HoldOut < 1) {
		return fmt.Errorf("jacard: Classifier.HoldOut %g: want a share in [0, 1)", c.Classifier.HoldOut)
	}
	if !slices.Contains(c.Shift.Deltas, 0) {
		return fmt.Errorf("jacard: Shift.Deltas %v lacks 0, the check that no shift changes nothing", c.Shift.Deltas)
	}
	if !slices.IsSortedFunc(c.Shift.Deltas, cmp.Compare[float64]) {
		return fmt.Errorf("jacard: Shift.Deltas %v: want ascending order", c.Shift.Deltas)
	}
	return nil
}
