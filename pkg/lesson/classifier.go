package lesson

import (
	"context"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/internal/study"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/metric"
	"github.com/gojacard/jacard/pkg/network"
)

// classes is the number of digits.
const classes = 10

// Classifier is the trained network, from pixels to the probabilities of the
// ten digits.
type Classifier struct {
	artifact.Provenance
	Net           *network.Network
	Loss          []float64 // mean of each epoch, with the L2 penalty
	Stopped       bool      // before the last epoch, as the loss did not improve
	TrainAccuracy float64
	TestAccuracy  float64
	Confusion     metric.Confusion // of the test rows
	Predicted     []int            // digit of each test row
}

func (s *Study) classifierSpec() (artifact.Spec, error) {
	sample, err := study.ID(s.work, s.Config.Seed, s.sampleSpec())
	return artifact.Spec{Name: "lesson-classifier", Version: 1, Config: s.Config.Classifier, Inputs: map[string]string{"sample": sample}}, err
}

// Classifier trains the network as scikit-learn's MLPClassifier does: Glorot's
// bound for weights and biases, cross-entropy with an L2 penalty, Adam, shuffled
// batches, until the loss stops to improve.
func (s *Study) Classifier(ctx context.Context) (*Classifier, error) {
	spec, err := s.classifierSpec()
	if err != nil {
		return nil, err
	}
	return step(ctx, s, spec, func(ctx context.Context) (*Classifier, error) {
		sample, err := s.Sample(study.Input(ctx))
		if err != nil {
			return nil, err
		}
		c := s.Config.Classifier
		var layers []network.Layer
		for _, units := range c.Hidden {
			layers = append(layers, network.Dense(units), network.ReLU())
		}
		net, err := network.New("lesson", []int{Side * Side}, append(layers, network.Dense(classes))...)
		if err != nil {
			return nil, err
		}
		net = net.Initialize(network.SklearnInit, random.Stream(s.Config.Seed, "lesson classifier"))
		x, labels := sample.Train()
		y, err := network.OneHot(labels, classes)
		if err != nil {
			return nil, err
		}
		net, history, err := network.Train(ctx, net, x, y, network.TrainConfig{
			Loss: network.SklearnCrossEntropy(), Optimizer: network.Adam{Rate: c.Rate}, Epochs: c.Epochs, BatchSize: min(c.Batch, x.Rows()),
			L2: c.Alpha, Shuffle: true, Patience: c.Patience, Tolerance: c.Tolerance,
			Seed: s.Config.Seed, Backend: s.work.Backend, Progress: s.work.Progress("classifier"),
		})
		if err != nil {
			return nil, err
		}
		out := &Classifier{Loss: history.Losses, Stopped: history.Stopped}
		if out.Net, err = net.Append(network.Softmax(0)); err != nil {
			return nil, err
		}
		predicted, err := s.predict(ctx, out.Net, x)
		if err != nil {
			return nil, err
		}
		out.TrainAccuracy = share(predicted, labels)
		x, labels = sample.Test()
		if out.Predicted, err = s.predict(ctx, out.Net, x); err != nil {
			return nil, err
		}
		out.TestAccuracy = share(out.Predicted, labels)
		out.Confusion, err = metric.NewConfusion(labels, out.Predicted, classes)
		return out, err
	})
}

// predict returns the most probable digit of each row.
func (s *Study) predict(ctx context.Context, net *network.Network, x *array.Array) ([]int, error) {
	p, err := net.Predict(ctx, x, network.RunConfig{Backend: s.work.Backend})
	if err != nil {
		return nil, err
	}
	return metric.Argmax(p), nil
}

func share(predicted, labels []int) float64 {
	right := 0
	for i, p := range predicted {
		if p == labels[i] {
			right++
		}
	}
	return float64(right) / float64(len(labels))
}

// Wrong lists the test rows that the network takes for another digit, as rows
// of the sample.
func (c *Classifier) Wrong(sample *Sample) []int {
	_, labels := sample.Test()
	var out []int
	for i, p := range c.Predicted {
		if p != labels[i] {
			out = append(out, sample.TrainRows+i)
		}
	}
	return out
}
