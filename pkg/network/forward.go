package network

import (
	"fmt"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
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

// exec returns the program that takes rows and parameters and gives the
// outputs of the layers. Parameters are arguments, so that a changed network
// runs without being compiled again.
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
