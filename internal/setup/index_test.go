package setup

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sumA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// TestIndexForms: the same file is found in both forms of the simple index,
// with relative and absolute addresses.
func TestIndexForms(t *testing.T) {
	for _, c := range []struct{ name, kind, body, want string }{
		{"json", "application/vnd.pypi.simple.v1+json", `{"files":[{"url":"../../packages/a.whl","hashes":{"sha256":"` + sumA + `"}},{"url":"b.whl","hashes":{}}]}`, "/packages/a.whl"},
		{"html", "text/html; charset=utf-8", `<!DOCTYPE html><body><a href="b.whl#sha256=bb">b</a><br/><A data-x="1" href='../../packages/a.whl?x=1&amp;y=2#sha256=` + sumA + `'>a</A>`, "/packages/a.whl?x=1&y=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/root/simple/some-plugin/" {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", c.kind)
				fmt.Fprint(w, c.body)
			}))
			defer srv.Close()
			want := srv.URL + "/root" + c.want
			ix := index{urls: []string{srv.URL + "/gone/", srv.URL + "/root/simple/"}, client: srv.Client()}
			got, err := ix.fileURL(t.Context(), wheel{Project: "some-plugin", Version: "1", SHA256: sumA})
			if err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
			if _, err := ix.fileURL(t.Context(), wheel{Project: "some-plugin", Version: "2", SHA256: strings.Repeat("c", 64)}); err == nil || !strings.Contains(err.Error(), "no file of some-plugin 2") || !strings.Contains(err.Error(), "404") {
				t.Errorf("other hash: got error %v, want one that names both indexes' answers", err)
			}
		})
	}
}

func TestPipSettings(t *testing.T) {
	dir := t.TempDir()
	wheels := filepath.Join(dir, "wheels")
	if err := os.Mkdir(wheels, 0o755); err != nil {
		t.Fatal(err)
	}
	weak, strong := filepath.Join(dir, "weak.conf"), filepath.Join(dir, "strong.conf")
	write(t, weak, "[global]\nindex-url = https://weak/simple\n; comment\n[list]\nindex-url = https://wrong/\n")
	write(t, strong, "[global]\nindex_url: \ncert=/ca.pem\n[install]\nindex-url=https://me:secret@strong/simple\nextra-index-url =\n    https://one/\n    https://two/\nfind-links = file://"+wheels+"\n")
	for _, c := range []struct {
		name    string
		files   []string
		env     map[string]string
		urls    []string
		folders []string
	}{
		{name: "nothing set", urls: []string{publicIndex}},
		{name: "one file", files: []string{weak, filepath.Join(dir, "absent.conf")}, urls: []string{"https://weak/simple"}},
		{name: "later file wins", files: []string{weak, strong}, urls: []string{"https://me:secret@strong/simple", "https://one/", "https://two/"}, folders: []string{wheels}},
		{name: "variables win", files: []string{weak, strong}, env: map[string]string{"PIP_INDEX_URL": "https://env/", "PIP_EXTRA_INDEX_URL": "https://x/", "PIP_FIND_LINKS": filepath.Join(dir, "nowhere")}, urls: []string{"https://env/", "https://x/"}},
		{name: "no index", env: map[string]string{"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}, folders: []string{wheels}},
		{name: "no index, said no", env: map[string]string{"PIP_NO_INDEX": "false"}, urls: []string{publicIndex}},
	} {
		p, err := readPipSettings(func(k string) string { return c.env[k] }, c.files)
		if err != nil {
			t.Fatal(err)
		}
		ix := p.index(nil)
		if !slices.Equal(ix.urls, c.urls) || !slices.Equal(ix.folders, c.folders) {
			t.Errorf("%s: got %q and folders %q, want %q and %q", c.name, ix.urls, ix.folders, c.urls, c.folders)
		}
	}
	if got := redacted("https://me:secret@strong/simple"); strings.Contains(got, "secret") {
		t.Errorf("an error would show the password: %s", got)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
