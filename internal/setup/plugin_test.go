package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
)

// fakeIndex serves wheels as a Python index does.
func fakeIndex(t *testing.T, wheels map[string][]byte) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for project, data := range wheels {
		mux.HandleFunc("/simple/"+project+"/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<a href="/files/%s.whl#sha256=%s">x</a>`, project, sumOf(data))
		})
		mux.HandleFunc("/files/"+project+".whl", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

// newTest is a set-up in an empty checkout, in a folder with a space, that
// sees no variables but env and no host but srv.
func newTest(t *testing.T, srv *httptest.Server, env map[string]string) (*Setup, *bytes.Buffer) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "a b [c]")
	write(t, filepath.Join(root, "go.mod"), "module "+modulePath+"\n")
	p, err := FindProject(root)
	if err != nil {
		t.Fatal(err)
	}
	out := new(bytes.Buffer)
	s := New(p, out)
	if env == nil {
		env = map[string]string{}
	}
	if srv != nil {
		env["PIP_INDEX_URL"], s.client = srv.URL+"/simple/", srv.Client()
	}
	s.env = func(k string) string { return env[k] }
	s.goenv = &goEnv{GOVERSION: runtime.Version(), CGO_ENABLED: "1"}
	s.installer = func(context.Context, string) error { return errors.New("host is not reachable") }
	s.probe = func(backend.Choice) error { return nil }
	return s, out
}

func needLinuxAMD64(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" || !backend.HasXLA {
		t.Skip("there are wheels for linux/amd64 alone, and they need cgo")
	}
}

// pinned replaces the pinned wheels by those of a test.
func pinned(t *testing.T, wheels map[string][]byte) {
	t.Helper()
	before := cpuWheels
	t.Cleanup(func() { cpuWheels = before })
	cpuWheels = cpuWheels[:0:0]
	for _, w := range before {
		w.SHA256 = sumOf(wheels[w.Project])
		cpuWheels = append(cpuWheels, w)
	}
}

func TestPluginSources(t *testing.T) {
	needLinuxAMD64(t)
	first, second := cpuWheels[0], cpuWheels[1]
	wheels := map[string][]byte{
		first.Project:  zipOf(t, map[string]string{first.member: "first"}),
		second.Project: zipOf(t, map[string]string{second.member: "second"}),
	}
	pinned(t, wheels)
	changed := map[string][]byte{first.Project: zipOf(t, map[string]string{first.member: "changed"}), second.Project: wheels[second.Project]}
	installs := func(_ context.Context, dir string) error {
		real := filepath.Join(dir, "pjrt_c_api_cpu_v9_plugin.so")
		return errors.Join(os.WriteFile(real, []byte("installer's"), 0o755), os.Symlink(filepath.Base(real), filepath.Join(dir, cpuPlugin)))
	}
	refuse := func(content string) func(backend.Choice) error {
		return func(c backend.Choice) error {
			if raw, err := os.ReadFile(c.Plugin); err != nil || string(raw) == content {
				return fmt.Errorf("%s does not open", content)
			}
			return nil
		}
	}
	for _, c := range []struct {
		name      string
		index     map[string][]byte
		installer func(context.Context, string) error
		probe     func(backend.Choice) error
		want      string // content of the plugin kept; empty: none
		said      string
	}{
		{name: "go-xla's installer first", index: wheels, installer: installs, want: "installer's", said: "go-xla's installer"},
		{name: "then the first wheel", index: wheels, want: "first", said: first.Project},
		{name: "changed upstream: the second", index: changed, want: "second", said: second.Project},
		{name: "does not open: the second", index: wheels, probe: refuse("first"), want: "second"},
		{name: "installer's does not open", index: wheels, installer: installs, probe: refuse("installer's"), want: "first"},
		{name: "nothing to be had", index: nil, said: "pure-Go backend"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, out := newTest(t, fakeIndex(t, c.index), nil)
			if c.installer != nil {
				s.installer = c.installer
			}
			if c.probe != nil {
				s.probe = c.probe
			}
			if got := checkPlugin(t.Context(), s); got.State != Weak {
				t.Fatalf("before: got %+v, want weak", got)
			}
			if err := s.ensure(t.Context(), Step{"XLA plugin", Notebook, checkPlugin, fetchPlugin}); err != nil {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(s.Project.Private("pjrt", cpuPlugin))
			if string(got) != c.want || !strings.Contains(out.String(), c.said) {
				t.Errorf("kept %q, want %q; said:\n%s", got, c.want, out)
			}
			if after := checkPlugin(t.Context(), s); after.State != Found {
				t.Errorf("after: got %+v, want found, so that the next start asks nobody", after)
			}
			if left, _ := filepath.Glob(filepath.Join(globEscape(s.Project.Private()), scratchPrefix+"*")); len(left) > 0 {
				t.Errorf("left %v behind", left)
			}
			if c.want == "" {
				if s.Again = true; checkPlugin(t.Context(), s).State != Weak {
					t.Error("`jacard setup` must try again")
				}
			}
		})
	}
}

