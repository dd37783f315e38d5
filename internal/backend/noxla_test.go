//go:build !cgo

package backend

import (
	"strings"
	"testing"
)

// TestFindWithoutXLA: a build without a C compiler computes on the Go
// backend, says so, and refuses what it cannot do.
func TestFindWithoutXLA(t *testing.T) {
	dir := t.TempDir()
	plugin := touch(t, dir, "pjrt_c_api_cpu_plugin.so")
	env := map[string]string{EnvPlugins: dir}
	get := func(k string) string { return env[k] }
	if c, err := Find(get, dir); err != nil || c.Name != "go" || !c.Substitute || !strings.Contains(c.Reason, "cgo") {
		t.Errorf("got %+v, %v, want the Go backend as a substitute", c, err)
	}
	env[EnvBackend] = "xla:" + plugin
	if _, err := Find(get, dir); err == nil || !strings.Contains(err.Error(), "C compiler") {
		t.Errorf("asked for XLA: got error %v, want one that names the C compiler", err)
	}
}
