package attribution

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// Rescaler is [Rescale] with model, background and target fixed: it compiles
// once and keeps parameters and background on the device, which pays when
// rows come a few at a time. Parameters are those of the model when it was
// made. It is not for use by several goroutines at once. Close it after use.
type Rescaler struct {
	cfg        RescaleConfig
	background *array.Array
	target     Target
	outline    outline
	params     *model.Store
	exec       *model.Exec
	chunks     []*chunk // of the background
	block      int      // rows in one call
	buildErr   error    // of the graph, as the walk stated it
}

// NewRescaler prepares [Rescale]; errors are those of Rescale that do not
// concern rows, but for operations without a rule: the first Attribute tells.
func NewRescaler(m Model, background *array.Array, target Target, cfg RescaleConfig) (*Rescaler, error) {
	if err := checkValues("background", background); err != nil {
		return nil, err
	}
	return newRescaler(m, background, target, cfg, math.MaxInt)
}

// newRescaler prepares for calls of at most the given number of rows.
func newRescaler(m Model, background *array.Array, target Target, cfg RescaleConfig, rows int) (r *Rescaler, err error) {
	r = &Rescaler{background: background, target: target}
	if r.cfg, err = cfg.withDefaults(); err != nil {
		return nil, err
	}
	if r.params, err = copyStore(m); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Close()
			r = nil
		}
	}()
	if r.outline, err = newOutline(r.cfg.Backend, m, r.params, background.Shape[1:]); err != nil {
		return r, err
	}
	if err = r.outline.check(target, r.cfg.Layers); err != nil {
		return r, err
	}
	var chunkRows int
	r.block, chunkRows = batch(r.cfg.PairsPerBatch, r.outline.widest, rows, background.Rows())
	r.exec = model.MustNewExec(r.cfg.Backend, r.params, r.graph(m))
	r.chunks, err = newChunks(r.cfg.Backend, background, chunkRows)
	return r, err
}

// widestBytes is the default size of a batch in the widest layer. Between
// 2 and 4 MB multipliers stay in the cache; twice as much halves the speed.
const widestBytes = 3 << 20

// batch returns how many rows and background rows one call takes: at most
// pairs in all, at least 2 of each (the walk needs that many; see [pad]).
func batch(pairs, widest, rows, background int) (block, chunk int) {
	if pairs == 0 {
		pairs = widestBytes / (4 * widest)
	}
	chunk = max(2, min(background, pairs/2))
	block = max(2, min(rows, pairs/chunk))
	return block, chunk
}

// graph returns the function that builds the walk over a block of rows, a
// chunk of the background and its weights.
func (r *Rescaler) graph(m Model) func(*model.Scope, []*graph.Node) []*graph.Node {
	return func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		defer func() { // keep the error itself: the executor adds a stack to its text
			if e := recover(); e != nil {
				r.buildErr, _ = e.(error)
				panic(e)
			}
		}()
		res := walk.Build(walk.Request{
			Model: func(x *graph.Node, tap func(string, *graph.Node) *graph.Node) *graph.Node {
				return m.Graph(scope.ResetVisited(), x, tap)
			},
			Target: r.target.Layer, Output: r.target.Output, Layers: r.cfg.Layers,
		}, in[0], in[1], in[2])
		return append([]*graph.Node{res.Rows, res.Background}, res.Phi...)
	}
}

// Attribute explains rows as [Rescale] does.
func (r *Rescaler) Attribute(ctx context.Context, rows *array.Array) (*Attribution, error) {
	if err := checkRows(rows, r.background); err != nil {
		return nil, err
	}
	total := rows.Rows()
	a := &Attribution{Method: "rescale", Target: r.target, Outputs: array.New(total)}
	sums := make([][]float64, len(r.cfg.Layers)) // over the background, one block
	for i, name := range r.cfg.Layers {
		shape := r.outline.shapes[name]
		if name == Input {
			shape = rows.Shape[1:]
		}
		values := array.New(append([]int{total}, shape...)...)
		a.Layers = append(a.Layers, LayerAttribution{Layer: name, Values: values})
		sums[i] = make([]float64, r.block*values.Width())
	}
	for from := 0; from < total; from += r.block {
		to := min(from+r.block, total)
		if err := r.explain(ctx, rows, from, to, a, sums); err != nil {
			return nil, err
		}
		if r.cfg.Progress != nil {
			r.cfg.Progress(to, total)
		}
	}
	for _, c := range r.chunks {
		a.BaseValue += c.f / float64(r.background.Rows())
	}
	if err := a.close(r.cfg.MaxGap); err != nil {
		return nil, err
	}
	return a, nil
}

// explain fills rows from…to−1 of a. sums is scratch.
func (r *Rescaler) explain(ctx context.Context, rows *array.Array, from, to int, a *Attribution, sums [][]float64) error {
	for _, s := range sums {
		clear(s)
	}
	x := backend.Tensor(pad(rows.Slice(from, to), r.block))
	defer x.MustFinalizeAll()
	for _, c := range r.chunks {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("attribution: stopped after %d of %d rows: %w", from, rows.Rows(), err)
		}
		if err := r.call(x, c, a.Outputs.Data[from:to], sums); err != nil {
			return fmt.Errorf("attribution: %w", err)
		}
	}
	for i, l := range a.Layers {
		out := l.Values.Slice(from, to).Data
		for k := range out {
			out[k] = float32(sums[i][k] / float64(r.background.Rows()))
		}
	}
	return nil
}

// call computes one block against one chunk, fills outputs and adds to sums.
func (r *Rescaler) call(x *tensors.Tensor, c *chunk, outputs []float32, sums [][]float64) error {
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

// Close frees what the rescaler holds on the device.
func (r *Rescaler) Close() {
	if r.exec != nil {
		r.exec.Finalize()
	}
	for _, c := range r.chunks {
		c.free()
	}
	freeStore(r.params)
	r.exec, r.chunks = nil, nil
}
