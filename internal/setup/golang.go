package setup

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

// goEnv is what the go command says about itself in the checkout.
type goEnv struct {
	GOVERSION, GOROOT, GOMODCACHE, CGO_ENABLED, CC string
}

func (s *Setup) goEnv(ctx context.Context) (*goEnv, error) {
	if s.goenv == nil {
		cmd := s.command(ctx, s.Project.Root, []string{"GOEXPERIMENT="}, "go", "env", "-json", "GOVERSION", "GOROOT", "GOMODCACHE", "CGO_ENABLED", "CC")
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go env: %w", err)
		}
		var e goEnv
		if err := json.Unmarshal(out, &e); err != nil {
			return nil, fmt.Errorf("go env: %w", err)
		}
		s.goenv = &e
	}
	return s.goenv, nil
}

func checkGo(ctx context.Context, s *Setup) Status {
	e, err := s.goEnv(ctx)
	if err != nil {
		return Status{Missing, err.Error(), "install Go from https://go.dev/dl and put its bin folder into PATH"}
	}
	return Status{Found, fmt.Sprintf("%s %s/%s in %s", e.GOVERSION, runtime.GOOS, runtime.GOARCH, e.GOROOT), ""}
}

func checkCompiler(ctx context.Context, s *Setup) Status {
	const help = "install one for XLA (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install); without it the pure-Go backend computes, several times slower"
	e, err := s.goEnv(ctx)
	if err != nil {
		return Status{Weak, err.Error(), help}
	}
	if e.CGO_ENABLED != "1" {
		return Status{Weak, "CGO_ENABLED is 0: no C compiler, or switched off", help}
	}
	compiler, _, _ := strings.Cut(e.CC, " ")
	path, err := exec.LookPath(compiler)
	if err != nil {
		return Status{Missing, fmt.Sprintf("CGO_ENABLED is 1, but %s is not in PATH", e.CC), help + " (set CGO_ENABLED=0 for that)"}
	}
	return Status{Found, path, ""}
}

// kernelFiles are committed; a checkout without them is broken.
var kernelFiles = []string{"start.sh", "bin/gopls", "jacard-cpu/kernel.json", "jacard-cuda/kernel.json", "jacard-go/kernel.json"}

func checkKernel(_ context.Context, s *Setup) Status {
	for _, f := range kernelFiles {
		if _, err := os.Stat(s.Project.Path("kernels", f)); err != nil {
			return Status{Missing, err.Error(), "restore it with `git checkout kernels`"}
		}
	}
	return Status{Found, "jacard-cpu, jacard-cuda, jacard-go in " + s.Project.Path("kernels"), ""}
}

// tools are what GoNB needs beside itself; tools/go.mod names their versions.
var tools = []string{"gonb", "gopls", "goimports"}

func checkTools(ctx context.Context, s *Setup) Status {
	want, err := s.toolsKey(ctx)
	if err != nil {
		return Status{Missing, err.Error(), "restore it with `git checkout tools`"}
	}
	if !stamped(s.Project.Private("bin", ".stamp"), want) {
		return Status{Missing, "gonb, gopls and goimports are not built for this checkout", "run `go run ./cmd/jacard setup`"}
	}
	var found []string
	for _, t := range tools {
		info, err := buildinfo.ReadFile(s.Project.Private("bin", t))
		if err != nil {
			return Status{Missing, err.Error(), "run `go run ./cmd/jacard setup`"}
		}
		found = append(found, t+" "+info.Main.Version)
	}
	return Status{Found, strings.Join(found, ", ") + " in " + s.Project.Private("bin"), ""}
}

func (s *Setup) toolsKey(ctx context.Context) (string, error) {
	e, err := s.goEnv(ctx)
	if err != nil {
		return "", err
	}
	return hashFiles(e.GOVERSION+" "+runtime.GOOS+"/"+runtime.GOARCH, s.Project.Path("tools", "go.mod"), s.Project.Path("tools", "go.sum"))
}

