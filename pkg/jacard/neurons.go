package jacard

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/neuron"
)

// Neurons looks at every hidden neuron through the images of one cluster.
type Neurons struct {
	artifact.Provenance
	Cluster string
	IDs     []int // global ids of the cluster's images; position p is IDs[p]
	Labels  []int // one a position
	Layers  []NeuronLayer
}

// NeuronLayer holds one ReLU layer.
type NeuronLayer struct {
	Split
	Activations *array.Array // [images, neurons]
	Sets        []neuron.TopSet
	Stats       []neuron.Stats
	Summary     neuron.Summary
	// LegacyAverage is the published average_activation, see fault 9.1. It is
	// empty if the cluster has more images than the layer has neurons, where
	// the published code fails.
	LegacyAverage []float64
}

// Averages are the values that decide which neurons are important: their own
// average activation or, if the study has that fault switched on, the
// published one.
func (l NeuronLayer) Averages(legacy bool) ([]float64, error) {
	if legacy {
		if len(l.LegacyAverage) == 0 {
			return nil, fmt.Errorf("jacard: the published average activation does not exist for a cluster of %d images and %d neurons",
				l.Activations.Rows(), l.Activations.Width())
		}
		return l.LegacyAverage, nil
	}
	out := make([]float64, len(l.Stats))
	for j, n := range l.Stats {
		out[j] = n.AverageActivation
	}
	return out, nil
}

// Neurons records the activations of the cluster's images in every ReLU layer
// and describes each neuron by the images that excite it most.
func (s *Study) Neurons(ctx context.Context, cluster Cluster) (*Neurons, error) {
	if len(cluster.IDs) == 0 {
		return nil, fmt.Errorf("jacard: cluster %q has no images: nothing can be said about its neurons", cluster.Name)
	}
	enc, cls, err := s.trained(ctx)
	if err != nil {
		return nil, err
	}
	type config struct {
		Name       string
		Cluster    []int
		TopK       int
		Legacy     bool
		FourLayers bool
	}
	spec := artifact.Spec{Name: "neurons", Version: 1,
		Config: config{cluster.Name, cluster.IDs, s.Config.Neurons.TopK, s.Config.Legacy.TopSets, s.Config.Legacy.FourLayers},
		Inputs: map[string]string{"encoding": enc.ID, "classifier": cls.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Neurons, error) {
		x, _, err := enc.rows(cluster.IDs)
		if err != nil {
			return nil, fmt.Errorf("cluster %q: %w", cluster.Name, err)
		}
		splits := Splits(cls.Net)
		if s.Config.Legacy.FourLayers {
			splits = splits[1:]
		}
		names := make([]string, len(splits))
		for i, p := range splits {
			names[i] = p.Neurons
		}
		acts, err := cls.Net.Activations(ctx, x, names, network.RunConfig{Backend: s.work.Backend})
		if err != nil {
			return nil, err
		}
		out := &Neurons{Cluster: cluster.Name, IDs: cluster.IDs}
		for _, id := range cluster.IDs {
			out.Labels = append(out.Labels, enc.Labels[id])
		}
		for i, p := range splits {
			l, err := s.describe(p, acts[i], out.Labels)
			if err != nil {
				return nil, err
			}
			out.Layers = append(out.Layers, l)
		}
		return out, nil
	})
}

func (s *Study) describe(p Split, acts *array.Array, labels []int) (NeuronLayer, error) {
	l := NeuronLayer{Split: p, Activations: acts}
	var err error
	if l.Sets, err = neuron.TopSets(acts, neuron.TopConfig{K: s.Config.Neurons.TopK, Legacy: s.Config.Legacy.TopSets}); err != nil {
		return l, err
	}
	if l.Stats, err = neuron.Table(acts, l.Sets, labels); err != nil {
		return l, err
	}
	if l.Summary, err = neuron.Summarise(l.Sets); err != nil {
		return l, err
	}
	if acts.Rows() <= acts.Width() {
		legacy, err := neuron.TopSets(acts, neuron.TopConfig{K: s.Config.Neurons.TopK, Legacy: true})
		if err != nil {
			return l, err
		}
		if l.LegacyAverage, err = neuron.LegacyAverages(acts, legacy); err != nil {
			return l, err
		}
	}
	return l, nil
}

// At returns the neurons that a linear layer feeds.
func (n *Neurons) At(linear int) (NeuronLayer, error) {
	return at(n.Layers, linear, "neurons after")
}

