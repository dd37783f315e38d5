package attribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
)

// copyStore copies a model's parameters, so that explaining it neither
// changes them nor binds them to a backend. Free them with freeStore.
func copyStore(m Model) (*model.Store, error) {
	params, err := m.Store().Clone()
	if err != nil {
		return nil, fmt.Errorf("attribution: copying the model's parameters: %w", backend.Short(err))
	}
	for v := range params.IterVariables() {
		if !v.HasValue() {
			continue // see newOutline
		}
		value, err := v.Value()
		if err == nil {
			err = value.ToLocal()
		}
		if err != nil {
			return nil, fmt.Errorf("attribution: copying parameter %s: %w", v.Path(), backend.Short(err))
		}
	}
	return params, nil
}

func freeStore(params *model.Store) {
	for v := range params.IterVariables() {
		_ = v.Finalize() // only memory of the device is at stake
	}
}

// outline is what a method needs to know of a model before it computes.
type outline struct {
	names  []string         // of tapped layers, in the order they were tapped
	shapes map[string][]int // of one row, by name; "" is the model's output
	widest int              // values for one row in the widest node
	values int              // values for one row in all nodes that depend on it
	live   int              // the most of them that a forward pass holds at once
}

// newOutline builds the model once, for rows of the given shape, and reads
// it; nothing is compiled or computed.
func newOutline(b compute.Backend, m Model, params *model.Store, row []int) (outline, error) {
	const n = 2
	o := outline{shapes: map[string][]int{}}
	g := graph.NewGraph(b, "outline")
	defer g.Finalize()
	var twice string
	err := backend.Try(func() {
		x := graph.Parameter(g, "rows", shapes.Make(dtypes.Float32, append([]int{n}, row...)...))
		out := m.Graph(params.RootScope(), x, func(name string, nd *graph.Node) *graph.Node {
			if o.shapes[name] != nil || name == Input || name == "" {
				twice = name
			}
			o.names = append(o.names, name)
			o.shapes[name] = perRow(name, nd, n)
			return nd
		})
		o.shapes[""] = perRow("", out, n)
		o.widest, o.values, o.live = sizes(g, x)
		o.widest, o.values, o.live = o.widest/n, o.values/n, o.live/n
	})
	if err != nil {
		return o, fmt.Errorf("attribution: the model does not take rows of shape %v: %w", row, err)
	}
	if slices.Contains(o.names, twice) {
		return o, fmt.Errorf("attribution: the model taps two layers, or the input, as %q: names must differ, and %q is the input", twice, Input)
	}
	for v := range params.IterVariables() {
		if !v.HasValue() {
			return o, fmt.Errorf("attribution: parameter %s has no value: train or load the model first", v.Path())
		}
	}
	return o, nil
}

// perRow returns the shape of one row of a node over n rows. Where the model
// merged another axis into that of the rows, it is an axis of the row again.
func perRow(name string, nd *graph.Node, n int) []int {
	dims := nd.Shape().Dimensions
	if len(dims) == 0 || dims[0]%n != 0 {
		panic(fmt.Errorf("layer %q has shape %v for %d rows: rows must be its first axis", name, dims, n))
	}
	if dims[0] == n {
		return slices.Clone(dims[1:])
	}
	return append([]int{dims[0] / n}, dims[1:]...)
}

// sizes returns the size of the largest node that depends on x, of all, and
// the most that are needed at once if nodes are computed in their order.
func sizes(g *graph.Graph, x *graph.Node) (widest, total, live int) {
	size := map[*graph.Node]int{x: x.Shape().Size()} // of nodes that depend on x
	last := map[*graph.Node]*graph.Node{}            // their last user
	nodes := g.Nodes()                               // inputs come before their users
	for _, nd := range nodes {
		for _, in := range nd.Inputs() {
			if _, ok := size[in]; ok {
				last[in] = nd
				size[nd] = 0
			}
		}
		if _, ok := size[nd]; ok && nd.NumOutputs() == 1 {
			size[nd] = nd.Shape().Size()
		}
	}
	held := 0
	for _, nd := range nodes {
		widest, total, held = max(widest, size[nd]), total+size[nd], held+size[nd]
		live = max(live, held)
		for _, in := range nd.Inputs() {
			if last[in] == nd {
				held -= size[in]
				delete(last, in) // an input that is used twice
			}
		}
	}
	return widest, total, live
}

// check tells whether target, for a number of rows, and layers exist.
func (o outline) check(target Target, rows int, layers []string) error {
	if _, ok := o.shapes[target.Layer]; !ok {
		return fmt.Errorf("attribution: target layer %q does not exist: %s", target.Layer, o.list())
	}
	if target.Outputs != nil && len(target.Outputs) != rows {
		return fmt.Errorf("attribution: target with units of %d rows, there are %d rows to explain", len(target.Outputs), rows)
	}
	units := width(o.shapes[target.Layer])
	for i := range rows {
		if u := target.unit(i); u < 0 || u >= units {
			what := "the model"
			if target.Layer != "" {
				what = "layer " + target.Layer
			}
			return fmt.Errorf("attribution: target %d out of range: %s has outputs 0…%d", u, what, units-1)
		}
	}
	for i, name := range layers {
		if _, ok := o.shapes[name]; name != Input && (!ok || name == "") {
			return fmt.Errorf("attribution: layer %q does not exist: %s", name, o.list())
		}
		if slices.Contains(layers[:i], name) {
			return fmt.Errorf("attribution: layer %q is asked for twice", name)
		}
	}
	return nil
}

func (o outline) list() string {
	return "the model has " + strings.Join(append([]string{Input}, o.names...), ", ")
}

func width(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
