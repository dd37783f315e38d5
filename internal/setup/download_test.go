package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// unreliable serves data, cutting every connection after cut bytes; without
// ranges it always starts again.
type unreliable struct {
	data   []byte
	cut    int
	ranges bool
	calls  int
}

func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.calls++
	from := 0
	if u.ranges {
		if start, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
			from, _ = strconv.Atoi(strings.TrimSuffix(start, "-"))
			w.Header().Set("Content-Range", "bytes "+strconv.Itoa(from)+"-/")
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(u.data)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(u.data[from:min(from+u.cut, len(u.data))])
}

func TestDownload(t *testing.T) {
	data := bytes.Repeat([]byte("jacard "), 100_000)
	sum := sha256.Sum256(data)
	good := hex.EncodeToString(sum[:])
	for _, c := range []struct {
		name   string
		server unreliable
		sum    string
		err    string
		calls  int
	}{
		{name: "whole", server: unreliable{cut: len(data)}, sum: good, calls: 1},
		{name: "cut twice, taken up again", server: unreliable{cut: len(data)/3 + 1, ranges: true}, sum: good, calls: 3},
		{name: "cut, server knows no ranges", server: unreliable{cut: len(data) - 1}, sum: good, err: "unexpected EOF", calls: 3},
		{name: "another file", server: unreliable{cut: len(data)}, sum: strings.Repeat("0", 64), err: "pinned is 000", calls: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.server.data = data
			srv := httptest.NewServer(&c.server)
			defer srv.Close()
			dst := filepath.Join(t.TempDir(), "with a space", "file")
			write(t, dst, "older")
			var done, total int64
			err := download(t.Context(), srv.Client(), srv.URL+"/x.whl", dst, c.sum, func(d, n int64) { done, total = d, n })
			if c.server.calls != c.calls {
				t.Errorf("%d connections, want %d", c.server.calls, c.calls)
			}
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(dst); !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, want the %d served", len(got), len(data))
			}
			if done != int64(len(data)) || total != done {
				t.Errorf("progress ended at %d of %d, want %d", done, total, len(data))
			}
		})
	}
}

func TestDownloadRefused(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusForbidden)
	}))
	defer srv.Close()
	err := download(t.Context(), srv.Client(), srv.URL, filepath.Join(t.TempDir(), "f"), sumA, func(int64, int64) {})
	if err == nil || !strings.Contains(err.Error(), "403") || calls != 1 {
		t.Errorf("got error %v after %d calls, want the server's 403 after one", err, calls)
	}
}

// TestDownloadStallsAndStops: a silent server and a Ctrl-C both end the wait.
func TestDownloadStallsAndStops(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "a little")
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer srv.Close()
	defer close(release)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := &transfer{client: srv.Client(), address: srv.URL, file: f, sum: sha256.New(), stall: 50 * time.Millisecond, progress: func(int64, int64) {}}
	if err := d.fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "no data for 50ms") {
		t.Errorf("silent server: got %v, want an error that says so", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := download(ctx, srv.Client(), srv.URL, f.Name(), sumA, func(int64, int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupt: got %v, want context.Canceled", err)
	}
}
