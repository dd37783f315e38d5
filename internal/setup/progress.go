package setup

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar shows how far a long step is: on a terminal a bar with rate and time
// left, elsewhere one line at the start and one at the end.
type bar struct {
	*progressbar.ProgressBar
	out   io.Writer // nil on a terminal
	title string
	start time.Time
}

// bar counts things; a total of -1 is unknown.
func (s *Setup) bar(title string, total int64) *bar { return s.newBar(title, total, false) }

// bytesBar counts bytes; its total comes with the first [bar.Set].
func (s *Setup) bytesBar(title string) *bar { return s.newBar(title, -1, true) }

func (s *Setup) newBar(title string, total int64, bytes bool) *bar {
	b := &bar{title: title, start: time.Now()}
	out := io.Discard
	if f, ok := s.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		out = f
	} else if s.Out != nil {
		b.out = s.Out
		fmt.Fprintf(s.Out, "jacard: %s …\n", title)
	}
	b.ProgressBar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription("jacard: "+title),
		progressbar.OptionShowBytes(bytes),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(20),
		progressbar.OptionThrottle(250*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	return b
}

// Set is the callback of a download; a total of -1 is unknown.
func (b *bar) Set(done, total int64) {
	if total != b.GetMax64() {
		b.ChangeMax64(total)
	}
	_ = b.Set64(done)
}

// Add moves the bar on.
func (b *bar) Add(n int) { _ = b.ProgressBar.Add(n) }

// Finish takes the bar away.
func (b *bar) Finish() {
	_ = b.Exit()
	_ = b.Clear()
	if b.out != nil {
		fmt.Fprintf(b.out, "jacard: %s: %s\n", b.title, time.Since(b.start).Round(100*time.Millisecond))
	}
}
