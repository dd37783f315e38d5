//go:build !cgo

package backend

import (
	"errors"

	"github.com/gomlx/compute"
)

// HasXLA tells whether this program can load PJRT plugins at all: go-xla
// calls them through cgo, which needs a C compiler at build time.
const HasXLA = false

func newXLA(Choice) (compute.Backend, error) { return nil, errors.New(needCompiler) }
