package metric_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/metric"
)

// TestConfusionFixture compares with scikit-learn's reports.
func TestConfusionFixture(t *testing.T) {
	c := fixture.Load(t, "metrics-classification")
	y, _ := c.Ints("y")
	p := c.Array("p")
	m := must(metric.NewConfusion(y, metric.Argmax(p), p.Width()))
	want, _ := c.Ints("confusion")
	if got := slices.Concat(m...); !slices.Equal(got, want) {
		t.Errorf("confusion: got %v, want %v", got, want)
	}
	perClass := c.Array("precision_recall_f1")
	for k, s := range m.Scores() {
		near(t, fmt.Sprint("class ", k), []float64{s.Precision, s.Recall, s.F1}, []float32{perClass.At(0, k), perClass.At(1, k), perClass.At(2, k)})
	}
	for name, s := range map[string]metric.Scores{"average_macro": m.Macro(), "average_weighted": m.Weighted()} {
		near(t, name, []float64{s.Precision, s.Recall, s.F1}, c.Array(name).Data)
	}
	micro := m.Accuracy()
	near(t, "average_micro", []float64{micro, micro, micro}, c.Array("average_micro").Data)
	near(t, "accuracy", []float64{micro}, c.Array("accuracy").Data[:1])
}

// TestBCEFixture compares with PyTorch; its first rows are 0 and 1 exactly.
func TestBCEFixture(t *testing.T) {
	c := fixture.Load(t, "losses")
	p, y := c.Array("bce.p").Data, c.Array("bce.y").Data
	near(t, "bce.loss", []float64{must(metric.BCE(p, y))}, c.Array("bce.loss").Data)
	near(t, "bce_inner.loss", []float64{must(metric.BCE(p[4:], y[4:]))}, c.Array("bce_inner.loss").Data)
	for i, want := range c.Array("bce.elements").Data {
		near(t, "bce.elements", []float64{must(metric.BCE(p[i:i+1], y[i:i+1]))}, []float32{want})
	}
}

// TestBinaryAgainstPlainCounting writes the measures again from their words.
func TestBinaryAgainstPlainCounting(t *testing.T) {
	r := random.Stream(1, "test")
	for range 50 {
		n := 1 + r.IntN(200)
		p, y := make([]float32, n), make([]int, n)
		right, predictedOnes, ones, rightOnes, loss, sum := 0, 0, 0, 0, 0.0, 0.0
		for i := range n {
			p[i], y[i] = r.Float32(), r.IntN(2)
			class := int(math.Floor(float64(p[i]) + 0.49999999))
			if class == y[i] {
				right++
			}
			predictedOnes, ones, rightOnes = predictedOnes+class, ones+y[i], rightOnes+class*y[i]
			loss -= math.Log(math.Abs(float64(1-y[i]) - float64(p[i])))
			sum += float64(p[i])
		}
		b := must(metric.NewBinary(p, y))
		got := []float64{b.Accuracy(), b.BCE, b.MeanP, float64(b.Rows()), float64(b.Correct())}
		for i, want := range []float64{float64(right) / float64(n), loss / float64(n), sum / float64(n), float64(n), float64(right)} {
			if math.Abs(got[i]-want) > 1e-9 {
				t.Errorf("measure %d: got %v, want %v", i, got[i], want)
			}
		}
		if b.TP != rightOnes || b.TP+b.FP != predictedOnes || b.TP+b.FN != ones {
			t.Errorf("counts %+v: want %d right of %d predicted ones and %d ones", b, rightOnes, predictedOnes, ones)
		}
		if precision, recall := b.Precision(), b.Recall(); precision > 0 && math.Abs(b.F1()-2/(1/precision+1/recall)) > 1e-12 {
			t.Errorf("F1 = %v of precision %v and recall %v", b.F1(), precision, recall)
		}
	}
}

// TestLegacyLoss: the last batch counts as much as a full one, and the sum is
// divided by rows.
func TestLegacyLoss(t *testing.T) {
	p, y := []float32{0.5, 0.5, 0.25}, []int{0, 1, 1}
	if got, want := must(metric.LegacyLoss(p, y, 2)), (math.Ln2+2*math.Ln2)/3; math.Abs(got-want) > 1e-12 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	p, y := []float32{0.1, 0.9}, []int{0, 1}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"lengths", fails(metric.NewBinary(p, y[:1])), "2 probabilities and 1 labels"},
		{"empty", fails(metric.BCE(nil, []int{})), "at least 1"},
		{"logit", fails(metric.NewBinary([]float32{0.5, 3}, y)), "probability of row 1 is 3"},
		{"NaN", fails(metric.NewBinary([]float32{float32(math.NaN()), 0}, y)), "probability of row 0 is NaN"},
		{"label", fails(metric.NewBinary(p, []float32{0, 0.5})), "label of row 1 is 0.5"},
		{"batch", fails(metric.LegacyLoss(p, y, 0)), "batches of 0 rows"},
		{"flips", fails(metric.Flips(p, p[:1])), "2 probabilities before, 1 after"},
		{"classes", fails(metric.NewConfusion([]int{0, 3}, []int{0, 1}, 3)), "row 1 has label 3 and prediction 1: classes are 0…2"},
		{"predictions", fails(metric.NewConfusion([]int{0}, nil, 2)), "1 labels, 0 predictions"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.want)
		}
	}
}

func ExampleNewBinary() {
	b, _ := metric.NewBinary([]float32{0.1, 0.8, 0.4, 0.9}, []int{0, 1, 1, 1})
	fmt.Printf("%d of %d right, accuracy %.2f, recall %.2f, BCE %.3f\n", b.Correct(), b.Rows(), b.Accuracy(), b.Recall(), b.BCE)
	// Output: 3 of 4 right, accuracy 0.75, recall 0.67, BCE 0.338
}

func ExampleArgmax() {
	logits, _ := array.From([]float32{0.1, 2, -1, 3, 0, 3}, 2, 3)
	fmt.Println(metric.Argmax(logits))
	// Output: [1 0]
}

func ExampleFlips() {
	rows, _ := metric.Flips([]float32{0.1, 0.6, 0.9}, []float32{0.7, 0.55, 0.2})
	fmt.Println(rows)
	// Output: [0 2]
}

func near(t *testing.T, name string, got []float64, want []float32) {
	t.Helper()
	for i := range got {
		// 2e-6 is the tolerance of the fixture; losses of 100 are compared
		// in the precision they were stored in.
		if math.Abs(got[i]-float64(want[i])) > 2e-6*max(1, math.Abs(got[i])) {
			t.Errorf("%s: value %d: got %v, want %v", name, i, got[i], want[i])
		}
	}
}

func fails[T any](_ T, err error) error { return err }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
