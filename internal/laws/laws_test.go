// Package laws holds the laws of docs/architecture.md, one line of a table
// each, checked through public packages alone. The packages' own tests ask
// more of each; this is the place where all of them are seen at once.
package laws

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/neuron"
	"github.com/gojacard/jacard/pkg/project"
	"github.com/gojacard/jacard/pkg/weightshift"
)

var ctx = context.Background()

// laws are all of them. A law about graphs runs on every backend; others use
// plain numbers and run once.
var laws = []struct {
	name  string
	holds func(t *testing.T, b compute.Backend)
	plain bool
}{
	{"completeness: Σφ = f(x) − mean f(b)", completeness, false},
	{"an unused input gets 0", unusedInput, false},
	{"symmetric inputs share equally", symmetry, false},
	{"linear in the model", linearity, false},
	{"same function written in another way, same values", sameFunction, false},
	{"a split's attributions sum to the input's total", splits, false},
	{"copy before manipulation: the original stays", original, false},
	{"δ = 0 changes nothing, bit for bit", zeroShift, false},
	{"Jaccard(a,a) = 1, symmetric, in [0,1]", jaccard, true},
	{"t-SNE: threads = one thread", threads, true},
	{"t-SNE: exact = approximate at zero tolerance", exact, true},
	// t-SNE's gradient = finite difference needs the gradient, which only
	// pkg/project sees: TestGradientIsSlopeOfKL there.
	// Kills at any instant need processes: TestKillAtAnyInstant of
	// pkg/artifact. Here a step ends in the middle.
	{"store: a broken step loses nothing that was finished", store, true},
}

func TestLaws(t *testing.T) {
	for _, law := range laws {
		t.Run(law.name, func(t *testing.T) {
			if law.plain {
				law.holds(t, nil)
				return
			}
			for _, b := range backend.ForTest(t) {
				t.Run(backend.NameOf(b), func(t *testing.T) { law.holds(t, b) })
			}
		})
	}
}

// function is a model of one expression over inputs [rows, 3].
type function func(a, b, c *Node) *Node

func (f function) Store() *model.Store { return model.NewStore() }

func (f function) Graph(_ *model.Scope, x *Node, _ func(string, *Node) *Node) *Node {
	in := func(k int) *Node { return Slice(x, AxisRange(), AxisElem(k)) }
	return f(in(0), in(1), in(2))
}

// relu is written here twice: as a maximum and as a choice.
func relu(x *Node) *Node { return Max(x, ScalarZero(x.Graph(), x.DType())) }

func reluByChoice(x *Node) *Node {
	zero := ZerosLike(x)
	return Where(GreaterThan(x, zero), x, zero)
}

func curved(a, b, c *Node) *Node { return Sigmoid(Add(Mul(a, b), relu(Sub(c, a)))) }

func random(seed uint64, shape ...int) *array.Array {
	rng := rand.New(rand.NewPCG(seed, 1))
	a := array.New(shape...)
	for i := range a.Data {
		a.Data[i] = float32(rng.NormFloat64())
	}
	return a
}

// classifier is a small network with two hidden layers.
func classifier(t *testing.T) *network.Network {
	t.Helper()
	net, err := network.New("laws", []int{6}, network.Dense(8), network.ReLU(), network.Dense(7), network.ReLU(),
		network.Dropout(0.5), network.Dense(1), network.Sigmoid())
	if err != nil {
		t.Fatal(err)
	}
	return net.Initialize(network.GlorotInit, rand.New(rand.NewPCG(4, 4)))
}