// TestPluginNotFetched: what a variable or a missing compiler decided is not
// overruled by a download.
func TestPluginNotFetched(t *testing.T) {
	for _, c := range []struct {
		name  string
		env   map[string]string
		cgo   string
		off   bool
		state State
		what  string
	}{
		{name: "go asked for", env: map[string]string{backend.EnvBackend: "go"}, cgo: "1", state: Found, what: "not used"},
		{name: "no compiler", cgo: "0", state: Found, what: "without a C compiler"},
		{name: "empty folder named", env: map[string]string{backend.EnvPlugins: "/nowhere"}, cgo: "1", state: Weak, what: "/nowhere"},
		{name: "nonsense", env: map[string]string{backend.EnvBackend: "tpu9"}, cgo: "1", state: Missing, what: "tpu9"},
		{name: "offline", cgo: "1", off: true, state: Weak, what: "none"},
	} {
		if c.cgo == "1" && !backend.HasXLA {
			continue
		}
		s, _ := newTest(t, nil, c.env)
		s.goenv.CGO_ENABLED, s.Offline = c.cgo, c.off
		s.installer = func(context.Context, string) error { t.Errorf("%s: fetched", c.name); return nil }
		if c.state != Found {
			if err := fetchPlugin(t.Context(), s); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if got := checkPlugin(t.Context(), s); got.State != c.state || !strings.Contains(got.What, c.what) {
			t.Errorf("%s: got %v %q, want %v with %q", c.name, got.State, got.What, c.state, c.what)
		}
	}
}

// TestFindLinks: a folder with wheels serves a machine without network.
func TestFindLinks(t *testing.T) {
	folder := filepath.Join(t.TempDir())
	data := zipOf(t, map[string]string{"x": "y"})
	write(t, filepath.Join(folder, "some_plugin-1.0-py3-none-any.whl"), string(data))
	s, _ := newTest(t, nil, map[string]string{"PIP_FIND_LINKS": folder})
	s.Offline = true
	w := wheel{Project: "some-plugin", Version: "1.0", SHA256: sumOf(data)}
	if got, err := s.fetchWheel(t.Context(), w, t.TempDir()); err != nil || filepath.Dir(got) != folder {
		t.Errorf("got %q, %v, want the folder's file", got, err)
	}
	w.SHA256 = sumA
	if _, err := s.fetchWheel(t.Context(), w, t.TempDir()); err == nil || !strings.Contains(err.Error(), "--offline") {
		t.Errorf("other hash, offline: got %v, want an error", err)
	}
}

func TestReachableGivesUp(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	if err := reachable(t.Context(), srv.Client(), srv.URL); err != nil {
		t.Errorf("any answer is a sign of life: %v", err)
	}
	address := srv.URL
	srv.Close()
	if err := reachable(t.Context(), http.DefaultClient, address); err == nil {
		t.Error("a closed port passed for reachable")
	}
}
