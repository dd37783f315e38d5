package setup

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// HashError is a file that is not the one we pinned.
type HashError struct{ From, Got, Want string }

func (e *HashError) Error() string {
	return fmt.Sprintf("%s has SHA-256 %s, pinned is %s: not used", e.From, e.Got, e.Want)
}

const (
	connectTimeout = 10 * time.Second // an unreachable host must not look like work
	stallTimeout   = 60 * time.Second // no byte for so long: the connection is dead
	attempts       = 3                // a cut connection goes on where it was cut
)

// newClient is for large files: no limit on the whole, but on every wait.
// caFile, if not empty, holds certificates to trust beside the system's.
func newClient(caFile string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	transport.ResponseHeaderTimeout = stallTimeout
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("certificates: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificates: %s holds none", caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: transport}, nil
}

// download writes address to the file dst and checks its SHA-256. A cut
// connection is taken up again where it was cut; a wrong file is a [*HashError].
func download(ctx context.Context, client *http.Client, address, dst, sum string, progress func(done, total int64)) error {
	file, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer file.Close()
	d := &transfer{client: client, address: address, file: file, sum: sha256.New(), stall: stallTimeout, progress: progress}
	for range attempts {
		if err = d.fetch(ctx); err == nil || ctx.Err() != nil || errors.As(err, new(*statusError)) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", redacted(address), err)
	}
	if got := hex.EncodeToString(d.sum.Sum(nil)); got != sum {
		return &HashError{From: redacted(address), Got: got, Want: sum}
	}
	return file.Close()
}

type statusError struct{ status string }

func (e *statusError) Error() string { return "the server answers " + e.status }

// transfer is one file on its way, over one or several connections.
type transfer struct {
	client   *http.Client
	address  string
	file     *os.File
	sum      hash.Hash
	done     int64
	stall    time.Duration
	progress func(done, total int64)
}

func (d *transfer) fetch(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(d.stall, func() {
		cancel(fmt.Errorf("no data for %s", d.stall))
	})
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.address, nil)
	if err != nil {
		return err
	}
	if d.done > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.done))
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return causeOr(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", d.done)):
	case resp.StatusCode == http.StatusOK:
		if err := d.restart(); err != nil {
			return err
		}
	default:
		return &statusError{resp.Status}
	}
	total := int64(-1)
	if resp.ContentLength >= 0 {
		total = d.done + resp.ContentLength
	}
	d.progress(d.done, total)
	_, err = io.Copy(io.MultiWriter(d.file, d.sum, writerFunc(func(p []byte) (int, error) {
		watchdog.Reset(d.stall)
		d.done += int64(len(p))
		d.progress(d.done, total)
		return len(p), nil
	})), resp.Body)
	return causeOr(ctx, err)
}

// causeOr says why ctx ended instead of that it did.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// restart forgets what came so far: the server sends the whole file again.
func (d *transfer) restart() error {
	d.done = 0
	d.sum.Reset()
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	_, err := d.file.Seek(0, io.SeekStart)
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
