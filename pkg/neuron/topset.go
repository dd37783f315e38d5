// Package neuron looks at single neurons through the images that excite them
// most.
//
// A neuron's top set holds the up to K images of a group on which its
// activation is largest and positive. Two neurons are alike if they are
// excited by the same images:
//
//	S[p,q] = |T_p ∩ T_q| / |T_p ∪ T_q|
//
// (Jaccard, 1912). The index is symmetric, lies in [0, 1] and is 1 for a
// neuron with itself.
//
// Activations come as [images, neurons], as a network gives them. Positions
// are rows of that array, 0 being the group's first image; they are not ids of
// images. Sets of several layers can be compared because they refer to the
// same group.
//
// A neuron without any positive activation is dead for the group: it has no
// set, is like no other neuron, and is counted apart. Legacy options give the
// published study's lists, in which dead neurons have sets too.
package neuron

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// TopConfig says which images belong to a top set. Its zero value is ready to
// use.
type TopConfig struct {
	// K is the largest size of a set. 0 means 10.
	K int

	// Legacy fills every set up to K with whatever activations are next, zero
	// or negative, and breaks ties by the later position. A dead neuron then
	// gets the positions n−1, n−2, …: the published lists, made by an
	// ascending sort read backwards, show that.
	Legacy bool
}

// TopSet holds the images that excite one neuron most.
type TopSet struct {
	// Positions in the group, largest activation first; equal activations in
	// ascending order of position.
	Positions []int

	// Activations of those images, in the same order. Empty in a set made by
	// [NewTopSet].
	Activations []float32
}

// NewTopSet returns a set of the given positions, best first, without
// activations.
func NewTopSet(positions ...int) TopSet { return TopSet{Positions: positions} }

// Dead tells whether no image of the group excites the neuron: its set is
// empty or, in a legacy list, starts with an activation that is not positive.
func (s TopSet) Dead() bool {
	return len(s.Positions) == 0 || len(s.Activations) > 0 && !(s.Activations[0] > 0)
}

// TopSets returns the top set of every neuron of acts, shape
// [images, neurons]: up to K positions with the largest positive activation,
// ties by ascending position.
//
// It refuses arrays of another rank (average a feature map over its pixels
// first) and activations that are not numbers.
func TopSets(acts *array.Array, cfg TopConfig) ([]TopSet, error) {
	cfg.K = cmp.Or(cfg.K, 10)
	if cfg.K < 0 {
		return nil, fmt.Errorf("neuron: K = %d is negative: give the largest size of a top set, or 0 for 10", cfg.K)
	}
	if err := checkActivations(acts); err != nil {
		return nil, err
	}
	size := min(cfg.K, acts.Rows())
	sets := make([]TopSet, acts.Width())
	for j := range sets {
		sets[j] = TopSet{Positions: make([]int, 0, size), Activations: make([]float32, 0, size)}
	}
	for i := range acts.Rows() {
		for j, v := range acts.Row(i) {
			if v != v {
				return nil, fmt.Errorf("neuron: activation of neuron %d at position %d is not a number", j, i)
			}
			if cfg.Legacy || v > 0 {
				sets[j].offer(i, v, size, cfg.Legacy)
			}
		}
	}
	return sets, nil
}

// offer puts position i at its rank if it is among the best size so far.
// Positions come in ascending order, so an equal activation ranks after those
// already there, or before them if later positions win.
func (s *TopSet) offer(i int, v float32, size int, laterWins bool) {
	rank, _ := slices.BinarySearchFunc(s.Activations, v, func(have, v float32) int {
		if have > v || have == v && !laterWins {
			return -1
		}
		return 1
	})
	if rank == size {
		return
	}
	if len(s.Positions) == size {
		s.Positions, s.Activations = s.Positions[:size-1], s.Activations[:size-1]
	}
	s.Positions = slices.Insert(s.Positions, rank, i)
	s.Activations = slices.Insert(s.Activations, rank, v)
}

func checkActivations(acts *array.Array) error {
	if err := acts.Check(); err != nil {
		return fmt.Errorf("neuron: activations: %w", err)
	}
	if len(acts.Shape) != 2 {
		return fmt.Errorf("neuron: activations have shape %v, want [images, neurons]: average a feature map over its pixels first", acts.Shape)
	}
	return nil
}

// checkSets tells whether every position is a row of a group of n images and
// stands once in its set.
func checkSets(sets []TopSet, n int) error {
	seen := make([]int, n)
	for j, s := range sets {
		for _, i := range s.Positions {
			if i < 0 || i >= n {
				return fmt.Errorf("neuron: top set %d holds position %d: the group has positions 0…%d", j, i, n-1)
			}
			if seen[i] == j+1 {
				return fmt.Errorf("neuron: top set %d holds position %d twice", j, i)
			}
			seen[i] = j + 1
		}
	}
	return nil
}
