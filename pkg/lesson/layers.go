package lesson

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/project"
)

// Layers is the number of layers as the lesson counts them: the input is 1,
// each hidden layer after its ReLU is one, the softmax output is the last.
func (c *Classifier) Layers() int { return len(c.taps()) + 1 }

// taps are the network's names of layers 2, 3 …
func (c *Classifier) taps() []string {
	names := c.Net.LayerNames()
	var out []string
	for i := 1; i < len(names); i += 2 { // dense, relu, dense, relu, dense, softmax
		out = append(out, names[i])
	}
	return out
}

// LayerOutput returns what a layer gives for rows x, [rows, units]. Layer 1 is
// the input and returns x itself.
func (s *Study) LayerOutput(ctx context.Context, c *Classifier, x *array.Array, layer int) (*array.Array, error) {
	if layer < 1 || layer > c.Layers() {
		return nil, fmt.Errorf("lesson: layer %d: the network has layers 1 (the input) to %d (the probabilities)", layer, c.Layers())
	}
	if layer == 1 {
		return x, nil
	}
	out, err := c.Net.Activations(ctx, x, []string{c.taps()[layer-2]}, network.RunConfig{Backend: s.work.Backend})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// Probabilities are what the network predicts for rows x, [rows, 10].
func (s *Study) Probabilities(ctx context.Context, c *Classifier, x *array.Array) (*array.Array, error) {
	return c.Net.Predict(ctx, x, network.RunConfig{Backend: s.work.Backend})
}

// Embeddings holds a map of every layer for the first training rows.
type Embeddings struct {
	artifact.Provenance
	Perplexity float64
	Labels     []int
	Layers     []Embedding
}

// Embedding is the map of one layer's outputs.
type Embedding struct {
	Layer  int          // 1 = the input
	Units  int          // of the layer
	Points *array.Array // [rows, 2]
	KL     float64

	// Shares of rows whose ten nearest others mostly have its label: in the
	// layer's own space, and on the map.
	Accuracy, MapAccuracy float64
}

// Embeddings lays the outputs of every layer out in the plane: t-SNE from a
// random start.
func (s *Study) Embeddings(ctx context.Context) (*Embeddings, error) {
	inputs, err := s.inputs()
	if err != nil {
		return nil, err
	}
	spec := artifact.Spec{Name: "lesson-embeddings", Version: 1, Config: s.Config.Projection, Inputs: inputs}
	return step(ctx, s, spec, func(ctx context.Context) (*Embeddings, error) {
		sample, c, err := s.sampleAndClassifier(ctx)
		if err != nil {
			return nil, err
		}
		x, err := sample.Images.Select(firstRows(s.Config.Projection.Rows))
		if err != nil {
			return nil, err
		}
		out := &Embeddings{Perplexity: s.Config.Projection.Perplexity, Labels: sample.Labels[:x.Rows()]}
		for layer := 1; layer <= c.Layers(); layer++ {
			e, err := s.embed(ctx, c, x, out.Labels, layer)
			if err != nil {
				return nil, fmt.Errorf("layer %d: %w", layer, err)
			}
			out.Layers = append(out.Layers, e)
		}
		return out, nil
	})
}

func (s *Study) embed(ctx context.Context, c *Classifier, x *array.Array, labels []int, layer int) (Embedding, error) {
	const neighbours = 10
	values, err := s.LayerOutput(ctx, c, x, layer)
	if err != nil {
		return Embedding{}, err
	}
	e := Embedding{Layer: layer, Units: values.Width()}
	m, err := project.TSNE(ctx, values, project.TSNEConfig{
		Perplexity: s.Config.Projection.Perplexity, Iterations: s.Config.Projection.Iterations,
		Init: project.InitRandom, Seed: s.Config.Seed, Progress: s.work.Progress(fmt.Sprintf("map of layer %d", layer)),
	})
	if err != nil {
		return e, err
	}
	e.Points, e.KL = m.Points, m.KL
	if e.Accuracy, _, err = project.KNNAccuracy(values, labels, neighbours); err != nil {
		return e, err
	}
	e.MapAccuracy, _, err = project.KNNAccuracy(m.Points, labels, neighbours)
	return e, err
}

func firstRows(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
