package attribution

import (
	"context"
	"slices"
)

// Rescale is DeepLIFT's rescale rule, averaged over the background (DeepSHAP):
//
//	φ_k(x) = mean_b M_k(x, b)·(h_k(x) − h_k(b))
//
// where the multipliers M run backwards through the model's graph: linear
// operations transpose their weights, an elementwise function g multiplies by
// (g(z_x) − g(z_b))/(z_x − z_b), products, softmax and maxima have rules that
// keep Σφ = f(x) − mean_b f(b) exactly. It is complete, but not the Shapley
// value: interactions within one operation are divided by the rule.
//
// A layer that a path of the model runs around is refused: its values could
// not add up.
//
// Shrikumar et al., 2017, section 3.5.1; Lundberg and Lee, 2017.
type Rescale struct{}

// Name is "rescale".
func (Rescale) Name() string { return "rescale" }

// Promise: complete, against a background, for every layer.
func (Rescale) Promise() Promise {
	return Promise{Complete: true, Background: Required, Layers: true}
}

func (Rescale) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	var all []*Attribution
	for _, t := range p.targets {
		a := p.result()
		for unit, rows := range rowsByUnit(t, p.Rows.Rows()) {
			if len(rows) == 0 {
				continue
			}
			if err := p.rescale(ctx, a, Target{Layer: t.Layer, Output: unit}, rows); err != nil {
				return nil, err
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// rowsByUnit lists for each unit the rows it explains.
func rowsByUnit(t Target, rows int) [][]int {
	most := t.Output
	if t.Outputs != nil {
		most = slices.Max(t.Outputs)
	}
	by := make([][]int, most+1)
	for i := range rows {
		by[t.unit(i)] = append(by[t.unit(i)], i)
	}
	return by
}

// rescale explains one unit of the given rows.
func (p *problem) rescale(ctx context.Context, a *Attribution, t Target, rows []int) error {
	x, err := p.Rows.Select(rows)
	if err != nil {
		return err
	}
	r, err := newRescaler(p, t, len(rows))
	if err != nil {
		return err
	}
	defer r.close()
	part := p.result()
	part.Outputs.Data = part.Outputs.Data[:len(rows)]
	if err := r.attribute(ctx, x, part); err != nil {
		return err
	}
	base := r.baseValue()
	for i, row := range rows {
		a.Outputs.Data[row], a.BaseValues[row] = part.Outputs.Data[i], base
		for k := range a.Layers {
			copy(a.Layers[k].Values.Row(row), part.Layers[k].Values.Row(i))
		}
	}
	return nil
}
