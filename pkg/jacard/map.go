package jacard

import (
	"context"
	"fmt"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/project"
)

// Map is the projection of all images by their 30 attributions.
type Map struct {
	artifact.Provenance
	Points *array.Array // [rows, 2]; axes have no meaning
	Labels []int
	KL     float64 // what t-SNE minimised

	KNNAccuracy     float64 // 10 nearest neighbours in the map, label of the majority
	Purity          float64 // mean share of the 10 neighbours with the same label
	Silhouette      float64 // by label, of up to 5,000 rows
	Trustworthiness float64 // 10 neighbours, against cosine neighbours of the attributions
}

// Map projects the input attributions of all images by t-SNE with cosine
// distance, and measures how far the map can be trusted.
func (s *Study) Map(ctx context.Context) (*Map, error) {
	att, err := s.Attributions(input(ctx))
	if err != nil {
		return nil, err
	}
	enc, err := s.Encode(input(ctx))
	if err != nil {
		return nil, err
	}
	spec := artifact.Spec{Name: "map", Version: 1, Config: s.Config.Projection, Inputs: map[string]string{"attributions": att.ID, "encoding": enc.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Map, error) {
		in, err := att.At(0)
		if err != nil {
			return nil, err
		}
		result, err := project.TSNE(ctx, in.Values, project.TSNEConfig{
			Metric: project.Cosine, Perplexity: s.Config.Projection.Perplexity, Iterations: s.Config.Projection.Iterations,
			Seed: s.Config.Seed, Progress: s.work.Progress("t-SNE"),
		})
		if err != nil {
			return nil, err
		}
		m := &Map{Points: result.Points, Labels: enc.Labels, KL: result.KL}
		return m, m.measure(in.Values, s.Config.Seed)
	})
}

// neighbours is the k of all neighbour measures, the study's and the peers'.
const neighbours = 10

func (m *Map) measure(x *array.Array, seed uint64) (err error) {
	if m.KNNAccuracy, m.Purity, err = project.KNNAccuracy(m.Points, m.Labels, neighbours); err != nil {
		return err
	}
	silhouettes, err := project.Silhouette(m.Points, m.Labels, project.SilhouetteConfig{Sample: min(5000, len(m.Labels)), Seed: seed})
	if err != nil {
		return err
	}
	m.Silhouette = silhouettes.Mean
	m.Trustworthiness, err = project.Trustworthiness(x, m.Points, neighbours, project.Cosine)
	return err
}

// NeuronMap is the projection of neurons by the rows of their similarity
// matrix.
type NeuronMap struct {
	artifact.Provenance
	Neurons         []int        // number in the network's order of each point
	Points          *array.Array // [neurons, 2]
	Trustworthiness float64      // 10 neighbours, against the cosine of the rows
}

// NeuronMap projects the neurons that are alive (all of them with legacy top
// sets) by t-SNE with cosine distance between rows of the similarity matrix,
// as the study does (fault 9.16): the neurons of the whole network, or those
// after the given linear layers only.
func (s *Study) NeuronMap(ctx context.Context, sim *Similarity, linear ...int) (*NeuronMap, error) {
	for _, l := range linear {
		if _, err := at(sim.Layers, l, "neurons after"); err != nil {
			return nil, err
		}
	}
	keep := sim.Alive
	if s.Config.Legacy.TopSets {
		keep = idRange(0, sim.Network.Rows())
	}
	if len(linear) > 0 {
		keep = slices.DeleteFunc(slices.Clone(keep), func(n int) bool {
			return !slices.Contains(linear, sim.Layers[sim.LayerOf[n]].Linear)
		})
	}
	type config struct {
		Perplexity float64
		Linear     []int
	}
	spec := artifact.Spec{Name: "neuron map", Version: 2, Config: config{s.Config.Neurons.MapPerplex, linear}, Inputs: map[string]string{"similarity": sim.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*NeuronMap, error) {
		if len(keep) <= int(3*s.Config.Neurons.MapPerplex) {
			return nil, fmt.Errorf("%d neurons are alive: a map with perplexity %g needs more than %g; lower Neurons.MapPerplex or look at the heat map",
				len(keep), s.Config.Neurons.MapPerplex, 3*s.Config.Neurons.MapPerplex)
		}
		rows, err := submatrix(sim.Network, keep)
		if err != nil {
			return nil, err
		}
		result, err := project.TSNE(ctx, rows, project.TSNEConfig{Metric: project.Cosine, Perplexity: s.Config.Neurons.MapPerplex, Seed: s.Config.Seed})
		if err != nil {
			return nil, err
		}
		out := &NeuronMap{Neurons: keep, Points: result.Points}
		out.Trustworthiness, err = project.Trustworthiness(rows, out.Points, neighbours, project.Cosine)
		return out, err
	})
}