// explain attributes the model's output to the named layers, or the input.
func explain(t *testing.T, b compute.Backend, m attribution.Model, rows, background *array.Array, layers ...string) *attribution.Attribution {
	t.Helper()
	a, err := attribution.Explain(ctx, m, attribution.Rescale{}, attribution.Query{Rows: rows, Background: background, Backend: b, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func phi(t *testing.T, b compute.Backend, f function) *array.Array {
	t.Helper()
	return explain(t, b, f, random(1, 5, 3), random(2, 4, 3)).Layers[0].Values
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %g, want %g ± %g", what, got, want, tolerance)
	}
}

func sum(row []float32) (total float64) {
	for _, v := range row {
		total += float64(v)
	}
	return total
}

func completeness(t *testing.T, b compute.Backend) {
	for _, m := range []struct {
		attribution.Model
		width int
	}{{function(curved), 3}, {classifier(t), 6}} {
		a := explain(t, b, m, random(1, 5, m.width), random(2, 4, m.width))
		for i := range 5 {
			near(t, "Σφ", sum(a.Layers[0].Values.Row(i)), float64(a.Outputs.Data[i])-a.BaseValue(), 1e-6)
		}
	}
}

func unusedInput(t *testing.T, b compute.Backend) {
	values := phi(t, b, func(a, _, c *Node) *Node { return Tanh(Mul(a, c)) })
	for i := range values.Rows() {
		if values.At(i, 1) != 0 {
			t.Errorf("row %d: unused input got %g", i, values.At(i, 1))
		}
	}
}

func symmetry(t *testing.T, b compute.Backend) {
	rows, background := random(1, 5, 3), random(2, 4, 3)
	for _, a := range []*array.Array{rows, background} {
		for i := range a.Rows() {
			a.Row(i)[1] = a.Row(i)[0]
		}
	}
	values := explain(t, b, function(func(a, b, c *Node) *Node { return Sigmoid(Add(Mul(a, b), Mul(c, Add(relu(a), relu(b))))) }), rows, background).Layers[0].Values
	for i := range values.Rows() {
		near(t, "symmetric input", float64(values.At(i, 0)), float64(values.At(i, 1)), 1e-6)
	}
}

func linearity(t *testing.T, b compute.Backend) {
	other := func(a, b, c *Node) *Node { return Tanh(Sub(Mul(b, c), a)) }
	f, g := phi(t, b, curved), phi(t, b, other)
	both := phi(t, b, func(a, b, c *Node) *Node { return Sub(MulScalar(curved(a, b, c), 2), MulScalar(other(a, b, c), 3)) })
	for k, v := range both.Data {
		near(t, "2f − 3g", float64(v), 2*float64(f.Data[k])-3*float64(g.Data[k]), 2e-6)
	}
}

func sameFunction(t *testing.T, b compute.Backend) {
	want := phi(t, b, curved)
	for name, f := range map[string]function{
		"a choice for the maximum": func(a, b, c *Node) *Node { return Sigmoid(Add(Mul(a, b), reluByChoice(Sub(c, a)))) },
		"terms in another order":   func(a, b, c *Node) *Node { return Sigmoid(Add(relu(Add(Neg(a), c)), Mul(b, a))) },
		"the sigmoid by parts": func(a, b, c *Node) *Node {
			return Reciprocal(AddScalar(Exp(Neg(Add(Mul(a, b), relu(Sub(c, a))))), 1))
		},
	} {
		for k, v := range phi(t, b, f).Data {
			near(t, name, float64(v), float64(want.Data[k]), 2e-6)
		}
	}
}

func splits(t *testing.T, b compute.Backend) {
	a := explain(t, b, classifier(t), random(1, 5, 6), random(2, 4, 6), attribution.Input, "relu1", "relu3")
	for _, l := range a.Layers[1:] {
		for i := range 5 {
			near(t, l.Layer, sum(l.Values.Row(i)), sum(a.Layers[0].Values.Row(i)), 1e-6)
		}
	}
}

// shifts are parts for every layer of the classifier, with every other input
// in the masks.
func shifts(net *network.Network) (parts []weightshift.Part) {
	for _, layer := range []string{"dense0", "dense2"} {
		weights, _ := net.Parameters().Get(layer + ".weight")
		mask := &weightshift.Mask{Values: array.New(weights.Shape...)}
		for i := range mask.Values.Data {
			mask.Values.Data[i] = float32(i % 2)
		}
		parts = append(parts, weightshift.Part{Layer: layer, Neurons: []int{0, 2, 5}, Mask: mask})
	}
	return parts
}

// shiftAll applies one δ in all modes and tells how the network and its
// outputs were before.
func shiftAll(t *testing.T, b compute.Backend, delta float64, check func(mode weightshift.Mode, before, after, shifted *array.Array, hashes [3]string)) {
	t.Helper()
	net, x := classifier(t), random(1, 9, 6)
	predict := func(n *network.Network) *array.Array {
		out, err := n.Predict(ctx, x, network.RunConfig{Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	hash, before := net.Hash(), predict(net)
	for _, mode := range weightshift.Modes() {
		shifted, err := weightshift.Apply(net, weightshift.Shift{Parts: shifts(net), Mode: mode, Delta: delta, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		check(mode, before, predict(net), predict(shifted), [3]string{hash, net.Hash(), shifted.Hash()})
	}
}

func original(t *testing.T, b compute.Backend) {
	shiftAll(t, b, 0.7, func(mode weightshift.Mode, before, after, shifted *array.Array, h [3]string) {
		if !before.Equal(after) || h[0] != h[1] {
			t.Errorf("%s: the original changed", mode)
		}
		if before.Equal(shifted) || h[0] == h[2] {
			t.Errorf("%s: the copy did not change", mode)
		}
	})
}

func zeroShift(t *testing.T, b compute.Backend) {
	shiftAll(t, b, 0, func(mode weightshift.Mode, before, _, shifted *array.Array, h [3]string) {
		if !before.Equal(shifted) || h[0] != h[2] {
			t.Errorf("%s: δ = 0 changed something", mode)
		}
	})
}

func jaccard(t *testing.T, _ compute.Backend) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 500 {
		a, b := neuron.NewTopSet(rng.Perm(12)[:1+rng.IntN(10)]...), neuron.NewTopSet(rng.Perm(12)[:rng.IntN(11)]...)
		s := neuron.Jaccard(a, b)
		if neuron.Jaccard(a, a) != 1 || s != neuron.Jaccard(b, a) || s < 0 || s > 1 {
			t.Fatalf("sets %v and %v: %g", a.Positions, b.Positions, s)
		}
	}
}

// tsne maps 150 points of three clouds.
func tsne(t *testing.T, cfg project.TSNEConfig) *project.Map {
	t.Helper()
	x := random(6, 150, 5)
	for i := range 150 {
		x.Row(i)[i%3] += 8
	}
	m, err := project.TSNE(ctx, x, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func threads(t *testing.T, _ compute.Backend) {
	cfg := project.TSNEConfig{Perplexity: 12, Iterations: 120, Seed: 1}
	want := tsne(t, cfg)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(n)
		if got := tsne(t, cfg); !got.Points.Equal(want.Points) || got.KL != want.KL {
			t.Errorf("%d threads give another map", n)
		}
	}
}

// exact compares maps after a few steps: later, rounding tells them apart.
// 3·perplexity+1 neighbours are all the others, and no cell is small enough.
func exact(t *testing.T, _ compute.Backend) {
	cfg := project.TSNEConfig{Perplexity: 49.7, Iterations: 20, Angle: 1e-9}
	approximate := tsne(t, cfg)
	cfg.Exact = true
	want := tsne(t, cfg)
	scale := float64(slices.Max(want.Points.Data))
	for i, v := range approximate.Points.Data {
		near(t, "coordinate", float64(v), float64(want.Points.Data[i]), 1e-4*scale)
	}
}

type number struct {
	artifact.Provenance
	Value  int
	Values *array.Array
}

func store(t *testing.T, _ compute.Backend) {
	dir := t.TempDir()
	run := func(seed uint64, compute func(context.Context) (*number, error)) (*number, error) {
		s, err := artifact.Open(dir) // as another process would
		if err != nil {
			t.Fatal(err)
		}
		s.Announce = nil
		return artifact.Step(ctx, s, artifact.Spec{Name: "number", Version: 1, Seed: seed}, compute)
	}
	want, err := run(1, func(context.Context) (*number, error) { return &number{Value: 5, Values: random(1, 2, 3)}, nil })
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("in the middle")
	if _, err := run(2, func(context.Context) (*number, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		run(2, func(context.Context) (*number, error) { panic("killed") })
	}()
	got, err := run(1, func(context.Context) (*number, error) { t.Error("finished step computed again"); return nil, broken })
	if err != nil || got.Value != 5 || !bytes.Equal(array.Bytes(got.Values.Data), array.Bytes(want.Values.Data)) || !reflect.DeepEqual(got.Inputs, want.Inputs) {
		t.Errorf("got %+v, %v", got, err)
	}
	if again, err := run(2, func(context.Context) (*number, error) { return &number{Value: 6}, nil }); err != nil || again.Value != 6 {
		t.Errorf("the broken step cannot be computed: %v, %v", again, err)
	}
}
