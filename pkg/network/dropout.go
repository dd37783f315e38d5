package network

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// Dropout returns a layer that in training sets each value to 0 with
// probability rate and divides the others by 1 − rate (inverted dropout, as
// PyTorch's). Outside training it hands its input on.
func Dropout(rate float64) Layer { return dropout{Rate: rate} }

type dropout struct {
	sameShape
	Rate float64 `json:"rate"`
}

func (dropout) Kind() string { return "dropout" }

func (l dropout) Output(input []int) ([]int, error) {
	if !(l.Rate >= 0 && l.Rate < 1) {
		return nil, fmt.Errorf("dropout rate %g: want 0 ≤ rate < 1", l.Rate)
	}
	return input, nil
}

func (l dropout) Graph(p *Pass, x *graph.Node) *graph.Node {
	if !p.Training || l.Rate == 0 {
		return x
	}
	return p.elementwise(x, func(x *graph.Node) *graph.Node {
		rate := graph.Scalar(x.Graph(), x.DType(), l.Rate)
		kept := graph.GreaterOrEqual(p.Uniform(x.Shape()), rate)
		return graph.Where(kept, graph.MulScalar(x, 1/(1-l.Rate)), graph.ZerosLike(x))
	})
}

func dropoutFromTorch(m *torchObject) (Layer, error) {
	rate, err := m.float("p")
	if err != nil {
		return nil, err
	}
	return Dropout(rate), nil
}
