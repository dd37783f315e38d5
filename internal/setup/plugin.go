package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gomlx/go-xla/installer"
	"golang.org/x/term"

	"github.com/gojacard/jacard/internal/backend"
)

const (
	cpuPlugin = "pjrt_c_api_cpu_plugin.so"
	// The plugin release that go-xla v0.4.1 is made for.
	cpuPluginVersion = "v0.114.0"
	glibcNeeded      = "2.27"
)

// cpuWheels hold XLA's CPU plugin as other projects built and packed it. Both
// are licensed under Apache 2.0 and made for Linux on x86-64 with glibc 2.27
// or newer. The first that opens and computes is kept.
var cpuWheels = []struct {
	wheel
	member string
}{
	{wheel{Project: "lammps-jax-pjrt-cpu", Version: "0.11.2", SHA256: "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1"},
		"lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"},
	{wheel{Project: "fastatomstruct-xla-cpu", Version: "2026.6.23", SHA256: "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9"},
		"fastatomstruct_xla_cpu/libpjrt_cpu.so"},
}

func checkPlugin(ctx context.Context, s *Setup) Status {
	if e, err := s.goEnv(ctx); err == nil && e.CGO_ENABLED != "1" {
		return Status{Found, "not used: without a C compiler the pure-Go backend computes", ""}
	}
	choice, err := backend.Find(s.getenv, s.Project.Root)
	switch {
	case err != nil:
		return Status{Missing, err.Error(), "change " + backend.EnvBackend + ", or run `go run ./cmd/jacard setup`"}
	case choice.Plugin != "":
		return Status{Found, choice.Name + " " + choice.Plugin, ""}
	case !choice.Substitute:
		return Status{Found, "not used: " + choice.Reason, ""}
	}
	if folders := s.getenv(backend.EnvPlugins); folders != "" {
		return Status{Weak, "none in " + backend.EnvPlugins + "=" + folders + ": the pure-Go backend computes, several times slower", "unset the variable, and `go run ./cmd/jacard setup` fetches one"}
	}
	if tried, err := os.ReadFile(s.noPlugin()); err == nil && !s.Again {
		return Status{Found, "none (" + strings.TrimSpace(string(tried)) + "): the pure-Go backend computes, several times slower; `go run ./cmd/jacard setup` tries again", ""}
	}
	return Status{Weak, "none: the pure-Go backend computes, several times slower", "run `go run ./cmd/jacard setup` to fetch one"}
}

// noPlugin remembers that no source had one, so that later starts, perhaps
// without network, do not ask again.
func (s *Setup) noPlugin() string { return s.Project.Private("pjrt", "none") }

// fetchPlugin tries each source in turn. None is no failure: the pure-Go
// backend computes everything, too.
func fetchPlugin(ctx context.Context, s *Setup) error {
	switch asked := s.getenv(backend.EnvBackend); {
	case asked != "" && asked != "xla" && asked != "xla:cpu":
		return nil // not what a CPU plugin would change
	case s.getenv(backend.EnvPlugins) != "", s.Offline:
		return nil // a plugin in our folder would not be looked for; no network
	}
	var errs []error
	for _, source := range s.pluginSources() {
		dir, err := s.scratch()
		if err != nil {
			return err
		}
		err = source.get(ctx, dir)
		if err == nil {
			err = s.keepPlugin(dir)
		}
		if removed := os.RemoveAll(dir); err == nil {
			err = removed
		}
		if err == nil {
			s.say("XLA's CPU plugin comes from %s", source.name)
			return os.RemoveAll(s.noPlugin())
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, fmt.Errorf("%s: %w", source.name, err))
	}
	err := errors.Join(errs...)
	s.say("no PJRT plugin to be had, so the pure-Go backend computes, several times slower:\n%s", err)
	return writeStamp(s.noPlugin(), fmt.Sprintf("tried %s", time.Now().Format(time.DateOnly)))
}

type pluginSource struct {
	name string
	get  func(ctx context.Context, dir string) error // leaves a plugin in dir
}

