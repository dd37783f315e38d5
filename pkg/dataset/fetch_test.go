package dataset_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/dataset"
)

var content = bytes.Repeat([]byte("some content that is long enough to be cut "), 5000)

// source is a data set of one file, whose mirrors answer by the handlers.
func source(t *testing.T, mirrors ...http.HandlerFunc) *dataset.Source {
	sum := sha256.Sum256(content)
	s := &dataset.Source{
		Name: "Test", Folder: "test",
		Files: []dataset.File{{Name: "file.gz", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}},
	}
	for _, m := range mirrors {
		server := httptest.NewServer(m)
		t.Cleanup(server.Close)
		s.Mirrors = append(s.Mirrors, server.URL+"/data/")
	}
	return s
}

func send(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/data/file.gz" {
			http.NotFound(w, r)
			return
		}
		w.Write(body)
	}
}

// sendCut promises the whole and closes the connection in the middle.
func sendCut(w http.ResponseWriter, _ *http.Request) {
	body := zip(content)
	w.Header().Set("Content-Length", "100000")
	w.Write(body[:len(body)/2])
}

func TestFetch(t *testing.T) {
	good := zip(content)
	for name, mirrors := range map[string][]http.HandlerFunc{
		"first mirror":     {send(good)},
		"plain content":    {send(content)},
		"404, then good":   {http.NotFound, send(good)},
		"cut, then good":   {sendCut, send(good)},
		"wrong, then good": {send(zip(content[1:])), send(good)},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := source(t, mirrors...), filepath.Join(t.TempDir(), "new", "folder")
			var last, total int64
			progress := func(file string, d, n int64) { last, total = d, n }
			if err := s.Fetch(t.Context(), dir, progress); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(dir); err != nil {
				t.Error(err)
			}
			if last == 0 || (total >= 0 && last != total) {
				t.Errorf("progress ended at %d of %d", last, total)
			}
			noLeftovers(t, dir, 1)
		})
	}
}

func TestFetchFails(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"404":           {http.NotFound, "404 Not Found"},
		"cut":           {sendCut, "unexpected EOF"},
		"other content": {send(zip(append([]byte("X"), content[1:]...))), "not the published file"},
		"shorter":       {send(zip(content[1:])), "not the published file"},
		"longer":        {send(zip(append(bytes.Clone(content), 'X'))), "not the published file"},
		"bomb":          {send(zip(make([]byte, 50<<20))), "not the published file"},
		"archive cut":   {send(zip(content)[:100]), "unexpected EOF"},
		"a web page":    {send([]byte("<html>please log in</html>")), "not the published file"},
		"nothing":       {send(nil), "not the published file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := source(t, c.handler), t.TempDir()
			err := s.Fetch(t.Context(), dir, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), s.Mirrors[0]+"file.gz") {
				t.Errorf("got error %v, want one with %q and the address", err, c.want)
			}
			noLeftovers(t, dir, 0)
		})
	}
	err := source(t, send(content[1:])).Fetch(t.Context(), t.TempDir(), nil)
	if sum := new(dataset.ChecksumError); !errors.As(err, &sum) || sum.Name != "file.gz" {
		t.Errorf("got error %v, want a ChecksumError", err)
	}
}

func TestFetchUnreachable(t *testing.T) {
	s := source(t)
	server := httptest.NewServer(http.NotFoundHandler())
	s.Mirrors = []string{server.URL + "/"}
	server.Close()
	if err := s.Fetch(t.Context(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("got error %v, want one that says what to do", err)
	}
}

// TestFetchCancelled ends a download in the middle; the second mirror must not be asked.
func TestFetchCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := false
	s := source(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(zip(content)[:50])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}, func(http.ResponseWriter, *http.Request) { asked = true })
	dir := t.TempDir()
	if err := s.Fetch(ctx, dir, nil); !errors.Is(err, context.Canceled) || asked {
		t.Errorf("got error %v, second mirror asked: %t", err, asked)
	}
	noLeftovers(t, dir, 0)
}

// TestFetchKeeps asks for what lacks only, and replaces what is spoilt.
func TestFetchKeeps(t *testing.T) {
	asked := 0
	s := source(t, func(w http.ResponseWriter, r *http.Request) { asked++; send(zip(content))(w, r) })
	dir := t.TempDir()
	for i, before := range []struct {
		spoil bool
		want  int
	}{{false, 1}, {false, 1}, {true, 2}} {
		if before.spoil {
			if err := os.WriteFile(filepath.Join(dir, "file.gz"), []byte("spoilt"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Fetch(t.Context(), dir, nil); err != nil || asked != before.want {
			t.Errorf("call %d: got error %v and %d requests, want %d", i, err, asked, before.want)
		}
	}
	if err := s.Missing(dir); err != nil {
		t.Error(err)
	}
	if err := s.Missing(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: got %v, want a missing file", err)
	}
}

func noLeftovers(t *testing.T, dir string, want int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != want {
		t.Errorf("got %v in %s, want %d files", entries, dir, want)
	}
}
