// Package weightshift adds a number to chosen weights of a copy of a network
// and measures what that does.
//
// For a dense layer with weights W, [neurons, inputs], the choice is made by
// attributions φ of the layer's inputs to the network's output: input k
// belongs to the mask v_j of neuron j if it matters for the images that excite
// neuron j most ([FeatureMask]). Of the neurons, those count that are excited
// strongly enough ([Important]). A shift by δ (Delta) is then
//
//	important    W'[j,k] = W[j,k] + δ·v_j[k]
//	unimportant  W'[j,k] = W[j,k] + δ·(1 − v_j[k])
//	random       W'[j,k] = W[j,k] + δ·r_j[k], r_j with as many ones as v_j
//
// for important j; biases stay. [Apply] changes a copy: the original stays as
// it was to the last bit, and δ = 0 changes nothing. [Sweep] runs over layers,
// modes and sizes of δ and gives one row of figures for each. Random masks are
// the control: what they do as well is not due to the choice of weights.
//
// A mask and the weights it is for belong to one network: attributions of
// another network, or of another layer's inputs, choose at random at best.
package weightshift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/neuron"
)

// MaskConfig says which inputs belong to a neuron's mask. Its zero value is
// the published rule. At most one of Threshold, Share and Top may be set.
type MaskConfig struct {
	// Threshold keeps inputs with |φ| of at least this. 0 means 0.05, unless
	// Share or Top is set.
	Threshold float64

	// Share keeps the fewest inputs, largest first, that together hold this
	// share of Σ|φ|. It suits wide layers, where each |φ| is small.
	Share float64

	// Top keeps this share of the inputs, largest first, rounded up, but none
	// with φ = 0.
	Top float64

	// Images of a neuron's top set that count, best first. 0 means 3.
	Images int

	// LegacySigned takes, for each input, not the φ of the first Images
	// images but the Images largest signed φ among the whole top set, and
	// their absolute values only then (the published study's unused first
	// method). It can miss large negative values.
	LegacySigned bool

	// LegacyPositions reads the row of φ whose number is the image's position
	// in the group, not its id: the published look-up, which gives another
	// image's values.
	LegacyPositions bool
}

func (c MaskConfig) withDefaults() (MaskConfig, error) {
	set := 0
	for _, v := range []float64{c.Threshold, c.Share, c.Top} {
		if v != 0 {
			set++
		}
	}
	if set == 0 {
		c.Threshold = 0.05
	}
	c.Images = cmp.Or(c.Images, 3)
	inRange := c.Threshold >= 0 && c.Share >= 0 && c.Share <= 1 && c.Top >= 0 && c.Top <= 1
	if set > 1 || !inRange || c.Images < 1 {
		return c, fmt.Errorf("weightshift: Threshold %g, Share %g, Top %g, Images %d: set one of the first three, above 0, shares at most 1, and at least one image",
			c.Threshold, c.Share, c.Top, c.Images)
	}
	return c, nil
}

// Mask says which inputs of a layer matter for which of its neurons.
type Mask struct {
	// Values is [neurons, inputs]: 1 where the input belongs to the neuron's
	// mask, else 0.
	Values *array.Array
}

// Ones returns the size of each neuron's mask.
func (m *Mask) Ones() []int {
	ones := make([]int, m.Values.Rows())
	for j := range ones {
		for _, v := range m.Values.Row(j) {
			if v != 0 {
				ones[j]++
			}
		}
	}
	return ones
}

// Total returns the size of all neurons' masks together.
func (m *Mask) Total() int {
	total := 0
	for _, n := range m.Ones() {
		total += n
	}
	return total
}

