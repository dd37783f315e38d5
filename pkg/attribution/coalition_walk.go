package attribution

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// segment is a piece of a walk through coalitions: the players of order[:from]
// belong from the start, those of order[from:to] join one after the other.
type segment struct {
	row, background int
	order           []int
	from, to        int

	// take is given, for each target, f of the start and after each step,
	// with stride between them.
	take func(f []float32, target, stride int)

	then []func() // called when all targets are taken
}

// longestSegment: short segments evaluate many starts, long ones add many
// steps up; between 24 and 40 the speed hardly changes.
const longestSegment = 32

// walker evaluates segments, many in one call of the device. Mixed rows are
// made there: of x, r and the step at which each unit changes from r to x.
//
// Where the model is affine up to some node, only the start of a segment goes
// through that part. A step moves the node by (x_k − r_k)·slope_k, which for
// a wide dense layer costs a hundredth.
type walker struct {
	g               *game
	program         *program
	segments, steps int // of a call
	slopes          *tensors.Tensor
	queue           []segment
	flushed         func() // called after each call of the device
}

// newWalker prepares for segments of at most the given number of steps, and
// for about so many segments in all.
func (g *game) newWalker(ctx context.Context, steps, segments int) (*walker, error) {
	rows, err := g.p.batchRows(segments * (steps + 1))
	if err != nil {
		return nil, err
	}
	if steps = min(steps, rows-1); steps < 1 {
		return nil, fmt.Errorf("memory bound of %d bytes: the smallest batch, 2 rows, takes about %d: give at least that, or 0", g.p.Memory, 8*g.p.outline.live)
	}
	w := &walker{g: g, segments: max(1, rows/(steps+1)), steps: steps}
	build := w.mix
	if g.affine > 0 {
		build = w.step
		if err := w.measureSlopes(ctx); err != nil {
			return nil, err
		}
	}
	w.program = g.p.newProgram(build)
	return w, nil
}

func (w *walker) close() {
	w.program.free()
	if w.slopes != nil {
		w.slopes.MustFinalizeAll()
	}
}

// mix builds all mixed rows of the segments: in are x and r [segments, units],
// the step that changes each unit [segments, units] and the explained units
// [targets, segments]. It returns f, [targets, steps+1, segments].
func (w *walker) mix(scope *model.Scope, in []*graph.Node) []*graph.Node {
	x, r, changes, units := in[0], in[1], in[2], in[3]
	dims := append([]int{w.steps + 1}, x.Shape().Dimensions...)
	step := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, dims...), 0)
	wide := func(n *graph.Node) *graph.Node { return graph.BroadcastToDims(graph.InsertAxes(n, 0), dims...) }
	z := graph.Where(graph.LessOrEqual(wide(changes), step), wide(x), wide(r))
	return []*graph.Node{w.g.worth(scope, graph.Reshape(z, -1, x.Shape().Dim(1)), w.everyStep(units))}
}

// step is mix for a model that is affine up to some node. Two inputs more: the
// unit that changes at each step and by how much, [steps, segments]; and the
// slopes of the node, [units, width of the node].
func (w *walker) step(scope *model.Scope, in []*graph.Node) []*graph.Node {
	x, r, changes, units, unit, change, slopes := in[0], in[1], in[2], in[3], in[4], in[5], in[6]
	gr := x.Graph()
	first := graph.Reshape(graph.Where(graph.LessOrEqual(changes, graph.ScalarZero(gr, changes.DType())), x, r), w.g.batchDims(w.segments)...)
	start := graph.Reshape(graph.ConvertDType(w.g.cut(scope, first), dtypes.Float32), 1, -1) // [1, segments·width]

	moved := graph.Mul(graph.Gather(slopes, graph.InsertAxes(unit, -1)), graph.InsertAxes(change, -1)) // [steps, segments, width]
	square := shapes.Make(dtypes.Int32, w.steps+1, w.steps)
	before := graph.ConvertDType(graph.GreaterThan(graph.Iota(gr, square, 0), graph.Iota(gr, square, 1)), dtypes.Float32)
	h := graph.Add(start, graph.Dot(before, graph.Reshape(moved, w.steps, -1)).Product()) // [steps+1, segments·width]

	template := w.g.template(gr, (w.steps+1)*w.segments)
	_, targets := w.g.p.over(scope, template, Input)
	s := walk.NewSection(template, targets...)
	at := s.Affine()
	return []*graph.Node{explained(s.Replace(at, graph.ConvertDType(graph.Reshape(h, at.Shape().Dimensions...), at.DType())), w.everyStep(units))}
}

// everyStep repeats the units [targets, segments] for every row of a segment.
func (w *walker) everyStep(units *graph.Node) *graph.Node {
	targets := units.Shape().Dim(0)
	return graph.Reshape(graph.BroadcastToDims(graph.InsertAxes(units, 1), targets, w.steps+1, w.segments), targets, -1)
}

