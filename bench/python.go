package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gojacard/jacard/internal/setup"
)

// findPython returns the interpreter given, or that of .jacard/bench-venv. What
// bench/peers/requirements.txt pins and is not there is installed.
func findPython(ctx context.Context, p setup.Project, given string) (string, error) {
	if given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("-python: %w", err)
		}
		return filepath.Abs(path)
	}
	venv, requirements := p.Private("bench-venv"), p.Path("bench", "peers", "requirements.txt")
	python, stamp := filepath.Join(venv, "bin", "python"), filepath.Join(venv, "installed.txt")
	wanted, err := os.ReadFile(requirements)
	if err != nil {
		return "", err
	}
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, wanted) {
		return python, nil
	}
	fmt.Fprintf(os.Stderr, "installing the peers into %s, about 6 GB with PyTorch's CUDA libraries, once:\n%s", venv, wanted)
	for _, args := range [][]string{
		{"python3", "-m", "venv", venv},
		{python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", requirements},
	} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%v: %w; -python takes an interpreter that has the packages", cmd.Args, err)
		}
	}
	return python, os.WriteFile(stamp, wanted, 0o644)
}
