package network

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// trainer holds one training: the data and the state on the device, and the
// program that takes the state some steps further.
//
// On XLA one call runs many steps in a While loop, which halves the time of
// small steps. On other backends a call is one step: a loop around a whole
// step fails on GoMLX's Go backend. Both are made from the same graph of a step.
type trainer struct {
	n    *Network
	cfg  TrainConfig
	exec *graph.Exec

	rows, batch, steps int // steps: batches of an epoch, the last may be partial
	trainable          []int
	many               bool // many steps a call

	data  []*tensors.Tensor // x and y, or x alone if they are the same
	state []*tensors.Tensor // parameters, slots by trainable parameter, random state
}

func newTrainer(n *Network, x, y *array.Array, cfg TrainConfig) (*trainer, error) {
	batch := min(cfg.BatchSize, x.Rows())
	t := &trainer{
		n: n, cfg: cfg, many: backend.IsXLA(cfg.Backend),
		rows: x.Rows(), batch: batch, steps: (x.Rows() + batch - 1) / batch,
	}
	t.data = append(t.data, backend.Tensor(x))
	if x != y {
		t.data = append(t.data, backend.Tensor(y))
	}
	for i, s := range n.arch.specs {
		t.state = append(t.state, backend.Tensor(n.params.values[i]))
		if !s.Fixed {
			t.trainable = append(t.trainable, i)
		}
	}
	for _, i := range t.trainable {
		for range cfg.Optimizer.slots() {
			t.state = append(t.state, backend.Tensor(array.New(n.arch.specs[i].Shape...)))
		}
	}
	stream := random.Stream(cfg.Seed, "network: dropout")
	t.state = append(t.state, tensors.FromValue([]uint64{stream.Uint64(), stream.Uint64(), stream.Uint64()}))
	build := t.one
	if t.many {
		build = t.loop
	}
	var err error
	if t.exec, err = graph.NewExec(cfg.Backend, build); err != nil {
		t.finalize()
		return nil, backend.Short(err)
	}
	return t, nil
}

// Inputs of the program, before data and state.
const (
	inFirst   = iota // int32: first step of the call
	inEnd            // int32: step after the last
	inOrder          // [steps·batch] int32: rows in the order of the epoch
	inFactors        // [steps, k] float32: the optimizer's factors
	inData
)

// one is the program of a single step. It returns [1] loss and the state.
func (t *trainer) one(in []*graph.Node) []*graph.Node {
	loss, state := t.step(in[inFirst], in[inOrder:], in[inData+len(t.data):])
	return append([]*graph.Node{graph.Reshape(loss, 1)}, state...)
}

// loop is the program of many steps. It returns [steps] losses, those of
// other calls 0, and the state.
func (t *trainer) loop(in []*graph.Node) []*graph.Node {
	g := in[0].Graph()
	losses := graph.Zeros(g, shapes.Make(dtypes.Float32, t.steps))
	// A closure sees nothing but its parameters on XLA: the data goes round too.
	initial := append([]*graph.Node{losses}, in...)
	parameters := func(g *graph.Graph) []*graph.Node {
		out := make([]*graph.Node, len(initial))
		for i, n := range initial {
			out[i] = graph.Parameter(g, fmt.Sprintf("p%d", i), n.Shape())
		}
		return out
	}
	more := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		p := parameters(g)[1:]
		return []*graph.Node{graph.LessThan(p[inFirst], p[inEnd])}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		all := parameters(g)
		losses, p := all[0], all[1:]
		loss, state := t.step(p[inFirst], p[inOrder:], p[inData+len(t.data):])
		here := graph.Equal(graph.Iota(g, shapes.Make(dtypes.Int32, t.steps), 0), graph.Reshape(p[inFirst], 1))
		out := append([]*graph.Node{graph.Where(here, graph.BroadcastToDims(graph.Reshape(loss, 1), t.steps), losses)}, p...)
		out[1+inFirst] = graph.AddScalar(p[inFirst], 1)
		copy(out[1+inData+len(t.data):], state)
		return out
	})
	out := graph.While(more, body, initial...)
	return append(out[:1:1], out[1+inData+len(t.data):]...)
}

