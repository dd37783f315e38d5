package attribution

import (
	"context"
	"fmt"
	"math"

	streams "github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// Permutation gives one player at a time, an input or a group of inputs
// ([Query.Groups]), its values in another row, and attributes to it what the
// target loses on average:
//
//	φ_g(x_i) = mean_r f(x_i) − f(x_i with g of row π_r(i))
//
// where π_r are random orders of the rows, the same for all players. The
// players keep their distribution and lose their tie to the rest of the row.
// The mean of |φ| or φ over the rows is a player's importance for the model on
// these rows; see also [Ablation] with the rows as background, which is the
// mean over all orders. captum calls it FeaturePermutation.
type Permutation struct {
	// Repeats is the number of orders drawn. 0 means 10. With 1 there are no
	// standard errors.
	Repeats int
}

// Name is "permutation".
func (Permutation) Name() string { return "permutation" }

// Promise: not complete; no background; groups, the same for all rows;
// standard errors.
func (Permutation) Promise() Promise { return Promise{Groups: true, Sampled: true} }

func (m Permutation) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	repeats := m.Repeats
	if repeats == 0 {
		repeats = 10
	}
	rows := p.Rows.Rows()
	switch {
	case repeats < 0:
		return nil, fmt.Errorf("%d repeats: want 1 or more, or 0 for 10", repeats)
	case rows < 2:
		return nil, fmt.Errorf("%d row: values are exchanged between rows, give at least 2", rows)
	case len(p.Groups) > 1:
		return nil, fmt.Errorf("%d partitions in Groups: values are exchanged between rows, which needs one partition for all", len(p.Groups))
	}
	stream := streams.Stream(p.Seed, "permutation")
	orders := make([][]int, repeats)
	for r := range orders {
		orders[r] = stream.Perm(rows)
	}
	all := p.drops()
	if repeats > 1 {
		for _, a := range all {
			a.Layers[0].Errors = array.New(a.Layers[0].Values.Shape...)
		}
	}
	h := hiding{
		p: p, sets: p.playerSets(),
		donors: repeats, donor: func(row, i int) []float32 { return p.Rows.Row(orders[i][row]) },
		drop: func(target, row, set int, mean, variance float64) {
			l := all[target].Layers[0]
			l.Values.Row(row)[set] = float32(mean)
			if l.Errors != nil {
				l.Errors.Row(row)[set] = float32(math.Sqrt(variance / float64(repeats-1)))
			}
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
