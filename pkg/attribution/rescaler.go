package attribution

import (
	"context"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// rescaler explains units of one layer: it compiles once and keeps the
// background on the device.
type rescaler struct {
	p     *problem
	rule  Rescale
	layer string // explained; "" is the model's output
	batch
	program *program
	chunks  []*chunk // of the background
	sums    [][]float64
	base    []float64 // Σ of f over the background for each row and target of a batch
}

// newRescaler prepares for a number of targets.
func newRescaler(p *problem, m Rescale, layer string, targets int) (*rescaler, error) {
	b, err := pairBatch(p.Memory, p.outline.widest, p.Rows.Rows(), targets, p.Background.Rows())
	if err != nil {
		return nil, err
	}
	r := &rescaler{p: p, rule: m, layer: layer, batch: b, base: make([]float64, b.block*b.targets)}
	for _, l := range p.result().Layers {
		r.sums = append(r.sums, make([]float64, len(r.base)*l.Values.Width()))
	}
	r.program = p.newProgram(r.graph)
	if r.chunks, err = newChunks(p.Backend, p.Background, b.chunk); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// graph builds the walk over a block of rows, a chunk of the background, its
// weights and the explained units.
func (r *rescaler) graph(scope *model.Scope, in []*graph.Node) []*graph.Node {
	res := walk.Build(walk.Request{
		Model: func(x *graph.Node, tap func(string, *graph.Node) *graph.Node) *graph.Node {
			return r.p.model.Graph(scope.ResetVisited(), x, tap)
		},
		Target: r.layer, Layers: r.p.Layers, AveragedSoftmax: r.rule.AveragedSoftmax,
	}, in[0], in[1], in[2], in[3])
	return append([]*graph.Node{res.Rows, res.Background}, res.Phi...)
}

// explain fills in rows from…to−1 of the attributions numbered by targets.
func (r *rescaler) explain(ctx context.Context, targets []int, from, to int, all []*Attribution) error {
	clear(r.base)
	for _, s := range r.sums {
		clear(s)
	}
	x := backend.Tensor(pad(r.p.Rows.Slice(from, to), r.block))
	defer x.MustFinalizeAll()
	units := tensors.FromFlatDataAndDimensions(r.units(targets, from, to), r.block, r.targets)
	defer units.MustFinalizeAll()
	rows := array.New(r.block, r.targets)
	for _, c := range r.chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.call(x, c, units, rows); err != nil {
			return err
		}
	}
	n := float64(r.p.Background.Rows())
	for i := range to - from {
		for k, target := range targets {
			a, at := all[target], i*r.targets+k
			a.Outputs.Data[from+i], a.BaseValues[from+i] = rows.Data[at], r.base[at]/n
			for j := range a.Layers {
				out := a.Layers[j].Values.Row(from + i)
				for v, s := range r.sums[j][at*len(out):][:len(out)] {
					out[v] = float32(s / n)
				}
			}
		}
	}
	return nil
}

// units lists the explained unit of each row and target of a batch; what only
// fills the batch repeats the first.
func (r *rescaler) units(targets []int, from, to int) []int32 {
	units := make([]int32, r.block*r.targets)
	for i := range r.block {
		for k := range r.targets {
			target, row := targets[0], from
			if k < len(targets) {
				target = targets[k]
			}
			if from+i < to {
				row += i
			}
			units[i*r.targets+k] = int32(r.p.targets[target].unit(row))
		}
	}
	return units
}

// call computes one block against one chunk, fills in rows and adds to base
// and sums.
func (r *rescaler) call(x *tensors.Tensor, c *chunk, units *tensors.Tensor, rows *array.Array) error {
	return r.program.run(func(out [][]float32) {
		copy(rows.Data, out[0])
		for i := range r.base {
			r.base[i] += sum(out[1][i*r.chunk:][:c.real])
		}
		for l, phi := range out[2:] {
			for k, v := range phi {
				r.sums[l][k] += float64(v)
			}
		}
	}, x, c.rows, c.weights, units)
}

// close frees what the rescaler holds on the device.
func (r *rescaler) close() {
	r.program.free()
	for _, c := range r.chunks {
		c.free()
	}
}
