package network

import (
	"context"
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/array"
)

// meanLayer keeps a running mean of its input. A layer of one's own needs no
// line in the table of kinds to have a fixed parameter that a step updates, and
// to weigh the rows that only fill up a batch.
type meanLayer struct{}

func (meanLayer) Kind() string                      { return "mean" }
func (meanLayer) Output(input []int) ([]int, error) { return input, nil }
func (meanLayer) Parameters(input []int) []Spec {
	return []Spec{{Name: "running_mean", Shape: input, Fixed: true, Start: 0.5}}
}
func (meanLayer) Graph(p *Pass, x *graph.Node) *graph.Node {
	if p.Training {
		w := graph.Reshape(p.RowWeight, x.Shape().Dimensions[0], 1)
		mean := graph.Div(graph.ReduceSum(graph.Mul(x, w), 0), graph.ReduceAllSum(w))
		p.Update("running_mean", graph.Add(graph.MulScalar(p.Param("running_mean"), 0.5), graph.MulScalar(mean, 0.5)))
	}
	return graph.Sub(x, graph.Reshape(p.Param("running_mean"), append([]int{1}, x.Shape().Dimensions[1:]...)...))
}

func TestLayerWithRunningValues(t *testing.T) {
	n := must(New("running", []int{2}, meanLayer{}, Dense(1)))
	if got := n.ParameterCount(); got != 3 {
		t.Errorf("got %d trainable parameters, want 3", got)
	}
	x := randomRows(5, 2)
	want := []float64{0.5, 0.5}
	for _, batch := range []*array.Array{x.Slice(0, 3), x.Slice(3, 5)} {
		for k := range want {
			mean := 0.0
			for i := range batch.Rows() {
				mean += float64(batch.Row(i)[k]) / float64(batch.Rows())
			}
			want[k] = 0.5*want[k] + 0.5*mean
		}
	}
	forEach(t, func(t *testing.T, be compute.Backend) {
		got, _, err := Train(context.Background(), n, x, array.New(5, 1), TrainConfig{Loss: MSE(), BatchSize: 3, Backend: be})
		if err != nil {
			t.Fatal(err)
		}
		mean := must(got.Parameters().Get("mean0.running_mean"))
		for k, w := range want {
			if math.Abs(float64(mean.Data[k])-w) > 1e-6 {
				t.Errorf("running mean %d: got %v, want %v", k, mean.Data[k], w)
			}
		}
	})
}
