package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gojacard/jacard/internal/backend"
)

// job is one measurement of ours in its own process.
type job struct {
	folder string // with the exported features
	quick  bool
}

// pick is a size: full, or the small one of a quick run.
func (j job) pick(full, quick int) int {
	if j.quick {
		return quick
	}
	return full
}

// jobs are our programs by name.
var jobs = map[string]func(context.Context, job) (measurement, error){
	"rescale":         func(ctx context.Context, j job) (measurement, error) { return j.rescale(ctx, rescaleInput) },
	"rescale-five":    func(ctx context.Context, j job) (measurement, error) { return j.rescale(ctx, rescaleFive) },
	"rescale-go":      func(ctx context.Context, j job) (measurement, error) { return j.rescale(ctx, rescaleGo) },
	"rescale-image":   func(ctx context.Context, j job) (measurement, error) { return j.image(ctx) },
	"autoencoder":     func(ctx context.Context, j job) (measurement, error) { return j.autoencoder(ctx) },
	"classifier":      func(ctx context.Context, j job) (measurement, error) { return j.classifier(ctx) },
	"tsne":            func(ctx context.Context, j job) (measurement, error) { return j.tsne(ctx) },
	"sampled-shapley": func(ctx context.Context, j job) (measurement, error) { return j.sampledShapley(ctx, false) },
	"one-by-one":      func(ctx context.Context, j job) (measurement, error) { return j.sampledShapley(ctx, true) },
	"kernel-shap":     func(ctx context.Context, j job) (measurement, error) { return j.kernelSHAP(ctx) },
	"quickshift-32":   func(_ context.Context, j job) (measurement, error) { return j.quickshift(32) },
	"quickshift-224":  func(_ context.Context, j job) (measurement, error) { return j.quickshift(224) },
	"lime":            func(ctx context.Context, j job) (measurement, error) { return j.lime(ctx, true) },
	"lime-rest":       func(ctx context.Context, j job) (measurement, error) { return j.lime(ctx, false) },
	"cell":            func(ctx context.Context, j job) (measurement, error) { return j.cell(ctx) },
}

// measureOurs runs a job and prints its result as one JSON line.
func measureOurs(ctx context.Context, name, folder string, quick bool) error {
	run := jobs[name]
	if run == nil || folder == "" {
		return fmt.Errorf("-one %q in -folder %q: a run of the whole bench calls this", name, folder)
	}
	m, err := run(ctx, job{folder, quick})
	if err != nil {
		return err
	}
	m.Versions = ourVersions()
	choice, err := backend.Current()
	if err != nil {
		return err
	}
	m.Versions["backend"] = choice.Name
	m.Versions["plugin"] = filepath.Base(choice.Plugin)
	return json.NewEncoder(os.Stdout).Encode(m)
}

// fastest calls f once to warm up and n times measured, and returns the
// seconds of the fastest call and, for the record, of all.
func fastest(n int, f func() error) (float64, map[string]any, error) {
	var first float64
	var all []float64
	for i := range n + 1 {
		start := time.Now()
		if err := f(); err != nil {
			return 0, nil, err
		}
		took := time.Since(start).Seconds()
		if i == 0 {
			first = took
		} else {
			all = append(all, took)
		}
	}
	return slices.Min(all), map[string]any{"first_call_s": first, "calls_s": all}, nil
}
