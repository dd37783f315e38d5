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

	Classifier ClassifierConfig
	Projection ProjectionConfig
	Saliency   SaliencyConfig
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
	Row        int // training row that is explained
	Iterations int // draws for each pixel
}

// Lesson returns the lesson's own settings.
func Lesson() Config {
	return Config{
		Seed: 1,
		Rows: 30_000,
		Classifier: ClassifierConfig{Hidden: []int{512, 256}, Epochs: 200, Batch: 200, Rate: 0.001, Alpha: 1e-4,
			Tolerance: 1e-4, Patience: 10},
		Projection: ProjectionConfig{Rows: 1500, Perplexity: 3, Iterations: 1000},
		Saliency:   SaliencyConfig{Row: 9, Iterations: 200},
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
		{"Saliency.Iterations", float64(c.Saliency.Iterations)},
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
	case c.Saliency.Row < 0 || c.Saliency.Row >= c.trainRows():
		return fmt.Errorf("lesson: Saliency.Row is %d: want a training row, 0…%d", c.Saliency.Row, c.trainRows()-1)
	}
	return nil
}
