package network

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
)

// activations lists the layers that treat all values alike, with their
// formula and their derivative at 0, which is PyTorch's.
var activations = []struct {
	layer Layer
	f     func(x float64) float64
	at0   float64
}{
	{ReLU(), func(x float64) float64 { return max(x, 0) }, 0},
	{LeakyReLU(0.1), func(x float64) float64 { return max(x, 0) + 0.1*min(x, 0) }, 0.1},
	{ELU(0.7), func(x float64) float64 { return max(x, 0) + 0.7*math.Expm1(min(x, 0)) }, 0.7},
	{SELU(), func(x float64) float64 {
		return 1.0507009873554805 * (max(x, 0) + 1.6732632423543772*math.Expm1(min(x, 0)))
	}, 1.0507009873554805 * 1.6732632423543772},
	{GELU(), func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }, 0.5},
	{GELUTanh(), func(x float64) float64 {
		return x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) / 2
	}, 0.5},
	{SiLU(), func(x float64) float64 { return x / (1 + math.Exp(-x)) }, 0.5},
	{Softplus(), func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, 0.5},
	{Sigmoid(), func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 0.25},
	{Tanh(), math.Tanh, 1},
}

// TestActivations: values and derivatives from −100 to 100, and at 0.
func TestActivations(t *testing.T) {
	x := array.New(1, 2, 3, 8)
	copy(x.Data, []float32{0, -100, -30, -10, 10, 30, 100, 1e-7, -1e-7, 1e-3, -1e-3})
	rng := rand.New(rand.NewPCG(1, 1))
	for i := 11; i < len(x.Data); i++ {
		x.Data[i] = float32(3 * rng.NormFloat64())
	}
	var trials []trial
	for _, a := range activations {
		y, slope := make([]float64, len(x.Data)), make([]float64, len(x.Data))
		for i, v := range x.Data {
			const h = 1e-8 // below the distance of the values from the kink
			y[i], slope[i] = a.f(float64(v)), (a.f(float64(v)+h)-a.f(float64(v)-h))/(2*h)
		}
		slope[0] = a.at0
		for _, training := range []bool{false, true} {
			trials = append(trials, trial{layer: a.layer, training: training, turned: training, x: x, check: func(t *testing.T, what string, e evaluation) {
				near(t, what, e.y, floats(y, x.Shape), 2e-7)
				if a.layer == ReLU() && !training {
					e.x.Data[0] = 0 // at 0 GoMLX's Max has slope 1, and only training needs PyTorch's
				}
				// 2e-6: rounding of y over 2h, with |y| up to 100 where slopes are 0 or 1.
				near(t, what+": derivative", e.x, floats(slope, x.Shape), 2e-6)
			}})
		}
	}
	run(t, trials)
}

// TestSoftmax: over each axis, in both layouts of an image.
func TestSoftmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	x, upstream := array.New(2, 3, 2, 4), array.New(2, 3, 2, 4)
	for i := range x.Data {
		x.Data[i], upstream.Data[i] = float32(5*rng.NormFloat64()), float32(rng.NormFloat64())
	}
	var trials []trial
	for axis := range 3 {
		step := map[int]int{0: 8, 1: 4, 2: 1}[axis] // between neighbours along the axis
		length := x.Shape[1+axis]
		log := func(x []float64) []float64 {
			y := make([]float64, len(x))
			for i := range x {
				first := i - i/step%length*step
				sum := 0.0
				for k := range length {
					sum += math.Exp(x[first+k*step])
				}
				y[i] = x[i] - math.Log(sum)
			}
			return y
		}
		trials = append(trials, withTwin(LogSoftmax(axis), x, upstream, nil, log)...)
		trials = append(trials, withTwin(Softmax(axis-3), x, upstream, nil, func(x []float64) []float64 {
			y := log(x)
			for i, v := range y {
				y[i] = math.Exp(v)
			}
			return y
		})...)
	}
	run(t, trials)
}
