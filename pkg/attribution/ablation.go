package attribution

import "context"

// Ablation replaces one player at a time, an input or a group of inputs
// ([Query.Groups], such as superpixels), and attributes to it what the target
// loses:
//
//	φ_g(x) = f(x) − mean_b f(x with b in place of g)
//
// The drops of single players do not add up to f(x) − f(b): what two players
// do together is counted for both or for none. The model is evaluated once for
// each row, player and background row. Zeiler and Fergus, 2014, section 4.2;
// captum calls it FeatureAblation.
type Ablation struct {
	Fill Fill // what takes the player's place
}

// Name is "ablation".
func (Ablation) Name() string { return "ablation" }

// Promise: not complete; a background if the fill is not a number; groups.
func (Ablation) Promise() Promise { return Promise{Background: Optional, Groups: true} }

func (m Ablation) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	fill, err := m.Fill.rows(p)
	if err != nil {
		return nil, err
	}
	all := p.drops()
	h := hiding{
		p: p, sets: p.playerSets(),
		donors: fill.Rows(), donor: func(_, i int) []float32 { return fill.Row(i) },
		drop: func(target, row, set int, mean, _ float64) {
			all[target].Layers[0].Values.Row(row)[set] = float32(mean)
		},
	}
	if err := h.run(ctx); err != nil {
		return nil, err
	}
	for t, a := range all {
		a.Outputs = h.outputs[t]
	}
	return all, nil
}