// step builds step i of an epoch: the batch, forward, backward, optimizer.
// epoch is order, factors and data. It returns the mean loss and the state.
func (t *trainer) step(i *graph.Node, epoch, state []*graph.Node) (*graph.Node, []*graph.Node) {
	g := i.Graph()
	order, factorTable, data := epoch[0], epoch[1], epoch[inData-inOrder:]
	places := graph.Add(
		graph.Iota(g, shapes.Make(dtypes.Int32, t.batch, 1), 0),
		graph.Reshape(graph.MulScalar(i, t.batch), 1, 1))
	ids := graph.Reshape(graph.Gather(order, places), t.batch, 1)
	x := graph.Gather(data[0], ids)
	y := x
	if len(t.data) > 1 {
		y = graph.Gather(data[1], ids)
	}
	specs := t.n.arch.specs
	p := &Pass{Training: true, params: map[string]*graph.Node{}, rng: state[len(state)-1]}
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
	loss := t.cfg.Loss.graph(t.n.arch.forward(p, x, nil), y) // [batch]
	if p.RowWeight == nil {
		loss = graph.ReduceAllMean(loss)
	} else {
		loss = graph.Div(graph.ReduceAllSum(graph.Mul(loss, p.RowWeight)), graph.ReduceAllSum(p.RowWeight))
	}
	gradients := graph.Gradient(loss, params...)

	k := len(t.cfg.Optimizer.factors(1))
	row := graph.Reshape(graph.Gather(factorTable, graph.Reshape(i, 1, 1)), k)
	factors := make([]*graph.Node, k)
	for f := range factors {
		factors[f] = graph.Reshape(graph.Slice(row, graph.AxisRange(f, f+1)))
	}
	next := make([]*graph.Node, 0, len(state))
	for _, s := range specs {
		next = append(next, p.params[s.full]) // a layer may have updated it
	}
	slots := t.cfg.Optimizer.slots()
	for k, at := range t.trainable {
		from := len(specs) + k*slots
		value, kept := t.cfg.Optimizer.step(params[k], gradients[k], state[from:from+slots], factors)
		next[at] = value
		next = append(next, kept...)
	}
	return loss, append(next, p.rng)
}

// epoch runs one epoch and returns the loss of each batch.
func (t *trainer) epoch(ctx context.Context, epoch int, order []int32) ([]float32, error) {
	k := len(t.cfg.Optimizer.factors(1))
	table := make([]float32, 0, t.steps*k)
	for i := range t.steps {
		for _, f := range t.cfg.Optimizer.factors(epoch*t.steps + i + 1) {
			table = append(table, float32(f))
		}
	}
	orderT := tensors.FromFlatDataAndDimensions(order, len(order))
	tableT := tensors.FromFlatDataAndDimensions(table, t.steps, k)
	defer orderT.MustFinalizeAll()
	defer tableT.MustFinalizeAll()

	losses := make([]float32, 0, t.steps)
	chunk := 1
	for from := 0; from < t.steps; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := min(from+chunk, t.steps)
		start := time.Now()
		got, err := t.call(from, to, orderT, tableT)
		if err != nil {
			return nil, fmt.Errorf("network: %q: training on %s: %w", t.n.name, t.cfg.Backend.Name(), err)
		}
		if t.many {
			chunk = nextChunk(chunk, time.Since(start))
			got = got[from:to]
		}
		for i, l := range got {
			if !finite(l) {
				return nil, &LossError{Epoch: epoch, Batch: from + i, Loss: l}
			}
		}
		losses = append(losses, got...)
		from = to
		if t.cfg.Progress != nil {
			t.cfg.Progress(epoch*t.steps+to, t.cfg.Epochs*t.steps)
		}
	}
	return losses, nil
}

// nextChunk lets calls grow to about half a second: long enough to hide what
// a call costs, short enough for progress and Ctrl-C. The steps computed are
// the same whatever the division.
func nextChunk(chunk int, took time.Duration) int {
	switch {
	case took < 250*time.Millisecond:
		return chunk * 4
	case took > time.Second:
		return max(1, chunk/2)
	}
	return chunk
}

// call runs steps from…to−1. The old state is given to the program.
func (t *trainer) call(from, to int, order, table *tensors.Tensor) ([]float32, error) {
	args := []any{int32(from), int32(to), order, table}
	for _, d := range t.data {
		args = append(args, d)
	}
	for _, s := range t.state {
		donated, err := graph.DonateTensorBuffer(s, t.cfg.Backend, 0)
		if err != nil {
			return nil, backend.Short(err)
		}
		args = append(args, donated)
	}
	old := t.state
	t.state = nil
	out, err := t.exec.Call(args...)
	if err != nil {
		return nil, backend.Short(err)
	}
	for _, s := range old {
		s.MustFinalizeAll()
	}
	t.state = out[1:]
	losses, err := tensors.CopyFlatData[float32](out[0])
	out[0].MustFinalizeAll()
	return losses, err
}

// network copies the parameters from the device.
func (t *trainer) network() (*Network, error) {
	values := make([]*array.Array, len(t.n.arch.specs))
	for i := range values {
		var err error
		if values[i], err = backend.Array(t.state[i]); err != nil {
			return nil, err
		}
	}
	return &Network{name: t.n.name, arch: t.n.arch, params: newParameters(t.n.params.names, values)}, nil
}

func (t *trainer) finalize() {
	for _, s := range append(t.data, t.state...) {
		s.MustFinalizeAll()
	}
	if t.exec != nil {
		t.exec.Finalize()
	}
}
