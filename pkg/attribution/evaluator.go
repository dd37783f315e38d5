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
	run   func(rows *array.Array, into []float32) error // of batch rows, the first ones into
	free  func()
	batch int
	units int
}

// passBytes is the size of a batch by default: all activations of it.
const passBytes = 32 << 20

// Where rows are large, as those of convolutional networks, a batch grows up to
// fewRows rows or mostPassBytes: on eight convolutions of 32×32 pictures, two
// rows at a time took 40 % longer than 32. A forward pass takes as many rows as
// hold heldBytes at once, and about twice that where a network computes it in a
// form of its own: more than 32 MB in a piece, XLA's CPU client asks of the
// system in each call, and the pages cost what larger batches save.
const (
	fewRows       = 16
	mostPassBytes = 512 << 20
	heldBytes     = 16 << 20
)

// newEvaluator prepares to compute the layer, "" for the model's output, for
// about the given number of rows in all.
func (p *problem) newEvaluator(layer string, rows int) (*evaluator, error) {
	batch, err := p.batchRows(rows)
	if err != nil {
		return nil, err
	}
	units := width(p.outline.shapes[layer])
	if c, ok := p.model.(Compiler); ok && c.Compiles() == any(p.model) {
		return p.borrow(c, layer, batch, units)
	}
	return p.compile(func(scope *model.Scope, x *graph.Node) *graph.Node { return p.build(scope, x, layer) }, batch, units), nil
}

// borrow evaluates by a forward pass that the model keeps.
func (p *problem) borrow(c Compiler, layer string, batch, units int) (*evaluator, error) {
	forward, free, err := c.Compile(p.Backend, layer)
	if err != nil {
		return nil, err
	}
	run := func(rows *array.Array, into []float32) error {
		out, err := forward(rows)
		if err == nil {
			copy(into, out.Data)
		}
		return err
	}
	return &evaluator{run: run, free: free, batch: batch, units: units}, nil
}

// compile evaluates what build returns for rows of the model's input.
func (p *problem) compile(build func(scope *model.Scope, x *graph.Node) *graph.Node, batch, units int) *evaluator {
	g := p.newProgram(func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		return []*graph.Node{lastly(build(scope, in[0]))}
	})
	run := func(rows *array.Array, into []float32) error {
		x := backend.Tensor(rows)
		defer x.MustFinalizeAll()
		return g.run(func(out [][]float32) { copy(into, out[0]) }, x)
	}
	return &evaluator{run: run, free: g.free, batch: batch, units: units}
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

// batchRows returns how many rows a forward pass takes at once.
func (p *problem) batchRows(rows int) (int, error) {
	held, all := 4*p.outline.live, 4*p.outline.values
	return p.batch(rows, held, max(passBytes/all, heldBytes/held, min(fewRows, mostPassBytes/all)))
}

// batchCopies returns how many rows a pass takes at once that holds each of
// the model's values several times.
func (p *problem) batchCopies(rows, copies int) (int, error) {
	row := 4 * p.outline.values * copies
	return p.batch(rows, row, max(passBytes, min(fewRows*row, mostPassBytes))/row)
}

// batch returns a number of rows: as many as fit the query's memory if a row
// takes so many bytes, or else as many as given; if there are fewer, a power of
// two, so that calls of many sizes share few programs.
func (p *problem) batch(rows, row, most int) (int, error) {
	most = max(1, most)
	if p.Memory > 0 {
		if most = p.Memory / row; most < 1 {
			return 0, fmt.Errorf("memory bound of %d bytes: one row takes about %d: give at least that, or 0", p.Memory, row)
		}
	}
	return min(most, 1<<bits.Len(uint(max(rows, 1)-1))), nil
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
	return e.run(pad(rows, e.batch), into)
}

func (e *evaluator) close() { e.free() }

// pick returns the explained unit of each row, [rows], of a layer [rows, ...]:
// chosen marks it, see [oneHot].
func pick(layer, chosen *graph.Node, rows int) *graph.Node {
	return graph.ReduceSum(graph.Reshape(graph.Where(chosen, layer, graph.ZerosLike(layer)), rows, -1), 1)
}

// oneHot marks unit number units of each row, [rows], in the shape of a layer.
func oneHot(units, layer *graph.Node) *graph.Node {
	n := units.Shape().Dim(0)
	flat := shapes.Make(units.DType(), n, layer.Shape().Size()/n)
	chosen := graph.Equal(graph.Iota(layer.Graph(), flat, 1), graph.InsertAxes(units, -1))
	return graph.Reshape(chosen, layer.Shape().Dimensions...)
}
