package study

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/artifact"
)

type result struct {
	artifact.Provenance
	Value int
}

// TestStep: computed once, then kept by the process and by the store; inputs
// that are only loaded are not announced.
func TestStep(t *testing.T) {
	dir := t.TempDir()
	var said []string
	open := func() *Workplace {
		w, err := Open("test", Options{Store: dir, Backend: backend.ForTest(t)[0], Announce: func(line string) { said = append(said, line) }})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	computed := 0
	run := func(ctx context.Context, w *Workplace) *result {
		spec := artifact.Spec{Name: "one", Version: 1, Inputs: map[string]string{"nothing": "0"}}
		r, err := Step(ctx, w, 3, spec, func(context.Context) (*result, error) {
			computed++
			return &result{Value: 7}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	w := open()
	first := run(t.Context(), w)
	if again := run(t.Context(), w); again != first || computed != 1 || first.Seed != 3 || first.Backend == "" {
		t.Errorf("computed %d times, %+v", computed, again)
	}
	said = nil
	if again := run(Input(t.Context()), open()); computed != 1 || again.Value != 7 || len(said) != 0 {
		t.Errorf("as an input: computed %d times, said %q", computed, said)
	}
	if run(t.Context(), open()); !slices.Equal(said, []string{"loaded one " + first.Short()}) {
		t.Errorf("said %q", said)
	}
}

func realPath(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func defaultStore(t *testing.T) string {
	t.Helper()
	dir, err := DefaultStore()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDefaultStore: the variable first, else the project's folder, else beside
// the notebook.
func TestDefaultStore(t *testing.T) {
	root := realPath(t, t.TempDir())
	inside := filepath.Join(root, "notebooks", "deep")
	for _, dir := range []string{inside, filepath.Join(root, "kernels")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(inside)
	t.Setenv(EnvStore, "")
	if got, want := defaultStore(t), filepath.Join(inside, ".jacard", "store"); got != want {
		t.Errorf("outside a project: got %s, want %s", got, want)
	}
	if err := os.WriteFile(filepath.Join(root, "kernels", "start.sh"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := defaultStore(t), filepath.Join(root, ".jacard", "store"); got != want {
		t.Errorf("inside a project: got %s, want %s", got, want)
	}
	t.Setenv(EnvStore, "elsewhere")
	if got := defaultStore(t); got != "elsewhere" {
		t.Errorf("with the variable: got %s", got)
	}
}
