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
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/progress"
	"github.com/gojacard/jacard/pkg/artifact"
)

// Study is the workflow of one configuration.
type Study struct {
	Config Config

	store    *artifact.Store
	announce func(line string)
	backend  compute.Backend
	name     string // of the backend, for provenance
	progress func(title string) func(done, total int)

	// done holds what this process has computed or read, by ID, so that a
	// step which several others need is read and announced once. Studies made
	// by With and WithLegacy share it. Results are not written to.
	done *sync.Map
}

// Options say where a study keeps its steps and what it tells while working.
// The zero value is what notebooks want.
type Options struct {
	// Store is the folder of finished steps. Empty means JACARD_STORE, else
	// .jacard/store of the project that the working directory lies in.
	Store string

	// Backend to compute on. Nil means GOMLX_BACKEND, else XLA, else Go.
	Backend compute.Backend

	// Announce is told which steps were computed, and which of those asked
	// for were loaded; inputs that are only loaded are not mentioned. Nil
	// prints to standard output; use a function that does nothing for silence.
	Announce func(line string)

	// Progress makes a progress bar. Nil shows one in terminal and notebook.
	Progress func(title string) func(done, total int)
}

// Open returns the study of a configuration. It computes nothing yet.
func Open(cfg Config, options Options) (*Study, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	dir := options.Store
	if dir == "" {
		var err error
		if dir, err = defaultStore(); err != nil {
			return nil, err
		}
	}
	store, err := artifact.Open(dir)
	if err != nil {
		return nil, err
	}
	announce := options.Announce
	if announce == nil {
		announce = func(line string) { fmt.Println(line) }
	}
	store.Announce = func(line string) {
		if !strings.HasPrefix(line, "loaded ") { // step tells those that matter
			announce(line)
		}
	}
	s := &Study{announce: announce, Config: cfg.clone(), store: store, backend: options.Backend, progress: options.Progress, done: &sync.Map{}}
	if s.progress == nil {
		s.progress = progress.New
	}
	if s.backend == nil {
		if s.backend, err = backend.Default(); err != nil {
			return nil, err
		}
	}
	s.name = backend.NameOf(s.backend)
	return s, nil
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
const EnvStore = "JACARD_STORE"

// defaultStore finds the project upwards from the working directory, so that
// a notebook and the command share their steps.
func defaultStore() (string, error) {
	if dir := os.Getenv(EnvStore); dir != "" {
		return dir, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("jacard: no working directory: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "kernels", "start.sh")); err == nil {
			return filepath.Join(dir, ".jacard", "store"), nil
		}
		if dir == filepath.Dir(dir) {
			return filepath.Join(wd, ".jacard", "store"), nil
		}
	}
}

// step fills what all steps of the study share and runs one of them.
func step[T artifact.Recorder](ctx context.Context, s *Study, spec artifact.Spec, compute func(context.Context) (T, error)) (T, error) {
	if len(spec.Inputs) > 0 { // a step without inputs reads files: it draws and computes nothing
		spec.Seed, spec.Backend = s.Config.Seed, s.name
	}
	id, err := spec.ID()
	if err == nil {
		if known, ok := s.done.Load(id); ok {
			return known.(T), nil
		}
	}
	loaded := true
	out, err := artifact.Step(ctx, s.store, spec, func(ctx context.Context) (T, error) {
		loaded = false
		return compute(ctx)
	})
	if err != nil {
		return out, fmt.Errorf("jacard: %s: %w", spec.Name, err)
	}
	if loaded && ctx.Value(inputKey{}) == nil {
		s.announce(fmt.Sprintf("loaded %s %s", spec.Name, out.Record().Short()))
	}
	s.done.Store(id, out)
	return out, nil
}

// input marks what is called with the returned context as an input of another
// step: if it is only loaded, nobody needs to be told.
func input(ctx context.Context) context.Context { return context.WithValue(ctx, inputKey{}, true) }

type inputKey struct{}
