package setup

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestToolsAreRenewed(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	s, _ := newTest(t, nil, nil)
	write(t, s.Project.Path("tools", "go.mod"), "module x\n")
	write(t, s.Project.Path("tools", "go.sum"), "1\n")
	key, err := s.toolsKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := writeStamp(s.Project.Private("bin", ".stamp"), key); err != nil {
		t.Fatal(err)
	}
	if got := checkTools(t.Context(), s); got.State != Missing || !strings.Contains(got.What, "gonb") {
		t.Errorf("stamp without tools: got %+v, want missing", got)
	}
	// Any Go program will do for the look.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools {
		if err := os.Symlink(self, s.Project.Private("bin", tool)); err != nil {
			t.Fatal(err)
		}
	}
	if got := checkTools(t.Context(), s); got.State != Found {
		t.Errorf("got %+v, want found", got)
	}
	write(t, s.Project.Path("tools", "go.sum"), "2\n")
	if got := checkTools(t.Context(), s); got.State != Missing {
		t.Errorf("after a new go.sum: got %+v, want missing", got)
	}
	s.goenv.GOVERSION = "go9.9"
	write(t, s.Project.Path("tools", "go.sum"), "1\n")
	if got := checkTools(t.Context(), s); got.State != Missing {
		t.Errorf("after a new Go: got %+v, want missing", got)
	}
}

func TestCompiledAges(t *testing.T) {
	s, _ := newTest(t, nil, nil)
	write(t, s.Project.Path("go.mod"), "module "+modulePath+"\n\nrequire github.com/gomlx/gomlx v0.1.0\n")
	write(t, s.Project.Path("go.sum"), "")
	s.goenv.GOMODCACHE = t.TempDir()
	key, err := s.compiledKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stamp := s.Project.Private("compiled")
	if err := writeStamp(stamp, key); err != nil {
		t.Fatal(err)
	}
	if got := checkCompiled(t.Context(), s); got.State != Missing || !strings.Contains(got.What, "module cache") {
		t.Errorf("cleaned module cache: got %+v, want missing", got)
	}
	if err := os.MkdirAll(s.goenv.GOMODCACHE+"/github.com/gomlx/gomlx@v0.1.0", 0o755); err != nil {
		t.Fatal(err)
	}
	if got := checkCompiled(t.Context(), s); got.State != Found {
		t.Errorf("got %+v, want found", got)
	}
	old := time.Now().Add(-5 * 24 * time.Hour)
	if err := os.Chtimes(stamp, old, old); err != nil {
		t.Fatal(err)
	}
	if got := checkCompiled(t.Context(), s); got.State != Missing || !strings.Contains(got.What, "build cache") {
		t.Errorf("five days old: got %+v, want missing", got)
	}
}

// TestGoBuild: the command's own words reach the error; success is silent but
// for the bar.
func TestGoBuild(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	s, out := newTest(t, nil, nil)
	env := []string{"GOFLAGS=", "GOWORK=off"}
	write(t, s.Project.Path("p", "p.go"), "package p\n\nvar X = 1\n")
	if err := s.goBuild(t.Context(), "building", s.Project.Root, env, "build", "./..."); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "jacard: building …\njacard: building: ") {
		t.Errorf("said %q", out)
	}
	write(t, s.Project.Path("p", "p.go"), "package p\n\nvar X = y\n")
	if err := s.goBuild(t.Context(), "building", s.Project.Root, env, "build", "./..."); err == nil || !strings.Contains(err.Error(), "undefined: y") {
		t.Errorf("broken package: got %v, want the compiler's words", err)
	}
}
