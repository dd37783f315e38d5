package jacard

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

// Table lists the training log, one row an epoch.
func (c *Classifier) Table() artifact.Table {
	n := len(c.Epochs)
	epoch, correct := ints(n), ints(n)
	train, test, legacy, accuracy, held := floats(n), floats(n), floats(n), floats(n), floats(n)
	for i, e := range c.Epochs {
		epoch[i], correct[i] = int64(e.Epoch), int64(e.Correct)
		train[i], test[i], legacy[i], accuracy[i], held[i] = e.TrainBCE, e.TestBCE, e.LegacyLoss, e.Accuracy, e.HeldOutBCE
	}
	return artifact.Table{Columns: []artifact.Column{
		{Name: "epoch", Values: epoch}, {Name: "train_bce", Values: train}, {Name: "test_bce", Values: test},
		{Name: "test_correct", Values: correct}, {Name: "test_accuracy", Values: accuracy},
		{Name: "held_out_bce", Values: held}, {Name: "legacy_loss", Values: legacy},
	}}
}

// Table lists the codes of all images with ids and labels.
func (e *Encoding) Table() artifact.Table {
	n := e.Values.Rows()
	id, label, train := ints(n), ints(n), make([]bool, n)
	for i := range n {
		id[i], label[i], train[i] = int64(i), int64(e.Labels[i]), i < e.TrainRows
	}
	t := []artifact.Column{{Name: "ind", Values: id}, {Name: "class", Values: label}, {Name: "train", Values: train}}
	return artifact.Table{Columns: append(t, features(e.Values)...)}
}

// features makes one column a feature, feature_0, feature_1 and so on.
func features(a *array.Array) []artifact.Column {
	out := make([]artifact.Column, a.Width())
	for k := range out {
		values := make([]float32, a.Rows())
		for i := range values {
			values[i] = a.At(i, k)
		}
		out[k] = artifact.Column{Name: fmt.Sprintf("feature_%d", k), Values: values}
	}
	return out
}

// Table lists the attributions at one split, one row an image, as the study's
// files do.
func (a *Attributions) Table(p SplitAttribution) artifact.Table {
	n := p.Values.Rows()
	id, output := ints(n), floats(n)
	for i := range n {
		id[i], output[i] = int64(i), float64(a.Outputs.Data[i])
	}
	t := []artifact.Column{{Name: "ind", Values: id}, {Name: "output", Values: output}}
	return artifact.Table{Columns: append(t, features(p.Values)...)}
}

// Table lists the points, one row an image, as the study's files do.
func (m *Map) Table() artifact.Table {
	n := m.Points.Rows()
	id, class, x, y := ints(n), ints(n), floats(n), floats(n)
	for i := range n {
		id[i], class[i] = int64(i), int64(m.Labels[i])
		x[i], y[i] = float64(m.Points.At(i, 0)), float64(m.Points.At(i, 1))
	}
	return artifact.Table{Columns: []artifact.Column{
		{Name: "index", Values: id}, {Name: "x", Values: x}, {Name: "y", Values: y}, {Name: "class", Values: class}}}
}

// Table lists the means within and between layers beside their chance level.
func (s *Similarity) Table() artifact.Table {
	n := len(s.Means)
	a, b, pairs := make([]string, n), make([]string, n), ints(n)
	mean, chance, p, q := floats(n), floats(n), floats(n), floats(n)
	for i, m := range s.Means {
		a[i], b[i], pairs[i] = s.Layers[m.A].Neurons, s.Layers[m.B].Neurons, int64(m.Pairs)
		mean[i], chance[i], p[i], q[i] = m.Mean, m.Chance, m.P, m.Q
	}
	return artifact.Table{Columns: []artifact.Column{
		{Name: "layer_a", Values: a}, {Name: "layer_b", Values: b}, {Name: "pairs", Values: pairs}, {Name: "mean_jaccard", Values: mean},
		{Name: "chance", Values: chance}, {Name: "p", Values: p}, {Name: "q", Values: q}}}
}

func ints(n int) []int64     { return make([]int64, n) }
func floats(n int) []float64 { return make([]float64, n) }

// joinInts lists numbers with spaces between, for one cell of a table.
func joinInts(values []int) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = strconv.Itoa(v)
	}
	return strings.Join(words, " ")
}
