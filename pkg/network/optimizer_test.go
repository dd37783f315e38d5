package network

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// TestOptimisers follows PyTorch's traces of five steps on given gradients.
func TestOptimisers(t *testing.T) {
	c := fixture.Load(t, "optimisers")
	start, gradients := c.Array("start"), c.Array("gradients")
	for name, o := range map[string]Optimizer{
		"adam_torch_eps1e-8": Adam{},
		"adam_torch_eps1e-4": Adam{Rate: 0.005, Epsilon: 1e-4},
		"sgd":                SGD{Rate: 0.005},
		"sgd_momentum0.5":    SGD{Rate: 0.01, Momentum: 0.5},
		"sgd_momentum0.9_wd": SGD{Rate: 0.01, Momentum: 0.9, WeightDecay: 0.01},
	} {
		want := c.Array(name)
		t.Run(name, func(t *testing.T) {
			forEach(t, func(t *testing.T, be compute.Backend) {
				o := must(o.withDefaults())
				exec, err := graph.NewExec(be, func(in []*graph.Node) []*graph.Node {
					g := in[0].Graph()
					p := in[0]
					var slots, steps []*graph.Node
					for range o.slots() {
						slots = append(slots, graph.ZerosLike(p))
					}
					for i := range 5 {
						var factors []*graph.Node
						for _, f := range o.factors(i + 1) {
							factors = append(factors, graph.Const(g, float32(f)))
						}
						p, slots = o.step(p, graph.Reshape(graph.Slice(in[1], graph.AxisElem(i)), 12), slots, factors)
						steps = append(steps, graph.Reshape(p, 1, 12))
					}
					return []*graph.Node{graph.Concatenate(steps, 0)}
				})
				if err != nil {
					t.Fatal(err)
				}
				got := must(backend.Array(exec.MustCall(backend.Tensor(start), backend.Tensor(gradients))[0]))
				for i, v := range got.Data {
					if d := math.Abs(float64(v - want.Data[i])); !(d <= 2e-6+1e-6*math.Abs(float64(want.Data[i]))) {
						t.Fatalf("value %d: got %v, want %v", i, v, want.Data[i])
					}
				}
			})
		})
	}
}

func TestOptimisersRefuse(t *testing.T) {
	for _, o := range []Optimizer{
		Adam{Rate: -1}, Adam{Beta1: 1}, Adam{Beta2: math.NaN()}, Adam{WeightDecay: -1}, SGD{Rate: math.NaN()}, SGD{Momentum: -0.5},
	} {
		if _, err := o.withDefaults(); err == nil || !strings.Contains(err.Error(), "want positive Rate") {
			t.Errorf("%#v: got error %v", o, err)
		}
	}
}

