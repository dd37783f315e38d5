package attribution

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// coalition is a set of players of a row. Its worth is the mean over the whole
// background of f of the row that has x's values for them.
type coalition struct {
	row     int
	members []bool // of the row's units: those with x's values

	// take is given the worth for each target.
	take func(worth []float64) error
}

// averager evaluates coalitions against the whole background, many in one call
// of the device, where the mixed rows are made.
type averager struct {
	g          *game
	program    *program
	coalitions int      // in a call
	chunks     []*chunk // of the background
	queue      []coalition
	flushed    func() // called after each call of the device
}

// newAverager prepares for about the given number of coalitions.
func (g *game) newAverager(coalitions int) (*averager, error) {
	background := g.background.Rows()
	rows, err := g.p.batchRows(coalitions * background)
	if err != nil {
		return nil, err
	}
	chunk := min(background, rows)
	v := &averager{g: g, coalitions: max(1, min(coalitions, rows/chunk))}
	if v.chunks, err = newChunks(g.p.Backend, g.background, chunk); err != nil {
		v.free()
		return nil, err
	}
	v.program = g.p.newProgram(v.mix)
	return v, nil
}

func (v *averager) close() {
	v.program.free()
	v.free()
}

func (v *averager) free() {
	for _, c := range v.chunks {
		c.free()
	}
}

// mix builds all mixed rows: in are x and members [coalitions, units], the
// explained units [targets, coalitions] and rows of the background [rows,
// units]. It returns f, [targets, coalitions, rows].
func (v *averager) mix(scope *model.Scope, in []*graph.Node) []*graph.Node {
	x, members, units := in[0], in[1], in[2]
	n, width := x.Shape().Dim(0), x.Shape().Dim(1)
	b := graph.Reshape(in[3], -1, width)
	m, targets := b.Shape().Dim(0), units.Shape().Dim(0)
	wide := func(a *graph.Node, axis int) *graph.Node {
		return graph.BroadcastToDims(graph.InsertAxes(a, axis), n, m, width)
	}
	z := graph.Where(wide(members, 1), wide(x, 1), wide(b, 0))
	each := graph.Reshape(graph.BroadcastToDims(graph.InsertAxes(units, -1), targets, n, m), targets, -1)
	return []*graph.Node{v.g.worth(scope, graph.Reshape(z, -1, width), each)}
}

// add queues a coalition, and evaluates the queue when a call is full.
func (v *averager) add(ctx context.Context, c coalition) error {
	v.queue = append(v.queue, c)
	if len(v.queue) < v.coalitions {
		return nil
	}
	return v.flush(ctx)
}

// flush evaluates what is queued; every coalition takes its worth, in order.
func (v *averager) flush(ctx context.Context) error {
	if len(v.queue) == 0 {
		return nil
	}
	g, width, targets := v.g, v.g.rows.Width(), len(v.g.p.targets)
	x := array.New(v.coalitions, width)
	members := make([]bool, 0, v.coalitions*width)
	units := make([]int32, targets*v.coalitions)
	for i := range v.coalitions { // the last call of all is filled up with its last coalition
		c := v.queue[min(i, len(v.queue)-1)]
		copy(x.Row(i), g.rows.Row(c.row))
		members = append(members, c.members...)
		for t, target := range g.p.targets {
			units[t*v.coalitions+i] = int32(target.unit(c.row))
		}
	}
	inputs := []*tensors.Tensor{backend.Tensor(x), tensors.FromFlatDataAndDimensions(members, v.coalitions, width),
		tensors.FromFlatDataAndDimensions(units, targets, v.coalitions)}
	defer freeTensors(inputs...)
	sums := make([]float64, len(v.queue)*targets)
	for _, c := range v.chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := c.rows.Shape().Dim(0)
		err := v.program.run(func(out [][]float32) {
			for i := range v.queue {
				for t := range targets {
					sums[i*targets+t] += sum(out[0][(t*v.coalitions+i)*size:][:c.real])
				}
			}
		}, append(inputs, c.rows)...)
		if err != nil {
			return err
		}
	}
	for i := range sums {
		sums[i] /= float64(g.background.Rows())
	}
	for i, c := range v.queue {
		if err := c.take(sums[i*targets:][:targets]); err != nil {
			return err
		}
	}
	v.queue = v.queue[:0]
	v.flushed()
	return nil
}

// members marks the units of a row that belong to the players of a set.
func (g *game) members(row int, in func(player int) bool) []bool {
	of, _ := g.partition(row)
	units := make([]bool, len(of))
	for k, player := range of {
		units[k] = in(player)
	}
	return units
}

// stopped adds how far a call came to the error of a cancelled one.
func stopped(ctx context.Context, done, total int, what string, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("stopped after %d of %d %s: %w", done, total, what, err)
}
