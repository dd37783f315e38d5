package project

import (
	"context"
	"testing"
)

// BenchmarkStep takes one step of the published size apart.
func BenchmarkStep(b *testing.B) {
	x, _ := mixture(14780, 30, 1)
	cfg, err := TSNEConfig{Metric: Cosine}.withDefaults(x.Rows())
	if err != nil {
		b.Fatal(err)
	}
	start, err := startPoints(x, cfg)
	if err != nil {
		b.Fatal(err)
	}
	s, err := newSpace(x, Cosine, 2)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	p, err := newAffinities(ctx, s, 91, 30, cfg.Threads)
	if err != nil {
		b.Fatal(err)
	}
	d := newDescent(p, start, cfg)
	for range 2 * renumberEvery {
		if err := d.step(ctx, cfg.EarlyExaggeration, 0.5); err != nil {
			b.Fatal(err)
		}
	}
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"tree", func() error { return d.tree.build(ctx, d.x, d.y) }},
		{"repulsion", func() error { _, err := d.tree.repel(ctx, d.repelX, d.repelY, false); return err }},
		{"attraction", func() error { return d.attraction(ctx) }},
		{"step", func() error { return d.step(ctx, 1, 0.8) }},
		{"affinities", func() error { _, err := newAffinities(ctx, s, 91, 30, cfg.Threads); return err }},
		{"nearest", func() error { _, err := s.nearest(ctx, 91, cfg.Threads); return err }},
	} {
		b.Run(part.name, func(b *testing.B) {
			for b.Loop() {
				if err := part.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
