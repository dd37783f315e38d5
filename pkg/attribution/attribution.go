// Package attribution divides one output of a model among its inputs, or
// among the activations of a hidden layer.
//
// A [Model] is any GoMLX model function. A [Method] is a way to attribute, a
// [Query] the rows and what is asked about them:
//
//	a, err := attribution.Explain(ctx, m, attribution.Rescale{}, attribution.Query{Rows: x, Background: b})
//
// Complete methods return values φ with
//
//	Σ_k φ_k(x) = f(x) − base value
//
// for each row x, where the base value is mostly the mean of f over the
// background rows. The gap between the two sides is measured on every call,
// in float64, and returned; it is never assumed to be small, and above a limit
// the call fails ([GapError]).
package attribution

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// Model is a GoMLX model function with its parameters.
//
// Graph builds the model over x [rows, ...] for any number of rows, in
// evaluation (no dropout, no statistics of the batch), each row by itself.
// It is called several times in one graph, each time with a fresh scope of a
// copy of Store, and finds its parameters there, by name. What
// it hands to tap, a name and a node [rows, ...], can be attributed to and be
// a target; tap returns the node.
type Model interface {
	Store() *model.Store
	Graph(scope *model.Scope, x *graph.Node, tap func(name string, n *graph.Node) *graph.Node) *graph.Node
}

// Compiler is a [Model] that keeps compiled forward passes, as network.Network
// does. Where a method needs outputs alone, it calls these in place of Graph,
// which it would have to compile in each call.
type Compiler interface {
	Model

	// Compile returns the forward pass up to a layer that Graph taps, "" for
	// the model's output, with the parameters of now: of rows [n, ...], each by
	// itself, it returns the layer, [n, ...]. n is the same in all its calls,
	// which come one after the other.
	// free frees what it holds.
	Compile(on compute.Backend, layer string) (forward func(rows *array.Array) (*array.Array, error), free func(), err error)

	// Compiles returns the model whose forward passes those are: the receiver.
	// It tells a type that embeds a Compiler and has another Graph, which is
	// then compiled after all.
	Compiles() any
}

// Input names the model's input where a layer is asked for.
const Input = walk.Input

// ErrUnsupported marks models that a method cannot explain: an operation
// without a rule, or one that mixes the rows of a batch.
var ErrUnsupported = walk.ErrUnsupported

// Target is the explained number f: one unit of the model's output or of a
// tapped layer. Whether that is a probability or a logit is the model's
// choice; tap the logits to explain them in a model that returns
// probabilities. The zero value is output 0 of the model.
type Target struct {
	Layer  string // name of a tapped layer; empty = the model's output
	Output int    // unit, counted over all axes but the rows

	// Outputs, if not nil, holds the unit of each row in place of Output, such
	// as its predicted class; see [Top].
	Outputs []int
}

// unit returns the explained unit of a row.
func (t Target) unit(row int) int {
	if t.Outputs != nil {
		return t.Outputs[row]
	}
	return t.Output
}

// String reads as in captions: "output 0", "dense14 unit 3".
func (t Target) String() string {
	unit := fmt.Sprint(t.Output)
	if t.Outputs != nil {
		unit = "of each row"
	}
	if t.Layer == "" {
		return "output " + unit
	}
	return t.Layer + " unit " + unit
}

