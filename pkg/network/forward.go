package network

import (
	"fmt"

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