// FeatureMask returns the masks of all neurons of a layer. phi holds the
// attributions of the layer's inputs, [rows of all images, inputs]; ids are
// the rows of the group's images; sets are the neurons' top sets over that
// group. With the zero config, v_j[k] = 1 if
//
//	max over the first three i of T_j of |φ[ids[i], k]| ≥ 0.05
//
// A neuron without a top set has an empty mask.
func FeatureMask(phi *array.Array, ids []int, sets []neuron.TopSet, cfg MaskConfig) (*Mask, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkAttributions(phi); err != nil {
		return nil, err
	}
	m := &Mask{Values: array.New(len(sets), phi.Width())}
	for j, s := range sets {
		rows, err := lookUp(phi, ids, s, cfg)
		if err != nil {
			return nil, fmt.Errorf("%w (neuron %d)", err, j)
		}
		for k, flagged := range cfg.decide(magnitudes(phi, rows, cfg)) {
			if flagged {
				m.Values.Row(j)[k] = 1
			}
		}
	}
	return m, nil
}

// lookUp returns the rows of phi that decide a neuron's mask.
func lookUp(phi *array.Array, ids []int, s neuron.TopSet, cfg MaskConfig) ([]int, error) {
	positions := s.Positions
	if !cfg.LegacySigned {
		positions = positions[:min(cfg.Images, len(positions))]
	}
	rows := make([]int, len(positions))
	for r, i := range positions {
		if i < 0 || i >= len(ids) {
			return nil, fmt.Errorf("weightshift: top set holds position %d: the group has positions 0…%d", i, len(ids)-1)
		}
		if rows[r] = ids[i]; cfg.LegacyPositions {
			rows[r] = i
		}
		if rows[r] < 0 || rows[r] >= phi.Rows() {
			return nil, fmt.Errorf("weightshift: image id %d has no attributions: there are rows 0…%d", rows[r], phi.Rows()-1)
		}
	}
	return rows, nil
}

// magnitudes returns, for each input, the |φ| that decide about it: at most
// Images values.
func magnitudes(phi *array.Array, rows []int, cfg MaskConfig) [][]float32 {
	out := make([][]float32, phi.Width())
	for k := range out {
		values := make([]float32, len(rows))
		for r, id := range rows {
			values[r] = phi.At(id, k)
		}
		if cfg.LegacySigned {
			slices.SortFunc(values, func(a, b float32) int { return cmp.Compare(b, a) })
			values = values[:min(cfg.Images, len(values))]
		}
		for r, v := range values {
			values[r] = float32(math.Abs(float64(v)))
		}
		out[k] = values
	}
	return out
}

// decide applies the rule to the largest |φ| of each input.
func (c MaskConfig) decide(magnitudes [][]float32) []bool {
	flagged, largest := make([]bool, len(magnitudes)), make([]float32, len(magnitudes))
	order, total := make([]int, len(magnitudes)), 0.0
	for k, values := range magnitudes {
		order[k] = k
		if len(values) > 0 {
			largest[k] = slices.Max(values)
		}
		total += float64(largest[k])
		// Both sides in float32: a value stored as 0.05 reaches 0.05.
		flagged[k] = c.Threshold > 0 && largest[k] >= float32(c.Threshold) && len(values) > 0
	}
	if c.Threshold > 0 {
		return flagged
	}
	// Largest first, ties by input.
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(largest[b], largest[a]) })
	held := 0.0
	for rank, k := range order {
		enough := c.Share > 0 && held >= c.Share*total || c.Top > 0 && rank >= shareOf(c.Top, len(order))
		if enough || largest[k] == 0 {
			break
		}
		flagged[k] = true
		held += float64(largest[k])
	}
	return flagged
}

// shareOf returns share·n rounded up. 0.07 of 100 is 7, though the product is
// a little more in floating point.
func shareOf(share float64, n int) int { return int(math.Ceil(share*float64(n) - 1e-9)) }

func checkAttributions(phi *array.Array) error {
	if err := phi.Check(); err != nil {
		return fmt.Errorf("weightshift: attributions: %w", err)
	}
	if len(phi.Shape) != 2 {
		return fmt.Errorf("weightshift: attributions have shape %v, want [images, inputs]", phi.Shape)
	}
	for i := range phi.Rows() {
		for k, v := range phi.Row(i) {
			if v != v {
				return fmt.Errorf("weightshift: attribution of input %d to image %d is not a number", k, i)
			}
		}
	}
	return nil
}
