package attribution_test

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/network"
)

// tiny is z = relu(x·Wᵀ + b)·v with two hidden neurons.
func tiny() *network.Network {
	n, err := network.New("tiny", []int{2}, network.Dense(2), network.ReLU(), network.Dense(1))
	if err != nil {
		panic(err)
	}
	set := func(name string, rows ...[]float32) {
		v, _ := array.FromRows(rows)
		if len(rows) == 1 && name != "dense2.weight" {
			v, _ = array.From(rows[0], len(rows[0]))
		}
		n, err = n.WithParameters(n.Parameters().With(name, v))
		if err != nil {
			panic(err)
		}
	}
	set("dense0.weight", []float32{2, -1}, []float32{1, 1})
	set("dense0.bias", []float32{0, 1})
	set("dense2.weight", []float32{1, 1})
	return n
}

func ExampleLRP() {
	rows, _ := array.FromRows([][]float32{{2, 1}}) // hidden 3 and 4, output 7
	for _, m := range []attribution.LRP{{}, {First: attribution.AlphaBetaRule{Alpha: 1}}, attribution.EpsilonPlusFlat()} {
		a, err := attribution.Explain(context.Background(), tiny(), m, attribution.Query{Rows: rows})
		if err != nil {
			fmt.Println(err)
			return
		}
		l := a.Layers[0]
		fmt.Printf("%s: %.2f, biases keep %.2f of %.2f\n", m, l.Values.Row(0), l.Absorbed[0], a.Outputs.Data[0])
	}
	// Output:
	// dense ε=1e-06, conv ε=1e-06: [6.00 0.00], biases keep 1.00 of 7.00
	// dense ε=1e-06, conv ε=1e-06, first α1β0: [5.00 1.00], biases keep 1.00 of 7.00
	// dense ε=1e-06, conv z⁺, first flat: [3.50 3.50], biases keep 0.00 of 7.00
}
