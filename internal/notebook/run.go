package notebook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// RunConfig is what [Run] can be told.
type RunConfig struct {
	// Dir is the kernel's working folder. Empty is ours.
	Dir string

	// Env is added to the kernel's environment, as NAME=value.
	Env []string

	// CellTimeout bounds each cell. 0 means no bound.
	CellTimeout time.Duration

	// StartTimeout bounds the kernel's start. 0 means one minute.
	StartTimeout time.Duration

	// Timings writes when each cell ran into its metadata, as JupyterLab
	// does. Without them two runs of one notebook give equal files.
	Timings bool

	// Progress, if not nil, is called before and after each code cell, and
	// when a progress bar in the cell's output moves.
	Progress func(Event)
}

// Event tells how far a run is.
type Event struct {
	Cell, Cells int // number of this code cell, from 1, and of all of them
	Label       string
	Note        string // what the cell's progress bar says
	Done        bool
	Took        time.Duration // of a cell that is done
	Err         error
}

// CellError is a cell that failed.
type CellError struct {
	Cell  int    // place in the notebook, from 1, all kinds of cells counted
	Count int    // as in In [Count]
	Line  int    // of the cell, from 1; 0 if unknown
	Code  string // that line
	Text  string // what the kernel or the program said, last lines only
	Err   error  // what happened: an exit status, a compile error, a timeout
}

func (e *CellError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "notebook: cell %d (In [%d])", e.Cell, e.Count)
	if e.Line > 0 {
		fmt.Fprintf(&b, ", line %d: %s", e.Line, e.Code)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.Text != "" {
		b.WriteString("\n" + e.Text)
	}
	return b.String()
}

func (e *CellError) Unwrap() error { return e.Err }

// Kinds of failures that a [CellError] can wrap.
var (
	// ErrFailed: the kernel reported an error, as for code that does not compile.
	ErrFailed = errors.New("the kernel reports an error")
	// ErrStatus: the program panicked or exited with a status, which GoNB
	// takes for success.
	ErrStatus = errors.New("the program failed")
)

// Run executes the code cells of n in order with a new kernel and replaces
// their outputs. It stops at the first cell that fails, with a [CellError];
// n then holds what was executed so far and no older outputs. A cell tagged
// raises-exception may fail. The kernel is gone when Run returns.
func Run(ctx context.Context, n *Notebook, spec Spec, cfg RunConfig) error {
	k, err := Start(ctx, spec, cfg.Dir, cfg.Env, cfg.StartTimeout)
	if err != nil {
		return err
	}
	defer k.Close()
	n.prepare(spec, k.Language)
	r := run{kernel: k, cfg: cfg, outputs: newCollector(k.dir)}
	for _, c := range n.Cells {
		if c.executable() {
			r.cells++
		}
	}
	section := ""
	for i, c := range n.Cells {
		if h := heading(c); h != "" {
			section = h
		}
		if !c.executable() {
			continue
		}
		if err := r.cell(ctx, i+1, section, c); err != nil {
			return err
		}
	}
	k.drain(r.outputs.handle)
	return nil
}

func (c *Cell) executable() bool { return c.Type == Code && strings.TrimSpace(c.Source) != "" }

// RemoveTimings removes when cells ran, so that equal runs give equal files.
func (n *Notebook) RemoveTimings() {
	for _, c := range n.Cells {
		delete(c.Metadata, "execution")
	}
}

// prepare removes what an earlier run left and says what this one is made of.
func (n *Notebook) prepare(spec Spec, language map[string]any) {
	n.RemoveTimings()
	for _, c := range n.Cells {
		c.Count, c.Outputs = 0, nil
	}
	n.Metadata["kernelspec"] = map[string]any{"name": spec.Name, "display_name": spec.DisplayName, "language": spec.Language}
	if language != nil {
		n.Metadata["language_info"] = language
	}
	n.Metadata[ourMetadata] = map[string]any{"source_sha256": n.SourceHash()}
}

// ourMetadata is our field of a notebook's metadata.
const ourMetadata = "jacard"

type run struct {
	kernel  *Kernel
	cfg     RunConfig
	outputs collector
	cells   int
	done    int
}

// cell executes one cell.
func (r *run) cell(ctx context.Context, place int, section string, c *Cell) error {
	r.done++
	event := Event{Cell: r.done, Cells: r.cells, Label: label(section, c.Source)}
	r.progress(event)
	if r.cfg.CellTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.cfg.CellTimeout, fmt.Errorf("no end after %v", r.cfg.CellTimeout))
		defer cancel()
	}
	start := time.Now()
	times := map[string]any{}
	r.outputs.cell = c
	answer, err := r.kernel.execute(ctx, c.Source, func(m message, own bool) {
		r.outputs.handle(m, own)
		if own {
			stamp(times, m)
			if note := barText(m); note != "" {
				event.Note = note
				r.progress(event)
			}
		}
	})
	c.Count = answer.Count
	if c.Count == 0 {
		c.Count = r.done // it did not come to an answer
	}
	r.outputs.settle()
	if r.cfg.Timings {
		times["shell.execute_reply"] = now()
		c.Metadata["execution"] = times
	}
	event.Note, event.Done, event.Took = "", true, time.Since(start)
	event.Err = failure(place, c, answer, err)
	if e, ok := errors.AsType[*CellError](event.Err); ok && e.Line == 0 {
		e.locateInProgram(c, r.kernel.dir)
	}
	if event.Err != nil && errors.Is(err, errDied) {
		event.Err = fmt.Errorf("%w%s", event.Err, afterLog(r.kernel.logTail()))
	}
	if err == nil && c.Tagged("raises-exception") {
		event.Err = nil
	}
	r.progress(event)
	return event.Err
}

