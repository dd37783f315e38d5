package iris

import "github.com/gojacard/jacard/pkg/array"

// Roles says which neurons fire for which species, over some rows.
type Roles struct {
	Rows []int // ids

	// ShareActive [neurons, species] is the share of the species' rows with
	// activation > 0, MeanActivation the mean over all of them. NaN where a
	// species has no row.
	ShareActive, MeanActivation *array.Array

	Neurons []Role // in the order of the neurons
}

// Role names what a neuron does.
type Role struct {
	Neuron int
	// Species for which it is active in at least half of the rows.
	Species []int
	Kind    Kind
}

// Kind of a neuron.
type Kind string

// The kinds. A neuron may be silent, active in less than half of the rows of
// every species, without being dead.
const (
	Exclusive Kind = "exclusive" // for one species
	Shared    Kind = "shared"    // by several
	Silent    Kind = "silent"    // for all, mostly
	Dead      Kind = "dead"      // zero on all rows
)

// Roles describes the neurons over the rows with these ids.
func (c *Classifier) Roles(ids []int) (*Roles, error) {
	if err := c.check(ids...); err != nil {
		return nil, err
	}
	neurons := c.Hidden.Width()
	r := &Roles{Rows: ids, ShareActive: array.New(neurons, len(Species)), MeanActivation: array.New(neurons, len(Species))}
	for j := range neurons {
		active, sum, count := make([]int, len(Species)), make([]float64, len(Species)), make([]int, len(Species))
		all := 0
		for _, id := range ids {
			k, a := c.Labels[id], c.Hidden.At(id, j)
			count[k]++
			sum[k] += float64(a)
			if a > 0 {
				active[k]++
				all++
			}
		}
		role := Role{Neuron: j}
		for k, n := range count {
			share := float64(active[k]) / float64(n) // NaN for 0/0
			r.ShareActive.Row(j)[k] = float32(share)
			r.MeanActivation.Row(j)[k] = float32(sum[k] / float64(n))
			if share >= 0.5 {
				role.Species = append(role.Species, k)
			}
		}
		switch {
		case all == 0:
			role.Kind = Dead
		case len(role.Species) == 0:
			role.Kind = Silent
		case len(role.Species) == 1:
			role.Kind = Exclusive
		default:
			role.Kind = Shared
		}
		r.Neurons = append(r.Neurons, role)
	}
	return r, nil
}

// Of lists the neurons of a kind; species −1 takes all, else those with this
// one among their species.
func (r *Roles) Of(kind Kind, species int) []int {
	var out []int
	for _, n := range r.Neurons {
		fits := species < 0
		for _, k := range n.Species {
			fits = fits || k == species
		}
		if n.Kind == kind && fits {
			out = append(out, n.Neuron)
		}
	}
	return out
}
