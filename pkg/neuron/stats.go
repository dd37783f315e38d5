package neuron

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
)

// Stats is one neuron's row in the table of a layer.
type Stats struct {
	Neuron int // number in its layer

	// Dead neurons have no positive activation in the group. All their values
	// are 0, which says nothing about a class: look here first.
	Dead bool

	// SetSize is the number of images in the top set.
	SetSize int

	// ClassAssociation is the mean label over the top set, 0 if it is empty.
	// With labels 0 and 1 it is the share of ones.
	ClassAssociation float64

	// AverageActivation is the mean of the neuron's activation over its own
	// top set, 0 if it is empty.
	AverageActivation float64

	// MeanActivation is the mean over all images of the group.
	MeanActivation float64

	// ShareActive is the share of images with positive activation.
	ShareActive float64
}

// Table describes every neuron of acts, shape [images, neurons], with its top
// set (from [TopSets] of the same activations) and the images' labels. Sums
// are in float64, in the order of positions or ranks.
func Table(acts *array.Array, sets []TopSet, labels []int) ([]Stats, error) {
	if err := checkActivations(acts); err != nil {
		return nil, err
	}
	n := acts.Rows()
	if len(sets) != acts.Width() || len(labels) != n {
		return nil, fmt.Errorf("neuron: activations of shape %v with %d top sets and %d labels: want one set a neuron and one label an image",
			acts.Shape, len(sets), len(labels))
	}
	if err := checkSets(sets, n); err != nil {
		return nil, err
	}
	table := make([]Stats, len(sets))
	for i := range n {
		for j, v := range acts.Row(i) {
			table[j].MeanActivation += float64(v)
			if v > 0 {
				table[j].ShareActive++
			}
		}
	}
	for j, s := range sets {
		row := &table[j]
		row.Neuron, row.Dead, row.SetSize = j, row.ShareActive == 0, len(s.Positions)
		if n > 0 {
			row.MeanActivation /= float64(n)
			row.ShareActive /= float64(n)
		}
		for _, i := range s.Positions {
			row.ClassAssociation += float64(labels[i])
			row.AverageActivation += float64(acts.At(i, j))
		}
		if k := float64(len(s.Positions)); k > 0 {
			row.ClassAssociation /= k
			row.AverageActivation /= k
		}
	}
	return table, nil
}

// LegacyAverages returns what the published study stores as
// average_activation. It takes the positions in a neuron's top list for
// numbers of neurons and averages those neurons over all images:
//
//	mean over r ∈ T_j and i of A[i, r]
//
// so a dead neuron gets a large value, and neurons with one set get one
// value. [Stats].AverageActivation is what was meant. A position without a
// neuron of that number is an error, as it was there.
func LegacyAverages(acts *array.Array, sets []TopSet) ([]float64, error) {
	if err := checkActivations(acts); err != nil {
		return nil, err
	}
	means := make([]float64, acts.Width())
	for i := range acts.Rows() {
		for j, v := range acts.Row(i) {
			means[j] += float64(v)
		}
	}
	averages := make([]float64, len(sets))
	for j, s := range sets {
		for _, r := range s.Positions {
			if r < 0 || r >= len(means) {
				return nil, fmt.Errorf("neuron: top list %d holds position %d, which is no number of one of %d neurons: the legacy average exists only for groups of at most that many images",
					j, r, len(means))
			}
			averages[j] += means[r]
		}
		if k := len(s.Positions); k > 0 {
			averages[j] /= float64(k * acts.Rows())
		}
	}
	return averages, nil
}