func (s *Setup) pluginSources() []pluginSource {
	sources := []pluginSource{{"go-xla's installer, release " + cpuPluginVersion + " (Apache 2.0)", s.goXLA}}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return append(sources, pluginSource{"the Python index", func(context.Context, string) error {
			return fmt.Errorf("no wheel for %s/%s: only linux/amd64 has one", runtime.GOOS, runtime.GOARCH)
		}})
	}
	for _, w := range cpuWheels {
		sources = append(sources, pluginSource{
			fmt.Sprintf("the Python package %s %s (XLA's CPU plugin, Apache 2.0, SHA-256 checked)", w.Project, w.Version),
			func(ctx context.Context, dir string) error {
				file, err := s.fetchWheel(ctx, w.wheel, dir)
				if err != nil {
					return err
				}
				return unzip(ctx, file, func(member string) string {
					if member == w.member {
						return filepath.Join(dir, cpuPlugin)
					}
					return ""
				})
			},
		})
	}
	return sources
}

// keepPlugin opens the plugin in dir, computes with it, and only then puts it
// into its place.
func (s *Setup) keepPlugin(dir string) error {
	// Follow go-xla's link: the file it names moves with it under one name.
	file, err := filepath.EvalSymlinks(filepath.Join(dir, cpuPlugin))
	if err != nil {
		return err
	}
	pjrt := s.Project.Private("pjrt")
	if err := os.MkdirAll(pjrt, 0o755); err != nil {
		return err
	}
	if backend.HasXLA {
		if err := s.open(backend.Choice{Name: "xla:cpu", Plugin: file}); err != nil {
			return fmt.Errorf("%w (glibc %s or newer is needed)", err, glibcNeeded)
		}
	}
	return os.Rename(file, filepath.Join(pjrt, cpuPlugin))
}

// open opens a backend and computes with it.
func (s *Setup) open(c backend.Choice) error {
	if s.probe != nil {
		return s.probe(c)
	}
	b, err := backend.New(c)
	if err != nil {
		return backend.Short(err)
	}
	defer b.Finalize()
	return backend.Probe(b)
}

// backend opens what this process would compute on, and computes with it.
func (s *Setup) backend() Row {
	row := Row{Name: "backend"}
	choice, err := backend.Find(s.getenv, s.Project.Root)
	if err == nil {
		err = s.open(choice)
	}
	if err != nil {
		row.Status = Status{Missing, err.Error(), "run `go run ./cmd/jacard setup`, or set " + backend.EnvBackend + "=go"}
		return row
	}
	row.Status = Status{Found, choice.Name + " opens and computes", ""}
	return row
}

// goXLA runs go-xla's installer, which fetches from GitHub.
func (s *Setup) goXLA(ctx context.Context, dir string) error {
	if s.installer != nil {
		return s.installer(ctx, dir)
	}
	ix, err := s.index()
	if err != nil {
		return err
	}
	const release = "https://github.com/" + installer.BinaryCPUReleasesRepo
	if err := reachable(ctx, ix.client, release); err != nil {
		return err
	}
	// The installer knows neither context nor time-out and writes to the
	// user's folders: as a child it can be stopped and told another place.
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := s.command(ctx, s.Project.Root, []string{"TMPDIR=" + dir}, self, InstallerCommand, dir)
	if out, ok := s.Out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		cmd.Stdout = out // its own progress
	}
	return cmd.Run()
}

// reachable asks a host for a sign of life, with a short patience.
func reachable(ctx context.Context, client *http.Client, address string) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}

// InstallerCommand is the hidden command of cmd/jacard that calls [RunInstaller].
const InstallerCommand = "install-go-xla"

// RunInstaller puts go-xla's own CPU plugin into dir.
func RunInstaller(dir string) error {
	return backend.Short(installer.CPUInstall(runtime.GOOS+"_"+runtime.GOARCH, cpuPluginVersion, dir, false, installer.Quiet))
}
