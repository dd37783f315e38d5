package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/gojacard/jacard/internal/notebook"
)

// view prints one line for each cell of a run. On a terminal the line of the
// running cell counts the seconds and shows what the cell's progress bar says.
type view struct {
	w     io.Writer
	width func() int // of the terminal; nil where there is none

	mu      sync.Mutex
	event   notebook.Event
	started time.Time
	running bool
	stop    chan struct{}
}

func newView(w io.Writer) *view {
	v := &view{w: w, stop: make(chan struct{})}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		v.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80
			}
			return width
		}
		go v.tick()
	}
	return v
}

// show takes an event of the run.
func (v *view) show(e notebook.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.Cell != v.event.Cell {
		v.started = time.Now()
	}
	v.event, v.running = e, !e.Done
	if e.Done {
		mark := ""
		if e.Err != nil {
			mark = "FAILED  "
		}
		v.clear()
		fmt.Fprintln(v.w, v.line(e.Took, mark+e.Label))
		return
	}
	v.paint()
}

// close ends the counting of seconds.
func (v *view) close() {
	close(v.stop)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.running = false
}

func (v *view) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-v.stop:
			return
		case <-t.C:
			v.mu.Lock()
			v.paint()
			v.mu.Unlock()
		}
	}
}

// paint draws the line of the running cell anew.
func (v *view) paint() {
	if v.width == nil || !v.running {
		return
	}
	text := v.event.Label
	if v.event.Note != "" {
		text = v.event.Note
	}
	line := []rune(v.line(time.Since(v.started).Round(time.Second), text))
	if width := v.width() - 1; len(line) > width && width > 0 {
		line = append(line[:width-1], '…')
	}
	v.clear()
	fmt.Fprint(v.w, string(line))
}

func (v *view) line(took time.Duration, text string) string {
	return fmt.Sprintf("%3d/%d %7.1f s  %s", v.event.Cell, v.event.Cells, took.Seconds(), text)
}

func (v *view) clear() {
	if v.width != nil {
		fmt.Fprint(v.w, "\r\x1b[K")
	}
}
