package network

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// BenchmarkTrainAutoencoder trains the study's autoencoder on 12,665 random
// rows and reports rows/s of the fastest epoch after the first, which compiles.
func BenchmarkTrainAutoencoder(b *testing.B) {
	n := autoencoder()
	x := randomRows(12_665, 784)
	onEach(b, func(b *testing.B, be compute.Backend) {
		benchmarkTrain(b, n, x, x, TrainConfig{Loss: MSE(), Backend: be})
	})
}

// BenchmarkTrainClassifier trains the study's classifier.
func BenchmarkTrainClassifier(b *testing.B) {
	n := classifier()
	x, y := randomRows(12_665, 30), randomRows(12_665, 1)
	onEach(b, func(b *testing.B, be compute.Backend) {
		benchmarkTrain(b, n, x, y, TrainConfig{Loss: BCE(), Optimizer: SGD{Rate: 0.01, Momentum: 0.5}, Backend: be})
	})
}

// BenchmarkTrainConvolutional trains three convolutions with pools on random
// pictures.
func BenchmarkTrainConvolutional(b *testing.B) {
	var layers []Layer
	for _, channels := range []int{32, 64, 128} {
		layers = append(layers, Conv2D(channels, Square(3), ConvConfig{Padding: Square(1)}), ReLU(), MaxPool2D(Square(2), PoolConfig{}))
	}
	n := must(New("convolutional", []int{3, 32, 32}, append(layers, Flatten(), Dense(128), ReLU(), Dense(10))...))
	x, y := pictures(640), must(OneHot(make([]int, 640), 10))
	onEach(b, func(b *testing.B, be compute.Backend) {
		benchmarkTrain(b, n, x, y, TrainConfig{Loss: CrossEntropy(), Backend: be})
	})
}

// BenchmarkTrainSoftmaxMaps trains eight convolutions whose last maps are
// probabilities, with a mean as their head: 4.5 GFLOP a picture and step.
func BenchmarkTrainSoftmaxMaps(b *testing.B) {
	n, x, y := softmaxMaps(), pictures(128), must(OneHot(make([]int, 128), 10))
	onEach(b, func(b *testing.B, be compute.Backend) {
		benchmarkTrain(b, n, x, y, TrainConfig{Loss: CrossEntropy(), Optimizer: SGD{Rate: 5e-3}, BatchSize: 32, Backend: be})
	})
}

// BenchmarkPredict is one evaluation of the classifier on the test rows, as a
// sweep over changed weights does hundreds of times.
func BenchmarkPredict(b *testing.B) {
	n, x := classifier(), randomRows(2_115, 30)
	onEach(b, func(b *testing.B, be compute.Backend) {
		for b.Loop() {
			if _, err := n.Predict(context.Background(), x, RunConfig{Backend: be}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmarkTrain(b *testing.B, n *Network, x, y *array.Array, cfg TrainConfig) {
	n = n.Initialize(TorchInit, rand.New(rand.NewPCG(1, 2)))
	cfg.Epochs = 5
	var last time.Time
	best := time.Hour
	var cpu, cpuStart time.Duration // of all epochs but the first: steadier on a busy machine
	cfg.OnEpoch = func(e Epoch) error {
		now := time.Now()
		if e.Index > 0 {
			best = min(best, now.Sub(last))
			cpu = processorTime() - cpuStart
		} else {
			cpuStart = processorTime()
		}
		last = now
		return nil
	}
	for b.Loop() {
		if _, _, err := Train(context.Background(), n, x, y, cfg); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(x.Rows())/best.Seconds(), "rows/s")
	b.ReportMetric(1e6*cpu.Seconds()/float64((cfg.Epochs-1)*x.Rows()), "cpu-µs/row")
}

// processorTime is the CPU time of this process, user and system.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func onEach(b *testing.B, f func(b *testing.B, be compute.Backend)) {
	for _, be := range backend.ForTest(b) {
		b.Run(be.Name(), func(b *testing.B) { f(b, be) })
	}
}

// autoencoder is the study's 784-…-30-…-784 network, not initialised.
func autoencoder() *Network {
	var layers []Layer
	for _, units := range []int{512, 256, 128, 64, 30, 64, 128, 256, 512} {
		layers = append(layers, Dense(units), ReLU())
	}
	return must(New("autoencoder", []int{784}, append(layers, Dense(784))...))
}

// classifier is the study's 30-5×100-1 network, not initialised.
func classifier() *Network {
	return must(New("classifier", []int{30},
		Dense(100), ReLU(), Dense(100), ReLU(), Dropout(0.2), Dense(100), ReLU(), Dropout(0.3),
		Dense(100), ReLU(), Dropout(0.4), Dense(100), ReLU(), Dropout(0.5), Dense(1), Sigmoid()))
}

// softmaxMaps is the XAINN study's second network, not initialised.
func softmaxMaps() *Network {
	conv := func(channels int) Layer { return Conv2D(channels, Square(3), ConvConfig{}) }
	norm := BatchNorm(BatchNormConfig{})
	layers := []Layer{conv(60), ReLU(), norm, conv(60), norm, ReLU()}
	for _, channels := range []int{180, 180, 90, 90, 60} {
		layers = append(layers, conv(channels), ReLU(), norm)
	}
	layers = append(layers, conv(10), norm, Softmax(0), AvgPool2D(Square(16), PoolConfig{}), Flatten())
	return must(New("softmax maps", []int{3, 32, 32}, layers...))
}

// pictures returns random ones.
func pictures(n int) *array.Array {
	return must(array.From(randomRows(n, 3*32*32).Data, n, 3, 32, 32))
}

// randomRows returns numbers in [0, 1), always the same.
func randomRows(rows, width int) *array.Array {
	rng := rand.New(rand.NewPCG(3, 4))
	a := array.New(rows, width)
	for i := range a.Data {
		a.Data[i] = rng.Float32()
	}
	return a
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
