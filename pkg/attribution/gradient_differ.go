package attribution

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// differ differentiates the explained output at many points, compiled once.
// It is not for use by several goroutines at once.
type differ struct {
	p       *problem
	asks    derivative
	program *program
	shape   []int // of one point
	batch   int
}

// derivative says what is computed at a point.
type derivative struct {
	target string   // layer of the explained unit, "" for the model's output
	from   string   // where points lie: Input, or a layer
	layers []string // to differentiate by
	relu   walk.ReLURule

	// combine makes the value of a layer from its own value h, the gradient g
	// of the explained output, and dh, what a step along the job's direction
	// does to h; each [rows, ...shape of the layer]. nil means g. dh is nil
	// unless tangents are asked for.
	combine  func(h, g, dh *graph.Node) *graph.Node
	tangents bool

	// neuron, if not empty, is a layer: only what passes its unit of the job counts.
	neuron string

	// relevance, if not nil, hands back in place of gradients; then values are
	// what the layers get, followed by what was absorbed before each, [rows].
	relevance *walk.Relevance

	// carries asks for layers that all of the output passes.
	carries bool
}

// job is one point. Slices are to be filled; direction is nil unless
// tangents are asked for.
type job struct {
	point, direction []float32
	unit, neuron     int
}

// newDiffer prepares for about the given number of jobs.
func (p *problem) newDiffer(asks derivative, jobs int) (*differ, error) {
	copies := 2 // values and gradients
	if asks.tangents {
		copies = 3
	}
	batch, err := p.batchCopies(jobs, copies)
	if err != nil {
		return nil, err
	}
	d := &differ{p: p, asks: asks, batch: batch, shape: p.shapeOf(asks.from)}
	d.program = p.newProgram(d.graph)
	return d, nil
}

// shapeOf returns the shape of one row of a layer or of the input.
func (p *problem) shapeOf(layer string) []int {
	if layer == Input {
		return p.Rows.Shape[1:]
	}
	return p.outline.shapes[layer]
}

// graph takes points, units [rows] and, if asked for, directions and neurons
// [rows]; it returns the explained outputs [rows] and a value for each layer.
func (d *differ) graph(scope *model.Scope, in []*graph.Node) []*graph.Node {
	asks, x, units := d.asks, in[0], in[1]
	reached := asks.layers
	if asks.neuron != "" {
		reached = append([]string{asks.neuron}, reached...)
	}
	w := walk.Differentiate(walk.Point{
		Model: func(x *graph.Node, tap func(string, *graph.Node) *graph.Node) *graph.Node {
			return d.p.model.Graph(scope.ResetVisited(), x, tap)
		},
		Target: asks.target, From: asks.from, Row: d.p.Rows.Shape[1:], Layers: reached, ReLU: asks.relu,
	}, x)
	if asks.carries {
		w.CheckCarries(asks.layers)
	}
	chosen := oneHot(units, w.Target)
	f := pick(w.Target, chosen, x.Shape().Dim(0))
	if asks.relevance != nil {
		values, absorbed := w.Relevance(*asks.relevance, graph.Where(chosen, w.Target, graph.ZerosLike(w.Target)), asks.layers...)
		return single(slices.Concat([]*graph.Node{f}, values, absorbed))
	}
	seed := graph.ConvertDType(chosen, w.Target.DType())
	var gradients []*graph.Node
	if asks.neuron == "" {
		gradients = w.Gradient(seed, asks.layers...)
	} else {
		h := w.Value(asks.neuron)
		g := w.Gradient(seed, asks.neuron)[0]
		neurons := in[len(in)-1]
		gradients = w.GradientOf(h, graph.Where(oneHot(neurons, h), g, graph.ZerosLike(g)), asks.layers...)
	}
	tangents := make([]*graph.Node, len(gradients))
	if asks.tangents {
		tangents = w.Tangents(in[2], asks.layers...)
	}
	out := []*graph.Node{f}
	for i, g := range gradients {
		if asks.combine != nil {
			g = asks.combine(w.Value(asks.layers[i]), g, tangents[i])
		}
		out = append(out, g)
	}
	return single(out)
}

// single converts what a model may compute in another precision to float32.
func single(nodes []*graph.Node) []*graph.Node {
	for i, n := range nodes {
		nodes[i] = graph.ConvertDType(n, dtypes.Float32)
	}
	return nodes
}

// sweep computes n jobs: fill states job i, use gets the explained output at
// its point and one slice for each layer, valid during the call. Both are
// called in the order of the jobs.
func (d *differ) sweep(ctx context.Context, n int, fill func(i int, j *job), use func(i int, f float32, values [][]float32)) error {
	points := array.New(append([]int{d.batch}, d.shape...)...)
	var directions *array.Array
	if d.asks.tangents {
		directions = array.New(points.Shape...)
	}
	units, neurons := make([]int32, d.batch), make([]int32, d.batch)
	for from := 0; from < n; from += d.batch {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped after %d of %d points: %w", from, n, err)
		}
		real := min(d.batch, n-from)
		for i := range d.batch {
			if i >= real { // fill up with a point that is known to be one
				copy(points.Row(i), points.Row(0))
				if directions != nil {
					copy(directions.Row(i), directions.Row(0))
				}
				units[i], neurons[i] = units[0], neurons[0]
				continue
			}
			j := job{point: points.Row(i)}
			if directions != nil {
				j.direction = directions.Row(i)
			}
			fill(from+i, &j)
			units[i], neurons[i] = int32(j.unit), int32(j.neuron)
		}
		args := []*tensors.Tensor{backend.Tensor(points), tensors.FromFlatDataAndDimensions(units, d.batch)}
		if directions != nil {
			args = append(args, backend.Tensor(directions))
		}
		if d.asks.neuron != "" {
			args = append(args, tensors.FromFlatDataAndDimensions(neurons, d.batch))
		}
		err := d.program.run(func(out [][]float32) {
			f, values := out[0], out[1:]
			row := make([][]float32, len(values))
			for i := range real {
				for l, v := range values {
					width := len(v) / d.batch
					row[l] = v[i*width : (i+1)*width]
				}
				use(from+i, f[i], row)
			}
		}, args...)
		freeTensors(args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) close() { d.program.free() }

// targetLayers calls f once for each layer that targets lie in, with the
// numbers of these targets: one compiled graph serves them all.
func (p *problem) targetLayers(f func(layer string, targets []int) error) error {
	done := map[string]bool{}
	for _, t := range p.targets {
		if done[t.Layer] {
			continue
		}
		done[t.Layer] = true
		var same []int
		for i, other := range p.targets {
			if other.Layer == t.Layer {
				same = append(same, i)
			}
		}
		if err := f(t.Layer, same); err != nil {
			return err
		}
	}
	return nil
}

// results makes one result for each target.
func (p *problem) results() []*Attribution {
	all := make([]*Attribution, len(p.targets))
	for i := range all {
		all[i] = p.result()
	}
	return all
}
