package attribution

import (
	"cmp"
	"context"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// RescaleConfig is what [Rescale] can be told. Its zero value is ready to use.
type RescaleConfig struct {
	// Layers to attribute to: names that the model taps, or [Input]. All come
	// from one walk over the graph. Empty means the input alone.
	Layers []string

	// PairsPerBatch bounds the (row, background row) pairs held at once. 0
	// means as many as give 3 MB in the model's widest layer.
	PairsPerBatch int

	// MaxGap is the largest completeness gap accepted, as a share of
	// [Attribution.Scale]. 0 means 1e-4.
	MaxGap float64

	// Backend computes. nil means the process's default.
	Backend compute.Backend

	// Progress, if not nil, is called after each batch with the number of
	// finished rows.
	Progress func(done, total int)
}

// widestBytes is the default size of a batch in the widest layer. Between
// 2 and 4 MB multipliers stay in the cache; twice as much halves the speed.
const widestBytes = 3 << 20

func (c RescaleConfig) withDefaults() (RescaleConfig, error) {
	if c.PairsPerBatch < 0 || !(c.MaxGap >= 0) {
		return c, fmt.Errorf("attribution: PairsPerBatch %d or MaxGap %g is negative", c.PairsPerBatch, c.MaxGap)
	}
	c.MaxGap = cmp.Or(c.MaxGap, 1e-4)
	if len(c.Layers) == 0 {
		c.Layers = []string{Input}
	}
	if c.Backend == nil {
		b, err := backend.Default()
		if err != nil {
			return c, err
		}
		c.Backend = b
	}
	return c, nil
}

// Rescale attributes target to the input and to hidden layers by DeepLIFT's
// rescale rule, averaged over the background (DeepSHAP):
//
//	φ_k(x) = mean_b M_k(x, b)·(h_k(x) − h_k(b))
//
// where the multipliers M run backwards through the model's graph: linear
// operations transpose their weights, an elementwise function g multiplies by
// (g(z_x) − g(z_b))/(z_x − z_b), products, softmax and maxima have rules that
// keep Σφ = f(x) − mean_b f(b) exactly. It is complete, but not the Shapley
// value: interactions within one operation are divided by the rule.
//
// Errors: rows or background empty, not finite or of different shapes; target
// or layer unknown; a layer that a path of the model runs around; an operation
// without a rule ([ErrUnsupported]); a gap above MaxGap ([GapError]). Except
// for the last they come before anything is computed. The same call on the
// same backend returns the same bytes.
//
// Shrikumar et al., 2017, section 3.5.1; Lundberg and Lee, 2017.
func Rescale(ctx context.Context, m Model, rows, background *array.Array, target Target, cfg RescaleConfig) (*Attribution, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkRows(rows, background); err != nil {
		return nil, err
	}
	params, err := copyStore(m)
	if err != nil {
		return nil, err
	}
	defer freeStore(params)
	o, err := newOutline(cfg.Backend, m, params, rows.Shape[1:])
	if err != nil {
		return nil, err
	}
	if err := o.check(target, cfg.Layers); err != nil {
		return nil, err
	}
	r := newRescaler(m, params, rows, background, target, cfg, o)
	defer r.exec.Finalize()
	return r.run(ctx)
}

// rescaler computes blocks of rows against chunks of the background.
type rescaler struct {
	cfg              RescaleConfig
	rows, background *array.Array
	block, chunk     int // rows and background rows in one call
	exec             *model.Exec
	buildErr         error // of the graph, as the walk stated it
	result           *Attribution
}

func newRescaler(m Model, params *model.Store, rows, background *array.Array, target Target, cfg RescaleConfig, o outline) *rescaler {
	r := &rescaler{cfg: cfg, rows: rows, background: background}
	r.block, r.chunk = batch(cfg.PairsPerBatch, o.widest, rows.Rows(), background.Rows())
	r.exec = model.MustNewExec(cfg.Backend, params, func(scope *model.Scope, in []*graph.Node) (out []*graph.Node) {
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
			Target: target.Layer, Output: target.Output, Layers: cfg.Layers,
		}, in[0], in[1], in[2])
		return append([]*graph.Node{res.Rows, res.Background}, res.Phi...)
	})
	r.result = &Attribution{Method: "rescale", Target: target, Outputs: array.New(rows.Rows())}
	for _, name := range cfg.Layers {
		shape := o.shapes[name]
		if name == Input {
			shape = rows.Shape[1:]
		}
		r.result.Layers = append(r.result.Layers, LayerAttribution{
			Layer: name, Values: array.New(append([]int{rows.Rows()}, shape...)...),
		})
	}
	return r
}

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

