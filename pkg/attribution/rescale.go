package attribution

import (
	"cmp"
	"context"
	"fmt"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// RescaleConfig is what [Rescale] can be told. Its zero value is ready to use.
type RescaleConfig struct {
	// Layers to attribute to: names that the model taps, or [Input]. All come
	// from one walk over the graph. Empty means the input alone.
	Layers []string

	// PairsPerBatch bounds the (row, background row) pairs held at once. 0
	// means as many as give 3 MB in the model's widest layer.
	PairsPerBatch int

	// MaxGap is the largest completeness gap accepted, as a share of
	// [Attribution.Scale]. 0 means 1e-4.
	MaxGap float64

	// Backend computes. nil means the process's default.
	Backend compute.Backend

	// Progress, if not nil, is called after each batch with the number of
	// finished rows.
	Progress func(done, total int)
}

func (c RescaleConfig) withDefaults() (RescaleConfig, error) {
	if c.PairsPerBatch < 0 || !(c.MaxGap >= 0) {
		return c, fmt.Errorf("attribution: PairsPerBatch %d or MaxGap %g is negative", c.PairsPerBatch, c.MaxGap)
	}
	c.MaxGap = cmp.Or(c.MaxGap, 1e-4)
	if len(c.Layers) == 0 {
		c.Layers = []string{Input}
	}
	if c.Backend == nil {
		b, err := backend.Default()
		if err != nil {
			return c, err
		}
		c.Backend = b
	}
	return c, nil
}

// Rescale attributes target to the input and to hidden layers by DeepLIFT's
// rescale rule, averaged over the background (DeepSHAP):
//
//	φ_k(x) = mean_b M_k(x, b)·(h_k(x) − h_k(b))
//
// where the multipliers M run backwards through the model's graph: linear
// operations transpose their weights, an elementwise function g multiplies by
// (g(z_x) − g(z_b))/(z_x − z_b), products, softmax and maxima have rules that
// keep Σφ = f(x) − mean_b f(b) exactly. It is complete, but not the Shapley
// value: interactions within one operation are divided by the rule.
//
// Errors: rows or background empty, not finite or of different shapes; target
// or layer unknown; a layer that a path of the model runs around; an operation
// without a rule ([ErrUnsupported]); a gap above MaxGap ([GapError]). Except
// for the last they come before anything is computed. The same call on the
// same backend returns the same bytes.
//
// Shrikumar et al., 2017, section 3.5.1; Lundberg and Lee, 2017.
func Rescale(ctx context.Context, m Model, rows, background *array.Array, target Target, cfg RescaleConfig) (*Attribution, error) {
	if err := checkRows(rows, background); err != nil {
		return nil, err
	}
	r, err := newRescaler(m, background, target, cfg, rows.Rows())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Attribute(ctx, rows)
}
