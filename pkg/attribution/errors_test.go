package attribution

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// TestBadInput: what cannot be explained is refused before anything is
// computed, with the values of the call.
func TestBadInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	m := mlp(randomLayers(rng, 3, 4, 2))
	rows, background := random(rng, 5, 3), random(rng, 4, 3)
	withValue := func(v float64) *array.Array {
		a := rows.Clone()
		a.Row(2)[1] = float32(v)
		return a
	}
	for _, c := range []struct {
		what             string
		rows, background *array.Array
		target           Target
		q                Query
		want             string
	}{
		{"no rows", nil, background, Target{}, Query{}, "no rows given"},
		{"zero rows", array.New(0, 3), background, Target{}, Query{}, "rows: shape [0 3] holds nothing"},
		{"zero background", rows, array.New(0, 3), Target{}, Query{}, "background: shape [0 3] holds nothing"},
		{"broken array", &array.Array{Shape: []int{2, 3}}, background, Target{}, Query{}, "holds 6 values, got 0"},
		{"other width", rows, random(rng, 4, 5), Target{}, Query{}, "background has row shape [5], rows have [3]"},
		{"model of other width", random(rng, 5, 7), random(rng, 4, 7), Target{}, Query{}, "does not take rows of shape [7]"},
		{"NaN", withValue(math.NaN()), background, Target{}, Query{}, "rows: value 1 of row 2 is NaN"},
		{"Inf", rows, withValue(math.Inf(-1)), Target{}, Query{}, "background: value 1 of row 2 is -Inf"},
		{"target too large", rows, background, Target{Output: 2}, Query{}, "target 2 out of range: the model has outputs 0…1"},
		{"negative target", rows, background, Target{Output: -1}, Query{}, "target -1 out of range"},
		{"unit of a layer", rows, background, Target{Layer: "relu1", Output: 4}, Query{}, "layer relu1 has outputs 0…3"},
		{"target layer", rows, background, Target{Layer: "relu9"}, Query{}, `target layer "relu9" does not exist: the model has input, linear0, relu1, linear2, sigmoid3`},
		{"layer", rows, background, Target{}, Query{Layers: []string{"conv1"}}, `layer "conv1" does not exist: the model has input, linear0, relu1`},
		{"empty layer", rows, background, Target{}, Query{Layers: []string{""}}, `layer "" does not exist`},
		{"layer twice", rows, background, Target{}, Query{Layers: []string{"relu1", "relu1"}}, "asked for twice"},
		{"layer after target", rows, background, Target{Layer: "relu1"}, Query{Layers: []string{"linear2"}}, `layer "linear2" does not lie between the input and layer relu1`},
		{"negative memory", rows, background, Target{}, Query{Memory: -1}, "Memory -1"},
		{"little memory", rows, background, Target{}, Query{Memory: 30}, "memory bound of 30 bytes: the smallest batch, 2 rows with 2 background rows, takes"},
		{"no background", rows, nil, Target{}, Query{}, "no background given: rescale compares each row with one"},
		{"units of other rows", rows, background, Target{Outputs: []int{0, 1}}, Query{}, "target with units of 2 rows, there are 5"},
		{"unit of a row", rows, background, Target{Outputs: []int{0, 1, 2, 0, 0}}, Query{}, "target 2 out of range"},
		{"groups", rows, background, Target{}, Query{Groups: [][]int{{0, 0, 1}}}, "rescale does not join inputs"},
		{"NaN limit", rows, background, Target{}, Query{MaxGap: math.NaN()}, "MaxGap NaN"},
	} {
		c.q.Rows, c.q.Background, c.q.Target, c.q.Backend = c.rows, c.background, c.target, backend.ForTest(t)[0]
		_, err := Explain(context.Background(), m, Rescale{}, c.q)
		wantText(t, c.what, err, c.want)
		if err != nil && (!strings.HasPrefix(err.Error(), "attribution: ") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: want one line with the package's prefix, got %q", c.what, err)
		}
	}
}

