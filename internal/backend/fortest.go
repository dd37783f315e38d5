package backend

import (
	"os"
	"sync"
	"testing"

	"github.com/gomlx/compute"
)

// ForTest returns the backends that every numeric test runs on: the pure-Go
// one always, XLA's CPU where a plugin is found. It says so once if not.
func ForTest(t testing.TB) []compute.Backend {
	t.Helper()
	goBackend, err := testGo()
	if err != nil {
		t.Fatal(err)
	}
	xlaBackend, err := testXLA()
	if err != nil {
		t.Fatal(err)
	}
	if xlaBackend == nil {
		t.Log("no PJRT plugin: tested on the pure-Go backend only (`go run ./cmd/jacard setup` fetches one)")
		return []compute.Backend{goBackend}
	}
	return []compute.Backend{goBackend, xlaBackend}
}

var (
	testGo  = sync.OnceValues(func() (compute.Backend, error) { return New(Choice{Name: "go"}) })
	testXLA = sync.OnceValues(func() (compute.Backend, error) {
		wd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		c, err := Find(func(k string) string {
			if k == EnvBackend {
				return ""
			}
			return os.Getenv(k)
		}, wd)
		if err != nil || c.Name != "xla:cpu" {
			return nil, err
		}
		return New(c)
	})
)
