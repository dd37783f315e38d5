// Package metric measures predictions of classes against labels.
//
// Sums and means are in float64, in the order of rows. A quotient whose
// denominator is 0 (the precision of a class that is never predicted) is 0.
package metric

import (
	"fmt"
	"math"
)

// Label is how labels may be given: as integers, or as the float32 targets of
// training.
type Label interface{ ~int | ~float32 }

// Binary measures probabilities of class 1 against labels 0 and 1. A
// probability above 0.5 predicts class 1.
type Binary struct {
	TN, FP, FN, TP int
	BCE            float64 // mean binary cross-entropy, see [BCE]
	MeanP          float64 // mean probability
}

// NewBinary measures probabilities p with labels y. Both must have the same
// length, at least 1; a probability outside [0, 1] and a label other than 0
// and 1 are errors.
func NewBinary[L Label](p []float32, y []L) (Binary, error) {
	var b Binary
	losses, err := bceElements(p, y)
	if err != nil {
		return b, err
	}
	for i, v := range p {
		b.BCE += losses[i]
		b.MeanP += float64(v)
		switch predicted := v > 0.5; {
		case predicted && y[i] == 1:
			b.TP++
		case predicted:
			b.FP++
		case y[i] == 1:
			b.FN++
		default:
			b.TN++
		}
	}
	b.BCE /= float64(len(p))
	b.MeanP /= float64(len(p))
	return b, nil
}

// Rows returns how many rows were measured.
func (b Binary) Rows() int { return b.TN + b.FP + b.FN + b.TP }

// Correct returns how many rows were predicted right.
func (b Binary) Correct() int { return b.TN + b.TP }

// Accuracy returns the share of rows predicted right.
func (b Binary) Accuracy() float64 { return quotient(b.Correct(), b.Rows()) }

// Precision returns the share of ones among the rows predicted as 1.
func (b Binary) Precision() float64 { return quotient(b.TP, b.TP+b.FP) }

// Recall returns the share of the ones that were predicted as 1.
func (b Binary) Recall() float64 { return quotient(b.TP, b.TP+b.FN) }

// F1 returns the harmonic mean of precision and recall.
func (b Binary) F1() float64 { return quotient(2*b.TP, 2*b.TP+b.FP+b.FN) }

// BCE returns the mean binary cross-entropy
//
//	−(1/n) Σ_i y_i·ln p_i + (1−y_i)·ln(1−p_i)
//
// with each logarithm no lower than −100, as PyTorch has it.
func BCE[L Label](p []float32, y []L) (float64, error) {
	b, err := NewBinary(p, y)
	return b.BCE, err
}

// LegacyLoss returns the loss that the published study prints: the sum over
// batches of the mean binary cross-entropy, divided by the number of rows. It
// is about BCE/batch; batch is the number of rows of all batches but the last.
func LegacyLoss[L Label](p []float32, y []L, batch int) (float64, error) {
	losses, err := bceElements(p, y)
	if err != nil {
		return 0, err
	}
	if batch < 1 {
		return 0, fmt.Errorf("metric: batches of %d rows: want at least 1", batch)
	}
	total := 0.0
	for from := 0; from < len(losses); from += batch {
		part := losses[from:min(from+batch, len(losses))]
		sum := 0.0
		for _, v := range part {
			sum += v
		}
		total += sum / float64(len(part))
	}
	return total / float64(len(losses)), nil
}

// Flips returns the rows whose predicted class differs between two runs,
// ascending.
func Flips(before, after []float32) ([]int, error) {
	if len(before) != len(after) {
		return nil, fmt.Errorf("metric: %d probabilities before, %d after: want the same rows", len(before), len(after))
	}
	var rows []int
	for i := range before {
		if (before[i] > 0.5) != (after[i] > 0.5) {
			rows = append(rows, i)
		}
	}
	return rows, nil
}

func bceElements[L Label](p []float32, y []L) ([]float64, error) {
	if len(p) != len(y) || len(p) == 0 {
		return nil, fmt.Errorf("metric: %d probabilities and %d labels: want as many of both, at least 1", len(p), len(y))
	}
	losses := make([]float64, len(p))
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("metric: probability of row %d is %g: want a number in [0, 1], give probabilities and not logits", i, v)
		}
		q := float64(v)
		switch y[i] {
		case 0:
			q = 1 - q
		case 1:
		default:
			return nil, fmt.Errorf("metric: label of row %d is %v: want 0 or 1", i, y[i])
		}
		losses[i] = min(-math.Log(q), 100)
	}
	return losses, nil
}

func quotient(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
