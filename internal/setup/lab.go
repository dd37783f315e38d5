package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// LabConfig is what [Setup.Lab] can be told.
type LabConfig struct {
	Notebook  string // opened first, relative to notebooks/; empty opens the file list
	Port      int    // 0 means 8888, or the next free one
	NoBrowser bool
	// Started, if not nil, gets the address once the server answers.
	Started func(address string)
}

// Lab runs JupyterLab on the folder notebooks until ctx ends or the server
// does, and stops its kernels with it. Its log is .jacard/jupyter/lab.log.
func (s *Setup) Lab(ctx context.Context, cfg LabConfig) error {
	root := s.Project.Path("notebooks")
	if cfg.Notebook != "" {
		if _, err := os.Stat(filepath.Join(root, cfg.Notebook)); err != nil {
			return fmt.Errorf("setup: lab: %w", err)
		}
	}
	if err := s.linkKernels(); err != nil {
		return fmt.Errorf("setup: lab: %w", err)
	}
	logName := s.Project.Private("jupyter", "lab.log")
	if err := os.MkdirAll(filepath.Dir(logName), 0o755); err != nil {
		return err
	}
	log, err := os.Create(logName)
	if err != nil {
		return err
	}
	defer log.Close()

	cmd := exec.CommandContext(ctx, s.venvPython(), s.labArgs(cfg)...)
	cmd.Dir = root // GoNB takes the server's folder for Jupyter's root
	cmd.Env = append(os.Environ(), s.jupyterEnv()...)
	cmd.Stdout, cmd.Stderr = log, log
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("setup: lab: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	if cfg.Started != nil {
		address, err := s.labAddress(ctx, cmd.Process.Pid, cfg.Notebook, ended)
		if err != nil {
			return labError(err, logName)
		}
		if address != "" {
			cfg.Started(address)
		}
	}
	err = <-ended
	if ctx.Err() != nil {
		return nil // asked to stop, and it did
	}
	return labError(err, logName)
}

func (s *Setup) labArgs(cfg LabConfig) []string {
	args := []string{"-m", "jupyterlab", "--ServerApp.root_dir=" + s.Project.Path("notebooks")}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root") // a container, as a rule; the token still guards it
	}
	if cfg.Port != 0 {
		args = append(args, "--port="+strconv.Itoa(cfg.Port), "--ServerApp.port_retries=0")
	}
	if cfg.NoBrowser || !hasDisplay(s.getenv) {
		args = append(args, "--no-browser")
	}
	if cfg.Notebook != "" {
		args = append(args, cfg.Notebook)
	}
	return args
}

// hasDisplay keeps Jupyter from opening a text browser in this terminal.
func hasDisplay(getenv func(string) string) bool {
	return runtime.GOOS != "linux" || getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
}

// jupyterEnv keeps all of Jupyter's files in our folder.
func (s *Setup) jupyterEnv() []string {
	dir := s.Project.Private("jupyter")
	return []string{
		"JUPYTER_CONFIG_DIR=" + filepath.Join(dir, "config"),
		"JUPYTER_DATA_DIR=" + filepath.Join(dir, "data"),
		"JUPYTER_RUNTIME_DIR=" + filepath.Join(dir, "runtime"),
		"IPYTHONDIR=" + filepath.Join(dir, "ipython"),
		"PATH=" + s.Project.Private("venv", "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

// labAddress waits for the file in which the server says where it listens.
// It returns an empty address if ctx ended first.
func (s *Setup) labAddress(ctx context.Context, pid int, notebook string, ended chan error) (string, error) {
	file := s.Project.Private("jupyter", "runtime", fmt.Sprintf("jpserver-%d.json", pid))
	for {
		select {
		case err := <-ended:
			ended <- err // for our caller
			return "", errors.Join(errors.New("JupyterLab ended before it answered"), err)
		case <-ctx.Done():
			return "", nil
		case <-time.After(50 * time.Millisecond):
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var server struct{ URL, Token string }
		if json.Unmarshal(raw, &server) != nil || server.URL == "" {
			continue // half written
		}
		page := server.URL + "lab"
		if notebook != "" {
			page += "/tree/" + (&url.URL{Path: filepath.ToSlash(notebook)}).EscapedPath()
		}
		return page + "?token=" + server.Token, nil
	}
}

// labError adds the end of the log.
func labError(err error, logName string) error {
	if err == nil {
		return nil
	}
	raw, _ := os.ReadFile(logName)
	lines := strings.Split(string(bytes.TrimSpace(raw)), "\n")
	if len(lines) > 12 {
		lines = lines[len(lines)-12:]
	}
	return fmt.Errorf("setup: lab: %w; the end of %s:\n%s", err, logName, strings.Join(lines, "\n"))
}
