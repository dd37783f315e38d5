package network

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/array"
)

// Loss compares outputs with targets, row by row. [MSE], [BCE],
// [CrossEntropy] and [SklearnCrossEntropy] make them.
// The loss of a batch, and of an epoch, is the mean over its rows.
type Loss interface {
	// String is the loss's word in captions and provenance.
	String() string

	// PerRow returns the loss of each row in float64. Output and target must
	// have equal shapes.
	PerRow(output, target *array.Array) ([]float64, error)

	// graph is PerRow for a graph: [rows], with the gradient that training uses.
	graph(output, target *graph.Node) *graph.Node
}

// MSE is the mean squared error over all values of a row, and so over all
// values of a batch, as PyTorch's MSELoss.
func MSE() Loss { return mse{} }

// BCE is the binary cross-entropy −y·ln p − (1 − y)·ln(1 − p) of
// probabilities, mean over the values of a row, as PyTorch's BCELoss: each
// logarithm is clamped at −100, and the gradient divides by at least 1e-12.
func BCE() Loss { return bce{} }

type mse struct{}

func (mse) String() string { return "MSE" }

func (mse) PerRow(output, target *array.Array) ([]float64, error) {
	return perRow(output, target, func(p, y float64) float64 { return (p - y) * (p - y) })
}

func (mse) graph(output, target *graph.Node) *graph.Node {
	return rowMean(graph.Square(graph.Sub(output, target)))
}

type bce struct{}

func (bce) String() string { return "BCE" }

const leastLog, leastVariance = -100, 1e-12

func (bce) PerRow(output, target *array.Array) ([]float64, error) {
	return perRow(output, target, func(p, y float64) float64 {
		return -y*max(math.Log(p), leastLog) - (1-y)*max(math.Log1p(-p), leastLog)
	})
}

func (bce) graph(output, target *graph.Node) *graph.Node {
	p := graph.StopGradient(output)
	one := graph.OnesLike(p)
	clamped := func(x *graph.Node) *graph.Node { return graph.MaxScalar(graph.Log(x), leastLog) }
	value := graph.Neg(graph.Add(
		graph.Mul(target, clamped(p)),
		graph.Mul(graph.Sub(one, target), clamped(graph.Sub(one, p)))))
	// The derivative of a clamped logarithm is NaN at 0; PyTorch's is finite.
	slope := graph.Div(graph.Sub(p, target), graph.MaxScalar(graph.Mul(p, graph.Sub(one, p)), leastVariance))
	return rowMean(graph.Add(value, graph.Mul(graph.Sub(output, p), graph.StopGradient(slope))))
}

// rowMean returns the mean over all axes but the first: [rows].
func rowMean(x *graph.Node) *graph.Node {
	rows := x.Shape().Dimensions[0]
	return graph.ReduceMean(graph.Reshape(x, rows, x.Shape().Size()/rows), 1)
}

func perRow(output, target *array.Array, f func(p, y float64) float64) ([]float64, error) {
	if !slices.Equal(output.Shape, target.Shape) {
		return nil, fmt.Errorf("network: loss of outputs of shape %v and targets of shape %v: want equal shapes", output.Shape, target.Shape)
	}
	out := make([]float64, output.Rows())
	for i := range out {
		y := target.Row(i)
		for k, p := range output.Row(i) {
			out[i] += f(float64(p), float64(y[k]))
		}
		out[i] /= float64(output.Width())
	}
	return out, nil
}
