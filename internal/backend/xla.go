//go:build cgo

package backend

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

// HasXLA tells whether this program can load PJRT plugins at all: go-xla
// calls them through cgo, which needs a C compiler at build time.
const HasXLA = true

func newXLA(c Choice) (compute.Backend, error) {
	xla.EnableAutoInstall(false)
	config, options := c.Plugin, pjrt.NamedValuesMap{}
	switch c.Name {
	case "xla:cpu":
		// One device: without this the plugin makes four that share the
		// cores, and results may depend on their number.
		options["cpu_device_count"] = int64(1)
	case "xla:cuda":
		// Tensor-float products are off by 1e-3, too much for attributions
		// that must add up to 1e-4.
		config += ",tf32=false"
	}
	return xla.NewWithOptions(config, options)
}
