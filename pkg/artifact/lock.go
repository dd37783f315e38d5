package artifact

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lock waits until this call alone may compute the result id. waiting is told
// once whom it waits for. The system frees the lock of a process that dies.
func (s *Store) lock(ctx context.Context, id string, waiting func(pid string)) (release func(), err error) {
	for first := true; ; first = false {
		if release, err = s.tryLock(id); release != nil || err != nil {
			return release, err
		}
		if first {
			waiting(s.holder(id))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("while waiting for process %s: %w", s.holder(id), ctx.Err())
		case <-time.After(poll):
		}
	}
}

// tryLock returns a nil release if another call holds the lock.
func (s *Store) tryLock(id string) (release func(), err error) {
	path := filepath.Join(s.dir, lockFolder, id)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, writeError(path, err)
	}
	l := flock.New(path, flock.SetPermissions(0o644))
	ok, err := l.TryLock()
	if err != nil {
		return nil, writeError(path, err)
	}
	if !ok {
		return nil, nil
	}
	// Who held the lock before may have deleted the file after we opened it;
	// then a third call can lock a new file of that name: ours is worthless.
	ours, err := l.Stat()
	if err != nil {
		l.Unlock()
		return nil, err
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(ours, named) {
		l.Unlock()
		return nil, nil
	}
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o644) // for holder alone
	return func() {
		_ = os.Remove(path) // before unlocking, so that nobody can lock it in between
		_ = l.Unlock()
	}, nil
}

// holder names the process that holds a lock, for messages.
func (s *Store) holder(id string) string {
	b, err := os.ReadFile(filepath.Join(s.dir, lockFolder, id))
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}
