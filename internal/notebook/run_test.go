package notebook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// book makes a notebook of code cells.
func book(sources ...string) *Notebook {
	n := &Notebook{Metadata: map[string]any{}}
	for i, s := range sources {
		n.Cells = append(n.Cells, &Cell{ID: fmt.Sprint("c", i), Type: Code, Source: s, Metadata: map[string]any{}})
	}
	return n
}

// outline writes outputs in one line: kind or stream name, then text.
func outline(c *Cell) string {
	var parts []string
	for _, o := range c.Outputs {
		switch o.Type {
		case Stream:
			parts = append(parts, fmt.Sprintf("%s %q", o.Name, o.Text))
		case Error:
			parts = append(parts, fmt.Sprintf("error %q", o.ErrValue))
		default:
			parts = append(parts, fmt.Sprintf("%s %q", o.Type, o.Data["text/html"]))
		}
	}
	return strings.Join(parts, ", ")
}

func TestRunOutputs(t *testing.T) {
	tests := []struct{ name, code, want string }{
		{"nothing", "", ""},
		{"streams merge", "stdout \"a\\n\"\nstdout b", `stdout "a\nb"`},
		{"streams in a fixed order", "stderr x\nstdout a\nstderr y\nstdout b", `stdout "ab", stderr "xy"`},
		{"a display parts streams", "stdout a\ndisplay d1 <p>\nstdout b", `stdout "a", display_data "<p>", stdout "b"`},
		{"result", "result r1 7", `execute_result "7"`},
		{"update", "display d2 old\nupdate d2 new", `display_data "new"`},
		{"update of nothing", "update d3 new", ""},
		{"clear", "stdout a\nclear\nstdout b", `stdout "b"`},
		{"clear at the next output", "stdout a\nclear wait\nstdout b", `stdout "b"`},
		{"clear at the next output, and none comes", "stdout a\nclear wait", `stdout "a"`},
		{"overwritten lines", `stdout "1%\r50%\r100%\ndone\r\n"`, `stdout "100%\ndone\n"`},
		{"names of temporary files", `stdout "in gonb_0123abcd/main.go"`, `stdout "in main.go"`},
	}
	n := book()
	for _, tt := range tests {
		n.Cells = append(n.Cells, book(tt.code).Cells...)
	}
	n.Cells = append(n.Cells, book("update d1 later").Cells...)
	if err := Run(t.Context(), n, fakeSpec(t), RunConfig{}); err != nil {
		t.Fatal(err)
	}
	tests[3].want = strings.Replace(tests[3].want, "<p>", "later", 1)
	for i, tt := range tests {
		if got := outline(n.Cells[i]); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := n.Cells[0].Count; got != 0 {
		t.Errorf("empty cell has count %d", got)
	}
	if got := n.Cells[2].Count; got != 2 {
		t.Errorf("third cell: count %d, want 2", got)
	}
}

func TestRunFailures(t *testing.T) {
	tests := []struct {
		name, code string
		is         error
		line       int
		says       string
	}{
		{"error", "stdout before\nerror \"at Cell[2]: Line 2\"", ErrFailed, 2, "at Cell[2]: Line 2"},
		{"panic, though the kernel says ok", `stderr "panic: oh\n [[ Cell [2] Line 1 ]] main.go:3\nexit status 2\n"`, ErrStatus, 1, "panic: oh"},
		{"exit status, then more on stdout", "stderr \"exit status 3\\n\"\nstdout bye", ErrStatus, 0, "exit status 3"},
		{"signal", `stderr "signal: killed\n"`, ErrStatus, 0, "signal: killed"},
		{"kernel dies", "stdout before\ndie", errDied, 0, "last words"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := book("stdout first", tt.code, "stdout never")
			n.Cells[2].Outputs = []*Output{{Type: Stream, Name: "stdout", Text: "of an older run"}}
			err := Run(t.Context(), n, fakeSpec(t), RunConfig{})
			var failed *CellError
			if !errors.As(err, &failed) || !errors.Is(err, tt.is) {
				t.Fatalf("got %v, want a CellError that is %v", err, tt.is)
			}
			if failed.Cell != 2 || failed.Count != 2 || failed.Line != tt.line {
				t.Errorf("got cell %d, In [%d], line %d; want 2, 2, %d", failed.Cell, failed.Count, failed.Line, tt.line)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error does not say %q: %v", tt.says, err)
			}
			if got := outline(n.Cells[0]); got != `stdout "first"` {
				t.Errorf("first cell: %s", got)
			}
			if strings.Contains(tt.code, "before") && !strings.HasPrefix(outline(n.Cells[1]), `stdout "before"`) {
				t.Errorf("what was said before the failure is lost: %s", outline(n.Cells[1]))
			}
			if got := outline(n.Cells[2]); got != "" {
				t.Errorf("cell after the failure: %s", got)
			}
		})
	}
}

// TestNoExit holds what only looks like a failure.
func TestNoExit(t *testing.T) {
	n := book(
		`stderr "exit status 2\nwas what the child said\n"`, `stdout "exit status 2\n"`, `stderr "exit status 0\n"`,
		"error expected", `stderr "exit status 1\n"`,
	)
	n.Cells[3].Metadata["tags"] = []any{"raises-exception"}
	n.Cells[4].Metadata["tags"] = []any{"other", "raises-exception"}
	if err := Run(t.Context(), n, fakeSpec(t), RunConfig{}); err != nil {
		t.Fatal(err)
	}
	if got := outline(n.Cells[3]); got != `error "expected"` {
		t.Errorf("got %s", got)
	}
}

