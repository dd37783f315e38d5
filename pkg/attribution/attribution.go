// Package attribution divides one output of a model among its inputs, or
// among the activations of a hidden layer.
//
// Every complete method returns values φ with
//
//	Σ_k φ_k(x) = f(x) − mean_b f(b)
//
// for each row x and background rows b. The gap between the two sides is
// measured on every call, in float64, and returned; it is never assumed to be
// small, and above a limit the call fails ([GapError]).
//
// A [Model] is any GoMLX model function; [Rescale] (DeepLIFT's rescale rule
// averaged over a background, DeepSHAP) reads its graph, so that it needs no
// word from the model about its layers beyond the names of those to attribute
// to. Shared by all methods:
//
//   - rows are the examples x to explain, [rows, ...];
//   - background are the rows b that x is compared with, [rows, ...], of the
//     same shape but for their number;
//   - [Target] is the explained number f.
package attribution

import (
	"fmt"
	"strings"

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

// Input names the model's input where a layer is asked for.
const Input = walk.Input

// ErrUnsupported marks models that a method cannot explain: an operation
// without a rule, or one that mixes the rows of a batch.
var ErrUnsupported = walk.ErrUnsupported

// Target is the explained number: one unit of the model's output or of a
// tapped layer. Whether that is a probability or a logit is the model's
// choice; tap the logits to explain them in a model that returns
// probabilities. The zero value is output 0 of the model.
type Target struct {
	Layer  string // name of a tapped layer; empty = the model's output
	Output int    // unit, counted over all axes but the rows
}

// String reads as in captions: "output 0", "dense14 unit 3".
func (t Target) String() string {
	if t.Layer == "" {
		return fmt.Sprintf("output %d", t.Output)
	}
	return fmt.Sprintf("%s unit %d", t.Layer, t.Output)
}

// Attribution is one explained output of many rows.
type Attribution struct {
	Method    string // "rescale"
	Target    Target
	BaseValue float64      // mean of f over the background
	Outputs   *array.Array // f of each row, [rows]
	// Scale is what gaps are measured against: the largest |f(x) − BaseValue|
	// of the rows, but not less than 1/256 of the largest |f|, below which
	// the difference is mostly float32 rounding.
	Scale  float64
	Layers []LayerAttribution // in the order asked for
}

// LayerAttribution is the share of each unit of one layer.
type LayerAttribution struct {
	Layer  string       // Input or a tapped name
	Values *array.Array // φ, [rows, ...shape of the layer]
	// Gaps holds Σφ − (f(x) − BaseValue) for each row, in units of f.
	Gaps []float64
	// MaxGap is the largest |gap| as a share of Scale.
	MaxGap float64
}

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
}

func (e *GapError) Error() string {
	return fmt.Sprintf("attribution: %s, layer %s, row %d: Σφ misses f(x) − base value by %.3g, %.3g of the scale %.3g, accepted is %.3g: does the model treat each row by itself and the same way in every call?",
		e.Method, e.Layer, e.Row, e.Gap, e.Gap/e.Scale, e.Scale, e.Max)
}
