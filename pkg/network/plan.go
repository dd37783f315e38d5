package network

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
)

// plan is what the program of a training is made from. Trainings of equal
// plans share one compiled program.
//
// On XLA one call runs many steps in a While loop, which halves the time of
// small steps. Otherwise a call is one step: on GoMLX's Go backend a loop
// around a whole step fails, and XLA's CPU convolves some twenty times slower
// within a loop than outside. Both are made from the same graph of a step.
type plan struct {
	arch      *architecture
	loss      Loss
	optimizer Optimizer
	l2        float64

	rows, batch, steps int   // steps: batches of an epoch, the last may be partial
	trainable          []int // indices of parameters
	inputs             int   // arrays of data: x and y, or x alone if they are the same
	looped             bool  // a call runs many steps
}

func newPlan(a *architecture, cfg TrainConfig, rows, inputs int) *plan {
	batch := min(cfg.BatchSize, rows)
	p := &plan{
		arch: a, loss: cfg.Loss, optimizer: cfg.Optimizer, l2: cfg.L2,
		rows: rows, batch: batch, steps: (rows + batch - 1) / batch, inputs: inputs,
		looped: backend.IsXLA(cfg.Backend) && !a.convolves(),
	}
	for i, s := range a.specs {
		if !s.Fixed {
			p.trainable = append(p.trainable, i)
		}
	}
	return p
}

// convolves tells whether a layer is a convolution.
func (a *architecture) convolves() bool {
	return slices.ContainsFunc(a.layers, func(l namedLayer) bool {
		switch l.layer.(type) {
		case conv2d, convTranspose2d:
			return true
		}
		return false
	})
}

// program returns the compiled training, from the architecture's cache.
func (t *plan) program(be compute.Backend) (*graph.Exec, error) {
	build := t.one
	if t.looped {
		build = t.loop
	}
	key := fmt.Sprintf("train %#v %#v l2 %g rows %d batch %d inputs %d", t.loss, t.optimizer, t.l2, t.rows, t.batch, t.inputs)
	return t.arch.execs.get(execKey{be, key}, func() (*graph.Exec, error) { return graph.NewExec(be, build) })
}

// Inputs of the program, before data and state.
const (
	inFirst   = iota // int32: first step of the call
	inEnd            // int32: step after the last
	inLosses         // [steps] float32: zeros
	inOrder          // [steps·batch] int32: rows in the order of the epoch
	inFactors        // [steps, k] float32: the optimizer's factors
	inData
)

// one is the program of a single step. It returns [1] loss and the state.
func (t *plan) one(in []*graph.Node) []*graph.Node {
	loss, state := t.step(in[inFirst], in[inOrder:], in[inData+t.inputs:])
	return append([]*graph.Node{graph.Reshape(loss, 1)}, state...)
}

// loop is the program of many steps. It returns [steps] losses, those of
// other calls 0, and the state.
//
// A closure sees nothing but its parameters on XLA, so the data goes round
// too. GoMLX keeps one node per scalar and graph, whatever function made it
// first: outside the body no scalar may be made, or the body would use it.
func (t *plan) loop(in []*graph.Node) []*graph.Node {
	parameters := func(g *graph.Graph) []*graph.Node {
		out := make([]*graph.Node, len(in))
		for i, n := range in {
			out[i] = graph.Parameter(g, fmt.Sprintf("p%d", i), n.Shape())
		}
		return out
	}
	more := graph.NewClosure(in[0].Graph(), func(g *graph.Graph) []*graph.Node {
		p := parameters(g)
		return []*graph.Node{graph.LessThan(p[inFirst], p[inEnd])}
	})
	body := graph.NewClosure(in[0].Graph(), func(g *graph.Graph) []*graph.Node {
		p := parameters(g)
		loss, state := t.step(p[inFirst], p[inOrder:], p[inData+t.inputs:])
		here := graph.Equal(graph.Iota(g, shapes.Make(dtypes.Int32, t.steps), 0), graph.Reshape(p[inFirst], 1))
		out := slices.Clone(p)
		out[inFirst] = graph.AddScalar(p[inFirst], 1)
		out[inLosses] = graph.Where(here, graph.BroadcastToDims(graph.Reshape(loss, 1), t.steps), p[inLosses])
		copy(out[inData+t.inputs:], state)
		return out
	})
	out := graph.While(more, body, in...)
	return append([]*graph.Node{out[inLosses]}, out[inData+t.inputs:]...)
}

