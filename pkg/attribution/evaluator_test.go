package attribution

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/network"
)

// doubled is a model that embeds a [Compiler], whose forward passes are not
// its own: it returns twice as much.
type doubled struct{ *network.Network }

func (d doubled) Graph(scope *model.Scope, x *graph.Node, tap func(name string, n *graph.Node) *graph.Node) *graph.Node {
	return graph.MulScalar(d.Network.Graph(scope, x, tap), 2)
}

// plain is a network that keeps no programs.
type plain struct{ n *network.Network }

func (p plain) Store() *model.Store { return p.n.Store() }

func (p plain) Graph(scope *model.Scope, x *graph.Node, tap func(name string, n *graph.Node) *graph.Node) *graph.Node {
	return p.n.Graph(scope, x, tap)
}

// TestCompiler: a network's own programs and its graph compiled here give the
// same outputs, of the output and of hidden layers, for
// two networks of the same layers; a type that embeds the network is asked for its own graph.
func TestCompiler(t *testing.T) {
	var _ Compiler = (*network.Network)(nil)
	net, err := network.New("conv", []int{2, 6, 5},
		network.Conv2D(3, network.Square(3), network.ConvConfig{}), network.ReLU(), network.Flatten(), network.Dense(4))
	if err != nil {
		t.Fatal(err)
	}
	net = net.Initialize(network.TorchInit, rand.New(rand.NewPCG(4, 2)))
	other := net.Initialize(network.TorchInit, rand.New(rand.NewPCG(4, 3)))
	rows := random(rand.New(rand.NewPCG(4, 1)), 7, 2, 6, 5)
	outputs := func(b Query, m Model, target Target) []float64 {
		t.Helper()
		b.Rows, b.Target = rows, target
		f, err := NewForward(m, b, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		y, err := f.Outputs(context.Background(), rows, target)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	for _, b := range backend.ForTest(t) {
		q := Query{Backend: b}
		for _, net := range []*network.Network{net, other} {
			for _, target := range []Target{{Output: 1}, {Layer: "relu1", Output: 5}, {Layer: "conv2d0", Output: 11}} {
				want := outputs(q, plain{net}, target)
				for i, y := range outputs(q, net, target) {
					if diff := y - want[i]; diff > 1e-6 || diff < -1e-6 {
						t.Errorf("%s, %s, row %d: %g, compiled here %g", b.Name(), target, i, y, want[i])
					}
				}
			}
		}
		single, twice := outputs(q, net, Target{}), outputs(q, doubled{net}, Target{})
		for i, y := range twice {
			if diff := y - 2*single[i]; diff > 1e-6 || diff < -1e-6 {
				t.Errorf("%s, row %d: a model that doubles %g gives %g", b.Name(), i, single[i], y)
			}
		}
	}
}

// TestLive: of a chain of nodes a forward pass holds two at a time, and what a
// shortcut still needs.
func TestLive(t *testing.T) {
	b := backend.ForTest(t)[0]
	for _, c := range []struct {
		what  string
		build func(x *graph.Node) *graph.Node
		live  int
	}{
		{"chain", func(x *graph.Node) *graph.Node { return graph.Neg(graph.Abs(graph.Neg(x))) }, 20},
		{"shortcut", func(x *graph.Node) *graph.Node { return graph.Add(x, graph.Abs(graph.Neg(x))) }, 30},
		{"square", func(x *graph.Node) *graph.Node { y := graph.Neg(x); return graph.Abs(graph.Mul(y, y)) }, 20},
	} {
		g := graph.NewGraph(b, c.what)
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2, 5))
		c.build(x)
		if _, _, live := sizes(g, x); live != c.live {
			t.Errorf("%s: %d values, want %d", c.what, live, c.live)
		}
		g.Finalize()
	}
}
