package iris

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/metric"
	"github.com/gojacard/jacard/pkg/network"
)

// Classifier is the trained network and what it computes for all flowers.
type Classifier struct {
	artifact.Provenance
	Net  *network.Network
	Loss []float64 // cross-entropy of the training rows by epoch, before its step

	Hidden    *array.Array // [150, neurons] after ReLU
	Logits    *array.Array // [150, species]
	Predicted []int        // species by id

	// What it was trained on, as in [Flowers].
	Values      *array.Array
	Labels      []int
	Train, Test []int
}

// Measures compares predictions with species over some rows.
type Measures struct {
	Rows         int
	Right        int
	CrossEntropy float64 // mean over the rows
	Confusion    metric.Confusion
}

// Accuracy is Right / Rows.
func (m Measures) Accuracy() float64 { return float64(m.Right) / float64(m.Rows) }

// layers of the network, by name: dense0, relu1, dense2.
const (
	hiddenLayer = "relu1"
	hiddenDense = "dense0"
	outputDense = "dense2"
)

// Classifier trains 4 → Hidden ReLU → 3 by cross-entropy of logits with Adam,
// one full batch an epoch, and runs it on all rows.
func (s *Study) Classifier(ctx context.Context) (*Classifier, error) {
	flowers, err := s.Flowers(input(ctx))
	if err != nil {
		return nil, err
	}
	type config struct {
		Hidden, Epochs int
		Rate           float64
	}
	c := s.Config
	spec := artifact.Spec{Name: "iris classifier", Version: 1, Config: config{c.Hidden, c.Epochs, c.Rate},
		Inputs: map[string]string{"flowers": flowers.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Classifier, error) {
		net, err := s.blank()
		if err != nil {
			return nil, err
		}
		return s.train(ctx, net, flowers, c.Seed)
	})
}

// blank is the network before its parameters are drawn. Networks made of one
// blank share their compiled programs.
func (s *Study) blank() (*network.Network, error) {
	return network.New("iris", []int{len(Features)}, network.Dense(s.Config.Hidden), network.ReLU(), network.Dense(len(Species)))
}

func (s *Study) train(ctx context.Context, blank *network.Network, flowers *Flowers, seed uint64) (*Classifier, error) {
	x, err := flowers.Values.Select(flowers.Train)
	if err != nil {
		return nil, err
	}
	var labels []int
	for _, id := range flowers.Train {
		labels = append(labels, flowers.Labels[id])
	}
	y, err := network.OneHot(labels, len(Species))
	if err != nil {
		return nil, err
	}
	net := blank.Initialize(network.TorchInit, random.Stream(seed, "iris weights"))
	net, history, err := network.Train(ctx, net, x, y, network.TrainConfig{
		Loss: network.CrossEntropy(), Optimizer: network.Adam{Rate: s.Config.Rate}, Epochs: s.Config.Epochs,
		BatchSize: len(labels), Shuffle: true, Seed: seed, Backend: s.work.Backend,
	})
	if err != nil {
		return nil, err
	}
	c := &Classifier{Net: net, Loss: history.Losses,
		Values: flowers.Values, Labels: flowers.Labels, Train: flowers.Train, Test: flowers.Test}
	values, err := net.Activations(ctx, flowers.Values, []string{hiddenLayer, outputDense}, network.RunConfig{Backend: s.work.Backend})
	if err != nil {
		return nil, err
	}
	c.Hidden, c.Logits = values[0], values[1]
	c.Predicted = metric.Argmax(c.Logits)
	return c, nil
}

// check refuses ids of no flower, and none at all.
func (c *Classifier) check(ids ...int) error {
	if len(ids) == 0 {
		return fmt.Errorf("iris: no rows; give ids of 0…%d", len(c.Labels)-1)
	}
	for _, id := range ids {
		if id < 0 || id >= len(c.Labels) {
			return fmt.Errorf("iris: id %d is outside 0…%d", id, len(c.Labels)-1)
		}
	}
	return nil
}

// Measure compares the predictions for the rows with these ids.
func (c *Classifier) Measure(ids []int) (Measures, error) {
	return c.measure(ids, c.Logits)
}

// measure compares the predictions of logits, [150, species].
func (c *Classifier) measure(ids []int, logits *array.Array) (Measures, error) {
	if err := c.check(ids...); err != nil {
		return Measures{}, err
	}
	var truth []int
	for _, id := range ids {
		truth = append(truth, c.Labels[id])
	}
	x, err := logits.Select(ids)
	if err != nil {
		return Measures{}, err
	}
	confusion, err := metric.NewConfusion(truth, metric.Argmax(x), len(Species))
	if err != nil {
		return Measures{}, err
	}
	out := Measures{Rows: len(ids), Confusion: confusion}
	for k := range confusion {
		out.Right += confusion[k][k]
	}
	y, err := network.OneHot(truth, len(Species))
	if err != nil {
		return Measures{}, err
	}
	losses, err := network.CrossEntropy().PerRow(x, y)
	if err != nil {
		return Measures{}, err
	}
	for _, l := range losses {
		out.CrossEntropy += l / float64(len(losses))
	}
	return out, nil
}

// Probabilities is the softmax of a row's logits, for display: predictions and
// loss need the logits alone.
func (c *Classifier) Probabilities(id int) ([]float64, error) {
	if err := c.check(id); err != nil {
		return nil, err
	}
	logits := c.Logits.Row(id)
	most, sum := float64(slices.Max(logits)), 0.0
	p := make([]float64, len(logits))
	for k, z := range logits {
		p[k] = math.Exp(float64(z) - most)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p, nil
}

// Weights returns the weights of the hidden neurons, [neurons, features], and
// their biases.
func (c *Classifier) Weights() (weights *array.Array, biases []float32, err error) {
	return c.dense(hiddenDense)
}

func (c *Classifier) dense(name string) (*array.Array, []float32, error) {
	w, err := c.Net.Parameters().Get(name + ".weight")
	if err != nil {
		return nil, nil, err
	}
	b, err := c.Net.Parameters().Get(name + ".bias")
	if err != nil {
		return nil, nil, err
	}
	return w, b.Data, nil
}