// step builds step i of an epoch: the batch, forward, backward, optimizer.
// epoch is order, factors and data. It returns the mean loss and the state.
func (t *plan) step(i *graph.Node, epoch, state []*graph.Node) (*graph.Node, []*graph.Node) {
	g := i.Graph()
	order, factorTable, data := epoch[0], epoch[1], epoch[inData-inOrder:]
	places := graph.Add(
		graph.Iota(g, shapes.Make(dtypes.Int32, t.batch, 1), 0),
		graph.Reshape(graph.MulScalar(i, t.batch), 1, 1))
	ids := graph.Reshape(graph.Gather(order, places), t.batch, 1)
	x := graph.Gather(data[0], ids)
	y := x
	if t.inputs > 1 {
		y = graph.Gather(data[1], ids)
	}
	specs := t.arch.specs
	p := &Pass{Training: true, params: map[string]*graph.Node{}, turned: map[*graph.Node]*graph.Node{}, rng: state[len(state)-1]}
	if t.rows%t.batch != 0 {
		inside := graph.LessThan(places, graph.Scalar(g, dtypes.Int32, t.rows))
		p.RowWeight = graph.Reshape(graph.ConvertDType(inside, dtypes.Float32), t.batch)
	}
	params := make([]*graph.Node, len(t.trainable))
	for k, s := range specs {
		p.params[s.full] = state[k]
	}
	for k, at := range t.trainable {
		params[k] = state[at]
	}
	loss := t.loss.graph(t.arch.forward(p, x, nil), y) // [batch]
	rows := graph.Scalar(g, dtypes.Float32, t.batch)
	if p.RowWeight == nil {
		loss = graph.ReduceAllMean(loss)
	} else {
		rows = graph.ReduceAllSum(p.RowWeight)
		loss = graph.Div(graph.ReduceAllSum(graph.Mul(loss, p.RowWeight)), rows)
	}
	if t.l2 > 0 {
		loss = graph.Add(loss, graph.Div(graph.MulScalar(t.squares(params), t.l2/2), rows))
	}
	gradients := graph.Gradient(loss, params...)

	k := len(t.optimizer.factors(1))
	row := graph.Reshape(graph.Gather(factorTable, graph.Reshape(i, 1, 1)), k)
	factors := make([]*graph.Node, k)
	for f := range factors {
		factors[f] = graph.Reshape(graph.Slice(row, graph.AxisRange(f, f+1)))
	}
	next := make([]*graph.Node, 0, len(state))
	for _, s := range specs {
		next = append(next, p.params[s.full]) // a layer may have updated it
	}
	slots := t.optimizer.slots()
	for k, at := range t.trainable {
		from := len(specs) + k*slots
		value, kept := t.optimizer.step(params[k], gradients[k], state[from:from+slots], factors)
		next[at] = value
		next = append(next, kept...)
	}
	return loss, append(next, p.rng)
}

// squares is the sum of the squares of all weights.
func (t *plan) squares(params []*graph.Node) *graph.Node {
	sum := graph.ScalarZero(params[0].Graph(), dtypes.Float32)
	for k, at := range t.trainable {
		if s := t.arch.specs[at]; s.FanIn > 0 && s.Name != "bias" {
			sum = graph.Add(sum, graph.ReduceAllSum(graph.Square(params[k])))
		}
	}
	return sum
}
