package jacard

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

// Classifier is the trained network code → P(digit = 1), with its log.
type Classifier struct {
	artifact.Provenance
	Net    *network.Network
	Order  string            // of the training rows: "shuffled", or "file order" as published
	Epochs []ClassifierEpoch // in order, from epoch 1
	// Test measures the trained network on the test rows, Train on the rows
	// it was trained on.
	Test, Train metric.Binary
	InitialBCE  float64 // on the test rows, before training
	HeldOut     []int   // global ids kept from training; empty if HoldOut is 0
}

// ClassifierEpoch is one line of the training log.
type ClassifierEpoch struct {
	Epoch int
	// TrainBCE is the mean over all rows of the epoch, while weights changed
	// and dropout was active.
	TrainBCE float64
	// BatchBCE are the losses of batches 0, 50, 100 and 150, which the
	// original prints; fewer if there are fewer batches.
	BatchBCE   []float64
	TestBCE    float64 // mean per row
	LegacyLoss float64 // as the original prints it: Σ of batch means ÷ rows
	Correct    int     // test rows right at threshold 0.5
	Accuracy   float64 // of the test rows
	HeldOutBCE float64 // mean per row; NaN without held-out rows
}

// layers lists 30-5×100-1 with its dropouts.
func (c ClassifierConfig) layers() []network.Layer {
	var l []network.Layer
	for _, rate := range c.Dropouts {
		l = append(l, network.Dense(c.Width), network.ReLU())
		if rate > 0 {
			l = append(l, network.Dropout(rate))
		}
	}
	return append(l, network.Dense(1), network.Sigmoid())
}

// Classifier trains the network: binary cross-entropy, stochastic gradient
// descent with momentum, measured on the test rows after each epoch. The last
// epoch's weights are kept; no choice is made on the test rows.
func (s *Study) Classifier(ctx context.Context) (*Classifier, error) {
	enc, err := s.Encode(input(ctx))
	if err != nil {
		return nil, err
	}
	c := s.Config.Classifier
	c.FileOrder = c.FileOrder || s.Config.Legacy.Order
	spec := artifact.Spec{Name: "classifier", Version: 1, Config: c, Inputs: map[string]string{"encoding": enc.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Classifier, error) {
		return s.trainClassifier(ctx, enc, c)
	})
}

func (s *Study) trainClassifier(ctx context.Context, enc *Encoding, c ClassifierConfig) (*Classifier, error) {
	train, heldOut, err := enc.holdOut(c.HoldOut, s.Config.Seed)
	if err != nil {
		return nil, err
	}
	net, err := network.New("classifier", []int{enc.Values.Width()}, c.layers()...)
	if err != nil {
		return nil, err
	}
	net = net.Initialize(network.TorchInit, random.Stream(s.Config.Seed, "classifier weights"))
	x, y, err := enc.rows(train)
	if err != nil {
		return nil, err
	}
	out := &Classifier{HeldOut: heldOut, Order: orderName(c.FileOrder)}
	before, err := s.measure(ctx, net, enc, enc.testIDs())
	if err != nil {
		return nil, err
	}
	out.InitialBCE = before.BCE
	net, _, err = network.Train(ctx, net, x, y, network.TrainConfig{
		Loss: network.BCE(), Optimizer: network.SGD{Rate: c.Rate, Momentum: c.Momentum}, Epochs: c.Epochs, BatchSize: c.Batch,
		Shuffle: !c.FileOrder, Seed: s.Config.Seed, Backend: s.work.Backend, Progress: s.work.Progress("classifier"),
		OnEpoch: func(e network.Epoch) error {
			line, err := s.logEpoch(ctx, e, enc, heldOut)
			out.Epochs = append(out.Epochs, line)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	out.Net = net
	if out.Test, err = s.measure(ctx, net, enc, enc.testIDs()); err != nil {
		return nil, err
	}
	out.Train, err = s.measure(ctx, net, enc, train)
	return out, err
}

// measure compares the network's probabilities for rows with their labels.
func (s *Study) measure(ctx context.Context, net *network.Network, enc *Encoding, ids []int) (metric.Binary, error) {
	x, y, err := enc.rows(ids)
	if err != nil {
		return metric.Binary{}, err
	}
	p, err := net.Predict(ctx, x, network.RunConfig{Backend: s.work.Backend})
	if err != nil {
		return metric.Binary{}, err
	}
	return metric.NewBinary(p.Data, y.Data)
}

// rows selects features and labels of the rows with these ids.
func (e *Encoding) rows(ids []int) (x, y *array.Array, err error) {
	if x, err = e.Values.Select(ids); err != nil {
		return nil, nil, err
	}
	y = array.New(len(ids), 1)
	for i, id := range ids {
		y.Data[i] = float32(e.Labels[id])
	}
	return x, y, nil
}

func (e *Encoding) testIDs() []int { return idRange(e.TrainRows, len(e.Labels)) }

// holdOut splits the training ids in two, both ascending: a seeded share is
// kept apart.
func (e *Encoding) holdOut(share float64, seed uint64) (train, apart []int, err error) {
	all := idRange(0, e.TrainRows)
	n := int(share * float64(len(all)))
	if share > 0 && n == 0 {
		return nil, nil, fmt.Errorf("HoldOut %g of %d training rows is less than one row", share, len(all))
	}
	order := random.Stream(seed, "held-out rows").Perm(len(all))
	apart, train = order[:n:n], order[n:]
	slices.Sort(apart)
	slices.Sort(train)
	return train, apart, nil
}

// logEpoch measures the network as it is after an epoch.
func (s *Study) logEpoch(ctx context.Context, e network.Epoch, enc *Encoding, heldOut []int) (ClassifierEpoch, error) {
	line := ClassifierEpoch{Epoch: e.Index + 1, TrainBCE: e.Loss, HeldOutBCE: math.NaN()}
	for b := 0; b <= 150 && b < len(e.BatchLosses); b += 50 {
		line.BatchBCE = append(line.BatchBCE, float64(e.BatchLosses[b]))
	}
	net, err := e.Network()
	if err != nil {
		return line, err
	}
	x, y, err := enc.rows(enc.testIDs())
	if err != nil {
		return line, err
	}
	p, err := net.Predict(ctx, x, network.RunConfig{Backend: s.work.Backend})
	if err != nil {
		return line, err
	}
	test, err := metric.NewBinary(p.Data, y.Data)
	if err != nil {
		return line, err
	}
	line.TestBCE, line.Correct, line.Accuracy = test.BCE, test.Correct(), test.Accuracy()
	if line.LegacyLoss, err = metric.LegacyLoss(p.Data, y.Data, s.Config.Classifier.Batch); err != nil {
		return line, err
	}
	if len(heldOut) > 0 {
		apart, err := s.measure(ctx, net, enc, heldOut)
		if err != nil {
			return line, err
		}
		line.HeldOutBCE = apart.BCE
	}
	return line, nil
}

// trained returns what most later steps start from: the codes and the
// classifier of them.
func (s *Study) trained(ctx context.Context) (*Encoding, *Classifier, error) {
	enc, err := s.Encode(input(ctx))
	if err != nil {
		return nil, nil, err
	}
	cls, err := s.Classifier(input(ctx))
	return enc, cls, err
}
