package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/network"
)

// image explains the three largest outputs of 10 pictures of 32×32 against 54
// background pictures: eight 3×3 convolutions, softmax over channels, average
// pool and three dense layers, 1,267,420 parameters, all random and the same
// as the peer's. The time is that of the first call, with compilation and the
// forward pass that ranks the outputs.
func (j job) image(ctx context.Context) (measurement, error) {
	net, err := network.ImportTorch(filepath.Join(j.folder, "m3.pth"), 3, 32, 32)
	if err != nil {
		return measurement{}, err
	}
	pictures, err := artifact.ReadNpy(filepath.Join(j.folder, "pictures.npy"))
	if err != nil {
		return measurement{}, err
	}
	background, err := artifact.ReadNpy(filepath.Join(j.folder, "background.npy"))
	if err != nil {
		return measurement{}, err
	}
	n := j.pick(pictures.Rows(), 2)
	q := attribution.Query{Rows: pictures.Slice(0, n), Background: background.Slice(0, j.pick(background.Rows(), 3))}
	start := time.Now()
	outputs, err := net.Predict(ctx, q.Rows, network.RunConfig{})
	if err != nil {
		return measurement{}, err
	}
	targets, err := attribution.Top(outputs, 3)
	if err != nil {
		return measurement{}, err
	}
	all, err := attribution.ExplainEach(ctx, net, attribution.Rescale{}, q, targets)
	if err != nil {
		return measurement{}, err
	}
	seconds := time.Since(start).Seconds()
	gap := 0.0
	for _, a := range all {
		gap = max(gap, a.MaxGap())
	}
	return measurement{N: float64(n), Unit: "image", Seconds: seconds, Extra: map[string]any{"completeness_gap": gap}}, nil
}
