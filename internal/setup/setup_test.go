package setup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func TestFindProject(t *testing.T) {
	s, _ := newTest(t, nil, nil)
	below := s.Project.Path("notebooks", "deep")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, s.Project.Path("notebooks", "go.mod"), "module example.com/other\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(below, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{below, link} {
		if p, err := FindProject(dir); err != nil || p != s.Project {
			t.Errorf("from %s: got %v, %v, want %v", dir, p, err, s.Project)
		}
	}
	if _, err := FindProject(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not inside a checkout") {
		t.Errorf("elsewhere: got %v", err)
	}
}

// need is a step that is met once done.
func need(name string, did *[]string) Step {
	file := func(s *Setup) string { return s.Project.Private(name) }
	return Step{name, Notebook,
		func(_ context.Context, s *Setup) Status {
			if stamped(file(s), "done") {
				return Status{Found, "", ""}
			}
			return Status{Missing, "absent", "do it"}
		},
		func(_ context.Context, s *Setup) error {
			*did = append(*did, name)
			return writeStamp(file(s), "done")
		},
	}
}

func withSteps(t *testing.T, table ...Step) {
	t.Helper()
	before := steps
	t.Cleanup(func() { steps = before })
	steps = table
}

// TestEnsureDoesWhatIsLacking and nothing more, in the table's order.
func TestEnsureDoesWhatIsLacking(t *testing.T) {
	var did []string
	lab := need("c", &did)
	lab.Goals = Lab
	withSteps(t, need("b", &did), need("a", &did), lab)
	s, _ := newTest(t, nil, nil)
	for _, c := range []struct {
		goal Goal
		want string
	}{{Notebook, "b a"}, {Notebook, "b a"}, {Notebook | Lab, "b a c"}} {
		if err := s.Ensure(t.Context(), c.goal); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(did, " "); got != c.want {
			t.Errorf("goal %d: did %q in all, want %q", c.goal, got, c.want)
		}
	}
	if err := os.Remove(s.Project.Private("a")); err != nil {
		t.Fatal(err)
	}
	write(t, s.Project.Private(scratchPrefix+"killed", "half"), "")
	if err := s.Ensure(t.Context(), Notebook); err != nil || did[len(did)-1] != "a" || len(did) != 4 {
		t.Errorf("one lost: did %q, %v, want a once more", did, err)
	}
	if _, err := os.Stat(s.Project.Private(scratchPrefix + "killed")); err == nil {
		t.Error("a killed set-up's half-done work was left")
	}
}

func TestEnsureFails(t *testing.T) {
	missing := func(context.Context, *Setup) Status { return Status{Missing, "no go", "install it"} }
	weak := func(context.Context, *Setup) Status { return Status{Weak, "slow", "get better"} }
	broken := func(context.Context, *Setup) error { return errors.New("no network") }
	for _, c := range []struct {
		step      Step
		err, said string
	}{
		{Step{"Go", Notebook, missing, nil}, "setup: Go: no go: install it", ""},
		{Step{"tools", Notebook, missing, broken}, "setup: tools: no network", ""},
		{Step{"plugin", Notebook, weak, nil}, "", "jacard: plugin: slow; get better\n"},
	} {
		withSteps(t, c.step)
		s, out := newTest(t, nil, nil)
		err := s.Ensure(t.Context(), Notebook)
		if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != c.err) || out.String() != c.said {
			t.Errorf("%s: got %v, said %q; want %q, %q", c.step.Name, err, out, c.err, c.said)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	withSteps(t, Step{"tools", Notebook, missing, func(ctx context.Context, _ *Setup) error { cancel(); return ctx.Err() }})
	s, _ := newTest(t, nil, nil)
	if err := s.Ensure(ctx, Notebook); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("interrupt: got %v", err)
	}
}

// TestEnsureWaits: two set-ups of one checkout do the work once.
func TestEnsureWaits(t *testing.T) {
	var did []string
	withSteps(t, need("a", &did))
	s, out := newTest(t, nil, nil)
	if err := os.MkdirAll(s.Project.Private(), 0o755); err != nil {
		t.Fatal(err)
	}
	other := flock.New(s.Project.Private("setup.lock"))
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() {
		_ = writeStamp(s.Project.Private("a"), "done") // the other one's work
		_ = other.Close()
	})
	if err := s.Ensure(t.Context(), Notebook); err != nil || len(did) != 0 {
		t.Errorf("got %v and did %q, want to wait and find it done", err, did)
	}
	if !strings.Contains(out.String(), "waiting") {
		t.Errorf("said %q, want that it waits", out)
	}
}

// TestReportChangesNothing on a bare machine, and has something to say on
// every line.
func TestReportChangesNothing(t *testing.T) {
	s, _ := newTest(t, nil, nil)
	rows := s.Report(t.Context(), Notebook)
	if _, err := os.Stat(s.Project.Private()); err == nil {
		t.Errorf("a look made %s", s.Project.Private())
	}
	for _, r := range rows {
		if r.What == "" || (r.State == Found) != (r.Help == "") {
			t.Errorf("%s: got %+v, want what was found, and help exactly where something lacks", r.Name, r.Status)
		}
		if r.Name == "JupyterLab" && r.State != Weak {
			t.Errorf("JupyterLab is not asked for: got %v, want weak", r.State)
		}
	}
}
