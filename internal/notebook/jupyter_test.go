package notebook

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestJupyter executes the tiny notebook with Jupyter's own runner and our
// kernel: what runs here runs there, and its file is read here.
func TestJupyter(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Python")
	}
	root := project(t, "venv/bin/jupyter")
	project(t, "bin/gonb")
	dir := filepath.Join(t.TempDir(), "with a space")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/tiny.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tiny.ipynb")
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	n := jupyterExecutes(t, root, file)
	if got := outline(n.Cells[3]); got != `stdout "9\n"` {
		t.Errorf("got %s", got)
	}
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if ours, _ := n.Bytes(); string(ours) != string(saved) {
		t.Errorf("Jupyter saves the notebook otherwise than we do:\n%s", ours)
	}
}

// TestJupyterStudy executes the study's notebook in quick settings with
// Jupyter's own runner, from an empty store. Jupyter lets a cell whose program
// panics pass; we do not.
func TestJupyterStudy(t *testing.T) {
	if testing.Short() {
		t.Skip("executes the whole study")
	}
	root := project(t, "venv/bin/jupyter")
	project(t, "bin/gonb")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "notebooks"))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JACARD_QUICK", "1")
	t.Setenv("JACARD_STORE", filepath.Join(dir, "store"))
	t.Setenv("JACARD_DATA", filepath.Join(root, "testdata"))
	n := jupyterExecutes(t, root, filepath.Join(dir, "01-jacard.ipynb"))
	executed := 0
	for i, c := range n.Cells {
		if !c.executable() {
			continue
		}
		executed++
		if c.Count != executed {
			t.Errorf("cell %d was executed as [%d], want [%d]", i+1, c.Count, executed)
		}
		if err := failure(i+1, c, reply{Status: c.status()}, nil); err != nil {
			t.Error(err)
		}
	}
	if executed == 0 {
		t.Error("nothing was executed")
	}
}

// jupyterExecutes runs a notebook in place with Jupyter's own runner.
func jupyterExecutes(t *testing.T, root, file string) *Notebook {
	t.Helper()
	dir := filepath.Dir(file)
	python := filepath.Join(root, ".jacard", "venv", "bin", "python")
	cmd := exec.CommandContext(t.Context(), python, "-m", "jupyter", "execute", "--inplace", "--kernel_name=jacard-cpu", "--timeout=300", file)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "JUPYTER_PATH="+root, "JUPYTER_CONFIG_DIR="+dir, "JUPYTER_DATA_DIR="+dir, "JUPYTER_RUNTIME_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	n, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
