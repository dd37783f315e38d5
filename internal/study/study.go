// Package study is what the studies share: a store of finished steps, a
// backend, and what is told while they work. Each study adds its configuration
// and one method a step.
package study

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

// Workplace is where the steps of one study run. Variants of a study, with
// other configurations, share it.
type Workplace struct {
	Backend  compute.Backend
	Progress func(title string) func(done, total int)

	study    string // word before errors
	store    *artifact.Store
	announce func(line string)
	name     string // of the backend, for provenance

	// done holds what this process has computed or read, by ID, so that a
	// step which several others need is read and announced once. Results are
	// not written to.
	done sync.Map
}

// Open prepares the workplace of a study, whose name stands before errors.
func Open(study string, options Options) (*Workplace, error) {
	dir := options.Store
	var err error
	if dir == "" {
		if dir, err = DefaultStore(); err != nil {
			return nil, fmt.Errorf("%s: %w", study, err)
		}
	}
	store, err := artifact.Open(dir)
	if err != nil {
		return nil, err
	}
	w := &Workplace{study: study, store: store, announce: options.Announce, Backend: options.Backend, Progress: options.Progress}
	if w.announce == nil {
		w.announce = func(line string) { fmt.Println(line) }
	}
	store.Announce = func(line string) {
		if !strings.HasPrefix(line, "loaded ") { // Step tells those that matter
			w.announce(line)
		}
	}
	if w.Progress == nil {
		w.Progress = progress.New
	}
	if w.Backend == nil {
		if w.Backend, err = backend.Default(); err != nil {
			return nil, err
		}
	}
	w.name = backend.NameOf(w.Backend)
	return w, nil
}

// EnvStore names the folder of finished steps.
const EnvStore = "JACARD_STORE"

// EnvQuick makes studies that are opened from the environment small.
const EnvQuick = "JACARD_QUICK"

// Quick tells whether JACARD_QUICK is set to anything but "" or "0".
func Quick() bool {
	v := os.Getenv(EnvQuick)
	return v != "" && v != "0"
}

// DefaultStore finds the project upwards from the working directory, so that
// a notebook and the command share their steps.
func DefaultStore() (string, error) {
	if dir := os.Getenv(EnvStore); dir != "" {
		return dir, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("no working directory: %w", err)
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

// Step runs one step of a study with the given seed, or reads what it made
// before.
func Step[T artifact.Recorder](ctx context.Context, w *Workplace, seed uint64, spec artifact.Spec, compute func(context.Context) (T, error)) (T, error) {
	spec = w.complete(seed, spec)
	id, err := spec.ID()
	if err == nil {
		if known, ok := w.done.Load(id); ok {
			return known.(T), nil
		}
	}
	loaded := true
	out, err := artifact.Step(ctx, w.store, spec, func(ctx context.Context) (T, error) {
		loaded = false
		return compute(ctx)
	})
	if err != nil {
		return out, fmt.Errorf("%s: %s: %w", w.study, spec.Name, err)
	}
	if loaded && ctx.Value(inputKey{}) == nil {
		w.announce(fmt.Sprintf("loaded %s %s", spec.Name, out.Record().Short()))
	}
	w.done.Store(id, out)
	return out, nil
}

// ID names what [Step] returns without computing or reading it: what a step
// needs to find its own result, where its inputs are large.
func ID(w *Workplace, seed uint64, spec artifact.Spec) (string, error) {
	id, err := w.complete(seed, spec).ID()
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", w.study, spec.Name, err)
	}
	return id, nil
}

// complete gives a step that has inputs its seed and backend. One without reads
// files, and what it draws by is part of its configuration.
func (w *Workplace) complete(seed uint64, spec artifact.Spec) artifact.Spec {
	if len(spec.Inputs) > 0 {
		spec.Seed, spec.Backend = seed, w.name
	}
	return spec
}

// Input marks what is called with the returned context as an input of another
// step: if it is only loaded, nobody needs to be told.
func Input(ctx context.Context) context.Context { return context.WithValue(ctx, inputKey{}, true) }

type inputKey struct{}
