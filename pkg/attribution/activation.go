package attribution

import "context"

// Activation is what a layer itself says, whatever the target: its values for
// each row, such as the feature maps of a convolution. It is here so that maps
// of activations and of attributions are asked for, and drawn, alike.
type Activation struct{}

// Name is "activation".
func (Activation) Name() string { return "activation" }

// Promise: no sum, no background; for every layer.
func (Activation) Promise() Promise { return Promise{Layers: true} }

func (Activation) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	all := p.results()
	for k, layer := range p.Layers {
		values, _, err := p.ends(ctx, layer)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			copy(a.Layers[k].Values.Data, values.Data)
		}
		p.Progress(k+1, len(p.Layers))
	}
	return all, p.targetLayers(func(layer string, targets []int) error {
		return p.evaluate(ctx, layer, all, targets)
	})
}
