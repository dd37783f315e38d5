package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/dataset"
	"github.com/gojacard/jacard/pkg/network"
)

// sampledShapley divides one class's probability of image 9 among its 784 pixels by
// 200 draws a pixel against the first 15,000 images, through a network
// 784-512-256-10 as the lesson's; the weights, on which the time does not
// depend, are random. The time is that of a whole call, which compiles.
func (j job) sampledShapley(ctx context.Context, legacy bool) (measurement, error) {
	train, _, err := dataset.MNIST(dataset.MNISTConfig{})
	if err != nil {
		return measurement{}, err
	}
	const background = 15_000
	x, err := array.From(train.Images.Data[:background*784], background, 784)
	if err != nil {
		return measurement{}, err
	}
	net, err := network.New("lesson", []int{784}, network.Dense(512), network.ReLU(), network.Dense(256), network.ReLU(),
		network.Dense(10), network.Softmax(-1))
	if err != nil {
		return measurement{}, err
	}
	net = net.Initialize(network.TorchInit, rand.New(rand.NewPCG(42, 0)))
	method := attribution.SampledShapley{LegacyOneByOne: legacy, Draws: j.pick(200, 4)}
	q := attribution.Query{Rows: x.Slice(9, 10), Background: x, Target: attribution.Target{Output: int(train.Labels[9])}}
	return explain(ctx, net, method, q, 784, "pixel")
}

// kernelSHAP explains rows of the peers' codes by the peers' classifier with
// shap's default number of coalitions, 2·30 + 2048, each against 61 rows.
func (j job) kernelSHAP(ctx context.Context) (measurement, error) {
	net, err := network.ImportTorch(filepath.Join(j.folder, "classifier.pth"))
	if err != nil {
		return measurement{}, err
	}
	codes, err := artifact.ReadNpy(filepath.Join(j.folder, "codes.npy"))
	if err != nil {
		return measurement{}, err
	}
	rows := j.pick(20, 1)
	q := attribution.Query{Rows: codes.Slice(0, rows), Background: codes.Slice(firstTestRow, firstTestRow+backgroundRows)}
	return explain(ctx, net, attribution.KernelSHAP{}, q, rows, "row")
}

// explain measures the fastest of four calls; n is the work of one.
func explain(ctx context.Context, net *network.Network, method attribution.Method, q attribution.Query, n int, unit string) (measurement, error) {
	var a *attribution.Attribution
	seconds, extra, err := fastest(4, func() (err error) {
		a, err = attribution.Explain(ctx, net, method, q)
		return err
	})
	if err != nil {
		return measurement{}, err
	}
	mean, each := 0.0, a.Layers[0].Errors.Data
	for _, v := range each {
		mean += float64(v) / float64(len(each))
	}
	extra["mean_standard_error"], extra["completeness_gap"] = mean, a.MaxGap()
	return measurement{N: float64(n), Unit: unit, Seconds: seconds, Extra: extra}, nil
}