// TestModelsRefused: graphs that no rule divides are errors when the graph is
// built, naming operation, shape and line.
func TestModelsRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	rows, background := random(rng, 5, 3), random(rng, 4, 3)
	column := func(x *Node, i int) *Node { return Slice(x, AxisRange(), AxisElem(i)) }
	for _, c := range []struct {
		what string
		f    func(x *Node, tap tapper) *Node
		want string
	}{
		{"argmax", func(x *Node, _ tapper) *Node {
			return Add(ConvertDType(InsertAxes(ArgMax(x, -1), -1), x.DType()), column(x, 0))
		}, "rescale: no rule for operation ArgMinMax"},
		{"sort", func(x *Node, _ tapper) *Node { return column(Sort(x, -1, true), 0) }, "rescale: no rule for operation"},
		{"largest two", func(x *Node, _ tapper) *Node {
			values, _ := TopK(x, 2, -1)
			return values
		}, "for operation Sort"},
		{"loop", func(x *Node, _ tapper) *Node {
			// All operands are state: GoMLX shares scalars between functions.
			limit := Scalar(x.Graph(), x.DType(), 100)
			state := func(g *Graph) (*Node, *Node) {
				return Parameter(g, "v", x.Shape()), Parameter(g, "limit", limit.Shape())
			}
			cond := NewClosure(x.Graph(), func(g *Graph) []*Node {
				v, limit := state(g)
				return []*Node{LessThan(ReduceAllSum(v), limit)}
			})
			body := NewClosure(x.Graph(), func(g *Graph) []*Node {
				v, limit := state(g)
				return []*Node{Add(v, v), limit}
			})
			return While(cond, body, x, limit)[0]
		}, "for operation While"},
		{"mean of the batch", func(x *Node, _ tapper) *Node { return Sub(x, ReduceAndKeep(x, ReduceMean, 0)) }, "mixes rows"},
		{"batch reversed", func(x *Node, _ tapper) *Node { return Reverse(activation.Relu(x), 0) }, "moves rows against each other"},
		{"batch twice", func(x *Node, _ tapper) *Node {
			return Slice(Concatenate([]*Node{x, x}, 0), AxisRange(0, x.Shape().Dim(0)))
		}, "moves rows against each other"},
		{"first half of tokens", func(x *Node, _ tapper) *Node {
			y := Reshape(x, -1, 1) // [rows·3, 1]
			return Slice(y, AxisRange(0, x.Shape().Dim(0)))
		}, "moves rows against each other"},
		{"tokens before rows", func(x *Node, _ tapper) *Node {
			y := Reshape(Transpose(x, 0, 1), -1, 1) // [3·rows, 1]
			return ReduceSum(Reshape(y, 3, -1), 0)
		}, "moves rows against each other"},
		{"rows times rows", func(x *Node, _ tapper) *Node { return MatMul(x, Transpose(x, 0, 1)) }, "more than one axis counts rows"},
		{"rounded to integers", func(x *Node, _ tapper) *Node { return ConvertDType(ConvertDType(x, dtypes.Int32), x.DType()) }, "conversion from Float32 rounds"},
		{"half precision", func(x *Node, _ tapper) *Node { return ConvertDType(Tanh(ConvertDType(x, dtypes.BFloat16)), x.DType()) }, "half precision rounds by more than"},
		{"constant", func(x *Node, _ tapper) *Node { return OnesLike(x) }, "does not depend on the input"},
		{"layer with a way around", func(x *Node, tap tapper) *Node { return Add(tap("h", activation.Relu(x)), x) }, `layer "h" does not carry all of the model's output`},
		{"rows not first", func(x *Node, tap tapper) *Node { return Transpose(tap("h", Transpose(x, 0, 1)), 0, 1) }, `layer "h" has shape [3 2] for 2 rows`},
		{"two taps of a name", func(x *Node, tap tapper) *Node { return tap("h", tap("h", x)) }, `taps two layers, or the input, as "h"`},
		{"tap named input", func(x *Node, tap tapper) *Node { return tap(Input, x) }, `as "input"`},
		{"panic of the model", func(*Node, tapper) *Node { panic("no such shape") }, "no such shape"},
	} {
		m := plainModel{model.NewStore(), func(_ *model.Scope, x *Node, tap tapper) *Node { return c.f(x, tap) }}
		q := Query{Rows: rows, Background: background, Backend: backend.ForTest(t)[0]}
		if strings.HasPrefix(c.what, "layer") {
			q.Layers = []string{"h"}
		}
		_, err := Explain(context.Background(), m, Rescale{}, q)
		wantText(t, c.what, err, c.want)
		if err == nil {
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want one line, got %q", c.what, err)
		}
		if strings.Contains(err.Error(), "for operation") {
			wantText(t, c.what, err, "made at errors_test.go:")
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: %v is not ErrUnsupported", c.what, err)
			}
		}
	}
}