// installTools builds the tools without cgo, so that they need no C compiler.
func installTools(ctx context.Context, s *Setup) error {
	key, err := s.toolsKey(ctx)
	if err != nil {
		return err
	}
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	env := []string{"GOBIN=" + dir, "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOEXPERIMENT=", "CGO_ENABLED=0"}
	if err := s.goBuild(ctx, "building the Go tools", s.Project.Path("tools"), env, "install", "-trimpath", "-ldflags=-s", "tool"); err != nil {
		return err
	}
	if err := writeStamp(filepath.Join(dir, ".stamp"), key); err != nil {
		return err
	}
	return replaceDir(dir, s.Project.Private("bin"))
}

// kernelEnv is how kernels/start.sh builds cells; a test keeps the two equal.
var kernelEnv = []string{"GOEXPERIMENT=simd", "GOFLAGS=-buildvcs=false '-ldflags=-s -linkmode=internal'", "GOWORK="}

// Go removes from its build cache what no build used for five days.
const compiledFor = 4 * 24 * time.Hour

func checkCompiled(ctx context.Context, s *Setup) Status {
	const help = "run `go run ./cmd/jacard setup`; until then the first cell takes a minute longer and needs the network"
	key, err := s.compiledKey(ctx)
	if err != nil {
		return Status{Missing, err.Error(), help}
	}
	stamp := s.Project.Private("compiled")
	info, err := os.Stat(stamp)
	if err != nil || !stamped(stamp, key) {
		return Status{Missing, "not compiled for notebooks yet", help}
	}
	if time.Since(info.ModTime()) > compiledFor {
		return Status{Missing, "compiled " + info.ModTime().Format(time.DateOnly) + ", Go's build cache may have dropped it", help}
	}
	engine, err := s.moduleFolder("github.com/gomlx/gomlx")
	if err != nil {
		return Status{Missing, err.Error(), help}
	}
	return Status{Found, "compiled for notebooks; " + filepath.Base(engine) + " in Go's module cache", ""}
}

func (s *Setup) compiledKey(ctx context.Context) (string, error) {
	e, err := s.goEnv(ctx)
	if err != nil {
		return "", err
	}
	return hashFiles(e.GOVERSION+" cgo="+e.CGO_ENABLED, s.Project.Path("go.mod"), s.Project.Path("go.sum"))
}

// moduleFolder is where the module cache holds a module that go.mod requires;
// an error if it was cleaned.
func (s *Setup) moduleFolder(path string) (string, error) {
	raw, err := os.ReadFile(s.Project.Path("go.mod"))
	if err != nil {
		return "", err
	}
	mod, err := modfile.Parse("go.mod", raw, nil)
	if err != nil {
		return "", err
	}
	for _, r := range mod.Require {
		if r.Mod.Path == path {
			dir := filepath.Join(s.goenv.GOMODCACHE, filepath.FromSlash(r.Mod.String()))
			if _, err := os.Stat(dir); err != nil {
				return "", fmt.Errorf("%s is not in Go's module cache", r.Mod)
			}
			return dir, nil
		}
	}
	return "", fmt.Errorf("go.mod does not require %s", path)
}

// compile builds once what notebooks import, as the kernel will: otherwise the
// first cell pays for it.
func compile(ctx context.Context, s *Setup) error {
	key, err := s.compiledKey(ctx)
	if err != nil {
		return err
	}
	if err := s.fetchModules(ctx); err != nil {
		return err
	}
	if err := s.goBuild(ctx, "compiling for notebooks", s.Project.Root, kernelEnv, "build", "./pkg/..."); err != nil {
		return err
	}
	return writeStamp(s.Project.Private("compiled"), key)
}

// fetchModules gets all modules, those of tests too: GoNB resolves imports
// without network, and for that Go reads the go.mod of every module that ours
// names.
func (s *Setup) fetchModules(ctx context.Context) error {
	bar := s.bar("fetching Go modules", -1)
	defer bar.Finish()
	return s.run(s.command(ctx, s.Project.Root, kernelEnv, "go", "mod", "download"))
}

func hashFiles(first string, files ...string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, first)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		h.Write(raw)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
