package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/segment"
)

// quickshift cuts scikit-image's astronaut with the default settings.
func (j job) quickshift(size int) (measurement, error) {
	picture, err := artifact.ReadNpy(filepath.Join(j.folder, fmt.Sprintf("astronaut-%d.npy", size)))
	if err != nil {
		return measurement{}, err
	}
	var m *segment.Map
	seconds, extra, err := fastest(j.pick(10, 1), func() (err error) {
		m, err = segment.Quickshift(picture, segment.QuickshiftConfig{})
		return err
	})
	if err != nil {
		return measurement{}, err
	}
	labels := array.New(size, size)
	for i, l := range m.Labels {
		labels.Data[i] = float32(l)
	}
	extra["segments"] = m.Count
	if err := artifact.WriteNpy(filepath.Join(j.folder, fmt.Sprintf("phi-quickshift-%d.npy", size)), labels); err != nil {
		return measurement{}, err
	}
	return measurement{N: float64(size * size), Unit: "pixel", Seconds: seconds, Extra: extra}, nil
}

// lime explains all ten classes of scikit-image's coffee by 500 samples,
// superpixels included. Without the network, the model hands pixels through on
// the pure-Go backend, so that what is left is what LIME itself does.
func (j job) lime(ctx context.Context, withNetwork bool) (measurement, error) {
	picture, err := artifact.ReadNpy(filepath.Join(j.folder, "coffee-32.npy"))
	if err != nil {
		return measurement{}, err
	}
	rows, err := array.From(picture.Data, append([]int{1}, picture.Shape...)...)
	if err != nil {
		return measurement{}, err
	}
	q := attribution.Query{Rows: rows}
	var m attribution.Model = pixels{}
	if withNetwork {
		if m, err = network.ImportTorch(filepath.Join(j.folder, "m2.pth"), picture.Shape...); err != nil {
			return measurement{}, err
		}
	} else if q.Backend, err = backend.New(backend.Choice{Name: "go"}); err != nil {
		return measurement{}, err
	}
	targets := make([]attribution.Target, 10)
	for i := range targets {
		targets[i].Output = i
	}
	method := attribution.LIME{Samples: j.pick(500, 20), Fill: attribution.Fill{Value: 1. / 255}}
	players := 0
	seconds, extra, err := fastest(j.pick(4, 1), func() error {
		superpixels, err := segment.Quickshift(picture, segment.QuickshiftConfig{})
		if err != nil {
			return err
		}
		of, err := superpixels.Players(picture.Shape)
		if err != nil {
			return err
		}
		q.Groups, players = [][]int{of}, superpixels.Count
		_, err = attribution.ExplainEach(ctx, m, method, q, targets)
		return err
	})
	if err != nil {
		return measurement{}, err
	}
	extra["segments"] = players
	return measurement{N: 1, Unit: "image", Seconds: seconds, Extra: extra}, nil
}

// pixels is a model whose ten outputs are the first ten inputs.
type pixels struct{}

func (pixels) Store() *model.Store { return model.NewStore() }

func (pixels) Graph(_ *model.Scope, x *graph.Node, _ func(string, *graph.Node) *graph.Node) *graph.Node {
	flat := graph.Reshape(x, x.Shape().Dim(0), -1)
	return graph.Slice(flat, graph.AxisRange(), graph.AxisRange(0, 10))
}