// TestLosses compares values, for arrays and in graphs, and gradients with PyTorch's.
func TestLosses(t *testing.T) {
	c := fixture.Load(t, "losses")
	for _, l := range []struct {
		loss                  Loss
		output, target, value string
		grad                  string
		rows                  string
	}{
		{loss: MSE(), output: "mse.y", target: "mse.x", value: "mse_mean.loss", grad: "mse_mean.grad"},
		{loss: BCE(), output: "bce.p", target: "bce.y", value: "bce.loss", rows: "bce.elements"},
		{loss: BCE(), output: "bce_inner.p", target: "bce.y", value: "bce_inner.loss", grad: "bce_inner.grad"},
		{loss: CrossEntropy(), output: "ce.logits", target: "ce.target", value: "ce.loss", grad: "ce.grad", rows: "ce.elements"},
		{loss: CrossEntropy(), output: "double_softmax.p", target: "ce.target", value: "double_softmax.loss", grad: "double_softmax.grad"},
	} {
		output, want := c.Array(l.output), float64(c.Array(l.value).Data[0])
		var target *array.Array
		if l.target == "ce.target" {
			classes, _ := c.Ints(l.target)
			target = must(OneHot(classes, 5))
		} else {
			target = c.Array(l.target)
		}
		target = target.Slice(target.Rows()-output.Rows(), target.Rows()) // the inner rows are the last
		rows, err := l.loss.PerRow(output, target)
		if err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		for i, r := range rows {
			mean += r / float64(len(rows))
			if l.rows != "" {
				if w := float64(c.Array(l.rows).Data[i]); math.Abs(r-w) > 2e-6+5e-6*w {
					t.Errorf("%s, row %d: got %g, want %g", l.value, i, r, w)
				}
			}
		}
		if math.Abs(mean-want) > 2e-6+5e-6*want {
			t.Errorf("%s of arrays: got %g, want %g", l.value, mean, want)
		}
		forEach(t, func(t *testing.T, be compute.Backend) {
			exec, err := graph.NewExec(be, func(in []*graph.Node) []*graph.Node {
				loss := graph.ReduceAllMean(l.loss.graph(in[0], in[1]))
				return []*graph.Node{loss, graph.Gradient(loss, in[0])[0]}
			})
			if err != nil {
				t.Fatal(err)
			}
			out := exec.MustCall(backend.Tensor(output), backend.Tensor(target))
			if got := float64(must(backend.Array(out[0])).Data[0]); math.Abs(got-want) > 2e-6+5e-6*want {
				t.Errorf("%s: got %g, want %g", l.value, got, want)
			}
			gradient := must(backend.Array(out[1]))
			for i, g := range gradient.Data {
				if !finite(g) {
					t.Errorf("%s: gradient %d is %v", l.value, i, g)
				}
			}
			if l.grad != "" {
				if w := c.Array(l.grad); difference(gradient, w) > 2e-6+5e-6*largest(w) {
					t.Errorf("%s: off by %g", l.grad, difference(gradient, w))
				}
			}
		})
	}
	for _, l := range []Loss{MSE(), BCE(), CrossEntropy(), SklearnCrossEntropy()} {
		if _, err := l.PerRow(array.New(2, 3), array.New(2, 4)); err == nil {
			t.Errorf("%v: unequal shapes: no error", l)
		}
	}
	if _, err := CrossEntropy().PerRow(array.New(2, 3, 1), array.New(2, 3, 1)); err == nil {
		t.Error("cross-entropy of images: no error")
	}
	for _, labels := range [][]int{{0, 3}, {-1}} {
		if _, err := OneHot(labels, 3); err == nil || !strings.Contains(err.Error(), "want 0…2") {
			t.Errorf("OneHot(%v, 3): got error %v", labels, err)
		}
	}
	// Logits of any size: no overflow, and the value of the larger one.
	far := must(array.FromRows([][]float32{{1e30, -1e30}, {-1e4, -2e4}}))
	if got := must(SklearnCrossEntropy().PerRow(far, must(OneHot([]uint8{0, 1}, 2)))); got[0] != 0 || got[1] != 52*math.Ln2 {
		t.Errorf("cut as scikit-learn cuts it: %v", got)
	}
	if got := must(CrossEntropy().PerRow(far, must(OneHot([]uint8{0, 1}, 2)))); got[0] != 0 || got[1] != 1e4 {
		t.Errorf("far logits: got %v, want [0 10000]", got)
	}
}

// TestSklearnCrossEntropyInGraph: the value is cut, the gradient is that of
// the loss itself, softmax − target.
func TestSklearnCrossEntropyInGraph(t *testing.T) {
	logits := must(array.FromRows([][]float32{{1, 2, 0}, {0, -50, 20}}))
	target := must(OneHot([]int{0, 1}, 3))
	forEach(t, func(t *testing.T, be compute.Backend) {
		exec := must(graph.NewExec(be, func(in []*graph.Node) []*graph.Node {
			rows := SklearnCrossEntropy().graph(in[0], in[1])
			return []*graph.Node{rows, graph.Gradient(graph.ReduceAllSum(rows), in[0])[0]}
		}))
		out := must(exec.Call(backend.Tensor(logits), backend.Tensor(target)))
		near(t, "value", must(backend.Array(out[0])), floats(must(SklearnCrossEntropy().PerRow(logits, target)), []int{2}), 1e-6)
		want := make([]float64, 6)
		for i := range logits.Rows() {
			sum := 0.0
			for _, z := range logits.Row(i) {
				sum += math.Exp(float64(z))
			}
			for k, z := range logits.Row(i) {
				want[3*i+k] = math.Exp(float64(z))/sum - float64(target.At(i, k))
			}
		}
		near(t, "gradient", must(backend.Array(out[1])), floats(want, logits.Shape), 1e-6)
	})
}
