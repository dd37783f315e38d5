package backend

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gojacard/jacard/pkg/array"
)

// Tensor copies an array into a GoMLX tensor. The caller finalises it when a
// loop makes many: device memory is invisible to Go's garbage collector.
func Tensor(a *array.Array) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(a.Data, a.Shape...)
}

// Array copies a float32 tensor into an array. A scalar becomes one row.
func Array(t *tensors.Tensor) (*array.Array, error) {
	shape := t.Shape().Dimensions
	if len(shape) == 0 {
		shape = []int{1}
	}
	data, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, fmt.Errorf("backend: %s tensor does not read as float32: %w", t.Shape(), err)
	}
	return array.From(data, shape...)
}

// Try runs build, which may panic as GoMLX's graph functions do, and turns
// the panic into an error of one line, without the stack.
func Try(build func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok {
				err = Short(e)
				return
			}
			err = fmt.Errorf("%v", r)
		}
	}()
	build()
	return nil
}

// Short cuts the stack from an error of GoMLX and keeps what went wrong.
func Short(err error) error {
	if err == nil {
		return nil
	}
	return shortError{err}
}

type shortError struct{ error }

func (e shortError) Error() string {
	line, _, _ := strings.Cut(e.error.Error(), "\n")
	if _, after, ok := strings.Cut(line, "panicked: "); ok {
		line = after
	}
	return line
}

func (e shortError) Unwrap() error { return e.error }
