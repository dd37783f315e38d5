package lesson

import (
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/internal/study"
)

// Config is everything that decides a result of the lesson. Two configurations
// that agree in what a step uses share that step's artifact.
type Config struct {
	// Seed of every random stream: the sample, initial weights, shuffles, maps,
	// Shapley draws. The lesson itself has none.
	Seed uint64

	// Rows is the size of the random sample of MNIST's 70,000 images; half of
	// it is trained on, half tested.
	Rows int

	// Scaled divides pixels by 255. The lesson does not: they are 0…255.
	Scaled bool

	Classifier  ClassifierConfig
	Projection  ProjectionConfig
	Saliency    SaliencyConfig
	Convergence ConvergenceConfig
}

// ClassifierConfig describes the network and its training, by default those of
// scikit-learn's MLPClassifier.
type ClassifierConfig struct {
	Hidden []int   // units of the hidden layers
	Epochs int     // at most
	Batch  int     // but not more than there are rows
	Rate   float64 // of Adam
	Alpha  float64 // of the L2 penalty
	// The training stops when its loss has not improved by Tolerance for
	// Patience epochs.
	Tolerance float64
	Patience  int
}

// ProjectionConfig describes the maps of the layers' outputs.
type ProjectionConfig struct {
	Rows       int // the first training rows
	Perplexity float64
	Iterations int
}

// SaliencyConfig describes the Shapley values of an image's pixels.
type SaliencyConfig struct {
	// Row of the sample that is explained. Training rows come first, then the
	// test rows: see [Classifier.Wrong].
	Row int

	// Iterations is the number of draws for each pixel.
	Iterations int

	// Permutation walks through random orders of all pixels, forwards and
	// backwards, instead of taking one pixel after the other as the lesson does.
	// Iterations is then an even number.
	Permutation bool

	// Background names the digits whose training rows are the background. Empty
	// means all.
	Background []int
}

// ConvergenceConfig says how the two estimators of Shapley values are compared.
type ConvergenceConfig struct {
	Draws     []int // for each pixel; the permutation estimator takes the next even number
	Reference int   // draws of the permutation estimator that both are compared with, even
}

// Lesson returns the lesson's own settings.
func Lesson() Config {
	return Config{
		Seed: 1,
		Rows: 30_000,
		Classifier: ClassifierConfig{Hidden: []int{512, 256}, Epochs: 200, Batch: 200, Rate: 0.001, Alpha: 1e-4,
			Tolerance: 1e-4, Patience: 10},
		Projection:  ProjectionConfig{Rows: 1500, Perplexity: 3, Iterations: 1000},
		Saliency:    SaliencyConfig{Row: 9, Iterations: 200},
		Convergence: ConvergenceConfig{Draws: []int{10, 25, 50, 100, 200}, Reference: 4000},
	}
}

// Quick returns settings that run the whole lesson in seconds, for tests and
// for a first look. Its numbers are not the lesson's.
func Quick() Config {
	c := Lesson()
	c.Rows = 4000
	c.Classifier.Epochs = 6
	c.Projection.Rows, c.Projection.Iterations = 400, 300
	c.Saliency.Iterations = 20
	c.Convergence = ConvergenceConfig{Draws: []int{5, 10, 20}, Reference: 200}
	return c
}

// FromEnvironment returns [Quick] if JACARD_QUICK is set to anything but ""
// or "0", else [Lesson].
func FromEnvironment() Config {
	if study.Quick() {
		return Quick()
	}
	return Lesson()
}

// trainRows is the half of the sample that is trained on.
func (c Config) trainRows() int { return c.Rows / 2 }

// check refuses settings that no step could use, naming the field.
func (c Config) check() error {
	for _, p := range []struct {
		name  string
		value float64
	}{
		{"Classifier.Epochs", float64(c.Classifier.Epochs)}, {"Classifier.Batch", float64(c.Classifier.Batch)},
		{"Classifier.Rate", c.Classifier.Rate}, {"Classifier.Patience", float64(c.Classifier.Patience)},
		{"Projection.Perplexity", c.Projection.Perplexity}, {"Projection.Iterations", float64(c.Projection.Iterations)},
	} {
		if !(p.value > 0) || math.IsInf(p.value, 1) {
			return fmt.Errorf("lesson: %s is %g, it must be finite and above 0: start from lesson.Lesson() or lesson.Quick()", p.name, p.value)
		}
	}
	switch {
	case c.Rows < 4 || c.Rows > mnistRows:
		return fmt.Errorf("lesson: Rows is %d: want a sample of 4…%d images", c.Rows, mnistRows)
	case !(c.Classifier.Alpha >= 0) || !(c.Classifier.Tolerance >= 0):
		return fmt.Errorf("lesson: Classifier.Alpha %g or Tolerance %g is negative", c.Classifier.Alpha, c.Classifier.Tolerance)
	case slices.ContainsFunc(c.Classifier.Hidden, func(units int) bool { return units < 1 }):
		return fmt.Errorf("lesson: Classifier.Hidden %v: want at least 1 unit in each layer", c.Classifier.Hidden)
	case c.Projection.Rows < 12 || c.Projection.Rows > c.trainRows():
		return fmt.Errorf("lesson: Projection.Rows is %d: want 12…%d, the training rows", c.Projection.Rows, c.trainRows())
	case c.Saliency.Row < 0 || c.Saliency.Row >= c.Rows:
		return fmt.Errorf("lesson: Saliency.Row is %d: want a row of the sample, 0…%d", c.Saliency.Row, c.Rows-1)
	case c.Saliency.Iterations < 2:
		return fmt.Errorf("lesson: Saliency.Iterations is %d: want at least 2, whose spread is the standard error", c.Saliency.Iterations)
	case c.Saliency.Permutation && (c.Saliency.Iterations < 4 || c.Saliency.Iterations%2 != 0):
		return fmt.Errorf("lesson: Saliency.Iterations is %d: the permutation estimator wants an even number from 4 on", c.Saliency.Iterations)
	case slices.ContainsFunc(c.Saliency.Background, func(digit int) bool { return digit < 0 || digit >= classes }):
		return fmt.Errorf("lesson: Saliency.Background %v: want digits 0…9", c.Saliency.Background)
	case len(c.Convergence.Draws) == 0 || slices.Min(c.Convergence.Draws) < 2:
		return fmt.Errorf("lesson: Convergence.Draws %v: want numbers from 2 on", c.Convergence.Draws)
	case c.Convergence.Reference < 4 || c.Convergence.Reference%2 != 0:
		return fmt.Errorf("lesson: Convergence.Reference is %d: want an even number from 4 on", c.Convergence.Reference)
	}
	return nil
}
