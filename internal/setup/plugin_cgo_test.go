//go:build cgo

package setup

import (
	"testing"

	"github.com/gomlx/go-xla/pjrt"
)

// TestPluginVersion: a new go-xla wants a new plugin.
func TestPluginVersion(t *testing.T) {
	if cpuPluginVersion != pjrt.DefaultCPUVersion {
		t.Errorf("set-up fetches plugin %s, go-xla is made for %s", cpuPluginVersion, pjrt.DefaultCPUVersion)
	}
}
