package iris

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
)

// Rule says when a feature is called relevant for an active neuron.
type Rule int

// The rules.
const (
	// Contribution takes features with w·x > 0: they push the neuron up for
	// this row. On standardised data x is negative for half of the rows, and a
	// negative weight times a negative value drives a neuron too.
	Contribution Rule = iota
	// PositiveWeight takes features with w > 0, whatever their value, as the
	// published study does.
	PositiveWeight
)

// String names the rule in tables.
func (r Rule) String() string {
	switch r {
	case Contribution:
		return "w·x > 0"
	case PositiveWeight:
		return "w > 0"
	}
	return fmt.Sprintf("rule %d", int(r))
}

// Explanation is what one row does to the hidden neurons.
type Explanation struct {
	ID               int
	Predicted, Truth int
	Activations      []float64

	// Active lists the neurons with activation > 0, and Relevant the features
	// that the rule calls relevant for each of them, in the same order.
	Active   []int
	Relevant [][]int
}

// Explain tells for each row which neurons are active, and which features are
// relevant for each.
func (c *Classifier) Explain(ids []int, rule Rule) ([]Explanation, error) {
	if rule != Contribution && rule != PositiveWeight {
		return nil, fmt.Errorf("iris: %s is unknown; choose iris.Contribution or iris.PositiveWeight", rule)
	}
	if err := c.check(ids...); err != nil {
		return nil, err
	}
	w, _, err := c.Weights()
	if err != nil {
		return nil, err
	}
	var out []Explanation
	for _, id := range ids {
		e := Explanation{ID: id, Predicted: c.Predicted[id], Truth: c.Labels[id]}
		for j, a := range c.Hidden.Row(id) {
			e.Activations = append(e.Activations, float64(a))
			if a <= 0 {
				continue
			}
			relevant := []int{}
			for i, v := range w.Row(j) {
				if x := c.Values.At(id, i); rule == PositiveWeight && v > 0 || rule == Contribution && v*x > 0 {
					relevant = append(relevant, i)
				}
			}
			e.Active, e.Relevant = append(e.Active, j), append(e.Relevant, relevant)
		}
		out = append(out, e)
	}
	return out, nil
}

// LegacyExplanation is a row as the published study keeps it.
type LegacyExplanation struct {
	Active   []int
	Relevant []int // of the last active neuron alone
}

// LegacyExplanations is the published nested structure: the rows by predicted
// species, features by the sign of the weight. Its loop over the active neurons
// overwrites the list of features, so that only the last neuron's is left.
func (c *Classifier) LegacyExplanations(ids []int) ([][]LegacyExplanation, error) {
	all, err := c.Explain(ids, PositiveWeight)
	if err != nil {
		return nil, err
	}
	out := make([][]LegacyExplanation, len(Species))
	for _, e := range all {
		l := LegacyExplanation{Active: e.Active}
		if n := len(e.Relevant); n > 0 {
			l.Relevant = e.Relevant[n-1]
		}
		out[e.Predicted] = append(out[e.Predicted], l)
	}
	return out, nil
}

// Contributions returns w·x of one row, [neurons, features], in standardised
// units: what each feature adds to each neuron's sum, before its bias.
func (c *Classifier) Contributions(id int) (*array.Array, error) {
	if err := c.check(id); err != nil {
		return nil, err
	}
	w, _, err := c.Weights()
	if err != nil {
		return nil, err
	}
	out := w.Clone()
	for j := range out.Rows() {
		for i := range out.Row(j) {
			out.Row(j)[i] *= c.Values.At(id, i)
		}
	}
	return out, nil
}
