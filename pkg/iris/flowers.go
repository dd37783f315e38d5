package iris

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/dataset"
)

// Names of the classes and of the features, in their order everywhere.
var (
	Species  = []string{"setosa", "versicolor", "virginica"}
	Features = []string{"sepal length", "sepal width", "petal length", "petal width"}
)

// Rows is the number of flowers. A flower is known by its id, its row in the
// data: 0…49 setosa, 50…99 versicolor, 100…149 virginica.
const Rows = 150

// Flowers are the data, split and standardised.
type Flowers struct {
	artifact.Provenance
	Centimetres *array.Array // [150, 4], as measured
	Labels      []int        // index into Species
	Train, Test []int        // ids, ascending

	// Mean and Deviation of each feature over the training rows; the
	// deviation divides by their number.
	Mean, Deviation []float64
	// Values is (centimetres − mean) / deviation for all rows.
	Values *array.Array
}

// Flowers reads the data, keeps TestRows of them from training, and
// standardises all by the training rows alone: what the test rows look like
// must not be known before the test.
func (s *Study) Flowers(ctx context.Context) (*Flowers, error) {
	table, err := s.table()
	if err != nil {
		return nil, err
	}
	type config struct {
		TestRows   int
		Stratified bool
	}
	spec := artifact.Spec{Name: "flowers", Version: 1, Config: config{s.Config.TestRows, s.Config.Stratified},
		Inputs: map[string]string{"data": table.Features.Hash()}}
	return step(ctx, s, spec, func(context.Context) (*Flowers, error) {
		return s.split(table, s.Config.Seed)
	})
}

func (s *Study) table() (*dataset.Table, error) {
	return dataset.Iris(dataset.IrisConfig{UCI: s.Config.UCI})
}

func (s *Study) split(table *dataset.Table, seed uint64) (*Flowers, error) {
	raw, labels, testRows := table.Features, table.Labels, s.Config.TestRows
	f := &Flowers{Centimetres: raw, Labels: labels}
	order := random.Stream(seed, "iris split").Perm(len(labels))
	// In a stratified split the k-th flower of each species stands before the
	// (k+1)-th of any.
	if s.Config.Stratified {
		seen, turn := make([]int, len(Species)), make([]int, len(labels))
		for _, id := range order {
			turn[id] = seen[labels[id]]
			seen[labels[id]]++
		}
		slices.SortStableFunc(order, func(a, b int) int { return turn[a] - turn[b] })
	}
	f.Test, f.Train = order[:testRows:testRows], order[testRows:]
	slices.Sort(f.Test)
	slices.Sort(f.Train)

	f.Values = array.New(raw.Shape...)
	for k := range raw.Width() {
		mean, square := 0.0, 0.0
		for _, id := range f.Train {
			mean += float64(raw.At(id, k))
		}
		mean /= float64(len(f.Train))
		for _, id := range f.Train {
			d := float64(raw.At(id, k)) - mean
			square += d * d
		}
		deviation := math.Sqrt(square / float64(len(f.Train)))
		if deviation == 0 {
			return nil, fmt.Errorf("%s is the same in all %d training rows", Features[k], len(f.Train))
		}
		f.Mean, f.Deviation = append(f.Mean, mean), append(f.Deviation, deviation)
		for id := range labels {
			f.Values.Row(id)[k] = float32((float64(raw.At(id, k)) - mean) / deviation)
		}
	}
	return f, nil
}

// All lists the ids of all rows.
func (f *Flowers) All() []int {
	ids := make([]int, len(f.Labels))
	for i := range ids {
		ids[i] = i
	}
	return ids
}
