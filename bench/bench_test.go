package main

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

// TestWorkloads holds the table to itself: programs exist, comparisons name
// programs of their workload, and no two workloads share a name.
func TestWorkloads(t *testing.T) {
	names := map[string]bool{}
	for _, w := range workloads(true) {
		if names[w.name] {
			t.Errorf("two workloads are called %s", w.name)
		}
		names[w.name] = true
		has := map[string]bool{"": true}
		for _, p := range w.programs {
			has[p.name] = true
			if p.ours && jobs[p.name] == nil {
				t.Errorf("%s: no job %s", w.name, p.name)
			}
			if p.script != "" {
				if found, _ := filepath.Glob(filepath.Join("peers", p.script+".py")); len(found) != 1 {
					t.Errorf("%s: no script %s", w.name, p.script)
				}
			}
		}
		for _, c := range w.comparisons {
			if !has[c.a] || !has[c.b] {
				t.Errorf("%s: %s compares %q with %q, which are not both in it", w.name, c.what, c.a, c.b)
			}
		}
	}
}

// TestFinish judges three rounds by hand-computed numbers: speeds 10, 20, 40
// against 5, 5, 20 are ratios 2, 4, 2.
func TestFinish(t *testing.T) {
	w := workload{name: "w", programs: []program{ours("a"), peer("b", "", "", "")}, comparisons: []comparison{
		{what: "speed, met", a: "a", b: "b", bound: 2},
		{what: "speed, missed", a: "a", b: "b", bound: 2.5},
		{what: "time", a: "b", b: "a", by: byTime, bound: 2.1},
		{what: "seconds", a: "a", by: bySeconds, bound: 4},
		{what: "values", a: "a", b: "b", by: byAgreement, bound: 0.4},
		{what: "kl", a: "a", b: "b", by: byKL, bound: 1.02},
	}}
	r := &report{lab: &lab{folder: t.TempDir()}, Quality: map[string]map[string]any{"a": {"exact_kl": 1.5}, "b": {"exact_kl": 2.0}}}
	for i, speeds := range [][2]float64{{10, 5}, {20, 5}, {40, 20}} {
		r.add(measurement{Workload: "w", Program: "a", Round: i, N: 100, Seconds: 100 / speeds[0], Unit: "row"})
		r.add(measurement{Workload: "w", Program: "b", Round: i, N: 100, Seconds: 100 / speeds[1], Unit: "row"})
	}
	for name, values := range map[string][]float32{"a": {1, 2, 3, 4}, "b": {1, 2.5}} { // b explains fewer rows
		phi, err := array.From(values, len(values)/2, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := artifact.WriteNpy(r.lab.path("phi", name), phi); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.finish(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		value, low, high float64
		met              bool
	}{{2, 2, 4, true}, {2, 2, 4, false}, {2, 2, 4, true}, {5, 2.5, 10, false}, {0.5, 0.5, 0.5, false}, {0.75, 0.75, 0.75, true}}
	for i, l := range r.Lines {
		if g, w := l, want[i]; g.Value != w.value || g.Low != w.low || g.High != w.high || g.Met != w.met {
			t.Errorf("%s: got %v (%v–%v) met %v, want %+v", l.What, g.Value, g.Low, g.High, g.Met, w)
		}
	}
	var table strings.Builder
	r.print(&table)
	for _, want := range []string{
		"| speed, missed | a, 5 s, 20 row/s | b, 20 s, 5 row/s | 2 (2–4) | ≥ 2.5 | **no** |",
		"| seconds | a, 5 s, 20 row/s | – | 5.00 s (2.50–10.00) | ≤ 4 | **no** |",
		"| kl | a, KL 1.5000 | b, KL 2.0000 | 0.75 | ≤ 1.02 | yes |",
		"| values | a | b | 5.0e-01 | ≤ 0.4 | **no** |",
		"| w: a | 5 | 20 row | 0 | 0 % |",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, table.String())
		}
	}
}

func TestOthersSince(t *testing.T) {
	for _, c := range []struct {
		now, before times
		own         time.Duration
		want        float64
	}{
		{times{busy: 300, all: 1000}, times{busy: 100, all: 600}, time.Second, 0.25}, // 200 busy, 100 ours, of 400
		{times{busy: 100, all: 1000}, times{busy: 100, all: 600}, time.Second, 0},    // ticks are coarse
		{times{}, times{}, time.Second, -1},
	} {
		if got := c.now.othersSince(c.before, c.own); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v after %+v, own %v: got %v, want %v", c.now, c.before, c.own, got, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	got, err := choose(options{only: "tsne,rescale", repeat: 1})
	if err != nil || len(got) != 2 || got[0].name != "tsne" || got[1].name != "rescale" {
		t.Errorf("got %v, %v, want tsne, rescale", got, err)
	}
	for _, bad := range []options{{repeat: 0}, {repeat: 1, only: "tsne,umap"}, {repeat: 1, only: ","}} {
		if _, err := choose(bad); err == nil {
			t.Errorf("%+v: got no error", bad)
		}
	}
	if all, err := choose(options{repeat: 1}); err != nil || !slices.EqualFunc(all, workloadNames(), func(w workload, name string) bool { return w.name == name }) {
		t.Errorf("without -only: got %v, %v", all, err)
	}
}
