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
		cfg              RescaleConfig
		want             string
	}{
		{"no rows", nil, background, Target{}, RescaleConfig{}, "no rows given"},
		{"zero rows", array.New(0, 3), background, Target{}, RescaleConfig{}, "rows: shape [0 3] holds nothing"},
		{"zero background", rows, array.New(0, 3), Target{}, RescaleConfig{}, "background: shape [0 3] holds nothing"},
		{"broken array", &array.Array{Shape: []int{2, 3}}, background, Target{}, RescaleConfig{}, "holds 6 values, got 0"},
		{"other width", rows, random(rng, 4, 5), Target{}, RescaleConfig{}, "background has row shape [5], rows have [3]"},
		{"model of other width", random(rng, 5, 7), random(rng, 4, 7), Target{}, RescaleConfig{}, "does not take rows of shape [7]"},
		{"NaN", withValue(math.NaN()), background, Target{}, RescaleConfig{}, "rows: value 1 of row 2 is NaN"},
		{"Inf", rows, withValue(math.Inf(-1)), Target{}, RescaleConfig{}, "background: value 1 of row 2 is -Inf"},
		{"target too large", rows, background, Target{Output: 2}, RescaleConfig{}, "target 2 out of range: the model has outputs 0…1"},
		{"negative target", rows, background, Target{Output: -1}, RescaleConfig{}, "target -1 out of range"},
		{"unit of a layer", rows, background, Target{Layer: "relu1", Output: 4}, RescaleConfig{}, "layer relu1 has outputs 0…3"},
		{"target layer", rows, background, Target{Layer: "relu9"}, RescaleConfig{}, `target layer "relu9" does not exist: the model has input, linear0, relu1, linear2, sigmoid3`},
		{"layer", rows, background, Target{}, RescaleConfig{Layers: []string{"conv1"}}, `layer "conv1" does not exist: the model has input, linear0, relu1`},
		{"empty layer", rows, background, Target{}, RescaleConfig{Layers: []string{""}}, `layer "" does not exist`},
		{"layer twice", rows, background, Target{}, RescaleConfig{Layers: []string{"relu1", "relu1"}}, "asked for twice"},
		{"layer after target", rows, background, Target{Layer: "relu1"}, RescaleConfig{Layers: []string{"linear2"}}, `layer "linear2" does not lie between the input and layer relu1`},
		{"negative pairs", rows, background, Target{}, RescaleConfig{PairsPerBatch: -1}, "PairsPerBatch -1"},
		{"NaN limit", rows, background, Target{}, RescaleConfig{MaxGap: math.NaN()}, "MaxGap NaN"},
	} {
		c.cfg.Backend = backend.ForTest(t)[0]
		_, err := Rescale(context.Background(), m, c.rows, c.background, c.target, c.cfg)
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
		}, "no rescale rule for operation ArgMinMax"},
		{"sort", func(x *Node, _ tapper) *Node { return column(Sort(x, -1, true), 0) }, "no rescale rule for operation"},
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
		{"two-operand power", func(x *Node, _ tapper) *Node { return Pow(Exp(column(x, 0)), column(x, 1)) }, "no rescale rule for operation Pow"},
		{"constant", func(x *Node, _ tapper) *Node { return OnesLike(x) }, "does not depend on the input"},
		{"layer with a way around", func(x *Node, tap tapper) *Node { return Add(tap("h", activation.Relu(x)), x) }, `layer "h" does not carry all of the model's output`},
		{"rows not first", func(x *Node, tap tapper) *Node { return Transpose(tap("h", Transpose(x, 0, 1)), 0, 1) }, `layer "h" has shape [3 2] for 2 rows`},
		{"two taps of a name", func(x *Node, tap tapper) *Node { return tap("h", tap("h", x)) }, `taps two layers, or the input, as "h"`},
		{"tap named input", func(x *Node, tap tapper) *Node { return tap(Input, x) }, `as "input"`},
		{"panic of the model", func(*Node, tapper) *Node { panic("no such shape") }, "no such shape"},
	} {
		m := plainModel{model.NewStore(), func(_ *model.Scope, x *Node, tap tapper) *Node { return c.f(x, tap) }}
		cfg := RescaleConfig{Backend: backend.ForTest(t)[0]}
		if strings.HasPrefix(c.what, "layer") {
			cfg.Layers = []string{"h"}
		}
		_, err := Rescale(context.Background(), m, rows, background, Target{}, cfg)
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
		_, err := Rescale(context.Background(), m, random(rng, 5, 3), random(rng, 4, 3), Target{}, RescaleConfig{Backend: b})
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
	_, err := Rescale(context.Background(), m, rows, rows, Target{}, RescaleConfig{Backend: backend.ForTest(t)[0]})
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
	_, err := Rescale(ctx, mlp(randomLayers(rng, 3, 4, 1)), random(rng, 50, 3), random(rng, 4, 3), Target{}, RescaleConfig{
		PairsPerBatch: 8, Backend: backend.ForTest(t)[0], Progress: func(done, _ int) { cancel() },
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
	a, err := Rescale(context.Background(), f, random(rng, 3, 2), random(rng, 2, 2), Target{}, RescaleConfig{Backend: backend.ForTest(t)[0]})
	if err != nil || a.MaxGap() != 0 || a.Scale != 0 {
		t.Errorf("got gap %g of scale %g, %v, want 0 of 0", a.MaxGap(), a.Scale, err)
	}
	if _, err := a.Layer("relu1"); err == nil || !strings.Contains(err.Error(), "there are input") {
		t.Errorf("Layer of another name: %v", err)
	}
}

// TestRescaler: prepared once, it explains any number of rows as Rescale does.
func TestRescaler(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 8))
	m := mlp(randomLayers(rng, 6, 9, 1))
	rows, background := random(rng, 12, 6), random(rng, 5, 6)
	for _, b := range backend.ForTest(t) {
		cfg := RescaleConfig{PairsPerBatch: 20, Backend: b}
		want, err := Rescale(context.Background(), m, rows, background, Target{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRescaler(m, background, Target{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, part := range [][2]int{{0, 12}, {3, 4}, {5, 12}} {
			got, err := r.Attribute(context.Background(), rows.Slice(part[0], part[1]))
			if err != nil {
				t.Fatal(err)
			}
			if got.BaseValue != want.BaseValue {
				t.Errorf("%s: base value %g, want %g", b.Name(), got.BaseValue, want.BaseValue)
			}
			near(t, b.Name(), got.Layers[0].Values.Data, want.Layers[0].Values.Slice(part[0], part[1]).Data, 1e-6)
		}
		_, err = r.Attribute(context.Background(), random(rng, 2, 7))
		wantText(t, "rows of another width", err, "background has row shape [6], rows have [7]")
		_, err = NewRescaler(m, array.New(0, 6), Target{}, cfg)
		wantText(t, "no background", err, "background: shape [0 6]")
	}
}
