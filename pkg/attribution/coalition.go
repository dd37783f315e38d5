package attribution

import (
	"context"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// game is what Shapley values divide. Players are the units of one layer, or
// groups of inputs; a coalition S of them is worth f of a mixed row, which has
// the values of x for the players of S and those of a background row for the
// others.
type game struct {
	p                *problem
	layer            string
	rows, background *array.Array // values of the layer, [rows, units]
	units            []int        // their numbers: the players, if not joined
	most             int          // players of the row that has most

	// affine is the width of the last node that is affine in the input and
	// carries everything: where the model can be cut. 0: not worth it.
	affine int
}

func (p *problem) newGame(ctx context.Context, layer string) (*game, error) {
	g := &game{p: p, layer: layer, rows: p.Rows, background: p.Background, most: p.Rows.Width()}
	if layer != Input {
		e, err := p.newEvaluator(layer, max(p.Rows.Rows(), p.Background.Rows()))
		if err != nil {
			return nil, err
		}
		defer e.close()
		if g.rows, err = e.outputs(ctx, p.Rows); err != nil {
			return nil, err
		}
		if g.background, err = e.outputs(ctx, p.Background); err != nil {
			return nil, err
		}
		g.most = g.rows.Width()
	} else if p.players != nil {
		g.most = p.players.most
	}
	g.units = identity(g.rows.Width())
	return g, g.inspect()
}

// inspect builds the model once, to refuse layers that do not carry all of a
// target and to see where it can be cut.
func (g *game) inspect() error {
	const n = 2
	gr := graph.NewGraph(g.p.Backend, "game")
	defer gr.Finalize()
	var refused error
	err := backend.Try(func() {
		x := graph.Parameter(gr, "rows", shapes.Make(dtypes.Float32, append([]int{n}, g.p.Rows.Shape[1:]...)...))
		at, targets := g.p.over(g.p.params.RootScope(), x, g.layer)
		for i, t := range g.p.targets {
			what := "the model's output"
			if t.Layer != "" {
				what = "layer " + t.Layer
			}
			s := walk.NewSection(x, targets[i])
			switch {
			case g.layer == Input:
			case !s.Holds(at):
				refused = fmt.Errorf("layer %q does not lie between the input and %s", g.layer, what)
			case !s.Carries(at):
				refused = fmt.Errorf("layer %q does not carry all of %s: a path from the input runs around it, so its attributions cannot add up", g.layer, what)
			}
		}
		if cut := walk.NewSection(x, targets...).Affine(); cut != x && g.layer == Input && g.p.players == nil {
			g.affine = cut.Shape().Size() / n
		}
	})
	if err != nil {
		return err
	}
	const tooLarge = 16 << 20 // slopes, 64 MB: a convolution's output, where a cut saves little
	if n := g.rows.Width(); n <= 2*longestSegment || n*g.affine > tooLarge {
		g.affine = 0
	}
	return refused
}

// over builds the model over x and returns the named layer and the layer of
// each target.
func (p *problem) over(scope *model.Scope, x *graph.Node, layer string) (at *graph.Node, targets []*graph.Node) {
	taps := map[string]*graph.Node{Input: x}
	taps[""] = p.model.Graph(scope.ResetVisited(), x, func(name string, n *graph.Node) *graph.Node {
		taps[name] = n
		return n
	})
	for _, t := range p.targets {
		targets = append(targets, taps[t.Layer])
	}
	return taps[layer], targets
}

// worth returns f of every target, [targets, rows], of values z [rows, units]
// of the players' layer; units [targets, rows] says which outputs are f.
func (g *game) worth(scope *model.Scope, z, units *graph.Node) *graph.Node {
	n := z.Shape().Dim(0)
	if g.layer == Input {
		_, targets := g.p.over(scope, graph.Reshape(z, append([]int{n}, g.p.Rows.Shape[1:]...)...), Input)
		return explained(targets, units)
	}
	x := g.template(z.Graph(), n)
	at, targets := g.p.over(scope, x, g.layer)
	return explained(walk.NewSection(x, targets...).Replace(at, graph.ConvertDType(graph.Reshape(z, at.Shape().Dimensions...), at.DType())), units)
}

// template stands for n rows where the model is built for its shapes; what is
// not used of it costs nothing.
func (g *game) template(gr *graph.Graph, n int) *graph.Node {
	return graph.Identity(graph.Zeros(gr, shapes.Make(dtypes.Float32, append([]int{n}, g.p.Rows.Shape[1:]...)...)))
}

// explained picks the explained units, [targets, rows].
func explained(targets []*graph.Node, units *graph.Node) *graph.Node {
	f := make([]*graph.Node, len(targets))
	for i, layer := range targets {
		unit := graph.Squeeze(graph.Slice(units, graph.AxisElem(i)), 0)
		f[i] = pick(graph.ConvertDType(layer, dtypes.Float32), oneHot(unit, layer), unit.Shape().Dim(0))
	}
	return graph.Stack(f, 0)
}

// partition returns the player of each unit of a row, and their number.
func (g *game) partition(row int) (of []int, count int) {
	if g.layer == Input && g.p.players != nil {
		return g.p.partition(row)
	}
	return g.units, len(g.units)
}

// differing returns the players of a row, in ascending order, whose values are
// not those of every background row given. The others get nothing, exactly.
func (g *game) differing(row int, background ...[]float32) []int {
	of, count := g.partition(row)
	x := g.rows.Row(row)
	differs := make([]bool, count)
	for _, r := range background {
		for k, v := range x {
			if v != r[k] {
				differs[of[k]] = true
			}
		}
	}
	var players []int
	for player, d := range differs {
		if d {
			players = append(players, player)
		}
	}
	return players
}

// backgroundRows are all rows of the background.
func (g *game) backgroundRows() [][]float32 {
	all := make([][]float32, g.background.Rows())
	for i := range all {
		all[i] = g.background.Row(i)
	}
	return all
}

// targetOutputs returns f of every target, [targets][rows of each of lists],
// for rows that are explained (one unit each) or background rows (all units).
func (p *problem) targetOutputs(ctx context.Context, rows *array.Array) ([]*array.Array, error) {
	byLayer := map[string]*array.Array{}
	all := make([]*array.Array, len(p.targets))
	for i, t := range p.targets {
		if byLayer[t.Layer] == nil {
			e, err := p.newEvaluator(t.Layer, rows.Rows())
			if err != nil {
				return nil, err
			}
			byLayer[t.Layer], err = e.outputs(ctx, rows)
			e.close()
			if err != nil {
				return nil, err
			}
		}
		all[i] = byLayer[t.Layer]
	}
	return all, nil
}

// shares makes one attribution for each target, with the outputs of the rows
// and the mean of f over the given background rows of each row as base value.
func (p *problem) shares(ctx context.Context, background func(row int) []int) ([]*Attribution, error) {
	n := p.Rows.Rows()
	used := map[int]int{} // background row → its place below the explained rows
	ids := []int{}
	for i := range n {
		for _, b := range background(i) {
			if _, ok := used[b]; !ok {
				used[b] = n + len(ids)
				ids = append(ids, b)
			}
		}
	}
	drawn, err := p.Background.Select(ids)
	if err != nil {
		return nil, err
	}
	both, err := array.Concat(p.Rows, drawn)
	if err != nil {
		return nil, err
	}
	outputs, err := p.targetOutputs(ctx, both)
	if err != nil {
		return nil, err
	}
	all := make([]*Attribution, len(p.targets))
	for t, target := range p.targets {
		a := p.result()
		for i := range n {
			unit := target.unit(i)
			a.Outputs.Data[i] = outputs[t].At(i, unit)
			rows := background(i)
			var sum float64
			for _, b := range rows {
				sum += float64(outputs[t].At(used[b], unit))
			}
			a.BaseValues[i] = sum / float64(len(rows))
		}
		all[t] = a
	}
	return all, nil
}

func identity(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = i
	}
	return ids
}
