package network

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// RunConfig is what [Network.Predict] and [Network.Activations] can be told.
// Its zero value is ready to use.
type RunConfig struct {
	// Backend computes; nil means the process's default.
	Backend compute.Backend

	// BatchRows is the number of rows computed at once. 0 means as many as
	// keep the widest layer's output below 8 MB, at most 1024.
	BatchRows int

	// Progress, if not nil, is called after each batch with rows done and all.
	Progress func(done, total int)
}

// Predict returns the network's output for each row: [rows, output…].
// Compiled programs are kept and shared by networks of the same layers.
func (n *Network) Predict(ctx context.Context, rows *array.Array, cfg RunConfig) (*array.Array, error) {
	out, err := n.Activations(ctx, rows, []string{n.lastLayer()}, cfg)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// Activations returns the outputs of the named layers for each row, in the
// order asked for, without dropout. A cancelled ctx ends it after the batch.
func (n *Network) Activations(ctx context.Context, rows *array.Array, layers []string, cfg RunConfig) ([]*array.Array, error) {
	if err := n.checkRows(rows, "rows", n.arch.input); err != nil {
		return nil, err
	}
	out := make([]*array.Array, len(layers))
	for i, name := range layers {
		shape, err := n.LayerShape(name)
		if err != nil {
			return nil, err
		}
		out[i] = array.New(append([]int{rows.Rows()}, shape...)...)
	}
	if rows.Rows() == 0 || len(layers) == 0 {
		return out, nil
	}
	batch, err := n.batchRows(cfg, rows.Rows())
	if err != nil {
		return nil, err
	}
	be, err := chosen(cfg.Backend)
	if err != nil {
		return nil, err
	}
	program, err := n.program(be, layers)
	if err != nil {
		return nil, err
	}
	defer program.free()
	padded := array.New(append([]int{batch}, n.arch.input...)...)
	for from := 0; from < rows.Rows(); from += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := min(from+batch, rows.Rows())
		// The last batch is filled with zeros: another size would be compiled anew.
		clear(padded.Data[copy(padded.Data, rows.Slice(from, to).Data):])
		parts := make([]*array.Array, len(out))
		for i, all := range out {
			parts[i] = all.Slice(from, to)
		}
		if err := program.call(padded, parts...); err != nil {
			return nil, err
		}
		if cfg.Progress != nil {
			cfg.Progress(to, rows.Rows())
		}
	}
	return out, nil
}

// batchRows chooses the block size: a power of two for few rows, so that
// calls of many sizes share few programs.
func (n *Network) batchRows(cfg RunConfig, rows int) (int, error) {
	if cfg.BatchRows < 0 {
		return 0, fmt.Errorf("network: negative BatchRows %d", cfg.BatchRows)
	}
	widest := size(n.arch.input)
	for _, l := range n.arch.layers {
		widest = max(widest, size(l.output))
	}
	const most, bytes = 1024, 8 << 20 // with much more, XLA's CPU client asks the system for memory in each call
	batch := cmp.Or(cfg.BatchRows, max(1, min(most, bytes/4/widest)))
	return min(batch, 1<<bits.Len(uint(rows-1))), nil
}

func (n *Network) checkRows(a *array.Array, what string, shape []int) error {
	if a == nil {
		return fmt.Errorf("network: %q: %s are nil", n.name, what)
	}
	if err := a.Check(); err != nil {
		return fmt.Errorf("network: %q: %s: %w", n.name, what, err)
	}
	if !slices.Equal(a.Shape[1:], shape) {
		return fmt.Errorf("network: %q: %s have shape %v, want [rows, %s]", n.name, what, a.Shape, strings.Trim(fmt.Sprint(shape), "[]"))
	}
	return nil
}

func size(shape []int) int { return Spec{Shape: shape}.size() }

func chosen(b compute.Backend) (compute.Backend, error) {
	if b != nil {
		return b, nil
	}
	return backend.Default()
}
