package attribution_test

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
)

func ExampleLIME() {
	rows, _ := array.FromRows([][]float32{{3, 1}}) // relu(x₀) + 2·x₁
	a, err := attribution.Explain(context.Background(), sum{}, attribution.LIME{}, attribution.Query{Rows: rows, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	l := a.Layers[0]
	fmt.Printf("values %.2f, R² %.3f, f(x) = %.0f, surrogate %.2f\n", l.Values.Row(0), l.Fits[0].R2, a.Outputs.Data[0], l.Fits[0].Prediction)
	// Output: values [2.96 1.97], R² 1.000, f(x) = 5, surrogate 4.98
}

func ExampleTopPlayers() {
	values := []float32{0.2, -0.7, 0.5, 0}
	fmt.Println(attribution.TopPlayers(values, 2, false), attribution.TopPlayers(values, 2, true))
	// Output: [1 2] [2 0]
}
