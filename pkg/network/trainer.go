package network

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// trainer holds one training: the data and the state on the device, and the
// program that takes the state some steps further.
type trainer struct {
	*plan
	n    *Network
	cfg  TrainConfig
	exec *graph.Exec

	chunk int // steps of the next call

	data  []*tensors.Tensor // x and y, or x alone if they are the same
	state []*tensors.Tensor // parameters, slots by trainable parameter, random state
}

func newTrainer(n *Network, x, y *array.Array, cfg TrainConfig) (*trainer, error) {
	data := []*array.Array{x, y}
	if x == y {
		data = data[:1]
	}
	t := &trainer{plan: newPlan(n.arch, cfg, x.Rows(), len(data)), n: n, cfg: cfg, chunk: 1}
	var err error
	if t.exec, err = t.program(cfg.Backend); err != nil {
		return nil, fmt.Errorf("network: %q: %w", n.name, err)
	}
	for _, d := range data {
		t.data = append(t.data, backend.Tensor(d))
	}
	for _, v := range n.params.values {
		t.state = append(t.state, backend.Tensor(v))
	}
	for _, i := range t.trainable {
		for range cfg.Optimizer.slots() {
			t.state = append(t.state, backend.Tensor(array.New(n.arch.specs[i].Shape...)))
		}
	}
	stream := random.Stream(cfg.Seed, "network: dropout")
	t.state = append(t.state, tensors.FromValue([]uint64{stream.Uint64(), stream.Uint64(), stream.Uint64()}))
	return t, nil
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
	zeros := backend.Tensor(array.New(t.steps))
	orderT := tensors.FromFlatDataAndDimensions(order, len(order))
	tableT := tensors.FromFlatDataAndDimensions(table, t.steps, k)
	defer zeros.MustFinalizeAll()
	defer orderT.MustFinalizeAll()
	defer tableT.MustFinalizeAll()

	losses := make([]float32, 0, t.steps)
	for from := 0; from < t.steps; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := min(from+t.chunk, t.steps)
		start := time.Now()
		got, err := t.call(from, to, zeros, orderT, tableT)
		if err != nil {
			return nil, fmt.Errorf("network: %q: training on %s: %w", t.n.name, t.cfg.Backend.Name(), err)
		}
		if t.looped {
			t.chunk = min(nextChunk(t.chunk, time.Since(start)), t.steps) // twice as much for ever overflows
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
		return chunk * 2
	case took > time.Second:
		return max(1, chunk/2)
	}
	return chunk
}

// call runs steps from…to−1. The old state is given to the program.
func (t *trainer) call(from, to int, zeros, order, table *tensors.Tensor) ([]float32, error) {
	args := []any{int32(from), int32(to), zeros, order, table}
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
	for _, s := range old {
		s.MustFinalizeAll()
	}
	if err != nil {
		return nil, backend.Short(err)
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
}
