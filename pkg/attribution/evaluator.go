package attribution

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// evaluator computes a layer's outputs for any number of rows, compiled once.
// It is not for use by several goroutines at once.
type evaluator struct {
	exec  *model.Exec
	batch int
	units int
}

// forwardBytes is the default size of a batch in a forward pass: all
// activations of it.
const forwardBytes = 32 << 20

// Where rows are large, as those of convolutional networks, a batch grows up
// to fewRows rows or mostForwardBytes: two rows at a time took 40 % longer than
// 32 on eight convolutions of 32×32 pictures.
const (
	fewRows          = 16
	mostForwardBytes = 512 << 20
)

// newEvaluator prepares to compute the layer, "" for the model's output, for
// about the given number of rows in all.
func (p *problem) newEvaluator(layer string, rows int) (*evaluator, error) {
	batch, err := p.batchRows(rows, forwardBytes)
	if err != nil {
		return nil, err
	}
	build := func(scope *model.Scope, x *graph.Node) *graph.Node {
		return lastly(p.build(scope, x, layer))
	}
	return &evaluator{
		exec: model.MustNewExec(p.Backend, p.params, build), batch: batch, units: width(p.outline.shapes[layer]),
	}, nil
}

// lastly makes a float32 node of its own of a layer's values, [1, size]. GoMLX's
// Go backend reuses an equal node where it can, and fails to execute a graph
// whose output is an older node than some parameter.
func lastly(layer *graph.Node) *graph.Node {
	return graph.Reshape(graph.ConvertDType(layer, dtypes.Float32), 1, -1)
}

// build builds the model over x and returns the layer, "" for its output.
func (p *problem) build(scope *model.Scope, x *graph.Node, layer string) *graph.Node {
	var tapped *graph.Node
	out := p.model.Graph(scope.ResetVisited(), x, func(name string, n *graph.Node) *graph.Node {
		if name == layer {
			tapped = n
		}
		return n
	})
	if layer != "" {
		return tapped
	}
	return out
}

// batchRows returns how many rows a batch takes, a power of two, if each of
// the model's values is held once: as many as fit the query's memory, or the
// default bytes, but not many more than there are.
func (p *problem) batchRows(rows, bytes int) (int, error) { return p.batchCopies(rows, bytes, 1) }

// batchCopies is batchRows if each of the model's values is held several times.
func (p *problem) batchCopies(rows, bytes, copies int) (int, error) {
	row := 4 * p.outline.values * copies
	bytes = max(bytes, min(fewRows*row, mostForwardBytes))
	if p.Memory > 0 {
		if bytes = p.Memory; bytes < row {
			return 0, fmt.Errorf("memory bound of %d bytes: one row takes about %d: give at least that, or 0", bytes, row)
		}
	}
	most := max(1, bytes/row)
	batch := 1 << (bits.Len(uint(most)) - 1)
	if rows < batch {
		batch = 1 << bits.Len(uint(max(rows, 1)-1))
	}
	return batch, nil
}

// outputs returns the layer's units, [rows, units].
func (e *evaluator) outputs(ctx context.Context, rows *array.Array) (*array.Array, error) {
	n := rows.Rows()
	out := array.New(n, e.units)
	for from := 0; from < n; from += e.batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := min(from+e.batch, n)
		if err := e.call(rows.Slice(from, to), out.Slice(from, to).Data); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *evaluator) call(rows *array.Array, into []float32) error {
	x := backend.Tensor(pad(rows, e.batch))
	defer x.MustFinalizeAll()
	y, err := e.exec.Call1(x)
	if err != nil {
		return backend.Short(err)
	}
	defer y.MustFinalizeAll()
	if err := y.ConstFlatData(func(flat any) { copy(into, flat.([]float32)) }); err != nil {
		return backend.Short(err)
	}
	return nil
}

func (e *evaluator) close() { e.exec.Finalize() }

// pick returns the explained unit of each row, [rows], of a layer [rows, ...]:
// units holds the number of the unit for each row, int32 [rows].
func pick(layer, units *graph.Node) *graph.Node {
	n := layer.Shape().Dim(0)
	flat := graph.Reshape(layer, n, -1)
	chosen := graph.Equal(graph.Iota(layer.Graph(), shapes.Make(units.DType(), flat.Shape().Dimensions...), 1), graph.InsertAxes(units, -1))
	return graph.ReduceSum(graph.Where(chosen, flat, graph.ZerosLike(flat)), 1)
}
