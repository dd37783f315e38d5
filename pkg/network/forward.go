package network

import (
	"fmt"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// forward builds the layers on x, [rows, input…]. tap, if not nil, is given
// each layer's output and returns what goes on in its place.
func (a *architecture) forward(p *Pass, x *graph.Node, tap func(layer string, out *graph.Node) *graph.Node) *graph.Node {
	for _, l := range a.layers {
		p.layer = l.name
		x = l.layer.Graph(p, x)
		if tap != nil {
			x = tap(l.name, x)
		}
	}
	return x
}

// Store returns a new store that holds copies of the parameters, each in the
// scope of its layer: /dense0/weight. It goes with [Network.Graph].
func (n *Network) Store() *model.Store {
	store := model.NewStore()
	for i, s := range n.arch.specs {
		v := store.RootScope().At("%s", s.layer).VariableWithValue(s.Name, backend.Tensor(n.params.values[i]))
		v.SetTrainable(!s.Fixed)
	}
	return store
}

// Graph is the network as a plain GoMLX model function, without dropout: it
// computes the output, [rows, output…], of x, [rows, input…], with the
// variables of scope, which [Network.Store] made. tap, if not nil, is called
// with the name and output of each layer and returns the node that goes on.
// It may be called several times in one graph, and panics as GoMLX does.
func (n *Network) Graph(scope *model.Scope, x *graph.Node, tap func(name string, out *graph.Node) *graph.Node) *graph.Node {
	p := &Pass{params: map[string]*graph.Node{}}
	for _, s := range n.arch.specs {
		v := scope.At("%s", s.layer).GetVariable(s.Name)
		if v == nil {
			panic(fmt.Errorf("network: scope %s has no variable %s/%s: use the store of Network.Store", scope.Scope(), s.layer, s.Name))
		}
		p.params[s.full] = v.NodeValue(x.Graph())
	}
	return n.arch.forward(p, x, tap)
}

// program is a compiled forward pass with parameters on the device.
type program struct {
	what string // network and backend, for errors
	exec *graph.Exec
	args []any // rows, parameters
}

// program returns the outputs of the layers as a program. It is compiled once
// for all networks of the same layers: parameters are arguments.
func (n *Network) program(be compute.Backend, layers []string) (*program, error) {
	exec, err := n.arch.exec(be, layers)
	if err != nil {
		return nil, fmt.Errorf("network: %q: %w", n.name, err)
	}
	p := &program{what: fmt.Sprintf("%q on %s", n.name, be.Name()), exec: exec, args: []any{nil}}
	for _, v := range n.params.values {
		p.args = append(p.args, backend.Tensor(v))
	}
	return p, nil
}

// call computes the layers of rows; each goes to the start of one of into,
// which may have fewer rows.
func (p *program) call(rows *array.Array, into ...*array.Array) error {
	x := backend.Tensor(rows)
	defer x.MustFinalizeAll()
	p.args[0] = x
	results, err := p.exec.Call(p.args...)
	if err != nil {
		return fmt.Errorf("network: %s: %w", p.what, backend.Short(err))
	}
	for _, r := range results {
		defer r.MustFinalizeAll()
	}
	for i, r := range results {
		if err := tensors.ConstFlatData(r, func(flat []float32) { copy(into[i].Data, flat) }); err != nil {
			return fmt.Errorf("network: %s: %w", p.what, backend.Short(err))
		}
	}
	return nil
}

// free frees the parameters; the compiled program is kept.
func (p *program) free() {
	for _, a := range p.args[1:] {
		a.(*tensors.Tensor).MustFinalizeAll()
	}
}

// Compile returns the forward pass up to a layer, "" for the output, on the
// backend: of rows [n, input…] it returns the layer's outputs, [n, output…],
// without dropout. It serves one goroutine at a time. free frees the parameters
// on the device; compiled programs are kept, one for each n, and shared by
// networks of the same layers.
// With [Network.Compiles] it implements attribution.Compiler.
func (n *Network) Compile(on compute.Backend, layer string) (forward func(rows *array.Array) (*array.Array, error), free func(), err error) {
	if layer == "" {
		layer = n.lastLayer()
	}
	shape, err := n.LayerShape(layer)
	if err != nil {
		return nil, nil, err
	}
	p, err := n.program(on, []string{layer})
	if err != nil {
		return nil, nil, err
	}
	return func(rows *array.Array) (*array.Array, error) {
		out := array.New(append([]int{rows.Rows()}, shape...)...)
		return out, p.call(rows, out)
	}, p.free, nil
}

// Compiles returns the network itself.
func (n *Network) Compiles() any { return n }

func (n *Network) lastLayer() string { return n.arch.layers[len(n.arch.layers)-1].name }

// exec returns the program that takes rows and parameters and gives the
// outputs of the layers.
func (a *architecture) exec(be compute.Backend, layers []string) (*graph.Exec, error) {
	build := func(in []*graph.Node) []*graph.Node {
		p := &Pass{params: map[string]*graph.Node{}, turned: map[*graph.Node]*graph.Node{}}
		for i, s := range a.specs {
			p.params[s.full] = in[1+i]
		}
		byName := map[string]*graph.Node{}
		a.forward(p, in[0], func(name string, out *graph.Node) *graph.Node {
			byName[name] = out
			return out
		})
		out := make([]*graph.Node, len(layers))
		for i, name := range layers {
			out[i] = byName[name]
		}
		return out
	}
	return a.execs.get(execKey{be, "run " + strings.Join(layers, "/")}, func() (*graph.Exec, error) { return graph.NewExec(be, build) })
}

// execs keeps compiled programs, shared by networks of the same layers.
type execs struct {
	mu    sync.Mutex
	byKey map[execKey]*graph.Exec
}

type execKey struct {
	backend compute.Backend
	program string // all that it is made from beside the architecture
}

func (e *execs) get(key execKey, build func() (*graph.Exec, error)) (*graph.Exec, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if exec, ok := e.byKey[key]; ok {
		return exec, nil
	}
	exec, err := build()
	if err != nil {
		return nil, backend.Short(err)
	}
	if e.byKey == nil {
		e.byKey = map[execKey]*graph.Exec{}
	}
	e.byKey[key] = exec.SetMaxCache(-1)
	return exec, nil
}