// batchDims is the shape of n rows of the input.
func (g *game) batchDims(n int) []int { return append([]int{n}, g.p.Rows.Shape[1:]...) }

// cut builds the model over x up to the last node that is affine in it.
func (g *game) cut(scope *model.Scope, x *graph.Node) *graph.Node {
	_, targets := g.p.over(scope, x, Input)
	return walk.NewSection(x, targets...).Affine()
}

// measureSlopes evaluates the affine part at zero and at one unit away in every
// direction. That unit is a power of two as large as the inputs, so that the
// differences are as exact as the values.
func (w *walker) measureSlopes(ctx context.Context) error {
	g := w.g
	size := 1.0
	for _, a := range []*array.Array{g.rows, g.background} {
		for _, v := range a.Data {
			size = max(size, math.Abs(float64(v)))
		}
	}
	one := math.Ldexp(1, int(math.Ceil(math.Log2(size))))
	n := g.rows.Width()
	basis := array.New(g.batchDims(n + 1)...)
	for k := range n {
		basis.Row(k)[k] = float32(one)
	}
	batch, err := g.p.batchRows(n + 1)
	if err != nil {
		return err
	}
	e := g.p.compile(g.cut, batch, g.affine)
	defer e.close()
	values, err := e.outputs(ctx, basis)
	if err != nil {
		return err
	}
	zero, slopes := values.Row(n), values.Slice(0, n)
	for k := range n {
		for u, v := range slopes.Row(k) {
			slopes.Row(k)[u] = float32((float64(v) - float64(zero[u])) / one)
		}
	}
	w.slopes = backend.Tensor(slopes)
	return backend.Short(w.slopes.MaterializeOnDevice(g.p.Backend, false, 0))
}

// add queues a segment, and evaluates the queue when a call is full.
func (w *walker) add(ctx context.Context, s segment) error {
	w.queue = append(w.queue, s)
	if len(w.queue) < w.segments {
		return nil
	}
	return w.flush(ctx)
}

// flush evaluates what is queued; every segment takes its values, in order.
func (w *walker) flush(ctx context.Context) error {
	if len(w.queue) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g, width, targets := w.g, w.g.rows.Width(), len(w.g.p.targets)
	x, r := array.New(w.segments, width), array.New(w.segments, width)
	changes := make([]int32, w.segments*width)
	units := make([]int32, targets*w.segments)
	unit, change := make([]int32, w.steps*w.segments), array.New(w.steps, w.segments)
	for i := range w.segments { // the last call of all is filled up with its last segment
		s := w.queue[min(i, len(w.queue)-1)]
		row, stranger := g.rows.Row(s.row), g.background.Row(s.background)
		copy(x.Row(i), row)
		copy(r.Row(i), stranger)
		g.schedule(s, int32(w.steps+1), changes[i*width:][:width])
		for t, target := range g.p.targets {
			units[t*w.segments+i] = int32(target.unit(s.row))
		}
		if w.slopes != nil { // players are inputs
			for j, k := range s.order[s.from:s.to] {
				unit[j*w.segments+i] = int32(k)
				change.Data[j*w.segments+i] = row[k] - stranger[k]
			}
		}
	}
	inputs := []*tensors.Tensor{
		backend.Tensor(x), backend.Tensor(r), tensors.FromFlatDataAndDimensions(changes, w.segments, width),
		tensors.FromFlatDataAndDimensions(units, targets, w.segments),
	}
	if w.slopes != nil {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(unit, w.steps, w.segments), backend.Tensor(change))
	}
	defer freeTensors(inputs...)
	args := inputs
	if w.slopes != nil {
		args = append(args, w.slopes)
	}
	err := w.program.run(func(out [][]float32) {
		for i, s := range w.queue {
			for t := range targets {
				s.take(out[0][t*(w.steps+1)*w.segments+i:], t, w.segments)
			}
			for _, then := range s.then {
				then()
			}
		}
	}, args...)
	w.queue = w.queue[:0]
	if err == nil {
		w.flushed()
	}
	return err
}

// after calls then when all that was queued so far has been taken.
func (w *walker) after(then func()) {
	if len(w.queue) == 0 {
		then()
		return
	}
	last := &w.queue[len(w.queue)-1]
	last.then = append(last.then, then)
}

// schedule fills in the step at which each unit of the segment's row changes:
// 0 for the start, never for players that do not join.
func (g *game) schedule(s segment, never int32, changes []int32) {
	of, _ := g.partition(s.row)
	joins := make([]int32, g.most)
	for player := range joins {
		joins[player] = never
	}
	for j, player := range s.order[:s.to] {
		joins[player] = int32(max(0, j-s.from+1))
	}
	for k, player := range of {
		changes[k] = joins[player]
	}
}
