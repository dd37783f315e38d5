// Package setup knows what jacard needs on a machine, finds what is there and
// gets what is missing.
//
// Each need is one [Step] of one table: how to see whether it is met, and how
// to meet it. `jacard doctor` only looks, `jacard setup`, `run` and `lab` do
// the steps of their [Goal] that are not met and no others, so that a second
// start costs a few file look-ups.
//
// Everything lands in the folder .jacard of the checkout (Go's own caches
// aside). Each step first writes beside its place and then renames, so an
// interrupted step leaves nothing behind that looks finished.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/gojacard/jacard/internal/backend"
)

// Goal is what the machine shall be able to do. Goals are added with |.
type Goal uint8

const (
	Notebook Goal = 1 << iota // run notebooks and the study without Jupyter
	Lab                       // open notebooks in JupyterLab
	CUDA                      // compute on an NVIDIA GPU
)

// State is what a look at a step found.
type State uint8

const (
	Found   State = iota // nothing to do
	Weak                 // works, but something better is to be had
	Missing              // the goal is out of reach without it
)

func (s State) String() string { return [...]string{"found", "weak", "missing"}[s] }

// Status is the answer of a step's look.
type Status struct {
	State State
	What  string // what was found and where, or what is missing
	Help  string // what the user can do; empty if there is nothing to do
}

// Step is one need.
type Step struct {
	Name  string
	Goals Goal
	// Check looks, in milliseconds, and changes nothing.
	Check func(ctx context.Context, s *Setup) Status
	// Do meets the need. Nil if only the user can.
	Do func(ctx context.Context, s *Setup) error
}

// steps are in the order in which they are done: a step may build on those above it.
var steps = []Step{
	{"Go", Notebook, checkGo, nil},
	{"C compiler", Notebook, checkCompiler, nil},
	{"kernel", Notebook, checkKernel, nil},
	{"Go tools", Notebook, checkTools, installTools},
	{"packages", Notebook, checkCompiled, compile},
	{"XLA plugin", Notebook, checkPlugin, fetchPlugin},
	{"CUDA plugin", CUDA, checkCUDA, fetchCUDA},
	{"data", Notebook, checkData, fetchData},
	{"Python", Lab, checkPython, nil},
	{"JupyterLab", Lab, checkJupyter, installJupyter},
}

// Setup is one run of set-up in one checkout.
type Setup struct {
	Project Project
	// Out gets progress bars and the few words said. Nil is silent.
	Out io.Writer
	// Offline forbids the network: what is not here yet is an error.
	Offline bool
	// Again retries what an earlier set-up could not get and did without.
	Again bool
	// CUDAVersion is 12 or 13; 0 takes what the installed driver supports.
	CUDAVersion int

	// Tests replace these; nil is the real thing.
	env       func(string) string
	client    *http.Client
	installer func(ctx context.Context, folder string) error // go-xla's own
	probe     func(backend.Choice) error

	goenv *goEnv
}

// New is a set-up of the checkout that writes its progress to out.
func New(p Project, out io.Writer) *Setup { return &Setup{Project: p, Out: out} }

// Ensure does what the goal lacks. It returns the first need that could not be
// met; what is merely weak is said on Out and is no error. Two set-ups of one
// checkout wait for each other.
func (s *Setup) Ensure(ctx context.Context, goal Goal) error {
	lacking := s.lacking(ctx, goal)
	if len(lacking) == 0 {
		return nil
	}
	if err := os.MkdirAll(s.Project.Private(), 0o755); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.removeLeftovers(); err != nil {
		return err
	}
	for _, step := range lacking {
		if err := s.ensure(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func (s *Setup) lacking(ctx context.Context, goal Goal) []Step {
	var lacking []Step
	for _, step := range steps {
		if step.Goals&goal != 0 && (s.Again || step.Check(ctx, s).State != Found) {
			lacking = append(lacking, step)
		}
	}
	return lacking
}

func (s *Setup) ensure(ctx context.Context, step Step) error {
	status := step.Check(ctx, s) // again: another set-up may have done it meanwhile
	if status.State != Found && step.Do != nil {
		if err := step.Do(ctx, s); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("setup: %s: interrupted: run the same command again to go on", step.Name)
			}
			return fmt.Errorf("setup: %s: %w", step.Name, err)
		}
		status = step.Check(ctx, s)
	}
	switch status.State {
	case Missing:
		return fmt.Errorf("setup: %s: %s: %s", step.Name, status.What, status.Help)
	case Weak:
		s.say("%s: %s; %s", step.Name, status.What, status.Help)
	}
	return nil
}

// Row is one line of a doctor's report.
type Row struct {
	Name string
	Status
}

// Report looks at every step and changes nothing. Lines of the goals not
// asked for are never Missing, at worst Weak.
func (s *Setup) Report(ctx context.Context, goal Goal) []Row {
	var rows []Row
	for _, step := range steps {
		status := step.Check(ctx, s)
		if step.Goals&goal == 0 && status.State == Missing {
			status.State = Weak
		}
		rows = append(rows, Row{step.Name, status})
	}
	rows = append(rows, s.backend())
	return append(rows, s.machine()...)
}

// lock waits until no other set-up works in this checkout.
func (s *Setup) lock(ctx context.Context) (unlock func(), err error) {
	l := flock.New(s.Project.Private("setup.lock"))
	ok, err := l.TryLock()
	if err == nil && !ok {
		s.say("another set-up is at work in this folder: waiting for it")
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("setup: lock %s: %w", l.Path(), err)
	}
	return func() { _ = l.Close() }, nil
}

// scratch makes a folder for half-done work on the same file system as its
// final place. The caller removes it; a killed set-up's are removed by the next.
func (s *Setup) scratch() (string, error) {
	if err := os.MkdirAll(s.Project.Private(), 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(s.Project.Private(), scratchPrefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) // it may become the final folder
}

const scratchPrefix = "tmp-"

func (s *Setup) removeLeftovers() error {
	left, err := filepath.Glob(filepath.Join(globEscape(s.Project.Private()), scratchPrefix+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// globEscape keeps a folder's own *, ? and [ from being read as a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (s *Setup) say(format string, args ...any) {
	if s.Out != nil {
		fmt.Fprintf(s.Out, "jacard: "+format+"\n", args...)
	}
}

func (s *Setup) getenv(name string) string {
	if s.env != nil {
		return s.env(name)
	}
	return os.Getenv(name)
}