// TestGapIsAnError: a model that treats a row by its place in the batch
// cannot be seen in the graph; the gap shows it.
func TestGapIsAnError(t *testing.T) {
	m := function(func(x *Node) *Node {
		place := Iota(x.Graph(), x.Shape(), 0)
		return Mul(x, place)
	})
	rng := rand.New(rand.NewPCG(2, 4))
	for _, b := range backend.ForTest(t) {
		_, err := Explain(context.Background(), m, Rescale{}, Query{Rows: random(rng, 5, 3), Background: random(rng, 4, 3), Backend: b})
		var gap *GapError
		if !errors.As(err, &gap) || gap.Layer != Input || gap.Method != "rescale" || gap.Max != 1e-4 || !(gap.Gap > gap.Max*gap.Scale) {
			t.Errorf("%s: want a GapError, got %v", b.Name(), err)
		}
	}
}

// TestUntrainedAndUnchanged: parameters without value are refused, and
// explaining a model leaves its store as it was.
func TestUntrainedAndUnchanged(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 5))
	rows := random(rng, 3, 4)
	m := plainModel{model.NewStore(), func(s *model.Scope, x *Node, _ tapper) *Node { return dense(s, "a", x, 1) }}
	_, err := Explain(context.Background(), m, Rescale{}, Query{Rows: rows, Background: rows, Backend: backend.ForTest(t)[0]})
	wantText(t, "untrained", err, "has no value: train or load")
	for v := range m.store.IterVariables() {
		t.Errorf("Rescale added variable %s to the model's store", v.Path())
	}
}

// TestCancel stops between batches.
func TestCancel(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 6))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := Explain(ctx, mlp(randomLayers(rng, 3, 4, 1)), Rescale{}, Query{Rows: random(rng, 50, 3), Background: random(rng, 4, 3),
		Memory: 8 * 4 * 4, Backend: backend.ForTest(t)[0], Progress: func(done, _ int) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	wantText(t, "cancelled", err, "stopped after 2 of 50 rows")
}

// TestOutputThatDoesNotMove: a scale of nothing is no excuse for NaN.
func TestOutputThatDoesNotMove(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 7))
	f := function(func(x *Node) *Node { return MulScalar(x, 0) })
	a, err := Explain(context.Background(), f, Rescale{}, Query{Rows: random(rng, 3, 2), Background: random(rng, 2, 2), Backend: backend.ForTest(t)[0]})
	if err != nil || a.MaxGap() != 0 || a.Scale != 0 {
		t.Errorf("got gap %g of scale %g, %v, want 0 of 0", a.MaxGap(), a.Scale, err)
	}
	if _, err := a.Layer("relu1"); err == nil || !strings.Contains(err.Error(), "there are input") {
		t.Errorf("Layer of another name: %v", err)
	}
}
