// Package walk builds DeepLIFT's rescale multipliers for any GoMLX model by
// a reverse walk over its graph, with one rule for each type of operation.
//
// The model is built three times in one graph: over n rows x, over m
// background rows r, and over a template p of n·m rows. Values are computed
// for x and r only. Of the template the walk reads shapes and operands that
// do not depend on the input, so its forward pass is dead code and costs
// nothing; multipliers have the template's shapes, one for each pair of rows.
//
// Law: every rule hands the multiplier M of an operation's output y on to its
// inputs z such that Σ M·(y_x − y_r) = Σ_z M_z·(z_x − z_r). Hence for every
// layer that all paths from input to output cross
//
//	Σ_k M_k·(h_k(x) − h_k(r)) = f(x) − f(r).
//
// An operation without a rule, or one that mixes rows, is an error when the
// graph is built ([ErrUnsupported]), never a wrong number.
//
// Shrikumar et al., 2017, section 3.5.1; averaged over a background:
// Lundberg and Lee, 2017.
package walk

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Func builds the model over x [rows, ...]; tap names hidden nodes.
type Func func(x *Node, tap func(name string, n *Node) *Node) *Node

// Request says what to explain and where to attribute it.
type Request struct {
	Model Func
	// Target is the tapped node to explain, "" for the model's output;
	// Output the unit of it, counted over all axes but the rows.
	Target string
	Output int
	// Layers to attribute to: names of tapped nodes, or Input.
	Layers []string
}

// Input names the model's input among the layers.
const Input = "input"

// Result holds nodes of the graph.
type Result struct {
	Rows, Background *Node // explained output [n] and [m]
	// Phi, one node a layer of the request, [n, ...]: for each row the sum
	// over the background rows of weight·multiplier·(h(x) − h(r)).
	Phi []*Node
}

// Build adds the walk to the graph of x [n, ...], r [m, ...] and the weights
// of the background rows [m]. It needs n, m ≥ 2 to tell the axis of the rows
// from the others, and panics with an error, as graph functions do.
func Build(req Request, x, r, weights *Node) Result {
	n, m := x.Shape().Dim(0), r.Shape().Dim(0)
	if n < 2 || m < 2 {
		fail("walk: %d rows and %d background rows, need 2 of each", n, m)
	}
	g := x.Graph()
	g.SetTraced(true) // so that an error can say where the model made a node
	defer g.SetTraced(false)

	shape := x.Shape().Clone()
	shape.Dimensions[0] = n * m
	p := Identity(Zeros(g, shape))
	var builds [3]build
	for i, in := range []*Node{p, x, r} {
		builds[i] = run(req, in)
	}
	w := newWalker(g, p, [3]int{n * m, n, m}, builds[0].taps)
	top := w.pairUp(builds, x, r)
	w.checkLayers(req, builds[0].taps)
	w.collapse()
	seed := Reshape(BroadcastToDims(InsertAxes(weights, 0), n, m), n*m, 1)
	w.mult[top.p] = BroadcastToDims(seed, top.p.Shape().Dimensions...)
	w.reverse()

	res := Result{Rows: Reshape(top.x, n), Background: Reshape(top.r, m)}
	for _, name := range req.Layers {
		res.Phi = append(res.Phi, w.phi(builds[0].node(name, p)))
	}
	return res
}

// build is the model over one of the three inputs.
type build struct {
	out  *Node // explained output [rows, 1]
	taps map[string]*Node
}

func run(req Request, in *Node) build {
	b := build{taps: map[string]*Node{}}
	out := req.Model(in, func(name string, n *Node) *Node {
		b.taps[name] = n
		return n
	})
	if req.Target != "" {
		out = b.taps[req.Target]
	}
	out = Reshape(out, in.Shape().Dim(0), -1)
	if out.Shape().Dim(1) > 1 {
		out = Slice(out, AxisRange(), AxisElem(req.Output))
	}
	b.out = out
	return b
}

func (b build) node(name string, input *Node) *Node {
	if name == Input {
		return input
	}
	return b.taps[name]
}

// walker carries the walk's state. All maps are keyed by nodes of the
// template.
type walker struct {
	rows  [3]int // of the template, of x and of r
	n, m  int    // rows of x and of r
	input *Node
	byPtr map[uintptr]*Node // all nodes of the three builds
	deps  map[*Node]bool    // memo of dependsOnInput
	sites map[*Node]*site
	order []*site         // topological: inputs before users
	cut   map[*Node]bool  // tapped nodes: chains end there
	root  map[*Node]*Node // last node of a chain → the node it is a function of
	mult  map[*Node]*Node // multiplier, in the template's shape
}

func newWalker(g *Graph, p *Node, rows [3]int, taps map[string]*Node) *walker {
	w := &walker{
		rows: rows, n: rows[1], m: rows[2], input: p,
		byPtr: map[uintptr]*Node{}, deps: map[*Node]bool{p: true}, sites: map[*Node]*site{},
		cut: map[*Node]bool{}, root: map[*Node]*Node{}, mult: map[*Node]*Node{},
	}
	for _, nd := range g.Nodes() {
		w.byPtr[pointer(nd)] = nd
	}
	for _, t := range taps {
		w.cut[t] = true
	}
	return w
}

// dependsOnInput tells whether the template's input reaches nd.
func (w *walker) dependsOnInput(nd *Node) bool {
	d, known := w.deps[nd]
	if !known {
		d = slices.ContainsFunc(w.inputs(nd), w.dependsOnInput)
		w.deps[nd] = d
	}
	return d
}

// reverse hands multipliers from users to inputs.
func (w *walker) reverse() {
	for _, s := range slices.Backward(w.order) {
		if m := w.mult[s.p]; m != nil && s.p != w.input {
			w.apply(s, m)
		}
	}
}

// push adds multiplier c, in the template's shape, to that of node in.
func (w *walker) push(in, c *Node) {
	if old := w.mult[in]; old != nil {
		c = Add(old, c)
	}
	w.mult[in] = c
}

// phi is the sum over the background of multiplier·(h(x) − h(r)), in the
// shape of h(x).
func (w *walker) phi(p *Node) *Node {
	s := w.sites[p]
	d := ReduceSum(Mul(w.pairs(w.mult[p], s), w.delta(s)), s.axis+1)
	return Reshape(d, s.x.Shape().Dimensions...)
}

// checkLayers refuses layers that no sum can be promised for: they do not lie
// between input and output, or a path runs around them.
func (w *walker) checkLayers(req Request, taps map[string]*Node) {
	what := "the model's output"
	if req.Target != "" {
		what = "layer " + req.Target
	}
	for _, name := range req.Layers {
		if name == Input {
			continue
		}
		tap := taps[name]
		if w.sites[tap] == nil {
			fail("layer %q does not lie between the input and %s", name, what)
		}
		if w.sites[tap].axis != 0 {
			fail("layer %q counts rows on axis %d: tap it where they are axis 0", name, w.sites[tap].axis)
		}
		if w.bypasses(tap) {
			fail("layer %q does not carry all of %s: a path from the input runs around it, so its attributions cannot add up", name, what)
		}
	}
}

// bypasses tells whether some path from the input to the output avoids tap.
func (w *walker) bypasses(tap *Node) bool {
	reached := map[*Node]bool{}
	for _, s := range w.order {
		switch {
		case s.p == tap:
		case s.p == w.input:
			reached[s.p] = true
		default:
			reached[s.p] = slices.ContainsFunc(w.inputs(s.p), func(in *Node) bool { return reached[in] })
		}
	}
	return reached[w.order[len(w.order)-1].p]
}
