package attribution

import (
	"math"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/fixture/net"
)

// TestConvolutionsEqualShap: every logit of a convolutional network with
// batch norm, maximum and average pools.
func TestConvolutionsEqualShap(t *testing.T) {
	c := fixture.Load(t, "deepshap-cnn")
	m := net.Network(t, c, "model")
	for _, b := range backend.ForTest(t) {
		for out, a := range explainOutputs(t, m, Rescale{}, c, 4, b) {
			near(t, b.Name()+": f", a.Outputs.Data, outputOf(c.Array("f_x"), out), tolerance(t, c, "f_x"))
			t.Logf("%s: gap %.1g of the scale %.3g", b.Name(), a.MaxGap(), a.Scale)
			near(t, b.Name()+": phi", a.Layers[0].Values.Data, outputOf(c.Array("phi"), out), tolerance(t, c, "phi"))
			completeHere(t, a)
		}
	}
}

// TestWhereShapIsWrong: networks that shap and captum do not divide
// correctly. The case holds what shap returns; its gap and ours are those of
// the same rows, as shares of the largest f(x) − E f.
func TestWhereShapIsWrong(t *testing.T) {
	for _, f := range []struct {
		name, published string
		outputs         int
		correct         string // array of the right answer
		method          Rescale
		gap             float64 // shap's, at least
	}{
		// Contributions to a value that wins in several windows overwrite each other.
		{"deepshap-cnn-overlap", "phi_shap", 4, "phi", Rescale{}, 0.25},
		// Softmax2d is unknown: the plain Jacobian at the background takes its place.
		{"deepshap-cnn-softmax2d-gap", "phi", 5, "phi_average_jacobian", Rescale{AveragedSoftmax: true}, 0.2},
		{"deepshap-cnn-softmax2d-linear", "phi", 5, "phi_average_jacobian", Rescale{AveragedSoftmax: true}, 0.01},
	} {
		c := fixture.Load(t, f.name)
		m := net.Network(t, c, "model")
		published := c.Array(f.published)
		for _, b := range backend.ForTest(t) {
			var theirs, ours, scale float64
			compare := func(method Rescale) {
				for out, a := range explainOutputs(t, m, method, c, f.outputs, b) {
					theirs = max(theirs, largestGap(outputOf(published, out), a))
					ours = max(ours, largestGap(a.Layers[0].Values.Data, a))
					scale = max(scale, a.Scale)
					completeHere(t, a)
					if method == f.method {
						near(t, b.Name()+": "+f.correct, a.Layers[0].Values.Data, outputOf(c.Array(f.correct), out), tolerance(t, c, f.correct))
					}
				}
			}
			compare(f.method)
			if f.method != (Rescale{}) && b == backend.ForTest(t)[0] { // XLA's compiler takes its time
				compare(Rescale{})
			}
			t.Logf("%s, %s: gap of shap %.2g, of ours %.1g of the scale %.3g", f.name, b.Name(), theirs/scale, ours/scale, scale)
			if theirs < f.gap*scale {
				t.Errorf("%s: the published values miss f by %.2g of %.2g: are they shap's?", f.name, theirs, scale)
			}
		}
	}
}

// largestGap of values [rows, ...] for the target of a.
func largestGap(values []float32, a *Attribution) (worst float64) {
	rows := a.Outputs.Rows()
	width := len(values) / rows
	for i := range rows {
		gap := sum(values[i*width:][:width]) - (float64(a.Outputs.Data[i]) - a.BaseValues[i])
		worst = max(worst, math.Abs(gap))
	}
	return worst
}

// completeHere wants what docs/attribution.md says of all networks. (Where
// logits of 1.4 differ by 0.01 from the background's, as in one case, the
// float32 error of the logits alone is half of that.)
func completeHere(t *testing.T, a *Attribution) {
	t.Helper()
	if a.MaxGap() > 1e-4 {
		t.Errorf("%v: gap %.2g of the scale, want ≤ 1e-4", a.Target, a.MaxGap())
	}
}
