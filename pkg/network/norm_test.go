package network

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// TestBatchNormFixtures: three batches of training, gradients at the last,
// then evaluation, for rows and images.
func TestBatchNormFixtures(t *testing.T) {
	c := fixture.Load(t, "layers-norm-dropout")
	var trials []trial
	for _, name := range []string{"bn1d", "bn2d"} {
		start := map[string]*array.Array{"running_mean": array.New(5), "running_var": must(array.From([]float32{1, 1, 1, 1, 1}, 5))}
		params := func() map[string]*array.Array {
			return map[string]*array.Array{
				"weight": c.Array(name + ".gamma"), "bias": c.Array(name + ".beta"),
				"running_mean": start["running_mean"], "running_var": start["running_var"],
			}
		}
		for i, step := range []string{".step0", ".step1", ".step2"} {
			trials = append(trials, trial{layer: BatchNorm(BatchNormConfig{}), training: true, turned: i != 1,
				x: c.Array(name + step + ".x"), upstream: c.Array(name + ".upstream"), params: params(),
				check: func(t *testing.T, what string, e evaluation) {
					near(t, name+step, e.y, c.Array(name+step+".y"), 1e-5)
					for running := range start {
						near(t, name+step+" "+running, e.params[running], c.Array(name+step+"."+running), 1e-5)
					}
					if i == 2 {
						near(t, name+": gradient of x", e.x, c.Array(name+".grad_x"), 1e-5)
						near(t, name+": gradient of weight", e.params["weight"], c.Array(name+".grad_gamma"), 1e-5)
						near(t, name+": gradient of bias", e.params["bias"], c.Array(name+".grad_beta"), 1e-5)
					}
				}})
			for running := range start {
				start[running] = c.Array(name + step + "." + running)
			}
		}
		for key, l := range map[string]Layer{".eval_y": BatchNorm(BatchNormConfig{}), ".eval_y_eps1e-3": BatchNorm(BatchNormConfig{Epsilon: 1e-3})} {
			trials = append(trials, trial{layer: l, turned: true, x: c.Array(name + ".step2.x"), params: params(),
				check: func(t *testing.T, what string, e evaluation) {
					near(t, name+key, e.y, c.Array(name+key), 1e-5)
					if !e.params["running_mean"].Equal(start["running_mean"]) {
						t.Errorf("%s%s: evaluation moves the running statistics", name, key)
					}
				}})
		}
	}
	run(t, trials)
}

// TestBatchNormPartialBatch: rows that fill up the last batch count neither in
// the statistics nor in the gradients. 5 rows in batches of 4 train as the
// batches 4 and 1 would.
func TestBatchNormPartialBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	n := must(New("n", []int{2, 2, 2}, BatchNorm(BatchNormConfig{Momentum: 0.5}), ReLU(), Flatten(), Dense(3), BatchNorm(BatchNormConfig{}))).
		Initialize(TorchInit, rng)
	x, y := normal(rng, 5, 2, 2, 2), normal(rng, 5, 3)
	cfg := TrainConfig{Loss: MSE(), Optimizer: SGD{Rate: 0.1}, BatchSize: 4}
	forEach(t, func(t *testing.T, be compute.Backend) {
		cfg.Backend = be
		whole := must2(t, n, x, y, cfg)
		first := must2(t, n, x.Slice(0, 4), y.Slice(0, 4), cfg)
		parts := must2(t, first, x.Slice(4, 5), y.Slice(4, 5), cfg)
		for i, name := range whole.params.names {
			got, want := whole.params.values[i], parts.params.values[i]
			for k, v := range got.Data {
				if !(math.Abs(float64(v-want.Data[k])) <= 1e-5) {
					t.Errorf("%s: got %v, want %v", name, got.Data, want.Data)
					break
				}
			}
		}
		if mean := must(whole.params.Get("batchnorm0.running_mean")); largest(mean) == 0 {
			t.Error("running statistics did not move")
		}
	})
}

func must2(t *testing.T, n *Network, x, y *array.Array, cfg TrainConfig) *Network {
	t.Helper()
	trained, _, err := Train(context.Background(), n, x, y, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return trained
}

// TestLayerNormTwin compares with the formula, and gradients with differences
// of it.
func TestLayerNormTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	var trials []trial
	for _, axes := range []int{0, 1, 2} {
		l := LayerNorm(LayerNormConfig{Axes: axes, Epsilon: 1e-3})
		params := map[string]*array.Array{}
		x, upstream := normal(rng, 2, 3, 2, 4), normal(rng, 2, 3, 2, 4)
		for _, s := range l.Parameters(x.Shape[1:]) {
			params[s.Name] = normal(rng, s.Shape...)
		}
		group := len(params["weight"].Data)
		twin := func(x []float64) []float64 {
			y := make([]float64, len(x))
			for from := 0; from < len(x); from += group {
				mean, variance := 0.0, 0.0
				for _, v := range x[from : from+group] {
					mean += v / float64(group)
				}
				for _, v := range x[from : from+group] {
					variance += (v - mean) * (v - mean) / float64(group)
				}
				for i, v := range x[from : from+group] {
					y[from+i] = (v-mean)/math.Sqrt(variance+1e-3)*float64(params["weight"].Data[i]) + float64(params["bias"].Data[i])
				}
			}
			return y
		}
		trials = append(trials, withTwin(l, x, upstream, params, twin)...)
	}
	run(t, trials)
}

// withTwin compares output and gradient with respect to x with a function and
// its differences, in both layouts of an image.
func withTwin(l Layer, x, upstream *array.Array, params map[string]*array.Array, twin func([]float64) []float64) []trial {
	at := make([]float64, len(x.Data))
	for i, v := range x.Data {
		at[i] = float64(v)
	}
	total := func() float64 {
		sum := 0.0
		for i, y := range twin(at) {
			sum += y * float64(upstream.Data[i])
		}
		return sum
	}
	y, gradient := twin(at), make([]float64, len(at))
	const h = 1e-5
	for i, v := range at {
		at[i] = v + h
		above := total()
		at[i] = v - h
		gradient[i] = (above - total()) / (2 * h)
		at[i] = v
	}
	plain := trial{layer: l, x: x, upstream: upstream, params: params, check: func(t *testing.T, what string, e evaluation) {
		near(t, what, e.y, floats(y, x.Shape), 2e-6)
		near(t, what+": gradient of x", e.x, floats(gradient, x.Shape), 1e-5)
	}}
	turned := plain
	turned.training, turned.turned = true, true
	return []trial{plain, turned}
}
