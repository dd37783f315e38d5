package metric

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
)

// Argmax returns the predicted class of each row of scores (probabilities or
// logits), [rows, classes]: the place of the largest, the first of equal ones.
func Argmax(scores *array.Array) []int {
	out := make([]int, scores.Rows())
	for i := range out {
		row := scores.Row(i)
		for k, v := range row {
			if v > row[out[i]] {
				out[i] = k
			}
		}
	}
	return out
}

// Confusion counts rows by true class (first index) and predicted class.
type Confusion [][]int

// NewConfusion counts predictions of the classes 0…classes−1.
func NewConfusion(truth, predicted []int, classes int) (Confusion, error) {
	if len(truth) != len(predicted) || classes < 1 {
		return nil, fmt.Errorf("metric: %d labels, %d predictions, %d classes: want as many of both, and a class", len(truth), len(predicted), classes)
	}
	c := make(Confusion, classes)
	for i := range c {
		c[i] = make([]int, classes)
	}
	for i, y := range truth {
		if p := predicted[i]; y < 0 || y >= classes || p < 0 || p >= classes {
			return nil, fmt.Errorf("metric: row %d has label %d and prediction %d: classes are 0…%d", i, y, p, classes-1)
		}
		c[y][predicted[i]]++
	}
	return c, nil
}

// Scores are the measures of one class, or averages of them.
type Scores struct {
	Precision, Recall, F1 float64
	Rows                  int // with that label
}

// Class takes class k for 1 and all others for 0. It knows no probabilities:
// BCE and MeanP are 0.
func (c Confusion) Class(k int) Binary {
	var b Binary
	for y, row := range c {
		for p, n := range row {
			switch {
			case y == k && p == k:
				b.TP += n
			case p == k:
				b.FP += n
			case y == k:
				b.FN += n
			default:
				b.TN += n
			}
		}
	}
	return b
}

// Scores returns the measures of every class.
func (c Confusion) Scores() []Scores {
	scores := make([]Scores, len(c))
	for k := range c {
		b := c.Class(k)
		scores[k] = Scores{b.Precision(), b.Recall(), b.F1(), b.TP + b.FN}
	}
	return scores
}

// Macro returns the plain mean over the classes.
func (c Confusion) Macro() Scores { return c.mean(func(Scores) float64 { return 1 }) }

// Weighted returns the mean over the classes, weighted by their rows.
func (c Confusion) Weighted() Scores {
	return c.mean(func(s Scores) float64 { return float64(s.Rows) })
}

// Accuracy returns the share of rows predicted right. With one prediction a
// row it is also the micro average of precision, recall and F1.
func (c Confusion) Accuracy() float64 {
	right, all := 0, 0
	for y, row := range c {
		right += row[y]
		for _, n := range row {
			all += n
		}
	}
	return quotient(right, all)
}

func (c Confusion) mean(weight func(Scores) float64) Scores {
	var m Scores
	total := 0.0
	for _, s := range c.Scores() {
		w := weight(s)
		m.Precision += w * s.Precision
		m.Recall += w * s.Recall
		m.F1 += w * s.F1
		m.Rows += s.Rows
		total += w
	}
	if total > 0 {
		m.Precision, m.Recall, m.F1 = m.Precision/total, m.Recall/total, m.F1/total
	}
	return m
}
