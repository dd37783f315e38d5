package jacard

import (
	"context"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/network"
)

// Autoencoder is the trained compression of 784 pixels to the code and back.
type Autoencoder struct {
	artifact.Provenance
	Net   *network.Network
	Code  int       // numbers kept of each image
	Order string    // of the training rows: "shuffled", or "file order" as published
	Loss  []float64 // mean squared error per pixel, one an epoch
	// LegacyLoss is Loss as the original prints it: ÷ batches, not ÷ rows.
	LegacyLoss []float64
}

// Autoencoder trains the network on the training rows: mean squared error,
// Adam, shuffled with the study's seed.
func (s *Study) Autoencoder(ctx context.Context) (*Autoencoder, error) {
	digits, err := s.Digits(input(ctx))
	if err != nil {
		return nil, err
	}
	c := s.Config.Autoencoder
	c.FileOrder = c.FileOrder || s.Config.Legacy.Order
	spec := artifact.Spec{Name: "autoencoder", Version: 1, Config: c, Inputs: map[string]string{"digits": digits.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Autoencoder, error) {
		net, err := network.New("autoencoder", []int{digits.Images.Width()}, c.layers(digits.Images.Width())...)
		if err != nil {
			return nil, err
		}
		net = net.Initialize(network.TorchInit, random.Stream(s.Config.Seed, "autoencoder weights"))
		x := digits.Images.Slice(0, digits.TrainRows)
		net, history, err := network.Train(ctx, net, x, x, network.TrainConfig{
			Loss: network.MSE(), Optimizer: network.Adam{Rate: c.Rate}, Epochs: c.Epochs, BatchSize: c.Batch,
			Shuffle: !c.FileOrder, Seed: s.Config.Seed, Backend: s.work.Backend, Progress: s.work.Progress("autoencoder"),
		})
		if err != nil {
			return nil, err
		}
		out := &Autoencoder{Net: net, Code: c.Code, Order: orderName(c.FileOrder)}
		for _, loss := range history.Losses {
			out.Loss = append(out.Loss, loss)
			out.LegacyLoss = append(out.LegacyLoss, loss*LegacyLossFactor(digits.TrainRows, c.Batch))
		}
		return out, nil
	})
}

// layers lists 784-512-256-128-64-code and its mirror. The code has a ReLU
// that only the decoder sees.
func (c AutoencoderConfig) layers(pixels int) []network.Layer {
	var l []network.Layer
	for _, h := range c.Hidden {
		l = append(l, network.Dense(h), network.ReLU())
	}
	l = append(l, network.Dense(c.Code))
	if len(c.Hidden) > 0 {
		l = append(l, network.ReLU())
	}
	for i := len(c.Hidden) - 1; i >= 0; i-- {
		l = append(l, network.Dense(c.Hidden[i]), network.ReLU())
	}
	return append(l, network.Dense(pixels))
}

// codeLayer is the index of the layer whose output is the code.
func (c AutoencoderConfig) codeLayer() int { return 2 * len(c.Hidden) }

// Reconstruct gives the images [len(ids), 784] that come back from the code of
// the rows with these ids. Values may leave [0, 1]: the output is linear.
func (s *Study) Reconstruct(ctx context.Context, ids []int) (*array.Array, error) {
	digits, err := s.Digits(input(ctx))
	if err != nil {
		return nil, err
	}
	ae, err := s.Autoencoder(input(ctx))
	if err != nil {
		return nil, err
	}
	x, err := digits.Images.Select(ids)
	if err != nil {
		return nil, err
	}
	return ae.Net.Predict(ctx, x, network.RunConfig{Backend: s.work.Backend})
}

// Encoding is the code of every image: the classifier's input.
type Encoding struct {
	artifact.Provenance
	Values    *array.Array // [rows, code]
	Labels    []int
	TrainRows int
}

// Encode sends all images through the encoder.
func (s *Study) Encode(ctx context.Context) (*Encoding, error) {
	digits, err := s.Digits(input(ctx))
	if err != nil {
		return nil, err
	}
	ae, err := s.Autoencoder(input(ctx))
	if err != nil {
		return nil, err
	}
	spec := artifact.Spec{Name: "encoding", Version: 1, Config: s.Config.Encoding,
		Inputs: map[string]string{"digits": digits.ID, "autoencoder": ae.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Encoding, error) {
		layer := s.Config.Autoencoder.codeLayer()
		if s.Config.Encoding.AfterReLU {
			layer++
		}
		codes, err := ae.Net.Activations(ctx, digits.Images, []string{ae.Net.LayerNames()[layer]}, network.RunConfig{Backend: s.work.Backend})
		if err != nil {
			return nil, err
		}
		values := codes[0]
		if s.Config.Encoding.MinMax {
			values = minMax(values)
		}
		return &Encoding{Values: values, Labels: digits.Labels, TrainRows: digits.TrainRows}, nil
	})
}

// minMax scales every column to [0, 1]; a constant column becomes 0.
func minMax(a *array.Array) *array.Array {
	out := a.Clone()
	for k := range a.Width() {
		low, high := a.At(0, k), a.At(0, k)
		for i := range a.Rows() {
			low, high = min(low, a.At(i, k)), max(high, a.At(i, k))
		}
		for i := range a.Rows() {
			out.Row(i)[k] = 0
			if high > low {
				out.Row(i)[k] = (a.At(i, k) - low) / (high - low)
			}
		}
	}
	return out
}
