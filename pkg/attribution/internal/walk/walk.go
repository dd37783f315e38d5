// Package walk builds DeepLIFT's rescale multipliers for any GoMLX model by
// a reverse walk over its graph, with one rule for each type of operation.
//
// The model is built three times in one graph: over n rows x, over m
// background rows r, and over a template p with a row for each pair of them
// and each of k targets, n·k·m. Values are computed for x and r only, once for
// all targets. Of the template the walk reads shapes and operands that do not
// depend on the input, so its forward pass is dead code and costs nothing;
// multipliers have the template's shapes.
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

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Func builds the model over x [rows, ...]; tap names hidden nodes.
type Func func(x *Node, tap func(name string, n *Node) *Node) *Node

// Request says what to explain and where to attribute it.
type Request struct {
	Model Func
	// Target is the tapped node to explain, "" for the model's output.
	Target string
	// Layers to attribute to: names of tapped nodes, or Input.
	Layers []string
	// AveragedSoftmax averages the softmax's Jacobian over a line instead of
	// the rule of logarithmic means.
	AveragedSoftmax bool
}

// Input names the model's input among the layers.
const Input = "input"

// Result holds nodes of the graph, for n rows and k targets of each.
type Result struct {
	Rows       *Node // explained units of the rows, [n, k]
	Background *Node // the same units of the background rows, [n, k, m]
	// Phi, one node a layer of the request, [n·k, ...]: for each row and target
	// the sum over the background rows of weight·multiplier·(h(x) − h(r)).
	Phi []*Node
}

// Build adds the walk to the graph of x [n, ...], r [m, ...], the weights of
// the background rows [m], and the explained units of each row, counted over
// all axes of the target but the rows, int32 [n, k]. It needs n, m ≥ 2 to tell
// the axis of the rows from the others, and panics with an error, as graph
// functions do.
func Build(req Request, x, r, weights, units *Node) Result {
	n, m, k := x.Shape().Dim(0), r.Shape().Dim(0), units.Shape().Dim(1)
	if n < 2 || m < 2 {
		fail("walk: %d rows and %d background rows, need 2 of each", n, m)
	}
	g := x.Graph()
	g.SetTraced(true) // so that an error can say where the model made a node
	defer g.SetTraced(false)

	shape := x.Shape().Clone()
	shape.Dimensions[0] = n * k * m
	p := Identity(Zeros(g, shape))
	var builds [3]build
	for i, in := range []*Node{p, x, r} {
		builds[i] = run(req, in)
	}
	w := newWalker(g, p, [3]int{n * k * m, n, m}, builds[0].taps)
	w.k, w.averaged = k, req.AveragedSoftmax
	top := w.pairUp(builds, x, r)
	if top.axis != 0 {
		unsupported(top.p, "the explained layer counts rows on another axis than the first")
	}
	w.checkLayers(req, builds[0].taps)
	w.collapse()
	ends := make([]*Node, len(req.Layers))
	for i, name := range req.Layers {
		ends[i] = builds[0].node(name, p)
	}
	w.want(ends)
	w.mult[top.p] = seed(top.p, weights, units)
	w.reverse()

	res := Result{Rows: ofRows(top.x, units), Background: ofBackground(top.r, units)}
	for _, end := range ends {
		res.Phi = append(res.Phi, w.phi(end))
	}
	return res
}

// seed is the multiplier of the explained layer: the background row's weight
// at the explained unit, 0 elsewhere.
func seed(top, weights, units *Node) *Node {
	n, k, m := units.Shape().Dim(0), units.Shape().Dim(1), weights.Shape().Dim(0)
	width := top.Shape().Size() / (n * k * m)
	one := Reshape(OneHot(units, width, top.DType()), n*k, 1, width)
	pairs := Mul(one, Reshape(ConvertDType(weights, top.DType()), 1, m, 1))
	return Reshape(pairs, top.Shape().Dimensions...)
}

// ofRows picks units [n, k] of a layer [n, ...].
func ofRows(layer, units *Node) *Node {
	n, k := units.Shape().Dim(0), units.Shape().Dim(1)
	width := layer.Shape().Size() / n
	at := Add(MulScalar(Iota(layer.Graph(), units.Shape(), 0), width), units)
	return Reshape(Gather(Reshape(layer, -1), Reshape(at, -1, 1)), n, k)
}

