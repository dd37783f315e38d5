package notebook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// project is the checkout; it skips the test if set-up has not made what.
func project(t *testing.T, what string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".jacard", what)); err != nil {
		t.Skipf("%s is not there: run `go run ./cmd/jacard setup --lab` first", filepath.Join(".jacard", what))
	}
	return root
}

// copyOf makes a checkout in a folder with a space, as far as the kernel looks.
func copyOf(t *testing.T, root string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a check out")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"kernels", "go.mod", "go.sum"} {
		var err error
		if f == "kernels" {
			err = os.CopyFS(filepath.Join(dir, f), os.DirFS(filepath.Join(root, f)))
		} else {
			var raw []byte
			if raw, err = os.ReadFile(filepath.Join(root, f)); err == nil {
				err = os.WriteFile(filepath.Join(dir, f), raw, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(root, ".jacard"), filepath.Join(dir, ".jacard")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runGo runs a notebook of testdata with the real kernel.
func runGo(t *testing.T, file string) (*Notebook, error) {
	t.Helper()
	dir := copyOf(t, project(t, "bin/gonb"))
	spec, err := LoadSpec(filepath.Join(dir, "kernels", "jacard-go"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := Read(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return n, Run(t.Context(), n, spec, RunConfig{Dir: dir, Env: []string{"JACARD_RAW_ERROR=true"}, CellTimeout: 2 * time.Minute})
}

func TestGoNB(t *testing.T) {
	n, err := runGo(t, "tiny.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	if got := outline(n.Cells[3]); got != `stdout "9\n"` {
		t.Errorf("a cell that calls the function of another: got %s", got)
	}
	if got := outline(n.Cells[4]); got != `display_data "<b>nine</b>"` {
		t.Errorf("a cell that shows HTML: got %s", got)
	}
	n.Metadata["kernelspec"].(map[string]any)["name"] = "jacard-cpu"
	if err := Check(n, "jacard-cpu"); err != nil {
		t.Error(err)
	}
}

func TestGoNBFailures(t *testing.T) {
	n, err := runGo(t, "panics.ipynb")
	var failed *CellError
	if !errors.As(err, &failed) || !errors.Is(err, ErrStatus) {
		t.Fatalf("a panic: got %v", err)
	}
	if failed.Cell != 3 || failed.Line != 3 || failed.Code != `m["a"] = 1` {
		t.Errorf("a panic: got cell %d, line %d: %s", failed.Cell, failed.Line, failed.Code)
	}
	if !strings.Contains(err.Error(), "assignment to entry in nil map") {
		t.Errorf("the error does not say why: %v", err)
	}
	if len(n.Cells[3].Outputs) > 0 {
		t.Errorf("the cell after the panic ran: %s", outline(n.Cells[3]))
	}
	if testing.Short() {
		return
	}

	dir := copyOf(t, project(t, "bin/gonb"))
	spec, err := LoadSpec(filepath.Join(dir, "kernels", "jacard-go"))
	if err != nil {
		t.Fatal(err)
	}
	raw := RunConfig{Dir: dir, Env: []string{"JACARD_RAW_ERROR=true"}}
	tests := []struct {
		name, code string
		is         error
		line       int
		says       string
	}{
		{"does not compile", "%%\nfmt.Println(1)\nx := 2", ErrFailed, 3, "declared and not used"},
		{"no syntax", "%%\nfmt.Println(", ErrFailed, 0, "expected operand"},
		{"os.Exit", "%%\nos.Exit(3)", ErrStatus, 0, "exit status 3"},
		{"log.Fatal", "%%\nlog.Fatal(\"enough\")", ErrStatus, 0, "enough"},
		{"shell", "!false", ErrStatus, 0, "exit status 1"},
	}
	for _, tt := range tests {
		var failed *CellError
		err := Run(t.Context(), book(tt.code), spec, raw)
		if !errors.As(err, &failed) || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v", tt.name, err)
		} else if tt.line > 0 && failed.Line != tt.line {
			t.Errorf("%s: line %d, want %d", tt.name, failed.Line, tt.line)
		}
	}
}

// TestPanicInPieces locates a panic whose text reached GoNB in pieces, so that
// it did not mark the place.
func TestPanicInPieces(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "gonb_0a1b2c3d")
	if err := os.Mkdir(program, 0o755); err != nil {
		t.Fatal(err)
	}
	source := "package main\n\nfunc main() {\n\tvar m map[string]int\n\tm[\"a\"] = 1\n}\n"
	if err := os.WriteFile(filepath.Join(program, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &Cell{Type: Code, Source: "%%\nvar m map[string]int\nm[\"a\"] = 1"}
	for text, line := range map[string]int{
		"panic: assignment\n\tmain.go:5 +0x1d": 3,
		"panic: assignment\n\tmain.go:3 +0x1d": 0, // no line of the cell
		"panic: assignment\n\tmain.go:9 +0x1d": 0,
		"panic: assignment":                    0,
	} {
		e := &CellError{Text: text}
		if e.locateInProgram(c, dir); e.Line != line {
			t.Errorf("%q: line %d, want %d", text, e.Line, line)
		}
	}
}

// TestGoNBInterrupt ends a cell that sleeps, and leaves no process and no file.
func TestGoNBInterrupt(t *testing.T) {
	dir := copyOf(t, project(t, "bin/gonb"))
	spec, err := LoadSpec(filepath.Join(dir, "kernels", "jacard-go"))
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	started := time.Now()
	err = Run(t.Context(), book("%%\ntime.Sleep(time.Hour)"), spec, RunConfig{Dir: dir, CellTimeout: 5 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "no end after 5s") {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(started); took > 40*time.Second {
		t.Errorf("took %v to end", took)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left := processesWith(t, "TMPDIR="+tmp); len(left) > 0 {
		t.Errorf("processes left behind: %v", left)
	}
}

// processesWith lists the processes whose environment holds the text, where
// there is /proc.
func processesWith(t *testing.T, text string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		if env, err := os.ReadFile(f); err == nil && strings.Contains(string(env), text) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
			found = append(found, strings.ReplaceAll(string(name), "\x00", " "))
		}
	}
	return found
}
