// Package jacard runs the thesis study on MNIST's digits 0 and 1, one method
// a step: autoencoder → encoding → classifier → attributions at five splits →
// map → clusters → neurons and their Jaccard similarity → feature masks →
// weight shifts.
//
// A [Study] is a [Config] and a store. Every step returns what it made, with
// its provenance; a step that was made before with the same configuration is
// read from the store instead, so cells may be run in any order and again.
// Steps call the steps they need.
//
// The configuration is the *corrected* study unless [Legacy] switches single
// faults of the published one back on (docs/corrections.md).
package jacard

import (
	"context"

	"github.com/gojacard/jacard/internal/study"
	"github.com/gojacard/jacard/pkg/artifact"
)

// Study is the workflow of one configuration.
type Study struct {
	Config Config

	work *study.Workplace // shared by the studies that With and WithLegacy make
}

// Options say where a study keeps its steps and what it tells while working.
// The zero value is what notebooks want.
type Options = study.Options

// Open returns the study of a configuration. It computes nothing yet.
func Open(cfg Config, options Options) (*Study, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	work, err := study.Open("jacard", options)
	if err != nil {
		return nil, err
	}
	return &Study{Config: cfg.clone(), work: work}, nil
}

// WithLegacy returns the study with the given faults of the published one
// switched on. It shares the store: steps that a fault does not touch are
// not computed again.
func (s *Study) WithLegacy(l Legacy) *Study {
	c := *s
	c.Config.Legacy = l
	return &c
}

// With returns the study with a changed configuration and the same store.
func (s *Study) With(change func(c *Config)) (*Study, error) {
	c := *s
	c.Config = c.Config.clone()
	change(&c.Config)
	if err := c.Config.check(); err != nil {
		return nil, err
	}
	return &c, nil
}

// Variant is "corrected" or "legacy", for captions.
func (s *Study) Variant() string {
	if s.Config.Legacy == (Legacy{}) {
		return "corrected"
	}
	return "legacy"
}

// orderName says in figures how training rows were ordered.
func orderName(fileOrder bool) string {
	if fileOrder {
		return "file order"
	}
	return "shuffled"
}

// EnvStore names the folder of finished steps.
const EnvStore = study.EnvStore

// step runs one of the study's steps.
func step[T artifact.Recorder](ctx context.Context, s *Study, spec artifact.Spec, compute func(context.Context) (T, error)) (T, error) {
	return study.Step(ctx, s.work, s.Config.Seed, spec, compute)
}

// input marks what is called with the returned context as an input of another
// step.
func input(ctx context.Context) context.Context { return study.Input(ctx) }
