package iris

import (
	"context"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/gojacard/jacard/pkg/artifact"
)

// Stability compares networks of several seeds: what belongs to the problem
// stays, what belongs to the draw does not.
type Stability struct {
	artifact.Provenance
	Runs []Run

	// Match is, for each neuron of the first network that is not dead, the
	// largest correlation of its activations on all 150 rows with those of a
	// neuron of another network, averaged over the other networks. NaN for a
	// dead neuron. Numbers of neurons mean nothing across networks.
	Match []float64
}

// Run is one seed's network. Each has a split of its own.
type Run struct {
	Seed      uint64
	FinalLoss float64  // of the training rows, last epoch
	Test, All Measures // CrossEntropy and rows right

	// Exclusive counts the neurons by the one species they fire for; Shared,
	// Silent and Dead the others, over all rows.
	Exclusive            []int
	Shared, Silent, Dead int
	MeanActive           []float64 // neurons active for a row, mean by species
}

// Stability trains Seeds networks, with a split and initial weights of their
// own, and describes their neurons.
func (s *Study) Stability(ctx context.Context) (*Stability, error) {
	table, err := s.table()
	if err != nil {
		return nil, err
	}
	spec := artifact.Spec{Name: "stability", Version: 1, Config: s.Config, Inputs: map[string]string{"data": table.Features.Hash()}}
	return step(ctx, s, spec, func(ctx context.Context) (*Stability, error) {
		blank, err := s.blank()
		if err != nil {
			return nil, err
		}
		out := &Stability{}
		var networks []*Classifier
		done := s.work.Progress("seeds")
		for i := range s.Config.Seeds {
			seed := s.Config.Seed + uint64(i)
			flowers, err := s.split(table, seed)
			if err != nil {
				return nil, err
			}
			c, err := s.train(ctx, blank, flowers, seed)
			if err != nil {
				return nil, err
			}
			run, err := c.run(seed, flowers)
			if err != nil {
				return nil, err
			}
			out.Runs, networks = append(out.Runs, run), append(networks, c)
			done(i+1, s.Config.Seeds)
		}
		out.Match = matches(networks)
		return out, nil
	})
}

// run describes the network of a seed.
func (c *Classifier) run(seed uint64, flowers *Flowers) (Run, error) {
	r := Run{Seed: seed, FinalLoss: c.Loss[len(c.Loss)-1], Exclusive: make([]int, len(Species)), MeanActive: make([]float64, len(Species))}
	var err error
	if r.Test, err = c.Measure(flowers.Test); err != nil {
		return r, err
	}
	if r.All, err = c.Measure(flowers.All()); err != nil {
		return r, err
	}
	roles, err := c.Roles(flowers.All())
	if err != nil {
		return r, err
	}
	for k := range Species {
		r.Exclusive[k] = len(roles.Of(Exclusive, k))
		for j := range roles.Neurons {
			r.MeanActive[k] += float64(roles.ShareActive.At(j, k))
		}
	}
	r.Shared, r.Silent, r.Dead = len(roles.Of(Shared, -1)), len(roles.Of(Silent, -1)), len(roles.Of(Dead, -1))
	return r, nil
}

// MeanAccuracy is the mean share of test rows right, over the seeds.
func (s *Stability) MeanAccuracy() float64 {
	sum := 0.0
	for _, r := range s.Runs {
		sum += r.Test.Accuracy()
	}
	return sum / float64(len(s.Runs))
}

// LargestLoss is the largest final training loss of any seed.
func (s *Stability) LargestLoss() float64 {
	worst := math.Inf(-1)
	for _, r := range s.Runs {
		worst = max(worst, r.FinalLoss)
	}
	return worst
}

func matches(networks []*Classifier) []float64 {
	out := make([]float64, networks[0].Hidden.Width())
	for j := range out {
		for _, other := range networks[1:] {
			best := math.Inf(-1)
			for k := range other.Hidden.Width() {
				// NaN where a neuron is the same for all rows.
				if r := stat.Correlation(networks[0].neuron(j), other.neuron(k), nil); r > best {
					best = r
				}
			}
			out[j] += best / float64(len(networks)-1)
		}
		if math.IsInf(out[j], 0) || len(networks) == 1 {
			out[j] = math.NaN()
		}
	}
	return out
}

// neuron is the activation of neuron j for all rows.
func (c *Classifier) neuron(j int) []float64 {
	out := make([]float64, c.Hidden.Rows())
	for id := range out {
		out[id] = float64(c.Hidden.At(id, j))
	}
	return out
}
