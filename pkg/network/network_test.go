package network

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

func ExampleNew() {
	n, err := New("classifier", []int{30},
		Dense(100), ReLU(),
		Dense(100), ReLU(), Dropout(0.2),
		Dense(1), Sigmoid())
	if err != nil {
		panic(err)
	}
	n = n.Initialize(TorchInit, rand.New(rand.NewPCG(42, 0)))
	fmt.Print(n)
	// Output:
	// classifier: 30 → 1, 13301 parameters
	// layer     output  parameters
	// dense0    100     3100
	// relu1     100     0
	// dense2    100     10100
	// relu3     100     0
	// dropout4  100     0
	// dense5    1       101
	// sigmoid6  1       0
}

func ExampleNetwork_Split() {
	n, _ := New("m", []int{4}, Dense(3), ReLU(), Dense(2))
	head, tail, _ := n.Split("dense2")
	fmt.Println(head.LayerNames(), tail.LayerNames())
	// Output: [dense0 relu1] [dense2]
}

func ExampleNetwork_Append() {
	logits, _ := New("m", []int{4}, Dense(3), ReLU(), Dense(2))
	classifier, _ := logits.Append(Softmax(-1))
	fmt.Println(classifier.LayerNames())
	// Output: [dense0 relu1 dense2 softmax3]
}

func ExampleNetwork_WithParameters() {
	n, _ := New("m", []int{2}, Dense(1))
	w, _ := n.Parameters().Get("dense0.weight")
	w = w.Clone() // arrays of a network are not written to
	w.Row(0)[1] = 3
	changed, _ := n.WithParameters(n.Parameters().With("dense0.weight", w))
	x, _ := array.FromRows([][]float32{{1, 2}})
	before, _ := n.Predict(context.Background(), x, RunConfig{})
	after, _ := changed.Predict(context.Background(), x, RunConfig{})
	fmt.Println(before.Data, after.Data)
	// Output: [0] [6]
}

// TestStudySizes checks the parameter counts that the studies publish.
func TestStudySizes(t *testing.T) {
	if got := classifier().ParameterCount(); got != 43_601 {
		t.Errorf("classifier: got %d parameters, want 43,601", got)
	}
	if got := autoencoder().ParameterCount(); got != 1_153_454 {
		t.Errorf("autoencoder: got %d parameters, want 1,153,454", got)
	}
	if got := softmaxMaps().ParameterCount(); got != 697_710 {
		t.Errorf("softmax maps: got %d parameters, want 697,710", got)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		want   string
		input  []int
		layers []Layer
	}{
		{"has no layers", []int{3}, nil},
		{"layer 1 is nil", []int{3}, []Layer{ReLU(), nil}},
		{"input shape []", nil, []Layer{ReLU()}},
		{"input shape [3 0]", []int{3, 0}, []Layer{ReLU()}},
		{`layer "dense0" after shape [2 3]: dense takes rows of one axis`, []int{2, 3}, []Layer{Dense(3)}},
		{"at least 1 unit, got 0", []int{3}, []Layer{Dense(0)}},
		{"too large", []int{3}, []Layer{Dense(math.MaxInt)}},
		{"more than", []int{1 << 30}, []Layer{Dense(1000), Dense(1 << 30)}},
		{"dropout rate 1: want", []int{3}, []Layer{Dropout(1)}},
		{"dropout rate NaN", []int{3}, []Layer{Dropout(math.NaN())}},
		{`two layers are named "a"`, []int{3}, []Layer{Named("a", ReLU()), Named("a", ReLU())}},
		{`layer name "a/b"`, []int{3}, []Layer{Named("a/b", ReLU())}},
		{`layer name ".."`, []int{3}, []Layer{Named("..", ReLU())}},
	} {
		if _, err := New("n", c.input, c.layers...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%v, %v): got error %v, want %q", c.input, c.layers, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	n := must(New("n", []int{3}, Dense(2), Named("code", Named("x", ReLU())), Dense(2)))
	if got := strings.Join(n.LayerKinds(), " "); got != "dense relu dense" {
		t.Errorf("layer kinds %s", got)
	}
	if got := strings.Join(n.LayerNames(), " "); got != "dense0 code dense2" {
		t.Errorf("layer names: got %s", got)
	}
	if got := strings.Join(n.Parameters().Names(), " "); got != "dense0.weight dense0.bias dense2.weight dense2.bias" {
		t.Errorf("parameter names: got %s", got)
	}
	if _, err := n.LayerShape("dense9"); err == nil || !strings.Contains(err.Error(), "it has dense0, code, dense2") {
		t.Errorf("unknown layer: got %v", err)
	}
}

// TestOriginalUnchanged is the law that a change is made on a copy.
func TestOriginalUnchanged(t *testing.T) {
	n := small(1)
	hash, weight := n.Hash(), must(n.Parameters().Get("dense0.weight")).Hash()
	w := must(n.Parameters().Get("dense0.weight")).Clone()
	w.Data[0]++
	changed := must(n.WithParameters(n.Parameters().With("dense0.weight", w)))
	_ = n.Initialize(TorchInit, rand.New(rand.NewPCG(9, 9)))
	if n.Hash() != hash || must(n.Parameters().Get("dense0.weight")).Hash() != weight {
		t.Error("the original changed")
	}
	if changed.Hash() == hash {
		t.Error("the copy has the hash of the original")
	}
	again := must(n.Parameters().Get("dense0.weight")).Clone()
	if same := must(n.WithParameters(n.Parameters().With("dense0.weight", again))); same.Hash() != hash {
		t.Error("equal networks have different hashes")
	}
	if other := must(must(New("m", []int{4}, Dense(5), Sigmoid(), Dropout(0.5), Dense(2), ReLU())).WithParameters(n.Parameters())); other.Hash() == hash {
		t.Error("other layers have the same hash")
	}
}

func TestWithParametersRefuses(t *testing.T) {
	n := small(1)
	for name, p := range map[string]Parameters{
		"want [5 4]":       n.Parameters().With("dense0.weight", array.New(4, 5)),
		"takes parameters": n.Parameters().With("dense9.weight", array.New(4, 5)),
	} {
		if _, err := n.WithParameters(p); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want %q", err, name)
		}
	}
	if _, err := n.Parameters().Get("dense1.weight"); err == nil {
		t.Error("an unknown name gives no error")
	}
}