func (r *rescaler) run(ctx context.Context) (*Attribution, error) {
	total := r.rows.Rows()
	chunks, err := r.chunks()
	if err != nil {
		return nil, err
	}
	defer chunks.free()
	sums := make([][]float64, len(r.result.Layers)) // over the background, one block
	for i, l := range r.result.Layers {
		sums[i] = make([]float64, r.block*l.Values.Width())
	}
	for from := 0; from < total; from += r.block {
		to := min(from+r.block, total)
		for _, s := range sums {
			clear(s)
		}
		x := backend.Tensor(pad(r.rows.Slice(from, to), r.block))
		for _, c := range chunks {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("attribution: stopped after %d of %d rows: %w", from, total, err)
			}
			if err := r.call(x, c, from, to, sums); err != nil {
				return nil, err
			}
		}
		x.MustFinalizeAll()
		for i, l := range r.result.Layers {
			out := l.Values.Slice(from, to).Data
			for k := range out {
				out[k] = float32(sums[i][k] / float64(r.background.Rows()))
			}
		}
		if r.cfg.Progress != nil {
			r.cfg.Progress(to, total)
		}
	}
	r.result.BaseValue = chunks.outputs() / float64(r.background.Rows())
	if err := r.result.close(r.cfg.MaxGap); err != nil {
		return nil, err
	}
	return r.result, nil
}

// call computes one block against one chunk and adds to sums.
func (r *rescaler) call(x *tensors.Tensor, c *chunk, from, to int, sums [][]float64) error {
	out, err := r.exec.Call(x, c.rows, c.weights)
	if err != nil {
		if r.buildErr != nil {
			return fmt.Errorf("attribution: %w", r.buildErr)
		}
		return fmt.Errorf("attribution: rows %d…%d: %w", from, to-1, backend.Short(err))
	}
	defer func() {
		for _, t := range out {
			t.MustFinalizeAll()
		}
	}()
	if err := read(out[0], func(f []float32) { copy(r.result.Outputs.Data[from:to], f) }); err != nil {
		return err
	}
	if from == 0 {
		if err := read(out[1], func(f []float32) { c.f = sum(f[:c.real]) }); err != nil {
			return err
		}
	}
	for i := range sums {
		if err := read(out[2+i], func(phi []float32) {
			for k, v := range phi {
				sums[i][k] += float64(v)
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// read hands over a tensor's values without copying them where it can.
func read(t *tensors.Tensor, use func([]float32)) error {
	err := t.ConstFlatData(func(flat any) { use(flat.([]float32)) })
	if err != nil {
		return fmt.Errorf("attribution: reading %s: %w", t.Shape(), backend.Short(err))
	}
	return nil
}

// chunk is a part of the background on the device. Rows added to fill it
// have weight 0.
type chunk struct {
	rows, weights *tensors.Tensor
	real          int
	f             float64 // Σ of the explained output over the real rows
}

type chunks []*chunk

func (r *rescaler) chunks() (chunks, error) {
	var all chunks
	for from := 0; from < r.background.Rows(); from += r.chunk {
		to := min(from+r.chunk, r.background.Rows())
		weights := array.New(r.chunk)
		for i := range to - from {
			weights.Data[i] = 1
		}
		c := &chunk{
			rows:    backend.Tensor(pad(r.background.Slice(from, to), r.chunk)),
			weights: backend.Tensor(weights),
			real:    to - from,
		}
		all = append(all, c)
		for _, t := range []*tensors.Tensor{c.rows, c.weights} { // once, not at each call
			if err := t.MaterializeOnDevice(r.cfg.Backend, false, 0); err != nil {
				return nil, fmt.Errorf("attribution: background to device: %w", backend.Short(err))
			}
		}
	}
	return all, nil
}

func (c chunks) outputs() float64 {
	var s float64
	for _, part := range c {
		s += part.f
	}
	return s
}

func (c chunks) free() {
	for _, part := range c {
		part.rows.MustFinalizeAll()
		part.weights.MustFinalizeAll()
	}
}

// pad repeats the first row until there are n, so that one compiled graph
// serves all blocks. (Zeros might give NaN where real rows do not.)
func pad(a *array.Array, n int) *array.Array {
	if a.Rows() == n {
		return a
	}
	ids := make([]int, n)
	for i := range a.Rows() {
		ids[i] = i
	}
	out, err := a.Select(ids)
	if err != nil {
		panic(err) // ids are rows of a
	}
	return out
}

func sum(values []float32) float64 {
	var s float64
	for _, v := range values {
		s += float64(v)
	}
	return s
}
