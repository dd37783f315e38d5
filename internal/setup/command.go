package setup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// command is a child in a process group of its own: an interrupt ends it with
// all it started, and a Ctrl-C at the terminal reaches us alone.
func (s *Setup) command(ctx context.Context, dir string, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if s.Offline {
		cmd.Env = append(cmd.Env, "GOPROXY=off", "PIP_NO_INDEX=1")
	}
	ownGroup(cmd)
	return cmd
}

// ownGroup makes the end of cmd's context the end of its whole group.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
}

// goBuild runs `go install` or `go build` with a bar that counts packages.
func (s *Setup) goBuild(ctx context.Context, title, dir string, env []string, verb string, args ...string) error {
	count, targets := s.stalePackages(ctx, dir, env, args)
	bar := s.bar(title, count)
	defer bar.Finish()
	cmd := s.command(ctx, dir, env, "go", slices.Concat([]string{verb, "-v"}, args)...)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var words []string // what is not a package's name: downloads and errors
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		switch line := lines.Text(); {
		case targets[line]:
			bar.Add(1)
		case !strings.HasPrefix(line, "go: downloading "):
			words = append(words, line)
		}
	}
	if err := cmd.Wait(); err != nil {
		return commandError(cmd, err, strings.Join(words, "\n"))
	}
	return nil
}

// stalePackages lists what a build will compile; it downloads the modules
// first if they are not here. Without an answer the bar has no total.
func (s *Setup) stalePackages(ctx context.Context, dir string, env, args []string) (count int64, names map[string]bool) {
	flags, patterns := args[:len(args)-1], args[len(args)-1:]
	list := slices.Concat([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, flags, patterns)
	out, err := s.command(ctx, dir, env, "go", list...).Output()
	if err != nil {
		return -1, nil
	}
	names = map[string]bool{}
	for name := range strings.Lines(string(out)) {
		names[strings.TrimSpace(name)] = true
	}
	return int64(len(names)), names
}

// run is a child whose output matters only if it fails.
func (s *Setup) run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return commandError(cmd, err, string(out))
	}
	return nil
}

// commandError keeps the end of what a failed child said.
func commandError(cmd *exec.Cmd, err error, output string) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	const keep = 2000
	tail := bytes.TrimSpace([]byte(output))
	if len(tail) > keep {
		tail = tail[len(tail)-keep:]
	}
	return fmt.Errorf("%s in %s: %w\n%s", strings.Join(cmd.Args, " "), cmd.Dir, err, tail)
}
