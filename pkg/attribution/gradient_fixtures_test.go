package attribution

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/fixture/net"
	"github.com/gojacard/jacard/pkg/array"
)

// captum is one of the two cases that hold Captum's values.
type captum struct {
	*fixture.Case
	model      Model
	layer      string // whose layer methods are stored
	neuron     int    // unit of it
	x, start   *array.Array
	target     Target
	ig, smooth int // points, draws
	shap       int // draws of GradientShap
}

func loadCaptum(t *testing.T, name, layer string) captum {
	c := captum{Case: fixture.Load(t, name), layer: layer}
	var parameters struct {
		Neuron any
		Ig     int `json:"ig_steps"`
		Smooth int `json:"smoothgrad_samples"`
		Shap   int `json:"gradient_shap_samples"`
	}
	c.JSON("parameters", &parameters)
	c.ig, c.smooth, c.shap = parameters.Ig, parameters.Smooth, parameters.Shap
	c.model = net.Network(t, c.Case, "model")
	c.x, c.start = c.Array("x"), c.Array("baseline")
	units, _ := c.Ints("target")
	c.target = Target{Outputs: units}
	shape := c.Array("layer_activation").Shape[1:]
	switch place := parameters.Neuron.(type) {
	case float64:
		c.neuron = int(place)
	case []any:
		for i, v := range place {
			c.neuron = c.neuron*shape[i] + int(v.(float64))
		}
	}
	return c
}

// values explains the case's targets by a method, or by do in its place, and
// returns the values of the only layer.
func (c captum) values(t *testing.T, b compute.Backend, m Method, q Query, do func(p *problem) ([]*Attribution, error)) *Attribution {
	t.Helper()
	q.Rows, q.Target, q.Backend = c.x, c.target, b
	if m != (Conductance{}) { // others have fixed points, and gaps
		q.MaxGap = 1
	}
	if m.Promise().Background != Unused && q.Background == nil {
		q.Background = c.start
	}
	if q.Target.Outputs == nil {
		t.Fatal("no targets")
	}
	if do == nil {
		a, err := Explain(context.Background(), c.model, m, q)
		if err != nil {
			t.Fatalf("%s: %s: %v", b.Name(), m.Name(), err)
		}
		return a
	}
	p, err := newProblem(c.model, m, q, []Target{q.Target})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	all, err := do(p)
	if err != nil {
		t.Fatalf("%s: %s: %v", b.Name(), m.Name(), err)
	}
	return all[0]
}

// rules are Captum's, of n points.
var rules = map[string]rule{
	"gausslegendre":  gaussLegendre,
	"riemann_middle": uniform(0.5, 1),
	"riemann_left":   uniform(0, 1),
	"riemann_right":  uniform(1, 1),
	// Its weights are 1/n, half at both ends, and add up to 1 − 1/n.
	"riemann_trapezoid": func(n int) (at, weights []float64) {
		for i := range n {
			at, weights = append(at, float64(i)/float64(n-1)), append(weights, 1/float64(n))
		}
		weights[0], weights[n-1] = 0.5/float64(n), 0.5/float64(n)
		return at, weights
	},
}

func uniform(shift, total float64) rule {
	return func(n int) (at, weights []float64) {
		for i := range n {
			at, weights = append(at, (float64(i)+shift)/float64(n)), append(weights, total/float64(n))
		}
		return at, weights
	}
}

