package attribution_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
)

// product is a model of three inputs: x₀·x₁ + 3·x₂.
type product struct{}

func (product) Store() *model.Store { return model.NewStore() }

func (product) Graph(_ *model.Scope, x *graph.Node, _ func(string, *graph.Node) *graph.Node) *graph.Node {
	input := func(k int) *graph.Node { return graph.Slice(x, graph.AxisRange(), graph.AxisElem(k)) }
	return graph.Add(graph.Mul(input(0), input(1)), graph.MulScalar(input(2), 3))
}

var (
	productRows, _ = array.FromRows([][]float32{{2, 4, 1}})
	productZero, _ = array.FromRows([][]float32{{0, 0, 0}})
)

// What two inputs do together is shared equally.
func ExampleExactShapley() {
	a, err := attribution.Explain(context.Background(), product{}, attribution.ExactShapley{Interactions: true}, attribution.Query{Rows: productRows, Background: productZero})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("values:", a.Layers[0].Values.Row(0))
	for k := range 3 {
		fmt.Println("among pairs:", a.Layers[0].Interactions.Row(0)[3*k:3*k+3])
	}
	// Output:
	// values: [4 4 3]
	// among pairs: [0 4 0]
	// among pairs: [4 0 0]
	// among pairs: [0 0 3]
}

// Either factor gets all of the product where it joins second: half of the
// orders. An order and its reverse together are exact here, with no spread.
func ExampleSampledShapley() {
	a, err := attribution.Explain(context.Background(), product{}, attribution.SampledShapley{Draws: 20}, attribution.Query{Rows: productRows, Background: productZero})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("values:", a.Layers[0].Values.Row(0))
	fmt.Println("standard errors:", a.Layers[0].Errors.Row(0))
	fmt.Println("sum − (f(x) − base value):", a.Layers[0].Gaps[0])
	// Output:
	// values: [4 4 3]
	// standard errors: [0 0 0]
	// sum − (f(x) − base value): 0
}

func ExampleKernelSHAP() {
	a, err := attribution.Explain(context.Background(), product{}, attribution.KernelSHAP{}, attribution.Query{
		Rows: productRows, Background: productZero, Groups: [][]int{{0, 1, 1}}}) // the last two inputs as one player
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f\n", a.Layers[0].Values.Row(0))
	// Output: [4.0 7.0]
}
