// Package backend chooses, once for the process, what GoMLX computes on.
//
// The order is: GOMLX_BACKEND if set; else XLA with the first PJRT plugin
// found (CUDA before CPU); else GoMLX's pure-Go backend. The choice is
// announced once if it is a substitute, and is part of every provenance.
// Nothing is ever downloaded from here: `jacard setup` fetches plugins.
package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // registers "go"
)

// Variables read, in this order of strength.
const (
	// EnvBackend names the backend: "xla:cpu", "xla:cuda", "xla:/path/plugin.so", "go".
	EnvBackend = "GOMLX_BACKEND"
	// EnvPlugins is a list of folders with PJRT plugins.
	EnvPlugins = "PJRT_PLUGIN_LIBRARY_PATH"
)

// Choice says which backend was taken and why.
type Choice struct {
	Name   string // "xla:cpu", "xla:cuda" or "go"
	Plugin string // path of the PJRT plugin, empty for "go"
	Reason string // one sentence for the log
	// Substitute is true if a better backend was looked for and not found.
	Substitute bool
}

// Find decides which backend [Default] opens, without opening it.
// env is os.Getenv in production; root is a folder from which a project's
// .jacard/pjrt is searched upwards.
func Find(env func(string) string, root string) (Choice, error) {
	asked := env(EnvBackend)
	kind, plugin, _ := strings.Cut(asked, ":")
	plugin, _, _ = strings.Cut(plugin, ",")
	folders := pluginFolders(env, root)
	switch kind {
	case "go":
		return Choice{Name: "go", Reason: EnvBackend + "=" + asked}, nil
	case "xla":
		if !HasXLA {
			return Choice{}, fmt.Errorf("backend: %s=%s asks for XLA, but this program was built without cgo: %s, or unset %s for the pure-Go backend",
				EnvBackend, asked, needCompiler, EnvBackend)
		}
		if filepath.IsAbs(plugin) {
			return Choice{Name: "xla:" + pluginKind(plugin), Plugin: plugin, Reason: EnvBackend + "=" + asked}, nil
		}
		want := plugin
		for _, f := range findPlugins(folders) {
			if want == "" || pluginKind(f) == want {
				return Choice{Name: "xla:" + pluginKind(f), Plugin: f, Reason: EnvBackend + "=" + asked}, nil
			}
		}
		if plugin == "" {
			want = "cpu"
		}
		return Choice{}, fmt.Errorf("backend: %s=%s asks for a PJRT plugin %q, none found in %s: run `go run ./cmd/jacard setup`, or unset %s for the pure-Go backend",
			EnvBackend, asked, want, strings.Join(folders, ", "), EnvBackend)
	case "":
		if !HasXLA {
			return Choice{Name: "go", Substitute: true,
				Reason: "built without cgo, so XLA cannot be used: computing with GoMLX's pure-Go backend, several times slower; " + needCompiler}, nil
		}
		if found := findPlugins(folders); len(found) > 0 {
			return Choice{Name: "xla:" + pluginKind(found[0]), Plugin: found[0], Reason: "PJRT plugin found"}, nil
		}
		return Choice{Name: "go", Substitute: true,
			Reason: "no PJRT plugin in " + strings.Join(folders, ", ") + ": computing with GoMLX's pure-Go backend, several times slower; `go run ./cmd/jacard setup` fetches the plugin"}, nil
	}
	return Choice{}, fmt.Errorf("backend: %s=%q is not known: use \"xla:cpu\", \"xla:cuda\", \"xla:/path/to/plugin.so\" or \"go\"", EnvBackend, asked)
}

const needCompiler = "install a C compiler (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install) and see that CGO_ENABLED is not 0"

// Default returns the process's backend. The first call opens it; every call
// returns the same one, or the same error.
func Default() (compute.Backend, error) {
	open.Do(openDefault)
	return process.backend, process.err
}

// Current returns the choice behind [Default].
func Current() (Choice, error) {
	open.Do(openDefault)
	return process.choice, process.err
}

var (
	open    sync.Once
	process struct {
		backend compute.Backend
		choice  Choice
		err     error
	}
)