// ofBackground picks units [n, k] of each row of a layer [m, ...].
func ofBackground(layer, units *Node) *Node {
	n, k, m := units.Shape().Dim(0), units.Shape().Dim(1), layer.Shape().Dim(0)
	byUnit := Transpose(Reshape(layer, m, -1), 0, 1)
	return Reshape(Gather(byUnit, Reshape(units, -1, 1)), n, k, m)
}

// build is the model over one of the three inputs.
type build struct {
	out  *Node // explained layer [rows, ...]
	taps map[string]*Node
}

func run(req Request, in *Node) build {
	b := build{taps: map[string]*Node{}}
	b.out = req.Model(in, func(name string, n *Node) *Node {
		b.taps[name] = n
		return n
	})
	if req.Target != "" {
		b.out = b.taps[req.Target]
	}
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
	rows     [3]int // of the template, of x and of r
	n, k, m  int    // rows of x, targets of each, rows of r
	averaged bool   // see Request.AveragedSoftmax
	input    *Node
	byPtr    map[uintptr]*Node // all nodes of the three builds
	deps     map[*Node]bool    // memo of dependsOnInput
	sites    map[*Node]*site
	order    []*site         // topological: inputs before users
	cut      map[*Node]bool  // tapped nodes: chains end there
	root     map[*Node]*Node // last node of a chain → the node it is a function of
	onTheWay map[*Node]bool  // nodes through which multipliers go to a layer
	mult     map[*Node]*Node // multiplier, in the template's shape
}

func newWalker(g *Graph, p *Node, rows [3]int, taps map[string]*Node) *walker {
	w := &walker{
		rows: rows, n: rows[1], k: 1, m: rows[2], input: p,
		byPtr: map[uintptr]*Node{}, deps: map[*Node]bool{p: true}, sites: map[*Node]*site{},
		cut: map[*Node]bool{}, root: map[*Node]*Node{}, onTheWay: map[*Node]bool{}, mult: map[*Node]*Node{},
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

// want marks what lies on the way from the output to one of the ends. Below
// the ends no rule is needed: attributions to an embedding do not ask how its
// rows were looked up.
func (w *walker) want(ends []*Node) {
	for _, s := range w.order {
		w.onTheWay[s.p] = slices.Contains(ends, s.p) || w.leadsOn(s.p)
		if t := s.p.DType(); w.onTheWay[s.p] && t.IsFloat() && t.Size() < 4 {
			unsupported(s.p, "half precision rounds by more than attributions may miss the output: let the model compute in float32 (its parameters may stay as they are)")
		}
	}
}

func (w *walker) leadsOn(p *Node) bool {
	return slices.ContainsFunc(w.inputs(p), func(in *Node) bool { return w.onTheWay[in] })
}

// reverse hands multipliers from users to inputs.
func (w *walker) reverse() {
	for _, s := range slices.Backward(w.order) {
		if m := w.mult[s.p]; m != nil && s.p != w.input && w.leadsOn(s.p) {
			w.apply(s, m)
		}
	}
}

// push adds multiplier c, in the template's shape, to that of node in.
func (w *walker) push(in, c *Node) {
	if in.DType().IsFloat() {
		c = ConvertDType(c, in.DType())
	} else { // conditions carry multipliers as if they were 0 and 1
		c = float(c)
	}
	if old := w.mult[in]; old != nil {
		c = Add(old, ConvertDType(c, old.DType()))
	}
	w.mult[in] = c
}

// phi is the sum over the background of multiplier·(h(x) − h(r)), in the
// shape of h(x).
func (w *walker) phi(p *Node) *Node {
	s := w.sites[p]
	d := ReduceSum(Mul(w.pairs(w.mult[p], s), w.delta(s)), s.axis+1)
	dims := slices.Clone(s.x.Shape().Dimensions)
	dims[s.axis] *= w.k
	return ConvertDType(Reshape(d, dims...), dtypes.Float32)
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
