package attribution

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// LRP is layer-wise relevance propagation: f(x) is handed back from the
// output, layer by layer, in shares that a rule for each layer decides:
//
//	R_i = Σ_j contribution_ij / Σ_i contribution_ij · R_j
//
// where ε, γ, z⁺, αβ … differ in what they count as contribution
// ([LRPRule]). Which layer has which rule is the composite, the fields below.
// The zero value has the ε-rule everywhere; see also [EpsilonPlus],
// [EpsilonGammaBox], [EpsilonAlpha2Beta1] and their variants.
//
// A layer is an operation with weights together with its bias and the batch
// normalisation behind it, folded into one affine map. What else happens to
// values has no rule to choose: ReLU and other elementwise functions pass
// relevance on, pools of means and sums of branches divide it as their terms,
// maxima give it to the winner, dot products of two activations give each
// half, a normaliser as in layer normalisation gets nothing (Ali et al.,
// 2022), softmax hands back the relevance of its linear part (Achtibat et al.,
// 2024). To explain a class, explain its logit: a sigmoid or softmax at the
// end divides a probability as if it were one.
//
// Biases, stabilisers and constants keep the relevance they contribute. Their
// share is counted on the way, [LayerAttribution.Absorbed], so that
//
//	Σ_k φ_k(x) + absorbed(x) = f(x)
//
// can be checked in every row and layer, and is. Batch normalisation that
// follows no layer with weights is a layer by itself, by the ε-rule.
//
// LRP depends on how the model is written. Bach et al., 2015; Montavon et al.,
// 2019.
type LRP struct {
	// Dense is the rule for dense layers: weights that serve one place of a
	// row. nil means [EpsilonRule].
	Dense LRPRule

	// Conv is the rule for convolutions: the same weights serve several places.
	// nil means [EpsilonRule].
	Conv LRPRule

	// First is the rule for layers with no weights before them. nil: by kind.
	First LRPRule

	// Layers are rules for single layers, before all others.
	Layers []LRPLayer

	// SeparateNorm divides a batch normalisation after a layer by itself, with
	// the ε-rule, instead of folding it into the layer: as captum does. The
	// model must tap the layer before it.
	SeparateNorm bool
}

// LRPLayer is a rule for the layer that a model taps under a name.
type LRPLayer struct {
	Layer string
	Rule  LRPRule
}

// EpsilonPlus is z⁺ for convolutions, ε for dense layers.
func EpsilonPlus() LRP { return LRP{Conv: ZPlusRule{}} }

// EpsilonPlusFlat is [EpsilonPlus] with the flat rule for first layers.
func EpsilonPlusFlat() LRP { return LRP{Conv: ZPlusRule{}, First: FlatRule{}} }

// EpsilonGammaBox is γ = 0.25 for convolutions, ε for dense layers and the box
// rule for first layers, for inputs between low and high: one number each, or
// one for each value of a row. Montavon et al., 2019, table 10.1.
func EpsilonGammaBox(low, high []float32) LRP {
	return LRP{Conv: GammaRule{}, First: BoxRule{Low: low, High: high}}
}

// EpsilonAlpha2Beta1 is αβ with α = 2, β = 1 for convolutions, ε for dense
// layers.
func EpsilonAlpha2Beta1() LRP { return LRP{Conv: AlphaBetaRule{}} }

// EpsilonAlpha2Beta1Flat is [EpsilonAlpha2Beta1] with the flat rule for first
// layers.
func EpsilonAlpha2Beta1Flat() LRP { return LRP{Conv: AlphaBetaRule{}, First: FlatRule{}} }

// Name is "LRP", with the rules of convolutions and first layers if they have
// their own, in letters that every font has: "LRP z+ flat".
func (m LRP) Name() string {
	name := "LRP"
	for _, rule := range []LRPRule{m.Conv, m.First} {
		if rule != nil {
			name += " " + plainLetters.Replace(rule.String())
		}
	}
	return name
}

var plainLetters = strings.NewReplacer("⁺", "+", "ᴮ", "B")