// TestInitialisers holds draws to the bounds and moments of torch's samples.
func TestInitialisers(t *testing.T) {
	c := fixture.Load(t, "initialisers")
	var want map[string]struct {
		Fan   int     `json:"fan_in"`
		Bound float64 `json:"bound"`
		Deep  float64 `json:"glorot_bound"`
	}
	c.JSON("parameters", &want)
	for name, size := range map[string][2]int{"linear_30_100": {30, 100}, "linear_784_512": {784, 512}} {
		n := must(New(name, []int{size[0]}, Dense(size[1])))
		torch := n.Initialize(TorchInit, rand.New(rand.NewPCG(5, 6))).Parameters()
		sklearn := n.Initialize(SklearnInit, rand.New(rand.NewPCG(5, 6))).Parameters()
		glorot := n.Initialize(GlorotInit, rand.New(rand.NewPCG(5, 6))).Parameters()
		checkUniform(t, name+" weight", must(torch.Get("dense0.weight")), want[name].Bound)
		checkUniform(t, name+" bias", must(torch.Get("dense0.bias")), want[name].Bound)
		checkUniform(t, name+" Glorot weight", must(glorot.Get("dense0.weight")), want[name].Deep)
		checkUniform(t, name+" scikit-learn weight", must(sklearn.Get("dense0.weight")), want[name].Deep)
		checkUniform(t, name+" scikit-learn bias", must(sklearn.Get("dense0.bias")), want[name].Deep)
		if b := must(glorot.Get("dense0.bias")); slices.Max(b.Data) != 0 || slices.Min(b.Data) != 0 {
			t.Errorf("%s: Glorot bias is not zero", name)
		}
	}
}

func checkUniform(t *testing.T, name string, a *array.Array, bound float64) {
	t.Helper()
	n, sum, squares, most := float64(len(a.Data)), 0.0, 0.0, 0.0
	for _, v := range a.Data {
		sum, squares, most = sum+float64(v), squares+float64(v)*float64(v), max(most, math.Abs(float64(v)))
	}
	sd := math.Sqrt(squares / n)
	if most > bound*(1+1e-6) || most < bound*(1-20/n) {
		t.Errorf("%s: largest %g, bound %g", name, most, bound)
	}
	if math.Abs(sum/n) > 5*bound/math.Sqrt(3*n) || math.Abs(sd*math.Sqrt(3)/bound-1) > 5*math.Sqrt(0.2/n) {
		t.Errorf("%s: mean %g, standard deviation %g; want 0 and %g", name, sum/n, sd, bound/math.Sqrt(3))
	}
}

