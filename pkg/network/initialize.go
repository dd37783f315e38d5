package network

import (
	"math"
	"math/rand/v2"
)

// Init draws the start values of one parameter, in memory order.
type Init func(s Spec, values []float32, rng *rand.Rand)

// TorchInit is PyTorch's default for Linear and Conv layers: weights and
// biases uniform in ±1/√(fan-in). It follows PyTorch's distribution, not its
// random stream.
func TorchInit(s Spec, values []float32, rng *rand.Rand) {
	uniform(1/math.Sqrt(float64(s.FanIn)), values, rng)
}

// GlorotInit is Keras' default: weights uniform in ±√(6/(fan-in + fan-out)),
// biases zero (Glorot and Bengio, 2010).
func GlorotInit(s Spec, values []float32, rng *rand.Rand) {
	if s.Name == "bias" {
		clear(values)
		return
	}
	uniform(math.Sqrt(6/float64(s.FanIn+s.FanOut)), values, rng)
}

// SklearnInit is scikit-learn's rule for MLPClassifier and MLPRegressor with
// ReLU: weights and biases uniform in ±√(6/(fan-in + fan-out)) (Glorot and
// Bengio, 2010, for weights). It follows the distribution, not the random stream.
func SklearnInit(s Spec, values []float32, rng *rand.Rand) {
	uniform(math.Sqrt(6/float64(s.FanIn+s.FanOut)), values, rng)
}

func uniform(bound float64, values []float32, rng *rand.Rand) {
	for i := range values {
		values[i] = float32((2*rng.Float64() - 1) * bound)
	}
}