// Top returns targets for the k largest outputs of each row: the first
// explains every row's largest output, the second its second … Equal outputs
// are taken in the order of their units. Outputs are [rows, units], as
// Network.Predict returns them.
func Top(outputs *array.Array, k int) ([]Target, error) {
	if err := checkValues("outputs", outputs); err != nil {
		return nil, err
	}
	if k < 1 || k > outputs.Width() {
		return nil, fmt.Errorf("attribution: top %d of %d outputs", k, outputs.Width())
	}
	targets := make([]Target, k)
	for rank := range targets {
		targets[rank].Outputs = make([]int, outputs.Rows())
	}
	order := make([]int, outputs.Width())
	for i := range outputs.Rows() {
		row := outputs.Row(i)
		for u := range order {
			order[u] = u
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
		for rank := range targets {
			targets[rank].Outputs[i] = order[rank]
		}
	}
	return targets, nil
}

// Attribution is one explained target of many rows.
type Attribution struct {
	Method string // its Name
	Target Target

	// BaseValues holds for each row what its values are counted from, such as
	// the mean of f over the background. nil: the method has none.
	BaseValues []float64

	Outputs *array.Array // f of each row, [rows]

	// Scale is what gaps are measured against, the size of the numbers that
	// values are summed from: the largest |f(z) − base value| of the rows z = x
	// and of all that the method evaluates between them and the background
	// (points of a path, steps of a walk, worths of coalitions), but not less
	// than 1/256 of the largest |f(x)|, below which the difference is mostly
	// float32 rounding. 0 if the method is not complete, not even
	// on average; of [ExpectedGradients], the rows z alone count.
	Scale float64

	Layers     []LayerAttribution // in the order asked for
	Provenance Provenance

	between float64 // largest |f(z) − base value| between rows and background
}

// LayerAttribution is the share of each unit of one layer.
type LayerAttribution struct {
	Layer  string       // Input or a tapped name
	Values *array.Array // φ, [rows, ...shape of the layer], or [rows, players]

	// Errors holds the error of each value, in the shape of Values: its standard
	// error where something was drawn, an estimate of the rule's error where
	// something was integrated. nil: neither.
	Errors *array.Array

	// Interactions divides each value among pairs, [rows, units, units], if
	// asked for ([ExactShapley.Interactions]).
	Interactions *array.Array

	// Fits says for each row how well the model fits whose coefficients are the
	// values ([LIME]). nil: none was fitted.
	Fits []LocalFit

	// Absorbed holds for each row the part of f(x) that no unit got: what
	// [LRP] loses to biases and stabilisers. nil: the method gives all away.
	Absorbed []float64

	// Gaps holds Σφ + absorbed − (f(x) − base value) for each row, in units of
	// f, if the method is complete. Of [ExpectedGradients], complete on average
	// only, it is what these draws miss.
	Gaps []float64
	// MaxGap is the largest |gap| as a share of Scale.
	MaxGap float64
}

// BaseValue is the base value of the first row: that of all rows, unless they
// have targets of their own.
func (a *Attribution) BaseValue() float64 { return a.BaseValues[0] }

// Layer returns the attributions to the named layer.
func (a *Attribution) Layer(name string) (*LayerAttribution, error) {
	names := make([]string, len(a.Layers))
	for i := range a.Layers {
		if a.Layers[i].Layer == name {
			return &a.Layers[i], nil
		}
		names[i] = a.Layers[i].Layer
	}
	return nil, fmt.Errorf("attribution: layer %q was not asked for: there are %s", name, strings.Join(names, ", "))
}

// MaxGap is the largest gap of all layers as a share of Scale, for captions.
func (a *Attribution) MaxGap() float64 {
	worst := 0.0
	for _, l := range a.Layers {
		worst = max(worst, l.MaxGap)
	}
	return worst
}

// GapError reports attributions that miss the output they divide.
type GapError struct {
	Method, Layer string
	Row           int     // row with the largest gap
	Gap, Scale    float64 // |Σφ − Δf| of that row; see [Attribution.Scale]
	Max           float64 // accepted share of Scale
	Hint          string  // what may be wrong, and what would help
}

func (e *GapError) Error() string {
	return fmt.Sprintf("attribution: %s, layer %s, row %d: Σφ misses f(x) − base value by %.3g, %.3g of the scale %.3g, accepted is %.3g: %s",
		e.Method, e.Layer, e.Row, e.Gap, e.Gap/e.Scale, e.Scale, e.Max, e.Hint)
}