// TestSplit holds the law that tail of head is the network, bit for bit, at
// every layer, and that activations are the heads' outputs.
func TestSplit(t *testing.T) {
	n := classifier().Initialize(TorchInit, rand.New(rand.NewPCG(1, 2)))
	x := randomRows(150, 30)
	forEach(t, func(t *testing.T, be compute.Backend) {
		cfg := RunConfig{Backend: be, BatchRows: 64}
		want := predict(t, n, x, cfg)
		asked := []string{"sigmoid15", "relu3", "dropout4", "relu3"}
		taps, err := n.Activations(context.Background(), x, asked, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if !taps[0].Equal(want) || !taps[1].Equal(taps[2]) || !taps[1].Equal(taps[3]) {
			t.Error("activations differ from the output or among each other")
		}
		for _, layer := range []string{"relu1", "dense2", "dropout4", "dense8", "sigmoid15"} {
			head, tail, err := n.Split(layer)
			if err != nil {
				t.Fatal(err)
			}
			h := predict(t, head, x, cfg)
			if got := predict(t, tail, h, cfg); !got.Equal(want) {
				t.Errorf("split before %s: off by %g", layer, difference(got, want))
			}
			if layer == "dropout4" && !h.Equal(taps[1]) {
				t.Errorf("activation of relu3 differs from the head's output by %g", difference(h, taps[1]))
			}
			if got := len(head.LayerNames()) + len(tail.LayerNames()); got != 16 {
				t.Errorf("split before %s: %d layers", layer, got)
			}
		}
	})
	if _, _, err := n.Split("dense0"); err == nil || !strings.Contains(err.Error(), "first layer") {
		t.Errorf("split before the first layer: got %v", err)
	}
	if _, _, err := n.Split("dense1"); err == nil {
		t.Error("split before an unknown layer: no error")
	}
}

// TestGraphIsThePlainModel runs the network as any GoMLX model is run.
func TestGraphIsThePlainModel(t *testing.T) {
	n, x := small(3), randomRows(8, 4)
	forEach(t, func(t *testing.T, be compute.Backend) {
		var tapped []string
		exec, err := model.NewExec(be, n.Store(), func(scope *model.Scope, x *graph.Node) []*graph.Node {
			tapped = nil
			once := n.Graph(scope, x, func(name string, out *graph.Node) *graph.Node {
				tapped = append(tapped, fmt.Sprint(name, out.Shape().Dimensions))
				return out
			})
			return []*graph.Node{once, n.Graph(scope, x, nil)}
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Call(backend.Tensor(x))
		if err != nil {
			t.Fatal(err)
		}
		want := predict(t, n, x, RunConfig{Backend: be})
		for _, o := range out {
			if got := must(backend.Array(o)); difference(got, want) > 1e-6 {
				t.Errorf("Graph and Predict differ by %g", difference(got, want))
			}
		}
		if got := strings.Join(tapped, " "); got != "dense0[8 5] relu1[8 5] dropout2[8 5] dense3[8 2] sigmoid4[8 2]" {
			t.Errorf("taps: got %s", got)
		}
	})
}

// TestPredict: block size and progress, and what is refused.
func TestPredict(t *testing.T) {
	n, x := small(3), randomRows(37, 4)
	forEach(t, func(t *testing.T, be compute.Backend) {
		want := predict(t, n, x, RunConfig{Backend: be})
		var done []int
		got := predict(t, n, x, RunConfig{Backend: be, BatchRows: 16, Progress: func(d, all int) { done = append(done, d, all) }})
		if difference(got, want) > 1e-6 || !slices.Equal(done, []int{16, 37, 32, 37, 37, 37}) {
			t.Errorf("in blocks: off by %g, progress %v", difference(got, want), done)
		}
		if got := predict(t, n, array.New(0, 4), RunConfig{Backend: be}); !slices.Equal(got.Shape, []int{0, 2}) {
			t.Errorf("no rows: got shape %v", got.Shape)
		}
		nan := x.Clone()
		nan.Data[0] = float32(math.NaN())
		if got := predict(t, n, nan, RunConfig{Backend: be}); !math.IsNaN(float64(got.Data[0])) || got.Data[2] != want.Data[2] {
			t.Errorf("a NaN in row 0 gives %v and %v", got.Row(0), got.Row(1))
		}
	})
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for want, err := range map[string]error{
		"want [rows, 4]":   second(n.Predict(context.Background(), array.New(2, 5), RunConfig{})),
		"are nil":          second(n.Predict(context.Background(), nil, RunConfig{})),
		"holds 8 values":   second(n.Predict(context.Background(), &array.Array{Shape: []int{2, 4}}, RunConfig{})),
		"negative":         second(n.Predict(context.Background(), x, RunConfig{BatchRows: -1})),
		"context canceled": second(n.Predict(cancelled, x, RunConfig{})),
		"no layer":         second(n.Activations(context.Background(), x, []string{"x"}, RunConfig{})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

// small is 4-5-2 with one layer of each kind.
func small(seed uint64) *Network {
	n := must(New("small", []int{4}, Dense(5), ReLU(), Dropout(0.5), Dense(2), Sigmoid()))
	return n.Initialize(TorchInit, rand.New(rand.NewPCG(seed, 0)))
}

func predict(t *testing.T, n *Network, x *array.Array, cfg RunConfig) *array.Array {
	t.Helper()
	out, err := n.Predict(context.Background(), x, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func second[T any](_ T, err error) error { return err }

func difference(a, b *array.Array) float64 {
	if !slices.Equal(a.Shape, b.Shape) {
		return math.Inf(1)
	}
	worst := 0.0
	for i, v := range a.Data {
		d := math.Abs(float64(v) - float64(b.Data[i]))
		if math.IsNaN(d) {
			return d
		}
		worst = max(worst, d)
	}
	return worst
}

func largest(a *array.Array) float64 { return difference(a, array.New(a.Shape...)) }

func forEach(t *testing.T, f func(t *testing.T, be compute.Backend)) {
	for _, be := range backend.ForTest(t) {
		t.Run(be.Name(), func(t *testing.T) { f(t, be) })
	}
}