func TestTimeout(t *testing.T) {
	n := book("stdout before\nhang", "stdout never")
	n.Cells[0].Metadata["tags"] = []any{"raises-exception"} // no excuse for a hang
	err := Run(t.Context(), n, fakeSpec(t), RunConfig{CellTimeout: 100 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "no end after 100ms") {
		t.Fatalf("got %v", err)
	}
	if got, want := outline(n.Cells[0]), `stdout "before", stderr "interrupted\n"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCancel stops a cell that does not listen and looks for what is left.
func TestCancel(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a kernel that does not listen")
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	n := book("child", "deaf")
	err := Run(ctx, n, fakeSpec(t), RunConfig{Env: []string{"FAKE_SHUTDOWN=never"}, Progress: func(e Event) {
		if e.Cell == 2 && !e.Done {
			cancel(stop)
		}
	}})
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
	pid, err := strconv.Atoi(n.Cells[0].Outputs[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Errorf("process %d lives on", pid)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// alive is false for a process that has ended, even if nobody has waited for it.
func alive(pid int) bool {
	for range 20 {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(raw), ") Z ") || syscall.Kill(pid, 0) != nil {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
	return true
}

func TestStartFailures(t *testing.T) {
	spec := fakeSpec(t)
	err := Run(t.Context(), book("stdout a"), spec, RunConfig{Env: []string{"FAKE_START=fail"}})
	if !errors.Is(err, errDied) || !strings.Contains(err.Error(), "no can do") {
		t.Errorf("a kernel that ends at once: got %v", err)
	}
	err = Run(t.Context(), book("stdout a"), spec, RunConfig{Env: []string{"FAKE_START=silent"}, StartTimeout: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "no answer within 300ms") {
		t.Errorf("a silent kernel: got %v", err)
	}
	spec.Argv = []string{"/no/such/program"}
	if err := Run(t.Context(), book(), spec, RunConfig{}); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("no program: got %v", err)
	}
	if _, err := LoadSpec(t.TempDir()); err == nil {
		t.Error("a folder without kernel.json was taken for a kernel")
	}
}

// TestRunSettings: working folder, environment, metadata, progress.
func TestRunSettings(t *testing.T) {
	dir := t.TempDir()
	n := book("cwd", "env SETTING")
	n.Cells[0].Metadata["execution"] = map[string]any{"old": "time"}
	n.Cells = append([]*Cell{{ID: "m", Type: Markdown, Source: "# One\n\ntext\n\n## Two words\n"}}, n.Cells...)
	var events []string
	cfg := RunConfig{Dir: dir, Env: []string{"SETTING=on"}, Progress: func(e Event) {
		events = append(events, fmt.Sprintf("%d/%d %s %v", e.Cell, e.Cells, e.Label, e.Done))
	}}
	if err := Run(t.Context(), n, fakeSpec(t), cfg); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Cells[1].Outputs[0].Text; got != real {
		t.Errorf("working folder %s, want %s", got, real)
	}
	if got := n.Cells[2].Outputs[0].Text; got != "on" {
		t.Errorf("SETTING is %q, want on", got)
	}
	if got, want := strings.Join(events, "; "), "1/2 Two words · cwd false; 1/2 Two words · cwd true; 2/2 Two words · env SETTING false; 2/2 Two words · env SETTING true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, timed := n.Cells[1].Metadata["execution"]; timed {
		t.Error("times were written, or old ones kept")
	}
	spec, _ := n.Metadata["kernelspec"].(map[string]any)
	language, _ := n.Metadata["language_info"].(map[string]any)
	if spec["name"] != "fake" || language["name"] != "list" {
		t.Errorf("got kernelspec %v, language %v", spec, language)
	}
	first, err := n.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), n, fakeSpec(t), cfg); err != nil {
		t.Fatal(err)
	}
	if second, _ := n.Bytes(); string(second) != string(first) {
		t.Error("a second run gives another file")
	}
	cfg.Timings = true
	if err := Run(t.Context(), n, fakeSpec(t), cfg); err != nil {
		t.Fatal(err)
	}
	times, _ := n.Cells[1].Metadata["execution"].(map[string]any)
	for _, name := range []string{"iopub.status.busy", "iopub.status.idle", "shell.execute_reply"} {
		if times[name] == nil {
			t.Errorf("no time %s in %v", name, times)
		}
	}
}

func TestLabel(t *testing.T) {
	tests := []struct{ section, source, want string }{
		{"Use", "%%\ns := study()\nae := s.Autoencoder(ctx)\n", "Use · ae := s.Autoencoder(ctx)"},
		{"Use", "%%\nshow()", "Use · show()"},
		{"", "import (\n\t\"fmt\"\n)\n\n// f adds.\nfunc f() {}", "f adds."},
		{"Use", "import \"fmt\"", "Use"},
		{"", "%% -n=3", ""},
		{"", strings.Repeat("ü", 100), strings.Repeat("ü", 89) + "…"},
	}
	for _, tt := range tests {
		if got := label(tt.section, tt.source); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.source, got, tt.want)
		}
	}
}

func TestProgressBar(t *testing.T) {
	var notes []string
	code := `display p1 <label>Training <progress value="1" max="4"></progress> 25 % &lt; all</label>` + "\ndisplay p2 done"
	err := Run(t.Context(), book(code), fakeSpec(t), RunConfig{Progress: func(e Event) { notes = append(notes, e.Note) }})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(notes, "|"), "|Training 25 % < all|"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSignature(t *testing.T) {
	w := wire{key: []byte("k")}
	_, frames, err := w.encode("status", header{}, map[string]int{"a": 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.decode(append([][]byte{[]byte("route")}, frames...)); err != nil {
		t.Errorf("own message: %v", err)
	}
	if _, err := (wire{key: []byte("other")}).decode(frames); err == nil {
		t.Error("another key's signature was accepted")
	}
	if _, err := w.decode(frames[:4]); err == nil {
		t.Error("a message without content was accepted")
	}
}
