package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/dataset"
	"github.com/gojacard/jacard/pkg/network"
)

// autoencoder trains 784-512-256-128-64-30 and its mirror on the training
// rows of the digits 0 and 1: Adam, mean squared error, batches of 64.
func (j job) autoencoder(ctx context.Context) (measurement, error) {
	train, _, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}})
	if err != nil {
		return measurement{}, err
	}
	x, err := array.From(train.Images.Data, train.Rows(), train.Images.Width())
	if err != nil {
		return measurement{}, err
	}
	var layers []network.Layer
	for _, units := range []int{512, 256, 128, 64, 30, 64, 128, 256, 512} {
		layers = append(layers, network.Dense(units), network.ReLU())
	}
	net, err := network.New("autoencoder", []int{x.Width()}, append(layers, network.Dense(x.Width()))...)
	if err != nil {
		return measurement{}, err
	}
	x = x.Slice(0, j.pick(x.Rows(), 640))
	return j.epochs(ctx, net, x, x, network.TrainConfig{Loss: network.MSE(), Optimizer: network.Adam{}, Epochs: 4})
}

// classifier trains 30-5×100-1 with dropout on the peers' codes: momentum
// descent, cross-entropy, batches of 64.
func (j job) classifier(ctx context.Context) (measurement, error) {
	codes, err := artifact.ReadNpy(filepath.Join(j.folder, "codes.npy"))
	if err != nil {
		return measurement{}, err
	}
	train, _, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}})
	if err != nil {
		return measurement{}, err
	}
	y := array.New(train.Rows(), 1)
	for i, label := range train.Labels {
		y.Data[i] = float32(label)
	}
	net, err := network.New("classifier", []int{codes.Width()},
		network.Dense(100), network.ReLU(), network.Dense(100), network.ReLU(), network.Dropout(0.2),
		network.Dense(100), network.ReLU(), network.Dropout(0.3), network.Dense(100), network.ReLU(), network.Dropout(0.4),
		network.Dense(100), network.ReLU(), network.Dropout(0.5), network.Dense(1), network.Sigmoid())
	if err != nil {
		return measurement{}, err
	}
	rows := j.pick(y.Rows(), 640)
	return j.epochs(ctx, net, codes.Slice(0, rows), y.Slice(0, rows),
		network.TrainConfig{Loss: network.BCE(), Optimizer: network.SGD{Rate: 0.01, Momentum: 0.5}, Epochs: 11})
}

// epochs measures the fastest epoch after the first, which compiles.
func (j job) epochs(ctx context.Context, net *network.Network, x, y *array.Array, cfg network.TrainConfig) (measurement, error) {
	net = net.Initialize(network.TorchInit, rand.New(rand.NewPCG(42, 0)))
	var took, losses []float64
	last := time.Now()
	cfg.OnEpoch = func(e network.Epoch) error {
		took = append(took, time.Since(last).Seconds())
		losses = append(losses, e.Loss)
		last = time.Now()
		return nil
	}
	if _, _, err := network.Train(ctx, net, x, y, cfg); err != nil {
		return measurement{}, err
	}
	return measurement{N: float64(x.Rows()), Unit: "row", Seconds: slices.Min(took[1:]),
		Extra: map[string]any{"first_epoch_s": took[0], "epochs_s": took[1:], "loss_per_epoch": losses}}, nil
}
