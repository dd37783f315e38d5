package main

import (
	"context"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/project"
)

// tsne maps the attributions that the peers map, cosine distance, perplexity
// 30. It leaves the map for quality.py.
func (j job) tsne(ctx context.Context) (measurement, error) {
	x, err := artifact.ReadNpy(filepath.Join(j.folder, "tsne.npy"))
	if err != nil {
		return measurement{}, err
	}
	cfg := project.TSNEConfig{Metric: project.Cosine, Iterations: j.pick(1000, 300), Threads: runtime.NumCPU()}
	start := time.Now()
	m, err := project.TSNE(ctx, x, cfg)
	if err != nil {
		return measurement{}, err
	}
	seconds := time.Since(start).Seconds()
	if err := artifact.WriteNpy(filepath.Join(j.folder, "map-tsne.npy"), m.Points); err != nil {
		return measurement{}, err
	}
	return measurement{N: float64(x.Rows()), Unit: "row", Seconds: seconds,
		Extra: map[string]any{"iterations": m.Iterations, "reported_kl": m.KL}}, nil
}
