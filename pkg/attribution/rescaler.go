package attribution

import (
	"cmp"
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// rescaler explains one unit: it compiles once and keeps the background on
// the device.
type rescaler struct {
	p        *problem
	target   Target
	exec     *model.Exec
	chunks   []*chunk // of the background
	block    int      // rows in one call
	buildErr error    // of the graph, as the walk stated it
}

// newRescaler prepares for the given number of rows.
func newRescaler(p *problem, target Target, rows int) (*rescaler, error) {
	block, chunkRows, err := pairBatch(p.Memory, p.outline.widest, rows, p.Background.Rows())
	if err != nil {
		return nil, err
	}
	r := &rescaler{p: p, target: target, block: block}
	r.exec = model.MustNewExec(p.Backend, p.params, r.graph())
	if r.chunks, err = newChunks(p.Backend, p.Background, chunkRows); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// widestBytes is the default size of a batch in the widest layer. Between
// 2 and 4 MB multipliers stay in the cache; twice as much halves the speed.
const widestBytes = 3 << 20

// pairBatch returns how many rows and background rows one call takes, at least
// 2 of each (the walk needs that many; see [pad]), if memory bounds what the
// widest layer takes.
func pairBatch(memory, widest, rows, background int) (block, chunk int, err error) {
	pair := 4 * widest
	if memory > 0 && memory < 4*pair {
		return 0, 0, fmt.Errorf("memory bound of %d bytes: the smallest batch, 2 rows with 2 background rows, takes %d in the widest layer: give at least that, or 0", memory, 4*pair)
	}
	pairs := cmp.Or(memory, widestBytes) / pair
	chunk = max(2, min(background, pairs/2))
	block = max(2, min(rows, pairs/chunk))
	return block, chunk, nil
}

// graph returns the function that builds the walk over a block of rows, a
// chunk of the background and its weights.
func (r *rescaler) graph() func(*model.Scope, []*graph.Node) []*graph.Node {
	return func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		defer func() { // keep the error itself: the executor adds a stack to its text
			if e := recover(); e != nil {
				r.buildErr, _ = e.(error)
				panic(e)
			}
		}()
		res := walk.Build(walk.Request{
			Model: func(x *graph.Node, tap func(string, *graph.Node) *graph.Node) *graph.Node {
				return r.p.model.Graph(scope.ResetVisited(), x, tap)
			},
			Target: r.target.Layer, Output: r.target.Output, Layers: r.p.Layers,
		}, in[0], in[1], in[2])
		return append([]*graph.Node{res.Rows, res.Background}, res.Phi...)
	}
}

// attribute fills a with the rows' values.
func (r *rescaler) attribute(ctx context.Context, rows *array.Array, a *Attribution) error {
	sums := make([][]float64, len(a.Layers)) // over the background, one block
	for i, l := range a.Layers {
		sums[i] = make([]float64, r.block*l.Values.Width())
	}
	total := rows.Rows()
	for from := 0; from < total; from += r.block {
		to := min(from+r.block, total)
		if err := r.explain(ctx, rows, from, to, a, sums); err != nil {
			return err
		}
		r.p.Progress(to, total)
	}
	return nil
}

// baseValue is the mean of f over the background, once rows were explained.
func (r *rescaler) baseValue() (mean float64) {
	for _, c := range r.chunks {
		mean += c.f / float64(r.p.Background.Rows())
	}
	return mean
}

// explain fills rows from…to−1 of a. sums is scratch.
func (r *rescaler) explain(ctx context.Context, rows *array.Array, from, to int, a *Attribution, sums [][]float64) error {
	for _, s := range sums {
		clear(s)
	}
	x := backend.Tensor(pad(rows.Slice(from, to), r.block))
	defer x.MustFinalizeAll()
	for _, c := range r.chunks {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped after %d of %d rows: %w", from, rows.Rows(), err)
		}
		if err := r.call(x, c, a.Outputs.Data[from:to], sums); err != nil {
			return err
		}
	}
	for i, l := range a.Layers {
		out := l.Values.Slice(from, to).Data
		for k := range out {
			out[k] = float32(sums[i][k] / float64(r.p.Background.Rows()))
		}
	}
	return nil
}

// call computes one block against one chunk, fills outputs and adds to sums.
func (r *rescaler) call(x *tensors.Tensor, c *chunk, outputs []float32, sums [][]float64) error {
	out, err := r.exec.Call(x, c.rows, c.weights)
	if err != nil {
		if r.buildErr != nil {
			return r.buildErr
		}
		return backend.Short(err)
	}
	defer func() {
		for _, t := range out {
			t.MustFinalizeAll()
		}
	}()
	uses := []func([]float32){
		func(f []float32) { copy(outputs, f) },
		func(f []float32) { c.f = sum(f[:c.real]) },
	}
	for _, s := range sums {
		uses = append(uses, func(phi []float32) {
			for k, v := range phi {
				s[k] += float64(v)
			}
		})
	}
	for i, use := range uses {
		if err := out[i].ConstFlatData(func(flat any) { use(flat.([]float32)) }); err != nil {
			return backend.Short(err)
		}
	}
	return nil
}

// close frees what the rescaler holds on the device.
func (r *rescaler) close() {
	r.exec.Finalize()
	for _, c := range r.chunks {
		c.free()
	}
}
