// Package tour explains the same pictures by many methods: two small
// convolutional networks, one for digits and one for photographs, the pictures
// to explain, and what the methods and their measures say about them, one
// method a step.
package tour

import (
	"context"
	"fmt"
	"strings"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/internal/study"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/dataset"
	"github.com/gojacard/jacard/pkg/metric"
	"github.com/gojacard/jacard/pkg/network"
)

// Config is everything that decides a result of the tour.
type Config struct {
	// Seed of every random stream.
	Seed uint64

	Digits, Objects NetworkConfig

	// Images of each data set to explain, and background images to compare
	// with.
	Images, Background int

	// Random orders beside each insertion or deletion curve.
	Random int
}

// NetworkConfig describes a network and its training.
type NetworkConfig struct {
	TrainRows int // the first of the training part
	Channels  []int
	Dense     int
	Epochs    int
}

// Full returns the settings of the committed notebook.
func Full() Config {
	return Config{
		Seed:    42,
		Digits:  NetworkConfig{TrainRows: 6000, Channels: []int{8, 16}, Dense: 32, Epochs: 3},
		Objects: NetworkConfig{TrainRows: 761, Channels: []int{8, 16}, Dense: 32, Epochs: 12},
		Images:  4, Background: 20, Random: 10,
	}
}

// Quick returns settings for tests and for a first look.
func Quick() Config {
	c := Full()
	c.Digits.TrainRows, c.Digits.Epochs = 1200, 3
	c.Objects.TrainRows, c.Objects.Epochs = 300, 4
	c.Images, c.Background, c.Random = 2, 6, 2
	return c
}

// FromEnvironment returns [Quick] if JACARD_QUICK is set to anything but ""
// or "0", else [Full].
func FromEnvironment() Config {
	if study.Quick() {
		return Quick()
	}
	return Full()
}

// Study is the tour with one configuration.
type Study struct {
	Config Config

	work *study.Workplace
}

// Options say where a study keeps its steps and what it tells while working.
// The zero value is what notebooks want.
type Options = study.Options

// Open returns the study of a configuration. It computes nothing yet.
func Open(cfg Config, options Options) (*Study, error) {
	if cfg.Images < 1 || cfg.Background < 1 || cfg.Random < 0 {
		return nil, fmt.Errorf("tour: %d images, %d background images, %d random orders: want at least 1, 1 and 0", cfg.Images, cfg.Background, cfg.Random)
	}
	work, err := study.Open("tour", options)
	if err != nil {
		return nil, err
	}
	return &Study{Config: cfg, work: work}, nil
}

func step[T artifact.Recorder](ctx context.Context, s *Study, spec artifact.Spec, compute func(context.Context) (T, error)) (T, error) {
	return study.Step(ctx, s.work, s.Config.Seed, spec, compute)
}

// Pictures is a trained network with the pictures to explain.
type Pictures struct {
	artifact.Provenance
	Name     string
	Classes  []string
	Net      *network.Network // pictures → logits
	Loss     []float64        // of each epoch
	Accuracy float64          // of the test pictures
	TestRows int

	// Shuffled is the same network trained as long on shuffled labels.
	Shuffled *network.Network

	// Rows are test pictures that the network gets right, of different
	// classes, [rows, channels, height, width] with values in [0, 1].
	Rows   *array.Array
	IDs    []int // record numbers in the test part
	Labels []int

	// Background are training pictures.
	Background *array.Array
}

// LastConv is the name of the network's last convolution after its ReLU.
func (p *Pictures) LastConv() string {
	names, kinds := p.Net.LayerNames(), p.Net.LayerKinds()
	last := ""
	for i, kind := range kinds {
		if kind == "relu" && i > 0 && strings.HasPrefix(kinds[i-1], "conv") {
			last = names[i]
		}
	}
	return last
}

// Digits trains the network for handwritten digits.
func (s *Study) Digits(ctx context.Context) (*Pictures, error) {
	return s.pictures(ctx, "digits", s.Config.Digits, func() (train, test *dataset.Dataset, err error) {
		return dataset.MNIST(dataset.MNISTConfig{})
	})
}

// Objects trains the network for photographs of CIFAR-10. The sample in the
// project is small, and so is what can be learned from it.
func (s *Study) Objects(ctx context.Context) (*Pictures, error) {
	return s.pictures(ctx, "objects", s.Config.Objects, func() (train, test *dataset.Dataset, err error) {
		return dataset.CIFAR10(dataset.CIFAR10Config{})
	})
}