// Table lists all neurons, one row each, as the study's CSV files do.
func (n *Neurons) Table() artifact.Table {
	var layer []string
	var number, size []int64
	var dead []bool
	var class, average, mean, active, legacy []float64
	for _, l := range n.Layers {
		for j, st := range l.Stats {
			layer = append(layer, l.Neurons)
			number = append(number, int64(j))
			dead = append(dead, st.Dead)
			size = append(size, int64(st.SetSize))
			class = append(class, st.ClassAssociation)
			average = append(average, st.AverageActivation)
			mean = append(mean, st.MeanActivation)
			active = append(active, st.ShareActive)
			if len(l.LegacyAverage) > 0 {
				legacy = append(legacy, l.LegacyAverage[j])
			}
		}
	}
	t := artifact.Table{Columns: []artifact.Column{
		{Name: "layer", Values: layer}, {Name: "neuron", Values: number}, {Name: "dead", Values: dead},
		{Name: "set_size", Values: size}, {Name: "class_association", Values: class},
		{Name: "average_activation", Values: average}, {Name: "mean_activation", Values: mean}, {Name: "share_active", Values: active},
	}}
	if len(legacy) > 0 {
		t.Columns = append(t.Columns, artifact.Column{Name: "legacy_average_activation", Values: legacy})
	}
	return t
}

// Similarity compares neurons by the images that excite them: layer by layer
// and across the network.
type Similarity struct {
	artifact.Provenance
	Layers []LayerSimilarity
	// Network holds all neurons, layer after layer: [neurons, neurons].
	Network *array.Array
	LayerOf []int // index into Layers of each neuron of Network
	Alive   []int // neurons of Network with a top set
	// Order lists Alive so that similar neurons are neighbours.
	Order []int
	// Means within and between layers, of neurons that are alive (of all, as
	// published, with legacy top sets), beside their chance level.
	Means []neuron.PairMean
}

// LayerSimilarity is the Jaccard matrix of one layer.
type LayerSimilarity struct {
	Split
	Matrix *array.Array // [neurons, neurons]
	Alive  []int
	Order  []int
}

// Similarity computes the Jaccard index of every two neurons.
func (s *Study) Similarity(ctx context.Context, n *Neurons) (*Similarity, error) {
	type config struct {
		Permutations int
		WithDead     bool
	}
	spec := artifact.Spec{Name: "similarity", Version: 1, Config: config{s.Config.Neurons.Permutations, s.Config.Legacy.TopSets},
		Inputs: map[string]string{"neurons": n.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Similarity, error) {
		out := &Similarity{}
		var all []neuron.TopSet
		var layers [][]neuron.TopSet
		for i, l := range n.Layers {
			ls := LayerSimilarity{Split: l.Split}
			var err error
			if ls.Matrix, ls.Alive, ls.Order, err = compare(l.Sets); err != nil {
				return nil, err
			}
			out.Layers = append(out.Layers, ls)
			all, layers = append(all, l.Sets...), append(layers, l.Sets)
			for range l.Sets {
				out.LayerOf = append(out.LayerOf, i)
			}
		}
		var err error
		if out.Network, out.Alive, out.Order, err = compare(all); err != nil {
			return nil, err
		}
		out.Means, err = neuron.PairMeans(ctx, layers, len(n.IDs), neuron.MeansConfig{
			WithDead: s.Config.Legacy.TopSets, Permutations: s.Config.Neurons.Permutations,
			Seed: s.Config.Seed, Progress: s.work.Progress("chance levels"),
		})
		return out, err
	})
}

// compare gives the matrix of all sets, which of them are alive, and those in
// clustered order.
func compare(sets []neuron.TopSet) (matrix *array.Array, alive, order []int, err error) {
	if matrix, err = neuron.JaccardMatrix(sets); err != nil {
		return nil, nil, nil, err
	}
	alive = neuron.Alive(sets)
	sub, err := submatrix(matrix, alive)
	if err != nil {
		return nil, nil, nil, err
	}
	clustered, err := neuron.ClusteredOrder(sub)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, i := range clustered {
		order = append(order, alive[i])
	}
	return matrix, alive, order, nil
}

// submatrix keeps rows and columns with the given numbers, in that order.
func submatrix(m *array.Array, keep []int) (*array.Array, error) {
	rows, err := m.Select(keep)
	if err != nil {
		return nil, err
	}
	out := array.New(len(keep), len(keep))
	for i := range keep {
		for k, col := range keep {
			out.Row(i)[k] = rows.At(i, col)
		}
	}
	return out, nil
}
