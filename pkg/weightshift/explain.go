package weightshift

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/neuron"
)

// Explanation shows how the mask of one neuron was decided.
type Explanation struct {
	Neuron    int
	Positions []int // of the images that were looked at, best first
	IDs       []int // the rows of φ that were read for them
	Features  []FeatureDecision
}

// FeatureDecision is what [FeatureMask] saw of one input.
type FeatureDecision struct {
	Feature    int
	Magnitudes []float32 // |φ| of the images; with LegacySigned fewer values, of other images for each input
	Flagged    bool      // belongs to the mask
}

// Explain repeats the decision of [FeatureMask] for one neuron and shows the
// numbers behind it.
func Explain(phi *array.Array, ids []int, sets []neuron.TopSet, number int, cfg MaskConfig) (*Explanation, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkAttributions(phi); err != nil {
		return nil, err
	}
	if number < 0 || number >= len(sets) {
		return nil, fmt.Errorf("weightshift: no neuron %d: there are 0…%d", number, len(sets)-1)
	}
	rows, err := lookUp(phi, ids, sets[number], cfg)
	if err != nil {
		return nil, fmt.Errorf("%w (neuron %d)", err, number)
	}
	e := &Explanation{Neuron: number, Positions: sets[number].Positions[:len(rows)], IDs: rows}
	all := magnitudes(phi, rows, cfg)
	for k, flagged := range cfg.decide(all) {
		e.Features = append(e.Features, FeatureDecision{Feature: k, Magnitudes: all[k], Flagged: flagged})
	}
	return e, nil
}

// Flagged returns the inputs that belong to the mask, ascending.
func (e *Explanation) Flagged() []int {
	var flagged []int
	for _, f := range e.Features {
		if f.Flagged {
			flagged = append(flagged, f.Feature)
		}
	}
	return flagged
}

// String returns a table: one line an input, with its |φ| and the decision.
func (e *Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "neuron %d: positions %v, images %v\n", e.Neuron, e.Positions, e.IDs)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range e.Features {
		fmt.Fprintf(w, "feature %d", f.Feature)
		for _, v := range f.Magnitudes {
			fmt.Fprintf(w, "\t%.4f", v)
		}
		decision := "no"
		if f.Flagged {
			decision = "yes"
		}
		fmt.Fprintf(w, "\t%s\n", decision)
	}
	w.Flush()
	fmt.Fprintf(&b, "%d/%d\n", len(e.Flagged()), len(e.Features))
	return b.String()
}
