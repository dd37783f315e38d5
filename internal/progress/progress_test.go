package progress

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that moves only when told.
type clock struct{ t time.Time }

func (c *clock) now() time.Time           { return c.t }
func (c *clock) forward(by time.Duration) { c.t = c.t.Add(by) }

// record is a face that remembers.
type record struct {
	shown []state
	ended []string
}

func (r *record) show(s state)    { r.shown = append(r.shown, s) }
func (r *record) end(line string) { r.ended = append(r.ended, line) }

func TestRateAndRemainingTime(t *testing.T) {
	c, f := &clock{time.Unix(0, 0)}, &record{}
	r := newRun("φ", f, c.now)
	for done := 1; done <= 100; done++ {
		c.forward(100 * time.Millisecond)
		r.report(done, 100)
	}
	if len(f.shown) < 30 || len(f.shown) > 40 {
		t.Errorf("10 s of work gave %d updates, want at most 4 a second", len(f.shown))
	}
	for _, s := range f.shown {
		if want := time.Duration(100-s.done) * 100 * time.Millisecond; s.rate < 9.99 || s.rate > 10.01 || (s.left-want).Abs() > time.Millisecond {
			t.Errorf("after %d of 100: rate %g, %v left; want 10 and %v", s.done, s.rate, s.left, want)
		}
	}
	if got := fmt.Sprint(f.ended); got != "[φ: 100 in 10 s (10/s)]" {
		t.Errorf("ended with %s", got)
	}
	r.report(3, 100)
	r.report(100, 100)
	if len(f.ended) != 1 {
		t.Errorf("calls after the end gave %d more lines", len(f.ended)-1)
	}
}

func TestQuickRunShowsOneLine(t *testing.T) {
	c, f := &clock{time.Unix(0, 0)}, &record{}
	r := newRun("", f, c.now)
	r.report(0, 0)
	r.report(5, -1)
	r.report(0, 10)
	r.report(4, 10)
	r.report(12, 10) // more than all is all
	if len(f.shown) != 0 || len(f.ended) != 1 || !strings.HasPrefix(f.ended[0], "done: 10 in 0.0 s") {
		t.Errorf("shown %v, ended %q", f.shown, f.ended)
	}
}

// TestGoroutines reports out of order from many goroutines.
func TestGoroutines(t *testing.T) {
	f := &record{}
	start := time.Now()
	r := newRun("rows", f, func() time.Time { return start.Add(time.Since(start) * 1e6) })
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := g; i <= 1000; i += 8 {
				r.report(i, 1000)
			}
		})
	}
	wg.Wait()
	last := 0
	for _, s := range f.shown {
		if s.done < last {
			t.Errorf("the bar went back from %d to %d", last, s.done)
		}
		last = s.done
	}
	if len(f.ended) != 1 {
		t.Errorf("%d ends, want 1", len(f.ended))
	}
}

func TestFaces(t *testing.T) {
	s := state{"training <1>", 30, 120, 12.345, 75 * time.Second}
	var sent []string
	c := &cell{id: "x", update: func(id, html string) { sent = append(sent, id+" "+html) }, sync: func() {}}
	c.show(s)
	c.end("training <1>: 120 in 10 s")
	want := []string{
		`x <label>training &lt;1&gt; <progress value="30" max="120"></progress> 25 % · 30 of 120 · 12.3/s · 1 min 15 s left</label>`,
		`x <div>training &lt;1&gt;: 120 in 10 s</div>`,
	}
	if strings.Join(sent, "\n") != strings.Join(want, "\n") {
		t.Errorf("notebook got\n%s\nwant\n%s", strings.Join(sent, "\n"), strings.Join(want, "\n"))
	}

	var b bytes.Buffer
	term := &terminal{out: &b, title: s.title}
	term.show(s)
	s.total = 240 // a total that is corrected on the way
	term.show(s)
	term.end("training: 240 in 10 s")
	for _, part := range []string{"training <1> 30/120, 12.3/s, 1 min 15 s left", "30/240", "\r", "training: 240 in 10 s\n"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("terminal got %q, which lacks %q", b.String(), part)
		}
	}

	b.Reset()
	lines{&b}.show(s)
	lines{&b}.end("one line")
	if b.String() != "one line\n" {
		t.Errorf("plain output got %q", b.String())
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0.0 s", 1234 * time.Millisecond: "1.2 s", 42 * time.Second: "42 s",
		200 * time.Second: "3 min 20 s", 3*time.Hour + 5*time.Minute: "3 h 5 min",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.01234: "0.0123", 12.345: "12.3", 999: "999", 16234: "16200"} {
		if got := short(v); got != want {
			t.Errorf("%g: got %q, want %q", v, got, want)
		}
	}
}