func openDefault() {
	wd, err := os.Getwd()
	if err != nil {
		wd = "."
	}
	if process.choice, process.err = Find(os.Getenv, wd); process.err != nil {
		return
	}
	if process.choice.Substitute {
		fmt.Fprintln(os.Stderr, "jacard:", process.choice.Reason)
	}
	process.backend, process.err = New(process.choice)
}

// New opens the chosen backend. Tests use it to compute on several backends
// in one process; everything else calls [Default].
func New(c Choice) (compute.Backend, error) {
	if c.Name == "go" {
		return newGo()
	}
	b, err := newXLA(c)
	if err != nil {
		return nil, fmt.Errorf("backend: plugin %s does not start: %w", c.Plugin, err)
	}
	return b, nil
}

// newGo opens GoMLX's Go backend so that it cannot wait for itself: in compute
// v0.1.2 a product of matrices that runs beside other operations asks for a
// further worker, and where all workers are such products, they wait for ever.
// Without a limit of workers, or with one operation at a time, nobody waits; the
// latter took 1.6 times as long on a classifier's attributions. The option
// "parallelism=-1" would do, but prints to standard output.
func newGo() (compute.Backend, error) {
	b, err := compute.NewWithConfig("go")
	if err != nil {
		return nil, err
	}
	if v := reflect.Indirect(reflect.ValueOf(b)); v.Kind() == reflect.Struct {
		if workers := v.FieldByName("Workers"); workers.IsValid() {
			if pool, ok := workers.Interface().(interface{ SetMaxParallelism(n int) }); ok {
				pool.SetMaxParallelism(-1)
				return b, nil
			}
		}
	}
	b.Finalize()
	return compute.NewWithConfig("go:ops_sequential")
}

// IsXLA tells whether b lowers to XLA; layers with two lowerings ask it.
func IsXLA(b compute.Backend) bool { return strings.HasPrefix(b.Name(), "xla") }

func pluginFolders(env func(string) string, root string) []string {
	if list := env(EnvPlugins); list != "" {
		return filepath.SplitList(list)
	}
	var folders []string
	for dir := root; ; dir = filepath.Dir(dir) {
		if f := filepath.Join(dir, ".jacard", "pjrt"); isDir(f) {
			folders = append(folders, f)
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if home := env("HOME"); home != "" { // where go-xla's own installer puts plugins
		folders = append(folders, filepath.Join(home, ".local", "lib", "go-xla"))
	}
	return append(folders, "/usr/local/lib/go-xla")
}

// findPlugins lists plugin files, CUDA first, then by folder and name.
func findPlugins(folders []string) []string {
	var cuda, cpu []string
	for _, dir := range folders {
		files, _ := os.ReadDir(dir) // an absent folder has no plugins
		for _, f := range files {
			name := f.Name()
			if ext := filepath.Ext(name); !strings.HasPrefix(name, "pjrt_c_api_") || !strings.Contains(name, "_plugin") || ext != ".so" && ext != ".dylib" {
				continue
			}
			switch path := filepath.Join(dir, name); pluginKind(path) {
			case "cuda":
				cuda = append(cuda, path)
			case "cpu":
				cpu = append(cpu, path)
			}
		}
	}
	return append(cuda, cpu...)
}

// pluginKind reads the device from the plugin's name, as go-xla does.
func pluginKind(path string) string {
	name := strings.TrimPrefix(filepath.Base(path), "pjrt_c_api_")
	switch {
	case strings.HasPrefix(name, "cuda"):
		return "cuda"
	case strings.HasPrefix(name, "cpu"):
		return "cpu"
	}
	return "other"
}

func isDir(path string) bool {
	s, err := os.Stat(path)
	return err == nil && s.IsDir()
}

// NameOf names an open backend as [Choice.Name] does: "xla:cpu", "xla:cuda"
// or "go". The same seed gives other bytes on another one.
func NameOf(b compute.Backend) string {
	if p, ok := b.(interface{ PluginName() string }); ok {
		return "xla:" + pluginKind(p.PluginName())
	}
	return b.String() // "go"; its Name is "Go Backend"
}
