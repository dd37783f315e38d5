// Package iris runs the study of single neurons on Fisher's irises: a network
// 4 → 12 ReLU → 3 is trained, and asked which hidden neurons fire for which
// species, which features drive them, whether a neuron matters, and what would
// be the same with another seed.
//
// A [Study] is a [Config] and a store. The steps that draw or train (the split,
// the network, its stability, conductance) are kept there with their
// provenance; tables and rules are computed from a [Classifier] at once.
//
// The published study's faults are corrected: features are kept for each
// neuron, the loss is called what it is, and everything has a seed. Two of its
// choices stay options: [PositiveWeight] and [Classifier.LegacyExplanations].
package iris

import (
	"context"

	"github.com/gojacard/jacard/internal/study"
	"github.com/gojacard/jacard/pkg/artifact"
)

// Study is the workflow of one configuration.
type Study struct {
	Config Config

	work *study.Workplace
}

// Options say where a study keeps its steps and what it tells while working.
// The zero value is what notebooks want.
type Options = study.Options

// Open returns the study of a configuration. It computes nothing yet.
func Open(cfg Config, options Options) (*Study, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	work, err := study.Open("iris", options)
	if err != nil {
		return nil, err
	}
	return &Study{Config: cfg, work: work}, nil
}

// With returns the study with a changed configuration and the same store.
func (s *Study) With(change func(c *Config)) (*Study, error) {
	c := *s
	change(&c.Config)
	if err := c.Config.check(); err != nil {
		return nil, err
	}
	return &c, nil
}

// step runs one of the study's steps.
func step[T artifact.Recorder](ctx context.Context, s *Study, spec artifact.Spec, compute func(context.Context) (T, error)) (T, error) {
	return study.Step(ctx, s.work, s.Config.Seed, spec, compute)
}

// input marks what is called with the returned context as an input of another
// step.
func input(ctx context.Context) context.Context { return study.Input(ctx) }
