package attribution_test

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
)

func ExampleOcclusion() {
	rows, _ := array.FromRows([][]float32{{3, 1}}) // relu(x₀) + 2·x₁
	a, err := attribution.Explain(context.Background(), sum{}, attribution.Occlusion{Window: []int{2}, Stride: []int{2}}, attribution.Query{Rows: rows})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("both hidden:", a.Layers[0].Values.Row(0))
	// Output: both hidden: [5 5]
}

func ExampleAblation() {
	rows, _ := array.FromRows([][]float32{{3, 1}, {-2, 4}})
	background, _ := array.FromRows([][]float32{{-1, 0}, {1, 0}})
	a, err := attribution.Explain(context.Background(), sum{}, attribution.Ablation{}, attribution.Query{Rows: rows, Background: background})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range rows.Rows() {
		fmt.Println(a.Layers[0].Values.Row(i))
	}
	// Output:
	// [2.5 2]
	// [-0.5 8]
}

func ExamplePermutation() {
	rows, _ := array.FromRows([][]float32{{3, 1}, {-2, 4}, {1, 1}})
	a, err := attribution.Explain(context.Background(), sum{}, attribution.Permutation{Repeats: 500}, attribution.Query{Rows: rows, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	l := a.Layers[0]
	fmt.Printf("%.1f ± %.1f\n", l.Values.Row(1), l.Errors.Row(1))
	// Output: [-1.3 3.9] ± [0.1 0.1]
}
