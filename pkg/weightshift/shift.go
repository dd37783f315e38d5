package weightshift

import (
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
)

// Mode says which weights of the important neurons are shifted.
type Mode string

// The three modes.
const (
	ImportantInputs   Mode = "important"   // those of the mask
	UnimportantInputs Mode = "unimportant" // all others
	RandomInputs      Mode = "random"      // as many as in the mask, drawn for each neuron
)

// Modes lists all modes.
func Modes() []Mode { return []Mode{ImportantInputs, UnimportantInputs, RandomInputs} }

// Part says what may be shifted in one dense layer.
type Part struct {
	Layer   string // as [network.Network.LayerNames] has it: "dense0"
	Neurons []int  // important neurons of the layer, ascending
	Mask    *Mask  // [neurons, inputs] as the layer's weights
}

// Shift is a change of weights.
type Shift struct {
	Parts []Part // layers that change together
	Mode  Mode
	Delta float64
	Seed  uint64 // of the random masks

	// LegacyRows gives row i of the weights the mask of the i-th important
	// neuron, as the published study does: most rows get another neuron's
	// mask, and the last rows none.
	LegacyRows bool
}

// Apply returns a shifted copy of the network: in every part, Delta is added
// to the chosen weights of the important neurons. It proves by hash that net
// stayed as it was. A shift by 0 gives the same hash.
func Apply(net *network.Network, s Shift) (*network.Network, error) {
	before := net.Hash()
	shifted, _, err := apply(net, s)
	if err != nil {
		return nil, err
	}
	if after := net.Hash(); after != before {
		return nil, fmt.Errorf("weightshift: the original network changed from %.12s to %.12s while a copy was shifted: its arrays are written to elsewhere", before, after)
	}
	return shifted, nil
}

// apply also counts the weights that are not the same any more.
func apply(net *network.Network, s Shift) (*network.Network, int, error) {
	if math.IsNaN(s.Delta) || math.IsInf(s.Delta, 0) {
		return nil, 0, fmt.Errorf("weightshift: Delta %g: want a finite number", s.Delta)
	}
	if !slices.Contains(Modes(), s.Mode) {
		return nil, 0, fmt.Errorf("weightshift: mode %q: there are %q", s.Mode, Modes())
	}
	params, total := net.Parameters(), 0
	for i, p := range s.Parts {
		if slices.ContainsFunc(s.Parts[:i], func(q Part) bool { return q.Layer == p.Layer }) {
			return nil, 0, fmt.Errorf("weightshift: layer %q is in two parts of one shift", p.Layer)
		}
		name := p.Layer + ".weight"
		weights, err := params.Get(name)
		if err != nil {
			return nil, 0, fmt.Errorf("weightshift: layer %q: %w", p.Layer, err)
		}
		if err := p.check(weights); err != nil {
			return nil, 0, err
		}
		changed, count := p.shift(weights, s)
		params, total = params.With(name, changed), total+count
	}
	shifted, err := net.WithParameters(params)
	if err != nil {
		return nil, 0, fmt.Errorf("weightshift: %w", err)
	}
	return shifted, total, nil
}

// check tells whether neurons and mask are those of the weights, [out, in].
func (p Part) check(weights *array.Array) error {
	if len(weights.Shape) != 2 {
		return fmt.Errorf("weightshift: layer %q has weights of shape %v: only dense layers can be shifted", p.Layer, weights.Shape)
	}
	var shape []int
	if p.Mask != nil && p.Mask.Values != nil {
		shape = p.Mask.Values.Shape
	}
	if !slices.Equal(shape, weights.Shape) {
		return fmt.Errorf("weightshift: layer %q has weights of shape %v, its mask %v: want a mask from attributions of this layer's inputs and top sets of its neurons",
			p.Layer, weights.Shape, shape)
	}
	for at, v := range p.Mask.Values.Data {
		if v != 0 && v != 1 {
			return fmt.Errorf("weightshift: layer %q: mask of neuron %d holds %g: want 0 or 1", p.Layer, at/shape[1], v)
		}
	}
	for i, j := range p.Neurons {
		if j < 0 || j >= weights.Rows() || i > 0 && j <= p.Neurons[i-1] {
			return fmt.Errorf("weightshift: layer %q: neurons %v: want ascending numbers in 0…%d", p.Layer, p.Neurons, weights.Rows()-1)
		}
	}
	return nil
}

// shift returns changed weights and how many differ from before.
func (p Part) shift(weights *array.Array, s Shift) (*array.Array, int) {
	out, changed := weights.Clone(), 0
	if s.Delta == 0 { // −0 + 0 would be +0
		return out, 0
	}
	delta := float32(s.Delta)
	chosen := p.chosen(s)
	for i, j := range p.Neurons {
		row := out.Row(j)
		if s.LegacyRows {
			row = out.Row(i)
		}
		for k, yes := range chosen[i] {
			if yes {
				old := row[k]
				if row[k] += delta; row[k] != old {
					changed++
				}
			}
		}
	}
	return out, changed
}

// chosen returns, for each important neuron, the inputs that are shifted. The
// random draws of a layer depend on seed, layer, and the masks' sizes.
func (p Part) chosen(s Shift) [][]bool {
	rng := random.Stream(s.Seed, "weightshift: random mask of "+p.Layer)
	chosen, ones := make([][]bool, len(p.Neurons)), p.Mask.Ones()
	for i, j := range p.Neurons {
		mask := p.Mask.Values.Row(j)
		chosen[i] = make([]bool, len(mask))
		if s.Mode == RandomInputs {
			for _, k := range rng.Perm(len(mask))[:ones[j]] {
				chosen[i][k] = true
			}
			continue
		}
		for k, v := range mask {
			chosen[i][k] = (v != 0) == (s.Mode == ImportantInputs)
		}
	}
	return chosen
}
