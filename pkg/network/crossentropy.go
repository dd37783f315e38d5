package network

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/array"
)

// CrossEntropy is −Σ_k y_k·ln softmax(z)_k of logits z [classes] and class
// probabilities y [classes], as PyTorch's CrossEntropyLoss: the softmax is
// part of the loss, computed without overflow. [OneHot] makes y of labels.
//
// A network whose last layer is a softmax is trained without it, and gets it
// back from [Network.Append].
func CrossEntropy() Loss { return crossEntropy{} }

type crossEntropy struct{}

func (crossEntropy) String() string { return "cross-entropy" }

func (crossEntropy) PerRow(output, target *array.Array) ([]float64, error) {
	if len(output.Shape) != 2 {
		return nil, fmt.Errorf("network: cross-entropy of outputs of shape %v: want [rows, classes]", output.Shape)
	}
	out, err := perRow(output, target, func(z, y float64) float64 { return -y * z })
	if err != nil {
		return nil, err
	}
	for i := range out {
		most := math.Inf(-1)
		for _, z := range output.Row(i) {
			most = max(most, float64(z))
		}
		sum, weight := 0.0, 0.0
		for k, z := range output.Row(i) {
			sum += math.Exp(float64(z) - most)
			weight += float64(target.Row(i)[k])
		}
		out[i] = out[i]*float64(output.Width()) + weight*(most+math.Log(sum))
	}
	return out, nil
}

func (crossEntropy) graph(output, target *graph.Node) *graph.Node {
	if output.Rank() != 2 {
		panic(fmt.Errorf("network: cross-entropy of outputs of shape %v: want [rows, classes]", output.Shape().Dimensions))
	}
	return graph.Neg(graph.ReduceSum(graph.Mul(target, graph.LogSoftmax(output, 1)), 1))
}

// OneHot returns [rows, classes] with 1 in the column of each row's label,
// 0 elsewhere. The error names the first label outside 0…classes−1.
func OneHot[L ~int | ~uint8](labels []L, classes int) (*array.Array, error) {
	if classes < 1 {
		return nil, fmt.Errorf("network: one-hot of %d classes: want at least 1", classes)
	}
	a := array.New(len(labels), classes)
	for i, l := range labels {
		if int(l) < 0 || int(l) >= classes {
			return nil, fmt.Errorf("network: label %d of row %d: want 0…%d", l, i, classes-1)
		}
		a.Row(i)[l] = 1
	}
	return a, nil
}