// TestGradientsEqualCaptum compares with Captum's values on a ReLU network and
// a convolutional one, each at the case's tolerance.
func TestGradientsEqualCaptum(t *testing.T) {
	ctx := context.Background()
	for _, c := range []captum{loadCaptum(t, "captum-mlp", "relu3"), loadCaptum(t, "captum-cnn", "conv2d7")} {
		fixed := Path{Points: c.ig}
		noise, shapNoise, alpha := c.Array("smoothgrad_noise"), c.Array("gradient_shap_noise"), c.Array("gradient_shap_alpha")
		starts, _ := c.Ints("gradient_shap_baseline_index")
		smooth := func(s GradientStatistic) func(p *problem) ([]*Attribution, error) {
			return func(p *problem) ([]*Attribution, error) {
				return p.smoothGrad(ctx, SmoothGrad{Draws: c.smooth, Statistic: s}, func(row int) func() float64 {
					next := 0
					return func() float64 { next++; return float64(noise.Row(row)[next-1]) }
				})
			}
		}
		ig := func(name string) func(p *problem) ([]*Attribution, error) {
			return func(p *problem) ([]*Attribution, error) { return p.integratedGradients(ctx, fixed, rules[name]) }
		}
		onLayer := Query{Layers: []string{c.layer}}
		neuron := NeuronConductance{Layer: c.layer, Unit: c.neuron, Path: fixed}
		for _, k := range []struct {
			key    string
			method Method
			q      Query
			xla    bool // too
			do     func(p *problem) ([]*Attribution, error)
		}{
			{"saliency", Saliency{}, Query{}, false, nil},
			{"saliency_signed", Saliency{Signed: true}, Query{}, true, nil},
			{"input_x_gradient", GradientTimesInput{}, Query{}, false, nil},
			{"guided_backprop", GuidedBackprop{}, Query{}, false, nil},
			{"deconvolution", Deconvolution{}, Query{}, false, nil},
			{"ig_gausslegendre", IntegratedGradients{fixed}, Query{}, false, nil},
			{"ig_riemann_middle", IntegratedGradients{fixed}, Query{}, false, ig("riemann_middle")},
			{"ig_riemann_left", IntegratedGradients{fixed}, Query{}, false, ig("riemann_left")},
			{"ig_riemann_right", IntegratedGradients{fixed}, Query{}, false, ig("riemann_right")},
			{"ig_riemann_trapezoid", IntegratedGradients{fixed}, Query{}, false, ig("riemann_trapezoid")},
			{"layer_activation", Activation{}, onLayer, false, nil},
			{"layer_gradient_x_activation", GradientTimesInput{}, onLayer, false, nil},
			{"layer_integrated_gradients", IntegratedGradients{fixed}, onLayer, false, nil},
			{"layer_conductance_fine", Conductance{}, onLayer, true, nil},
			{"internal_influence", InternalInfluence{fixed}, onLayer, false, nil},
			{"neuron_conductance", neuron, Query{}, true, nil},
			{"neuron_conductance_default", neuron, Query{}, false, func(p *problem) ([]*Attribution, error) {
				return p.neuronConductance(ctx, neuron, rules["riemann_trapezoid"])
			}},
			{"smoothgrad", SmoothGrad{}, Query{}, false, smooth(MeanGradient)},
			{"smoothgrad_sq", SmoothGrad{}, Query{}, false, smooth(MeanSquare)},
			{"vargrad", SmoothGrad{}, Query{}, false, smooth(GradientVariance)},
			{"gradient_shap", ExpectedGradients{}, Query{Background: c.Array("baseline_distribution")}, false, func(p *problem) ([]*Attribution, error) {
				return p.expectedGradients(ctx, c.shap, func(row int) func(int, *job) {
					next := 0
					return func(draw int, j *job) {
						place := float64(alpha.At(row, draw))
						fillLine(j, p.Rows.Row(row), p.Background.Row(starts[row*c.shap+draw]), place, func() float64 {
							next++
							return float64(shapNoise.Row(row)[next-1])
						})
					}
				})
			}},
			{"grad_cam", GradCAM{Signed: true, LayerSize: true}, onLayer, false, nil},
			{"grad_cam_relu", GradCAM{LayerSize: true}, onLayer, false, nil},
			{"grad_cam_bilinear", GradCAM{Signed: true}, onLayer, false, nil},
			{"guided_grad_cam", GuidedGradCAM{Layer: c.layer, Nearest: true}, Query{}, true, nil},
		} {
			if !c.Has(k.key) {
				continue
			}
			for i, b := range backend.ForTest(t) {
				if slow := os.Getenv("JACARD_SLOW") != ""; !slow && (i > 0 && !k.xla || k.key == "layer_conductance_fine" && i == 0 && len(backend.ForTest(t)) > 1) {
					continue // thousands of points, or much compiling for little
				}
				a := c.values(t, b, k.method, k.q, k.do)
				near(t, fmt.Sprintf("%s: %s", b.Name(), k.key), a.Layers[0].Values.Data, c.Array(k.key).Data, tolerance(t, c.Case, k.key))
			}
		}
	}
}