// Promise: complete with what biases absorb, no background, every layer.
func (LRP) Promise() Promise { return Promise{Complete: true, Layers: true} }

func (m LRP) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	c, err := m.chooser(p)
	if err != nil {
		return nil, err
	}
	all := p.results()
	for _, a := range all {
		for i := range a.Layers {
			a.Layers[i].Absorbed = make([]float64, p.Rows.Rows())
		}
	}
	rows, done := p.Rows.Rows(), 0
	err = p.targetLayers(func(layer string, targets []int) error {
		jobs := rows * len(targets)
		d, err := p.newDiffer(derivative{
			target: layer, from: Input, layers: p.Layers, carries: true,
			relevance: &walk.Relevance{Recipe: c.recipe, Separate: m.SeparateNorm},
		}, jobs)
		if err != nil {
			return err
		}
		defer d.close()
		return d.sweep(ctx, jobs, func(i int, j *job) {
			row, t := i%rows, targets[i/rows]
			copy(j.point, p.Rows.Row(row))
			j.unit = p.targets[t].unit(row)
		}, func(i int, f float32, values [][]float32) {
			row, a := i%rows, all[targets[i/rows]]
			a.Outputs.Data[row] = f
			for l := range a.Layers {
				copy(a.Layers[l].Values.Row(row), values[l])
				a.Layers[l].Absorbed[row] = float64(values[len(a.Layers)+l][0])
			}
			done++
			if (i+1)%d.batch == 0 || i+1 == jobs {
				p.Progress(done, rows*len(p.targets))
			}
		})
	})
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if !c.used[l.Layer] {
			return nil, fmt.Errorf("rule %s for layer %q, which has no weights on the way to the target", l.Rule, l.Layer)
		}
	}
	return all, nil
}

// chooser finds the rule of a layer.
type chooser struct {
	LRP
	used map[string]bool // names in Layers whose rule was asked for
}

// chooser checks the settings.
func (m LRP) chooser(p *problem) (*chooser, error) {
	rules := []LRPRule{m.Dense, m.Conv, m.First}
	for i, l := range m.Layers {
		if _, ok := p.outline.shapes[l.Layer]; !ok || l.Layer == "" {
			return nil, fmt.Errorf("rule for layer %q, which does not exist: %s", l.Layer, p.outline.list())
		}
		if l.Rule == nil || slices.ContainsFunc(m.Layers[:i], func(o LRPLayer) bool { return o.Layer == l.Layer }) {
			return nil, fmt.Errorf("rule for layer %q: want one, and not nil", l.Layer)
		}
		rules = append(rules, l.Rule)
	}
	for _, r := range rules {
		if r == nil {
			continue
		}
		if err := r.check(p.Rows.Width()); err != nil {
			return nil, err
		}
	}
	return &chooser{LRP: m, used: map[string]bool{}}, nil
}

// recipe is called while the graph is built, for layers from the output down.
func (c *chooser) recipe(layer walk.Affine) walk.Recipe {
	for _, l := range c.Layers {
		if slices.Contains(layer.Names, l.Layer) && layer.Weights {
			c.used[l.Layer] = true
			return l.Rule.recipe()
		}
	}
	rule := c.Dense
	switch {
	case !layer.Weights:
		rule = EpsilonRule{Epsilon: stabiliser}
	case layer.First && c.First != nil:
		rule = c.First
	case layer.Shared:
		rule = c.Conv
	}
	if rule == nil {
		rule = EpsilonRule{}
	}
	return rule.recipe()
}

// String lists the rules, for provenance.
func (m LRP) String() string {
	text := func(r LRPRule) string {
		if r == nil {
			r = EpsilonRule{}
		}
		return r.String()
	}
	parts := []string{"dense " + text(m.Dense), "conv " + text(m.Conv)}
	if m.First != nil {
		parts = append(parts, "first "+text(m.First))
	}
	for _, l := range m.Layers {
		parts = append(parts, l.Layer+" "+text(l.Rule))
	}
	if m.SeparateNorm {
		parts = append(parts, "batch norm by itself")
	}
	return strings.Join(parts, ", ")
}