func (r *run) progress(e Event) {
	if r.cfg.Progress != nil {
		r.cfg.Progress(e)
	}
}

func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z") }

// stamp notes times under the names that JupyterLab uses.
func stamp(times map[string]any, m message) {
	switch {
	case m.Header.Type == "execute_input":
		times["iopub.execute_input"] = now()
	case isIdle(m):
		times["iopub.status.idle"] = now()
	case m.Header.Type == "status":
		times["iopub.status.busy"] = now()
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// barText is the text of an output that is a progress bar, else "".
func barText(m message) string {
	if m.Header.Type != Display && m.Header.Type != "update_display_data" {
		return ""
	}
	var f content
	if decodeContent(m.Content, &f) != nil {
		return ""
	}
	page := text(joinBundle(f.Data)["text/html"])
	if !strings.Contains(page, "<progress") {
		return ""
	}
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

// label says in a few words which cell it is: its section and the first line
// of code that says something.
func label(section, source string) string {
	const width = 90
	text := firstWords(source)
	switch {
	case text == "":
		text = section
	case section != "":
		text = section + " · " + text
	}
	if runes := []rune(text); len(runes) > width {
		text = string(runes[:width-1]) + "…"
	}
	return text
}

// firstWords is the first line that is no import, no mark of GoNB and no call
// without arguments; if there are only such, the first of the calls.
func firstWords(source string) string {
	call, inImport := "", false
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		switch {
		case inImport:
			inImport = line != ")"
		case strings.HasPrefix(line, "import"):
			inImport = strings.HasSuffix(line, "(")
		case line == "" || strings.HasPrefix(line, "%%"):
		case strings.HasSuffix(line, "()"):
			call = cmp.Or(call, line)
		default:
			return strings.TrimSpace(strings.TrimPrefix(line, "//"))
		}
	}
	return call
}

// exitLine is how GoNB ends the error stream of a program that failed.
var exitLine = regexp.MustCompile(`(?:^|\n)((?:exit status [1-9][0-9]*|signal: [^\n]*))\n*$`)

// position is how GoNB marks a place in a cell.
var position = regexp.MustCompile(`Cell ?\[([0-9]+)\]:? Line ([0-9]+)`)

// failure is the error of an executed cell, or nil. The kernel's word is not
// enough: GoNB says ok for a program that panicked.
func failure(place int, c *Cell, answer reply, err error) error {
	said := stripANSI(c.stderr())
	e := &CellError{Cell: place, Count: c.Count, Err: err, Text: tail(said)}
	exit := exitLine.FindStringSubmatch(said)
	switch {
	case err != nil:
	case answer.Status != "ok":
		e.Err = ErrFailed
		said = stripANSI(c.reported(answer))
		e.Text = tail(said)
	case exit != nil:
		e.Err = fmt.Errorf("%w: %s", ErrStatus, exit[1])
		e.Text = tail(exitLine.ReplaceAllString(said, ""))
	default:
		return nil
	}
	e.locate(c, said)
	return e
}

// locate finds the first place of this cell in what was said.
func (e *CellError) locate(c *Cell, said string) {
	lines := strings.Split(c.Source, "\n")
	for _, m := range position.FindAllStringSubmatch(said, -1) {
		count, _ := strconv.Atoi(m[1])
		line, _ := strconv.Atoi(m[2])
		if count == c.Count && line >= 1 && line <= len(lines) {
			e.Line, e.Code = line, strings.TrimSpace(lines[line-1])
			return
		}
	}
}

// programPosition is how a panic names a line of the kernel's program.
var programPosition = regexp.MustCompile(`\bmain\.go:([0-9]+)`)

// locateInProgram finds the place by the text of the program's line. GoNB marks
// places of a panic only if name and line arrive in one read of its pipe, which
// a busy machine does not grant: the Go runtime writes them one by one.
func (e *CellError) locateInProgram(c *Cell, kernelFolder string) {
	programs, _ := filepath.Glob(filepath.Join(kernelFolder, "gonb_*", "main.go"))
	if len(programs) != 1 {
		return
	}
	raw, err := os.ReadFile(programs[0])
	if err != nil {
		return
	}
	program, lines := strings.Split(string(raw), "\n"), strings.Split(c.Source, "\n")
	for _, m := range programPosition.FindAllStringSubmatch(e.Text, -1) {
		at, _ := strconv.Atoi(m[1])
		if at < 1 || at > len(program) {
			continue
		}
		said := strings.TrimSpace(program[at-1])
		for i, line := range lines {
			if strings.TrimSpace(line) == said {
				e.Line, e.Code = i+1, said
				return
			}
		}
	}
}

// reported is what the kernel says about an error: the published traceback,
// already cleaned, else its reply.
func (c *Cell) reported(answer reply) string {
	for _, o := range c.Outputs {
		if o.Type == Error && len(o.Traceback) > 0 {
			return strings.Join(o.Traceback, "\n")
		}
	}
	if len(answer.Traceback) > 0 {
		return strings.Join(answer.Traceback, "\n")
	}
	return answer.ErrName + ": " + answer.ErrValue
}

func (c *Cell) stderr() string {
	var b strings.Builder
	for _, o := range c.Outputs {
		if o.Type == Stream && o.Name == "stderr" {
			b.WriteString(o.Text)
		}
	}
	return b.String()
}

// tail keeps the last lines of a long text.
func tail(s string) string {
	const keep = 40
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > keep {
		lines = append([]string{"…"}, lines[len(lines)-keep:]...)
	}
	return strings.Join(lines, "\n")
}
