package attribution

import (
	"context"
	"fmt"
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
// Targets of one layer share forward passes. A layer that a path of the model
// runs around is refused: its values could not add up. So is a model that
// computes in half precision, whose rounding is above the gap that counts as
// complete, and an operation without a rule ([ErrUnsupported]).
//
// Shrikumar et al., 2017, section 3.5.1; Lundberg and Lee, 2017.
type Rescale struct {
	// AveragedSoftmax divides softmax and log Σ exp by their Jacobian, averaged
	// over the straight line between the logits of the background row and
	// those of the row (32 points of Gauss and Legendre's rule): the values of
	// integrated gradients for that operation. The default is a closed form,
	// exact for any distance, see [Rescale]'s documentation in docs/attribution.md.
	AveragedSoftmax bool
}

// Name is "rescale".
func (Rescale) Name() string { return "rescale" }

// Promise: complete, against a background, for every layer.
func (Rescale) Promise() Promise {
	return Promise{Complete: true, Background: Required, Layers: true}
}

func (m Rescale) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	all := make([]*Attribution, len(p.targets))
	byLayer := map[string][]int{} // targets of a layer share a compiled graph
	var order []string
	for i, t := range p.targets {
		all[i] = p.result()
		if byLayer[t.Layer] == nil {
			order = append(order, t.Layer)
		}
		byLayer[t.Layer] = append(byLayer[t.Layer], i)
	}
	done := 0
	for _, layer := range order {
		n, err := p.rescale(ctx, m, layer, byLayer[layer], all, done)
		if err != nil {
			return nil, err
		}
		done += n
	}
	return all, nil
}

// rescale explains the given targets, all of one layer. It returns the work
// done, in rows times targets, for progress.
func (p *problem) rescale(ctx context.Context, m Rescale, layer string, targets []int, all []*Attribution, done int) (int, error) {
	r, err := newRescaler(p, m, layer, len(targets))
	if err != nil {
		return 0, err
	}
	defer r.close()
	rows := p.Rows.Rows()
	for at := range slices.Chunk(targets, r.targets) {
		for from := 0; from < rows; from += r.block {
			to := min(from+r.block, rows)
			if err := r.explain(ctx, at, from, to, all); err != nil {
				if ctx.Err() != nil {
					err = fmt.Errorf("stopped after %d of %d rows: %w", from, rows, err)
				}
				return 0, err
			}
			p.Progress(done+(to-from)*len(at), rows*len(p.targets))
			done += (to - from) * len(at)
		}
	}
	return rows * len(targets), nil
}
