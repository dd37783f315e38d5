package attribution_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
)

// sum is a GoMLX model that is no network of ours: relu(x₀) + 2·x₁.
type sum struct{}

func (sum) Store() *model.Store { return model.NewStore() }

func (sum) Graph(_ *model.Scope, x *graph.Node, tap func(string, *graph.Node) *graph.Node) *graph.Node {
	first := graph.Slice(x, graph.AxisRange(), graph.AxisElem(0))
	second := graph.Slice(x, graph.AxisRange(), graph.AxisElem(1))
	parts := graph.Concatenate([]*graph.Node{graph.Max(first, graph.ZerosLike(first)), graph.MulScalar(second, 2)}, 1)
	return graph.ReduceSum(tap("parts", parts), 1)
}

func ExampleRescale() {
	rows, _ := array.FromRows([][]float32{{3, 1}})
	background, _ := array.FromRows([][]float32{{-1, 0}, {1, 0}})
	a, err := attribution.Explain(context.Background(), sum{}, attribution.Rescale{}, attribution.Query{Rows: rows, Background: background, Layers: []string{attribution.Input, "parts"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("f(x) = %.1f, mean over the background %.1f\n", a.Outputs.At(0, 0), a.BaseValue())
	for _, l := range a.Layers {
		fmt.Printf("%s: %.2f\n", l.Layer, l.Values.Row(0))
	}
	// Output:
	// f(x) = 5.0, mean over the background 0.5
	// input: [2.50 2.00]
	// parts: [2.50 2.00]
}

func ExampleIntegratedGradients() {
	rows, _ := array.FromRows([][]float32{{3, 1}})
	baseline, _ := array.FromRows([][]float32{{-1, 0}})
	q := attribution.Query{Rows: rows, Background: baseline}
	a, err := attribution.Explain(context.Background(), sum{}, attribution.IntegratedGradients{}, q)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("f(x) − f(b) = %.1f\n", float64(a.Outputs.At(0, 0))-a.BaseValue())
	fmt.Printf("%.3f, complete: %t\n", a.Layers[0].Values.Row(0), a.MaxGap() <= 1e-4)
	// Output:
	// f(x) − f(b) = 5.0
	// [3.000 2.000], complete: true
}

// Every unit of a layer is explained in one call, compiled once.
func ExampleUnits() {
	rows, _ := array.FromRows([][]float32{{3, 1}})
	all, err := attribution.ExplainEach(context.Background(), sum{}, attribution.Saliency{}, attribution.Query{Rows: rows}, attribution.Units("parts", 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range all {
		fmt.Println(a.Target, a.Layers[0].Values.Row(0))
	}
	// Output:
	// parts unit 0 [1 0]
	// parts unit 1 [0 2]
}