func (s *Study) pictures(ctx context.Context, name string, c NetworkConfig, read func() (train, test *dataset.Dataset, err error)) (*Pictures, error) {
	type config struct {
		NetworkConfig
		Images, Background int
	}
	spec := artifact.Spec{Name: "tour-" + name, Version: 1, Config: config{c, s.Config.Images, s.Config.Background},
		Inputs: map[string]string{"data": name}} // files are checked against the published ones when they are read
	return step(ctx, s, spec, func(ctx context.Context) (*Pictures, error) {
		train, test, err := read()
		if err != nil {
			return nil, err
		}
		classes := train.Classes
		for len(classes) < 10 {
			classes = append(classes, fmt.Sprint(len(classes))) // digits are their own names
		}
		n := min(c.TrainRows, train.Rows())
		p := &Pictures{Name: name, Classes: classes, TestRows: test.Rows()}
		x, labels := planes(train.Images.Slice(0, n)), train.Labels[:n]
		if p.Net, p.Loss, err = s.train(ctx, name, c, x, labels, len(classes)); err != nil {
			return nil, err
		}
		mixed := make([]int, n)
		for i, k := range random.Stream(s.Config.Seed, name+" shuffled labels").Perm(n) {
			mixed[i] = labels[k]
		}
		if p.Shuffled, _, err = s.train(ctx, name, c, x, mixed, len(classes)); err != nil {
			return nil, err
		}
		if err := s.choose(ctx, p, planes(test.Images), test.Labels, test.IDs); err != nil {
			return nil, err
		}
		back := random.Stream(s.Config.Seed, name+" background").Perm(n)[:min(s.Config.Background, n)]
		p.Background, err = x.Select(back)
		return p, err
	})
}

// planes gives grey pictures [rows, h, w] their one channel.
func planes(images *array.Array) *array.Array {
	if len(images.Shape) == 4 {
		return images
	}
	return &array.Array{Shape: []int{images.Shape[0], 1, images.Shape[1], images.Shape[2]}, Data: images.Data}
}

func (s *Study) train(ctx context.Context, name string, c NetworkConfig, x *array.Array, labels []int, classes int) (*network.Network, []float64, error) {
	var layers []network.Layer
	for _, channels := range c.Channels {
		layers = append(layers, network.Conv2D(channels, network.Square(3), network.ConvConfig{Padding: network.Square(1)}), network.ReLU(),
			network.MaxPool2D(network.Square(2), network.PoolConfig{}))
	}
	layers = append(layers, network.Flatten(), network.Dense(c.Dense), network.ReLU(), network.Dense(classes))
	net, err := network.New(name, x.Shape[1:], layers...)
	if err != nil {
		return nil, nil, err
	}
	y, err := network.OneHot(labels, classes)
	if err != nil {
		return nil, nil, err
	}
	net, history, err := network.Train(ctx, net.Initialize(network.TorchInit, random.Stream(s.Config.Seed, name+" network")), x, y, network.TrainConfig{
		Loss: network.CrossEntropy(), Epochs: c.Epochs, BatchSize: 32, Shuffle: true, Seed: s.Config.Seed,
		Backend: s.work.Backend, Progress: s.work.Progress(name + " network"),
	})
	if err != nil {
		return nil, nil, err
	}
	return net, history.Losses, nil
}

// choose measures the network and takes pictures that it gets right, each of
// another class as long as there are classes.
func (s *Study) choose(ctx context.Context, p *Pictures, x *array.Array, labels, ids []int) error {
	logits, err := p.Net.Predict(ctx, x, network.RunConfig{Backend: s.work.Backend})
	if err != nil {
		return err
	}
	predicted := metric.Argmax(logits)
	confusion, err := metric.NewConfusion(labels, predicted, len(p.Classes))
	if err != nil {
		return err
	}
	p.Accuracy = confusion.Accuracy()
	seen := map[int]bool{}
	var rows []int
	for i, label := range labels {
		if predicted[i] == label && !seen[label] && len(rows) < s.Config.Images {
			seen[label] = true
			rows = append(rows, i)
			p.IDs, p.Labels = append(p.IDs, ids[i]), append(p.Labels, label)
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("the %s network gets no test picture right: train it longer", p.Name)
	}
	p.Rows, err = x.Select(rows)
	return err
}
