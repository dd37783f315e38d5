package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/gojacard/jacard/pkg/artifact"
)

const (
	connectTimeout = 10 * time.Second // an unreachable host must not look like work
	stallTimeout   = 60 * time.Second // no byte for so long: the connection is dead
)

// client has no limit on a whole file, but on every wait.
var client = func() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	transport.ResponseHeaderTimeout = stallTimeout
	return &http.Client{Transport: transport}
}()

// Fetch downloads the files that dir lacks or holds spoilt, from the first
// mirror that has them, and keeps only published content: a file appears as a
// whole or not at all. An empty dir is where [Source.Dir] finds the data set.
//
// Progress, if not nil, is told the bytes of each file that came so far and
// will come in all, −1 if the mirror does not say.
func (s *Source) Fetch(ctx context.Context, dir string, progress func(file string, done, total int64)) error {
	dir, err := s.dirOr(dir)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	for _, file := range s.Files {
		if _, err := s.verify(dir, file); err == nil {
			continue
		}
		if err := s.fetch(ctx, dir, file, progress); err != nil {
			return fmt.Errorf("dataset: %s: fetching %s: %w", s.Name, file.Name, err)
		}
	}
	return nil
}

// fetch asks the mirrors in their order.
func (s *Source) fetch(ctx context.Context, dir string, file File, progress func(string, int64, int64)) error {
	if len(s.Mirrors) == 0 {
		return errors.New(s.Remedy())
	}
	var errs []error
	for _, mirror := range s.Mirrors {
		err := artifact.WriteFile(filepath.Join(dir, file.Name), func(w io.Writer) error {
			return download(ctx, mirror+file.Name, file, w, progress)
		})
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("%w\nput it into %s by hand, or try again once the network is there", errors.Join(errs...), dir)
}

// download writes what lies at address to w as it comes, and fails unless its
// content is the file's.
func download(ctx context.Context, address string, file File, w io.Writer, progress func(string, int64, int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(stallTimeout, func() {
		cancel(fmt.Errorf("no data for %s", stallTimeout))
	})
	defer watchdog.Stop()

	err := func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Accept-Encoding", "identity") // the archive itself, not what it holds
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the server answers %s", resp.Status)
		}
		var done int64
		progress(file.Name, done, resp.ContentLength)
		content, err := newReader(io.TeeReader(resp.Body, writerFunc(func(p []byte) (int, error) {
			watchdog.Reset(stallTimeout)
			done += int64(len(p))
			progress(file.Name, done, resp.ContentLength)
			return w.Write(p)
		})), file)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
		return content.check()
	}()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // why it ended, instead of that it did
	}
	if e := new(url.Error); errors.As(err, &e) {
		err = e.Err // it names the address, as we do
	}
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
