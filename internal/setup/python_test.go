package setup

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script writes a program for a fake machine.
func script(t *testing.T, name, body string) {
	t.Helper()
	write(t, name, "#!/bin/sh\n"+body)
	if err := os.Chmod(name, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFindPython(t *testing.T) {
	answer := func(version, venv string) string {
		return fmt.Sprintf("echo '{\"Path\": \"/usr/bin/py\", \"Version\": [%s], \"Venv\": %s}'\n", version, venv)
	}
	for _, c := range []struct {
		name     string
		programs map[string]string
		state    State
		what     string
		help     string
	}{
		{"none", nil, Missing, "no python3 in PATH", "python3-venv"},
		{"too old", map[string]string{"python3": answer("3, 9, 2", "true")}, Missing, "python3 is 3.9: too old", "3.11"},
		{"a newer one beside it", map[string]string{"python3": answer("3, 9, 2", "true"), "python3.12": answer("3, 12, 1", "true")}, Found, "3.12.1 in /usr/bin/py", ""},
		{"Debian without python3-venv", map[string]string{"python3": answer("3, 11, 2", "false")}, Missing, "no venv or ensurepip", "apt-get install python3.11-venv"},
		{"broken", map[string]string{"python3": "exit 1\n"}, Missing, "no python3", "install"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, body := range c.programs {
				script(t, filepath.Join(dir, name), body)
			}
			t.Setenv("PATH", dir)
			s, _ := newTest(t, nil, nil)
			got := checkPython(t.Context(), s)
			if got.State != c.state || !strings.Contains(got.What, c.what) || !strings.Contains(got.Help, c.help) {
				t.Errorf("got %+v, want %v with %q and help with %q", got, c.state, c.what, c.help)
			}
		})
	}
}

// fakePython plays an interpreter that makes environments and installs.
const fakePython = `case "$1 $2" in
"-c "*) echo '{"Path": "SELF", "Version": [3, 12, 0], "Venv": true}' ;;
"-m venv") mkdir -p "$3/bin" && cp "SELF" "$3/bin/python" ;;
"-m pip") echo "Collecting a==1"; echo "Collecting b==2"; PIP ;;
"-m jupyterlab")
	echo "cwd=$(pwd) args=$*"
	echo "runtime=$JUPYTER_RUNTIME_DIR config=$JUPYTER_CONFIG_DIR"
	mkdir -p "$JUPYTER_RUNTIME_DIR"
	LAB
	;;
*) exit 9 ;;
esac
`

// newLab is a checkout on a machine with a fake Python.
func newLab(t *testing.T, pip, lab string) *Setup {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no POSIX shell")
	}
	dir := t.TempDir()
	self := filepath.Join(dir, "python3")
	script(t, self, strings.NewReplacer("SELF", self, "PIP", pip, "LAB", lab).Replace(fakePython))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	s, _ := newTest(t, nil, nil)
	write(t, s.Project.Path("kernels", "requirements.txt"), "a==1\nb==2\n")
	for _, f := range kernelFiles {
		write(t, s.Project.Path("kernels", f), "{}")
	}
	write(t, s.Project.Path("notebooks", "01 one.ipynb"), "{}")
	return s
}

var labSteps = []Step{{"Python", Lab, checkPython, nil}, {"JupyterLab", Lab, checkJupyter, installJupyter}}

func TestInstallJupyter(t *testing.T) {
	withSteps(t, labSteps...)
	s := newLab(t, "true", "true")
	if err := s.Ensure(t.Context(), Lab); err != nil {
		t.Fatal(err)
	}
	kernels := s.Project.Private("venv", "share", "jupyter", "kernels")
	if _, err := os.Stat(filepath.Join(kernels, "jacard-cpu", "kernel.json")); err != nil {
		t.Errorf("the kernel is not linked: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(kernels, "jacard-cuda")); err == nil {
		t.Error("the CUDA kernel is shown without its plugin")
	}
	write(t, s.Project.Private("pjrt", cudaPlugin), "")
	if err := s.linkKernels(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(kernels, "jacard-cuda", "kernel.json")); err != nil {
		t.Errorf("with its plugin: %v", err)
	}
	write(t, s.Project.Path("kernels", "requirements.txt"), "a==2\nb==2\n")
	if s.venvReady() {
		t.Error("new requirements: the old environment passes")
	}
}

func TestInstallJupyterFails(t *testing.T) {
	withSteps(t, labSteps...)
	s := newLab(t, "echo no such version >&2; exit 1", "true")
	if err := s.Ensure(t.Context(), Lab); err == nil || !strings.Contains(err.Error(), "no such version") {
		t.Errorf("got %v, want pip's words", err)
	}
	if s.venvReady() {
		t.Error("half an environment passes for a whole one")
	}
}

const answeringLab = `echo '{"url": "http://localhost:8888/", "token": "abc"}' > "$JUPYTER_RUNTIME_DIR/jpserver-$$.json"
	trap 'echo stopped; exit 0' TERM
	while :; do sleep 0.05; done`

// TestLab starts, tells the address, and stops with its context.
func TestLab(t *testing.T) {
	withSteps(t, labSteps...)
	s := newLab(t, "true", answeringLab)
	if err := s.Ensure(t.Context(), Lab); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var address string
	err := s.Lab(ctx, LabConfig{Notebook: "01 one.ipynb", Port: 9123, Started: func(a string) {
		address = a
		cancel()
	}})
	if want := "http://localhost:8888/lab/tree/01%20one.ipynb?token=abc"; err != nil || address != want {
		t.Errorf("got %q, %v, want %q", address, err, want)
	}
	log, _ := os.ReadFile(s.Project.Private("jupyter", "lab.log"))
	for _, want := range []string{
		"cwd=" + s.Project.Path("notebooks") + " ", "--ServerApp.root_dir=" + s.Project.Path("notebooks"), "--port=9123", "--no-browser",
		"01 one.ipynb\n", "runtime=" + s.Project.Private("jupyter", "runtime"), "config=" + s.Project.Private("jupyter"), "stopped\n",
	} {
		if !strings.Contains(string(log), want) {
			t.Errorf("want %q in the log:\n%s", want, log)
		}
	}
	if err := s.Lab(t.Context(), LabConfig{Notebook: "02.ipynb"}); err == nil || !strings.Contains(err.Error(), "02.ipynb") {
		t.Errorf("absent notebook: got %v", err)
	}
}

func TestLabEndsEarly(t *testing.T) {
	withSteps(t, labSteps...)
	s := newLab(t, "true", "echo port 8888 is taken; exit 1")
	if err := s.Ensure(t.Context(), Lab); err != nil {
		t.Fatal(err)
	}
	err := s.Lab(t.Context(), LabConfig{Started: func(string) { t.Error("never answered") }})
	if err == nil || !strings.Contains(err.Error(), "port 8888 is taken") {
		t.Errorf("got %v, want the log's last words", err)
	}
}

// TestInterruptEndsTheGroup: a child's own children end with it.
func TestInterruptEndsTheGroup(t *testing.T) {
	s, _ := newTest(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := s.command(ctx, s.Project.Root, nil, "sh", "-c", "sleep 60 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var grandchild int
	if _, err := fmt.Fscan(out, &grandchild); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = cmd.Wait()
	waitGone(t, grandchild)
}

// waitGone waits until a process has ended, its parent's wait not counted.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 250 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil && syscall.Kill(pid, 0) != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}
