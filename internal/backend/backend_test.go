package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/array"
)

// TestFind walks the order of choice without opening anything.
func TestFind(t *testing.T) {
	project, other := filepath.Join(t.TempDir(), "a b [c]"), t.TempDir()
	pjrt := filepath.Join(project, ".jacard", "pjrt")
	cpu := touch(t, pjrt, "pjrt_c_api_cpu_plugin.so")
	cuda := touch(t, other, "pjrt_c_api_cuda_plugin.so")
	below := filepath.Join(project, "pkg", "network")
	for _, c := range []struct {
		name, root string
		env        map[string]string
		want, file string
		err        string
		substitute bool
	}{
		{name: "project folder, from below", root: below, want: "xla:cpu", file: cpu},
		{name: "variable beats folder", root: below, env: map[string]string{EnvPlugins: other}, want: "xla:cuda", file: cuda},
		{name: "cuda before cpu", root: below, env: map[string]string{EnvPlugins: pjrt + ":" + other}, want: "xla:cuda", file: cuda},
		{name: "asked for cpu", root: below, env: map[string]string{EnvPlugins: pjrt + ":" + other, EnvBackend: "xla:cpu"}, want: "xla:cpu", file: cpu},
		{name: "asked for go", root: below, env: map[string]string{EnvBackend: "go"}, want: "go"},
		{name: "a path", root: "/", env: map[string]string{EnvBackend: "xla:" + cuda}, want: "xla:cuda", file: cuda},
		{name: "none", root: other + "/empty", env: map[string]string{EnvPlugins: other + "/empty"}, want: "go", substitute: true},
		{name: "asked and missing", root: below, env: map[string]string{EnvBackend: "xla:cuda"}, err: `asks for a PJRT plugin "cuda", none found`},
		{name: "nonsense", root: below, env: map[string]string{EnvBackend: "tpu9"}, err: `"tpu9" is not known`},
	} {
		if !HasXLA && strings.HasPrefix(c.want+c.env[EnvBackend], "xla") {
			continue // see TestFindWithoutXLA
		}
		got, err := Find(func(k string) string { return c.env[k] }, c.root)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || got.Name != c.want || got.Plugin != c.file || got.Substitute != c.substitute {
			t.Errorf("%s: got %+v, %v, want %s %s", c.name, got, err, c.want, c.file)
		}
	}
}

func TestBackendsComputeAndFailInOneLine(t *testing.T) {
	for i, b := range ForTest(t) {
		if err := Probe(b); err != nil {
			t.Error(err)
		}
		if name, want := NameOf(b), []string{"go", "xla:"}[i]; !strings.HasPrefix(name, want) {
			t.Errorf("backend is called %q, want %q", name, want)
		}
		x, _ := array.From([]float32{1, 2, 3, 4}, 2, 2)
		exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 2) })
		out, err := Array(exec.MustCall(Tensor(x))[0])
		if err != nil || out.At(1, 1) != 8 {
			t.Errorf("%s: 2·4 = %v, %v", b.Name(), out, err)
		}
		err = Try(func() {
			graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.Reshape(x, 3) }).MustCall(Tensor(x))
		})
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want an error of one line, got %v", b.Name(), err)
		}
	}
}

func touch(t *testing.T, dir, name string) string {
	t.Helper()
	f := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return f
}
