package main

import (
	"context"
	"math"
	"path/filepath"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/network"
)

type rescaleVariant int

const (
	rescaleInput rescaleVariant = iota // the input split, default backend
	rescaleFive                        // all five splits in one call
	rescaleGo                          // the input split, pure-Go backend
)

// The background is the first 61 test rows, as the peers have it.
const firstTestRow, backgroundRows = 12_665, 61

// rescale explains the peers' own classifier on the peers' own codes, so that
// values can be compared. The time is that of a whole call of
// [attribution.Explain], which builds and compiles its graph each time and
// checks completeness of every row.
func (j job) rescale(ctx context.Context, v rescaleVariant) (measurement, error) {
	net, err := network.ImportTorch(filepath.Join(j.folder, "classifier.pth"))
	if err != nil {
		return measurement{}, err
	}
	codes, err := artifact.ReadNpy(filepath.Join(j.folder, "codes.npy"))
	if err != nil {
		return measurement{}, err
	}
	background := codes.Slice(firstTestRow, firstTestRow+backgroundRows)
	rows := codes.Slice(0, j.pick(codes.Rows(), 500))
	calls, name := 5, "phi-rescale.npy"
	q := attribution.Query{Rows: rows, Background: background}
	switch v {
	case rescaleFive:
		name = "phi-rescale-five.npy"
		for _, s := range jacard.Splits(net) {
			q.Layers = append(q.Layers, s.Inputs)
		}
	case rescaleGo:
		calls, name = 1, "phi-rescale-go.npy"
		if q.Backend, err = backend.New(backend.Choice{Name: "go"}); err != nil {
			return measurement{}, err
		}
	}
	var result *attribution.Attribution
	seconds, extra, err := fastest(calls, func() (err error) {
		result, err = attribution.Explain(ctx, net, attribution.Rescale{}, q)
		return err
	})
	if err != nil {
		return measurement{}, err
	}
	extra["completeness_gap"] = result.MaxGap()
	extra["splits"] = max(1, len(q.Layers))
	if err := artifact.WriteNpy(filepath.Join(j.folder, name), result.Layers[0].Values); err != nil {
		return measurement{}, err
	}
	return measurement{N: float64(rows.Rows()), Unit: "row", Seconds: seconds, Extra: extra}, nil
}

// largestDifference compares the first rows, those that both files hold.
func largestDifference(a, b string) (float64, error) {
	x, err := artifact.ReadNpy(a)
	if err != nil {
		return 0, err
	}
	y, err := artifact.ReadNpy(b)
	if err != nil {
		return 0, err
	}
	worst := 0.0
	for i := range min(len(x.Data), len(y.Data)) {
		worst = max(worst, math.Abs(float64(x.Data[i])-float64(y.Data[i])))
	}
	return worst, nil
}
