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

// SklearnCrossEntropy is [CrossEntropy] as scikit-learn's MLPClassifier reports
// it and judges by it when to stop: the loss of a row is at most −ln 2⁻⁵², about
// 36, as probabilities are cut there. The gradient is that of CrossEntropy.
// The difference shows on inputs that are not scaled.
func SklearnCrossEntropy() Loss { return crossEntropy{Cut: true} }

type crossEntropy struct{ Cut bool }

// sklearnLargest is −ln of float64's epsilon.
var sklearnLargest = 52 * math.Ln2

func (l crossEntropy) String() string {
	if l.Cut {
		return "cross-entropy (scikit-learn)"
	}
	return "cross-entropy"
}

func (l crossEntropy) PerRow(output, target *array.Array) ([]float64, error) {
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
		if l.Cut {
			out[i] = min(out[i], sklearnLargest)
		}
	}
	return out, nil
}

func (l crossEntropy) graph(output, target *graph.Node) *graph.Node {
	if output.Rank() != 2 {
		panic(fmt.Errorf("network: cross-entropy of outputs of shape %v: want [rows, classes]", output.Shape().Dimensions))
	}
	loss := graph.Neg(graph.ReduceSum(graph.Mul(target, graph.LogSoftmax(output, 1)), 1))
	if !l.Cut {
		return loss
	}
	// The value of the cut loss with the gradient of the other.
	cut := graph.Min(loss, graph.Scalar(loss.Graph(), loss.DType(), sklearnLargest))
	return graph.Add(graph.StopGradient(graph.Sub(cut, loss)), loss)
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