// TestNeuronGradient: a hidden unit is a target as any other.
func TestNeuronGradient(t *testing.T) {
	for _, c := range []captum{loadCaptum(t, "captum-mlp", "relu3"), loadCaptum(t, "captum-cnn", "conv2d7")} {
		want := c.Array("neuron_gradient")
		units := width(c.Array("layer_activation").Shape[1:])
		all, err := ExplainEach(context.Background(), c.model, Saliency{Signed: true}, Query{Rows: c.x, Backend: backend.ForTest(t)[0]}, Units(c.layer, units))
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != units {
			t.Fatalf("got %d attributions, want %d", len(all), units)
		}
		near(t, c.Dir+": neuron gradient", all[c.neuron].Layers[0].Values.Data, want.Data, tolerance(t, c.Case, "neuron_gradient"))
	}
}

// TestGapsBesideCaptum shows where Captum's values miss the output that they
// divide, what ours miss with the same points, and what ours miss by default.
func TestGapsBesideCaptum(t *testing.T) {
	for _, c := range []captum{loadCaptum(t, "captum-mlp", "relu3"), loadCaptum(t, "captum-cnn", "conv2d7")} {
		f, base := c.Array("f_x"), c.Array("f_baseline")
		gap := func(values *array.Array) float64 {
			var worst, size float64
			for i := range values.Rows() {
				u := c.target.Outputs[i]
				change := float64(f.At(i, u)) - float64(base.At(0, u))
				worst, size = max(worst, math.Abs(sum(values.Row(i))-change)), max(size, math.Abs(change))
			}
			return worst / size
		}
		backends := backend.ForTest(t)
		b := backends[len(backends)-1]
		for _, k := range []struct {
			theirs      string
			fixed, ours Method
			q           Query
			biased      bool // theirs misses more than 1 %
		}{
			{"ig_riemann_trapezoid", IntegratedGradients{Path{Points: c.ig}}, IntegratedGradients{}, Query{}, true},
			{"layer_conductance", Conductance{Path{Points: c.ig}}, Conductance{}, Query{Layers: []string{c.layer}}, false},
		} {
			if c.layer != "relu3" && !k.biased {
				continue // seconds, and nothing that the other case does not say
			}
			q := k.q
			q.Rows, q.Background, q.Target, q.Backend = c.x, c.start, c.target, b
			ours, err := Explain(context.Background(), c.model, k.ours, q)
			if err != nil {
				t.Fatalf("%s: %v", k.ours.Name(), err)
			}
			theirs, same := gap(c.Array(k.theirs)), gap(c.values(t, b, k.fixed, k.q, nil).Layers[0].Values)
			got := gap(ours.Layers[0].Values)
			t.Logf("%s: gap as a share of the largest change: Captum %.2g, ours with %d points %.2g, ours by default %.2g", k.theirs, theirs, c.ig, same, got)
			if got > 1e-4 || theirs < got || k.biased && theirs < 0.01 {
				t.Errorf("%s: gap of Captum %.3g, ours %.3g: want ours ≤ 1e-4 and Captum's larger", k.theirs, theirs, got)
			}
		}
	}
}
