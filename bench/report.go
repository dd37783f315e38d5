package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gojacard/jacard/pkg/artifact"
)

// report is what a run found; results/<time>.json holds all of it.
type report struct {
	Started    time.Time                 `json:"started"`
	Quick      bool                      `json:"quick"`
	Processor  string                    `json:"cpu"`
	Processors int                       `json:"processors"`
	Load       string                    `json:"load_at_start"`
	Lines      []line                    `json:"comparisons"`
	Runs       []measurement             `json:"runs"`
	Quality    map[string]map[string]any `json:"map_quality,omitempty"`
	Skipped    []string                  `json:"skipped,omitempty"`

	lab *lab
}

// line is one comparison with its outcome.
type line struct {
	What  string  `json:"what"`
	A     string  `json:"a"`
	B     string  `json:"b,omitempty"`
	Value float64 `json:"value"` // median over the rounds
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Bound float64 `json:"bound,omitempty"`
	Met   bool    `json:"met"`

	workload workload
	by       quantity
}

func newReport(l *lab, o options) *report {
	load, _ := os.ReadFile("/proc/loadavg") // absent on other systems
	return &report{Started: time.Now(), Quick: o.quick, Processor: processor(), Processors: runtime.NumCPU(),
		Load: strings.TrimSpace(string(load)), Quality: map[string]map[string]any{}, lab: l}
}

func (r *report) add(m measurement) { r.Runs = append(r.Runs, m) }

// rounds are the measurements of one program of a workload, in order.
func (r *report) rounds(w workload, program string) []measurement {
	var out []measurement
	for _, m := range r.Runs {
		if m.Workload == w.name && m.Program == program {
			out = append(out, m)
		}
	}
	return out
}

// finish measures the maps of a workload and judges its comparisons.
func (r *report) finish(ctx context.Context, w workload) error {
	for _, p := range w.programs {
		q, err := r.lab.quality(ctx, p.name)
		if err != nil {
			return err
		}
		if q != nil {
			r.Quality[p.name] = q
		}
	}
	for _, c := range w.comparisons {
		values, err := r.values(w, c)
		if err != nil {
			return err
		}
		slices.Sort(values)
		l := line{What: c.what, A: c.a, B: c.b, Value: values[len(values)/2], Low: values[0], High: values[len(values)-1],
			Bound: c.bound, workload: w, by: c.by}
		if len(values)%2 == 0 {
			l.Value = (l.Value + values[len(values)/2-1]) / 2
		}
		l.Met = c.bound == 0 || l.Value <= c.bound
		if c.by == bySpeed {
			l.Met = l.Value >= c.bound
		}
		r.Lines = append(r.Lines, l)
	}
	return nil
}

// values are what a comparison compares, one a round where rounds differ.
func (r *report) values(w workload, c comparison) ([]float64, error) {
	switch c.by {
	case byKL:
		a, okA := r.Quality[c.a]["exact_kl"].(float64)
		b, okB := r.Quality[c.b]["exact_kl"].(float64)
		if !okA || !okB {
			return nil, fmt.Errorf("no exact KL of %s and %s: %v", c.a, c.b, r.Quality)
		}
		return []float64{a / b}, nil
	case byAgreement:
		d, err := largestDifference(r.lab.path("phi", c.a), r.lab.path("phi", c.b))
		return []float64{d}, err
	}
	var out []float64
	other := r.rounds(w, c.b)
	for i, a := range r.rounds(w, c.a) {
		switch c.by {
		case bySpeed:
			out = append(out, a.speed()/other[i].speed())
		case byTime:
			out = append(out, a.Seconds/other[i].Seconds)
		case bySeconds:
			out = append(out, a.Seconds)
		}
	}
	return out, nil
}

// print writes the comparisons, and below them every program, as Markdown.
func (r *report) print(w io.Writer) {
	if r.Quick {
		fmt.Fprint(w, "**Quick run: everything works; the numbers mean nothing.**\n\n")
	}
	fmt.Fprintf(w, "%s, %d processors, %s, load at start %s\n\n", r.Processor, r.Processors, r.Started.Format("2006-01-02"), r.Load)
	fmt.Fprintln(w, "| what | ours | peer | value (lowest–highest round) | required | met |\n|---|---|---|---|---|---|")
	for _, l := range r.Lines {
		required, met := "–", "–"
		if l.Bound != 0 {
			required = l.by.sign() + fmt.Sprintf(" %.4g", l.Bound)
			switch {
			case l.Met:
				met = "yes"
			case !r.Quick:
				met = "**no**"
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", l.What, r.pace(l, l.A), r.pace(l, l.B), l.value(), required, met)
	}
	fmt.Fprintln(w, "\n| program | seconds | per second | peak MB | others busy, worst round |\n|---|---|---|---|---|")
	seen := map[string]bool{}
	for _, m := range r.Runs {
		key := m.Workload + " " + m.Program
		if seen[key] {
			continue
		}
		seen[key] = true
		all := r.rounds(workload{name: m.Workload}, m.Program)
		mid, busy := median(all), 0.0
		for _, one := range all {
			busy = max(busy, one.OtherBusy)
		}
		fmt.Fprintf(w, "| %s: %s | %.4g | %.4g %s | %.0f | %.0f %% |\n", m.Workload, m.Program, mid.Seconds, mid.speed(), m.Unit, mid.PeakMB, 100*busy)
	}
	for _, s := range r.Skipped {
		fmt.Fprintln(w, "\nnot measured:", s)
	}
}

// median is the measurement in the middle, by speed.
func median(all []measurement) measurement {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b measurement) int { return cmp.Compare(a.speed(), b.speed()) })
	return sorted[len(sorted)/2]
}

// pace tells how fast a program of a line is, or how good its map.
func (r *report) pace(l line, program string) string {
	if program == "" {
		return "–"
	}
	switch l.by {
	case byKL:
		return fmt.Sprintf("%s, KL %.4f", program, r.Quality[program]["exact_kl"])
	case byAgreement:
		return program
	}
	m := median(r.rounds(l.workload, program))
	return fmt.Sprintf("%s, %.4g s, %.4g %s/s", program, m.Seconds, m.speed(), m.Unit)
}

func (l line) value() string {
	switch {
	case l.by == bySeconds:
		return fmt.Sprintf("%.2f s (%.2f–%.2f)", l.Value, l.Low, l.High)
	case l.by == byAgreement:
		return fmt.Sprintf("%.1e", l.Value)
	case l.Low == l.High:
		return fmt.Sprintf("%.3g", l.Value)
	}
	return fmt.Sprintf("%.3g (%.3g–%.3g)", l.Value, l.Low, l.High)
}

func (q quantity) sign() string {
	if q == bySpeed {
		return "≥"
	}
	return "≤"
}

// write keeps the report as JSON in dir and returns the file's path.
func (r *report) write(dir string) (string, error) {
	path := filepath.Join(dir, r.Started.Format("2006-01-02T15-04-05")+".json")
	return path, artifact.WriteFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(r)
	})
}
