// Package progress shows how far a long call has come: in a terminal, in a
// notebook run by GoNB, and as one line where there is neither.
package progress

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// New returns a callback for one run of something that counts its work. The
// bar appears when the run takes longer than a moment, shows rate and remaining
// time, and gives way to one line when done reaches total. A run that never
// calls back shows nothing.
//
// The callback may be called from several goroutines and in any order: the
// largest done counts, and calls after the end are ignored. A total that is
// not positive is ignored as well.
func New(title string) func(done, total int) {
	var f face = lines{os.Stderr}
	switch {
	case gonbui.IsNotebook:
		f = &cell{id: "progress_" + gonbui.UniqueId(), update: gonbui.UpdateHTML, sync: gonbui.Sync}
	case term.IsTerminal(int(os.Stderr.Fd())):
		f = &terminal{out: os.Stderr, title: title}
	}
	return newRun(title, f, time.Now).report
}

// every is the time between two updates: JupyterLab drops the output of cells
// that send much more, and nobody reads faster.
const every = 250 * time.Millisecond

// face is where progress is shown.
type face interface {
	show(s state)
	end(line string)
}

// state is what there is to show. rate is in units per second.
type state struct {
	title       string
	done, total int
	rate        float64
	left        time.Duration
}

func (s state) String() string {
	return fmt.Sprintf("%d %% · %d of %d · %s/s · %s left", int64(s.done)*100/int64(s.total), s.done, s.total, short(s.rate), span(s.left))
}

type run struct {
	mu    sync.Mutex
	title string
	face  face
	now   func() time.Time
	start time.Time
	last  time.Time
	done  int
	over  bool
}

func newRun(title string, f face, now func() time.Time) *run {
	t := now()
	return &run{title: title, face: f, now: now, start: t, last: t}
}

func (r *run) report(done, total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || total <= 0 {
		return
	}
	r.done = max(r.done, min(done, total))
	t := r.now()
	passed := t.Sub(r.start)
	rate := float64(r.done) / max(passed.Seconds(), 1e-9)
	if r.done >= total {
		r.over = true
		r.face.end(fmt.Sprintf("%s: %d in %s (%s/s)", cmp.Or(r.title, "done"), total, span(passed), short(rate)))
		return
	}
	if t.Sub(r.last) < every || r.done == 0 {
		return
	}
	r.last = t
	left := time.Duration(float64(total-r.done) / rate * float64(time.Second))
	r.face.show(state{r.title, r.done, total, rate, left})
}

// lines is for output that nobody watches: only the end is written.
type lines struct{ out io.Writer }

func (l lines) show(state)      {}
func (l lines) end(line string) { fmt.Fprintln(l.out, line) }

// terminal draws a bar on one line and clears it at the end.
type terminal struct {
	out   io.Writer
	title string
	bar   *progressbar.ProgressBar
}

func (t *terminal) show(s state) {
	if t.bar == nil {
		t.bar = progressbar.NewOptions(s.total, progressbar.OptionSetWriter(t.out), progressbar.OptionFullWidth(),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false))
	}
	if t.bar.GetMax() != s.total {
		t.bar.ChangeMax(s.total)
	}
	// The bar has not seen the time before its first update, so rate and rest
	// come from us.
	t.bar.Describe(strings.TrimSpace(fmt.Sprintf("%s %d/%d, %s/s, %s left", t.title, s.done, s.total, short(s.rate), span(s.left))))
	_ = t.bar.Set(s.done) // a terminal that has gone away stops nothing
}

func (t *terminal) end(line string) {
	if t.bar != nil {
		_ = t.bar.Clear()
	}
	fmt.Fprintln(t.out, line)
}

// cell updates one output of a notebook's cell.
type cell struct {
	id     string
	update func(id, html string)
	sync   func() // waits until the output has arrived: what the cell prints next would overtake it
}

func (c *cell) show(s state) {
	c.update(c.id, fmt.Sprintf(`<label>%s <progress value="%d" max="%d"></progress> %s</label>`, html.EscapeString(s.title), s.done, s.total, s))
}

func (c *cell) end(line string) {
	c.update(c.id, "<div>"+html.EscapeString(line)+"</div>")
	c.sync()
}

// short writes a rate with three digits.
func short(v float64) string {
	if v >= 1000 && v < 1e15 {
		unit := math.Pow(10, math.Floor(math.Log10(v))-2)
		return fmt.Sprintf("%.0f", math.Round(v/unit)*unit)
	}
	return fmt.Sprintf("%.3g", v)
}

// span writes a duration as one reads it aloud.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}
