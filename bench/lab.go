package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gojacard/jacard/internal/setup"
)

// lab is where programs run: our binary, a Python with the peers' packages,
// and the features that all of them start from.
type lab struct {
	project setup.Project
	binary  string
	python  string
	folder  string // of this run: exported features, values to compare
	env     []string
}

// measurement is what one process reports, and what we saw of it.
type measurement struct {
	Workload string            `json:"workload"`
	Program  string            `json:"program"`
	Command  string            `json:"command"`
	Round    int               `json:"round"`
	N        float64           `json:"n"` // units of work done in Seconds
	Unit     string            `json:"unit"`
	Seconds  float64           `json:"seconds"`
	PeakMB   float64           `json:"peak_rss_mb"`
	Versions map[string]string `json:"versions"`
	Extra    map[string]any    `json:"extra"`

	// Wall is the whole process. OtherBusy is the share of the machine that
	// others took meanwhile; -1 where the system does not tell.
	Wall      float64 `json:"wall_s"`
	OtherBusy float64 `json:"other_busy"`
}

func (m measurement) speed() float64 { return m.N / m.Seconds }

func newLab(ctx context.Context, p setup.Project, o options) (*lab, error) {
	python, err := findPython(ctx, p, o.python)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "jacard-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{project: p, binary: filepath.Join(folder, "bench"), python: python, folder: folder}
	l.env = append(os.Environ(), "PEERS_MNIST="+p.Path("testdata", "mnist"), "PEERS_CACHE="+p.Private("cache", "bench"),
		fmt.Sprintf("PEERS_THREADS=%d", runtime.NumCPU()))
	export := []string{p.Path("bench", "peers", "export.py"), folder}
	if o.quick {
		l.env = append(l.env, "PEERS_EPOCHS=1")
		export = append(export, "--tsne-rows", "1200")
	}
	// As the notebooks' kernel compiles cells.
	build := exec.CommandContext(ctx, "go", "build", "-o", l.binary, "./bench")
	build.Env = append(os.Environ(), "GOEXPERIMENT=simd")
	fmt.Fprintln(os.Stderr, "compiling ours, training the features (once, less than a minute)")
	if _, err := l.output(build); err != nil {
		return nil, l.fail(err)
	}
	if _, err := l.output(exec.CommandContext(ctx, python, export...)); err != nil {
		return nil, l.fail(err)
	}
	return l, nil
}

func (l *lab) close() { os.RemoveAll(l.folder) }

func (l *lab) fail(err error) error {
	l.close()
	return err
}

// run measures one program in a process of its own.
func (l *lab) run(ctx context.Context, w workload, p program, quick bool) (measurement, error) {
	var args []string
	path := l.binary
	if p.ours {
		args = []string{"-one", p.name, "-folder", l.folder}
		if quick {
			args = append(args, "-quick")
		}
	} else {
		path = l.python
		text := p.full
		if quick {
			text = p.quick
		}
		args = []string{l.project.Path("bench", "peers", p.script+".py")}
		for arg := range strings.FieldsSeq(text) {
			args = append(args, strings.ReplaceAll(arg, "FOLDER", l.folder))
		}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	if !quick {
		waitForQuiet(ctx)
	}
	start, before := time.Now(), machineTimes()
	out, err := l.output(cmd)
	if err != nil {
		return measurement{}, err
	}
	var m measurement
	if err := json.Unmarshal(lastLine(out), &m); err != nil {
		return measurement{}, fmt.Errorf("%s printed no result: %w", filepath.Base(path), err)
	}
	m.Workload, m.Program, m.Wall = w.name, p.name, time.Since(start).Seconds()
	m.Command = strings.ReplaceAll(strings.Join(slices.Concat([]string{filepath.Base(path)}, args), " "), l.project.Root+"/", "")
	m.PeakMB = peakMB(cmd.ProcessState)
	own := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	m.OtherBusy = machineTimes().othersSince(before, own)
	fmt.Fprintf(os.Stderr, "%-12s %-14s %10.4g s %10.4g %s/s, others %.0f %%, %.0f s in all\n",
		w.name, p.name, m.Seconds, m.speed(), m.Unit, 100*m.OtherBusy, m.Wall)
	return m, nil
}

// output runs a command in the checkout and returns its standard output.
func (l *lab) output(cmd *exec.Cmd) ([]byte, error) {
	var errOut bytes.Buffer
	cmd.Dir, cmd.Stderr = l.project.Root, &errOut
	if cmd.Env == nil {
		cmd.Env = l.env
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.Output()
	if err != nil {
		text := errOut.String()
		return nil, fmt.Errorf("%w: %s", err, text[max(0, len(text)-1500):])
	}
	return out, nil
}

func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}

// quality measures the map that a t-SNE program left, by the same script for
// ours and the peers'. Without a map it is nil.
func (l *lab) quality(ctx context.Context, program string) (map[string]any, error) {
	path := l.path("map", program)
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	out, err := l.output(exec.CommandContext(ctx, l.python, l.project.Path("bench", "peers", "quality.py"), path))
	if err != nil {
		return nil, err
	}
	var q map[string]any
	return q, json.Unmarshal(lastLine(out), &q)
}

// path is where a program leaves its map or its attributions (phi).
func (l *lab) path(what, program string) string {
	return filepath.Join(l.folder, what+"-"+program+".npy")
}
