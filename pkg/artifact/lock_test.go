package artifact

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLockExcludes lets many calls take and free one lock as fast as they can.
// Its file comes and goes; two never hold it at once.
func TestLockExcludes(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var inside, held atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for held.Load() < 200 && !t.Failed() {
				release, err := s.tryLock("id")
				if err != nil {
					t.Error(err)
					return
				}
				if release == nil {
					continue
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold the lock at once", n)
				}
				held.Add(1)
				runtime.Gosched()
				inside.Add(-1)
				release()
			}
		})
	}
	wg.Wait()
}
