package diagram_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/neuron/diagram"
	"github.com/gojacard/jacard/pkg/plots"
)

func random(seed uint64, shape ...int) *array.Array {
	rng := rand.New(rand.NewPCG(seed, 1))
	a := array.New(shape...)
	for i := range a.Data {
		a.Data[i] = float32(rng.NormFloat64())
	}
	return a
}

func build(t testing.TB, input int, layers ...network.Layer) *network.Network {
	t.Helper()
	net, err := network.New("net", []int{input}, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return net.Initialize(network.TorchInit, rand.New(rand.NewPCG(3, 4)))
}

// TestFlows: flows are what the network's own logits change by when a feature
// does, so they add up with the slopes of every activation: for each feature,
// Σ_j flow(i→j) = x_i ∂z/∂x_i.
func TestFlows(t *testing.T) {
	nets := map[string]*network.Network{
		"relu":    build(t, 4, network.Dense(12), network.ReLU(), network.Dropout(0.5), network.Dense(3)),
		"sigmoid": build(t, 3, network.Dense(5), network.Sigmoid(), network.Dense(4), network.Tanh(), network.Dense(1), network.Sigmoid()),
		"linear":  build(t, 3, network.Named("first", network.Dense(4)), network.Dense(2), network.Softmax(0)),
	}
	for name, net := range nets {
		for _, be := range backend.ForTest(t) {
			in := net.Input()[0]
			x := random(7, 3, in)
			data, err := diagram.Of(context.Background(), net, x, diagram.Config{Backend: be})
			if err != nil {
				t.Fatal(err)
			}
			// One row moved up and down in each feature.
			const h = 1e-2
			moved := array.New(2*in, in)
			for i := range in {
				copy(moved.Row(2*i), x.Row(1))
				copy(moved.Row(2*i+1), x.Row(1))
				moved.Row(2 * i)[i] += h
				moved.Row(2*i + 1)[i] -= h
			}
			shifted, err := diagram.Of(context.Background(), net, moved, diagram.Config{Backend: be})
			if err != nil {
				t.Fatal(err)
			}
			p, err := plots.Path(data, 1)
			if err != nil {
				t.Fatal(err)
			}
			logits := shifted.Layers[len(shifted.Layers)-1].Activations
			for i := range in {
				sum := 0.0
				for _, e := range p.Edges[0] {
					if e.From == i {
						sum += e.Flow
					}
				}
				up, down := float64(logits.At(2*i, p.Output)), float64(logits.At(2*i+1, p.Output))
				want := p.Sign * float64(x.At(1, i)) * (up - down) / (2 * h)
				if math.Abs(sum-want) > 1e-3 { // float32 differences over 0.02, and their curvature
					t.Errorf("%s: flows of feature %d add up to %g, want %g", name, i, sum, want)
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for want, net := range map[string]*network.Network{
		`layer "relu0" (relu) stands before`:    build(t, 3, network.ReLU(), network.Dense(2)),
		`layer "tanh2" (tanh) follows "relu1"`:  build(t, 3, network.Dense(2), network.ReLU(), network.Tanh(), network.Dense(2)),
		`layer "selu1" (selu) lies inside`:      build(t, 3, network.Dense(2), network.SELU(), network.Dense(2)),
		`layer "relu1" (relu) ends the network`: build(t, 3, network.Dense(2), network.ReLU()),
		"has no dense layer":                    build(t, 3, network.Dropout(0.1)),
	} {
		if _, err := diagram.Of(context.Background(), net, random(1, 2, 3), diagram.Config{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestWide draws the thesis' classifier of codes: 43,100 edges, of which at
// most 60 of each connection are drawn.
func TestWide(t *testing.T) {
	var layers []network.Layer
	for range 5 {
		layers = append(layers, network.Dense(100), network.ReLU(), network.Dropout(0.2))
	}
	net := build(t, 30, append(layers, network.Dense(1), network.Sigmoid())...)
	data, err := diagram.Of(context.Background(), net, random(2, 4, 30), diagram.Config{Backend: backend.ForTest(t)[0]})
	if err != nil {
		t.Fatal(err)
	}
	f, err := plots.Network(data)
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Caption(); !strings.Contains(c, " of 43,100 edges") {
		t.Errorf("caption %q", c)
	}
	if err := f.SVG(io.Discard); err != nil {
		t.Error(err)
	}
}

func ExampleOf() {
	net, err := network.New("iris", []int{4}, network.Dense(12), network.ReLU(), network.Dense(3))
	if err != nil {
		panic(err)
	}
	net = net.Initialize(network.TorchInit, rand.New(rand.NewPCG(1, 2)))
	data, err := diagram.Of(context.Background(), net, array.New(5, 4), diagram.Config{
		Inputs: []string{"sepal length", "sepal width", "petal length", "petal width"},
	})
	if err != nil {
		panic(err)
	}
	for _, l := range data.Layers {
		fmt.Println(l.Name, l.Activations.Shape)
	}
	// Output:
	// input [5 4]
	// relu1 [5 12]
	// logits [5 3]
}
