package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// oldestPython is what kernels/requirements.txt needs.
var oldestPython = [2]int{3, 11}

// python is an interpreter and what set-up asks of it.
type python struct {
	Path    string
	Version [3]int
	Venv    bool // has venv and ensurepip; Debian packs them apart
}

const askPython = `import importlib.util as u, json, sys
print(json.dumps({"Path": sys.executable, "Version": sys.version_info[:3], "Venv": all(u.find_spec(m) for m in ("venv", "ensurepip"))}))`

// findPython takes the first interpreter in PATH that is new enough.
func (s *Setup) findPython(ctx context.Context) (python, error) {
	var seen []string
	for _, name := range []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"} {
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		out, err := s.command(ctx, s.Project.Root, nil, name, "-c", askPython).Output()
		var p python
		if err != nil || json.Unmarshal(out, &p) != nil {
			continue
		}
		if v := p.Version; v[0] > oldestPython[0] || v[0] == oldestPython[0] && v[1] >= oldestPython[1] {
			return p, nil
		}
		seen = append(seen, fmt.Sprintf("%s is %d.%d", name, p.Version[0], p.Version[1]))
	}
	if len(seen) == 0 {
		return python{}, errors.New("no python3 in PATH")
	}
	return python{}, errors.New(strings.Join(seen, ", ") + ": too old")
}

func checkPython(ctx context.Context, s *Setup) Status {
	if s.venvReady() { // its own interpreter is the answer; asking costs 50 ms
		return Status{Found, s.venvPython(), ""}
	}
	want := fmt.Sprintf("only `jacard lab` needs it: install Python %d.%d or newer (Debian: apt-get install python3 python3-venv); `jacard run` needs none", oldestPython[0], oldestPython[1])
	p, err := s.findPython(ctx)
	if err != nil {
		return Status{Missing, err.Error(), want}
	}
	version := fmt.Sprintf("%d.%d.%d in %s", p.Version[0], p.Version[1], p.Version[2], p.Path)
	if !p.Venv {
		return Status{Missing, version + " has no venv or ensurepip", fmt.Sprintf("Debian: apt-get install python%d.%d-venv", p.Version[0], p.Version[1])}
	}
	return Status{Found, version, ""}
}

func checkJupyter(_ context.Context, s *Setup) Status {
	if !s.venvReady() {
		return Status{Missing, "not installed in " + s.Project.Private("venv"), "`go run ./cmd/jacard lab` installs it"}
	}
	return Status{Found, s.Project.Private("venv", "bin", "jupyter-lab"), ""}
}

// venvKey changes with the pinned packages and with the folder: a virtual
// environment holds absolute paths and cannot be moved.
func (s *Setup) venvKey() (string, error) {
	return hashFiles(s.Project.Private("venv"), s.Project.Path("kernels", "requirements.txt"))
}

func (s *Setup) venvReady() bool {
	key, err := s.venvKey()
	if err != nil || !stamped(s.Project.Private("venv", ".stamp"), key) {
		return false
	}
	// A link to an interpreter that was removed since leads nowhere.
	_, err = os.Stat(s.venvPython())
	return err == nil
}

func (s *Setup) venvPython() string { return s.Project.Private("venv", "bin", "python") }

// installJupyter makes the environment in its final place, since it cannot be
// moved; without the stamp, written last, it counts as absent.
func installJupyter(ctx context.Context, s *Setup) error {
	key, err := s.venvKey()
	if err != nil {
		return err
	}
	p, err := s.findPython(ctx)
	if err != nil {
		return err
	}
	venv := s.Project.Private("venv")
	if err := os.RemoveAll(venv); err != nil {
		return err
	}
	if err := s.run(s.command(ctx, s.Project.Root, nil, p.Path, "-m", "venv", venv)); err != nil {
		return err
	}
	if err := s.pipInstall(ctx, venv); err != nil {
		return err
	}
	if err := errors.Join(configureJupyter(venv), s.linkKernels()); err != nil {
		return err
	}
	return writeStamp(filepath.Join(venv, ".stamp"), key)
}

// pipInstall counts packages as pip collects them, then shows a last stretch
// for unpacking.
func (s *Setup) pipInstall(ctx context.Context, venv string) error {
	requirements := s.Project.Path("kernels", "requirements.txt")
	raw, err := os.ReadFile(requirements)
	if err != nil {
		return err
	}
	bar := s.bar("installing JupyterLab", int64(strings.Count(string(raw), "==")))
	defer bar.Finish()
	cmd := s.command(ctx, s.Project.Root, []string{"PIP_CACHE_DIR=" + s.Project.Private("cache", "pip")},
		filepath.Join(venv, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--prefer-binary", "-r", requirements)
	output := &pipOutput{bar: bar}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		return commandError(cmd, err, output.String())
	}
	return nil
}

// pipOutput moves the bar on with each package that pip names, and keeps all.
type pipOutput struct {
	bar *bar
	strings.Builder
}

func (o *pipOutput) Write(p []byte) (int, error) {
	o.bar.Add(strings.Count(string(p), "Collecting "))
	return o.Builder.Write(p)
}

// jupyterSettings keep JupyterLab from asking the network for news, updates
// and extensions.
const jupyterSettings = `# Written by jacard set-up; changes are lost when the environment is renewed.
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.MultiKernelManager.default_kernel_name = "jacard-cpu"
`

const noAnnouncements = `{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}
`

func configureJupyter(venv string) error {
	files := map[string]string{
		"jupyter_server_config.py":   jupyterSettings,
		"labconfig/page_config.json": noAnnouncements,
	}
	for name, text := range files {
		name = filepath.Join(venv, "etc", "jupyter", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// linkKernels shows the committed kernels to every Jupyter of the environment,
// and to editors that use it. The links are relative: the checkout may move.
func (s *Setup) linkKernels() error {
	dir := s.Project.Private("venv", "share", "jupyter", "kernels")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_, err := os.Stat(s.Project.Private("pjrt", cudaPlugin))
	shown := map[string]bool{"jacard-cpu": true, "jacard-go": true, "jacard-cuda": err == nil}
	for name, show := range shown {
		link := filepath.Join(dir, name)
		if !show {
			if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		target, err := filepath.Rel(dir, s.Project.Path("kernels", name))
		if err != nil {
			return err
		}
		if err := os.Symlink(target, link); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
