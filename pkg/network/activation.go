package network

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// sameShape is for layers that treat each value alike and store nothing.
type sameShape struct{}

func (sameShape) Output(input []int) ([]int, error) { return input, nil }
func (sameShape) Parameters([]int) []Spec           { return nil }

// Tanh returns the layer tanh(x).
func Tanh() Layer { return tanh{} }

type tanh struct{ sameShape }

func (tanh) Kind() string                             { return "tanh" }
func (tanh) Graph(p *Pass, x *graph.Node) *graph.Node { return p.elementwise(x, graph.Tanh) }

// LeakyReLU returns the layer x for x > 0, slope·x otherwise. PyTorch's
// default slope is 0.01.
func LeakyReLU(slope float64) Layer { return leakyReLU{Slope: slope} }

type leakyReLU struct {
	sameShape
	Slope float64 `json:"slope"`
}

func (leakyReLU) Kind() string { return "leakyrelu" }

func (l leakyReLU) Output(input []int) ([]int, error) {
	return input, checkFinite("leakyrelu slope", l.Slope)
}

func (l leakyReLU) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.elementwise(x, func(x *graph.Node) *graph.Node {
		return graph.Where(positive(x), x, graph.MulScalar(x, l.Slope))
	})
}

// ELU returns the layer x for x > 0, alpha·(exp(x) − 1) otherwise. PyTorch's
// default alpha is 1 (Clevert et al., 2016).
func ELU(alpha float64) Layer { return elu{Alpha: alpha} }

type elu struct {
	sameShape
	Alpha float64 `json:"alpha"`
}

func (elu) Kind() string { return "elu" }

func (l elu) Output(input []int) ([]int, error) { return input, checkFinite("elu alpha", l.Alpha) }

func (l elu) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.elementwise(x, func(x *graph.Node) *graph.Node { return scaledELU(x, 1, l.Alpha) })
}

// SELU returns the self-normalising layer: 1.0507… times [ELU] with alpha
// 1.6733… (Klambauer et al., 2017).
func SELU() Layer { return selu{} }

type selu struct{ sameShape }

func (selu) Kind() string { return "selu" }

func (selu) Graph(p *Pass, x *graph.Node) *graph.Node {
	const scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
	return p.elementwise(x, func(x *graph.Node) *graph.Node { return scaledELU(x, scale, scale*alpha) })
}

// scaledELU is above·x for x > 0, below·(exp(x) − 1) otherwise.
func scaledELU(x *graph.Node, above, below float64) *graph.Node {
	// exp(x) − 1 = 2t/(1 − t) with t = tanh(x/2) does not cancel near 0, and
	// has a gradient, unlike GoMLX's Expm1.
	t := graph.Tanh(graph.MulScalar(negativePart(x), 0.5))
	return graph.Where(positive(x), graph.MulScalar(x, above), graph.Div(graph.MulScalar(t, 2*below), graph.OneMinus(t)))
}

// GELU returns the layer x·Φ(x), Φ the normal distribution function, by the
// error function (Hendrycks and Gimpel, 2016).
func GELU() Layer { return gelu{} }

// GELUTanh returns the approximation of [GELU] that PyTorch calls 'tanh':
// x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2.
func GELUTanh() Layer { return gelu{Tanh: true} }

type gelu struct {
	sameShape
	Tanh bool `json:"tanh"`
}

func (gelu) Kind() string { return "gelu" }

func (l gelu) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.elementwise(x, func(x *graph.Node) *graph.Node {
		share := graph.Erf(graph.MulScalar(x, math.Sqrt2/2))
		if l.Tanh {
			cubic := graph.Mul(x, graph.AddScalar(graph.MulScalar(graph.Square(x), 0.044715), 1))
			share = graph.Tanh(graph.MulScalar(cubic, math.Sqrt(2/math.Pi)))
		}
		return graph.Mul(x, graph.MulScalar(graph.OnePlus(share), 0.5))
	})
}

func geluFromTorch(m *torchObject) (Layer, error) {
	if m.fields["approximate"] == "tanh" {
		return GELUTanh(), nil
	}
	return GELU(), m.want("approximate", "none")
}

// SiLU returns the layer x·sigmoid(x), also called swish.
func SiLU() Layer { return silu{} }

type silu struct{ sameShape }

func (silu) Kind() string { return "silu" }

func (silu) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.elementwise(x, func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Sigmoid(x)) })
}

// Softplus returns the layer ln(1 + exp(x)).
func Softplus() Layer { return softplus{} }

type softplus struct{ sameShape }

func (softplus) Kind() string { return "softplus" }

func (softplus) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.elementwise(x, func(x *graph.Node) *graph.Node {
		above := graph.Where(positive(x), x, graph.ZerosLike(x))
		return graph.Where(positive(x),
			graph.Add(above, graph.Log1P(graph.Exp(graph.Neg(above)))),
			graph.Log1P(graph.Exp(negativePart(x))))
	})
}

func softplusFromTorch(m *torchObject) (Layer, error) {
	beta, err := m.float("beta")
	if err == nil && beta != 1 {
		err = fmt.Errorf("%s with beta %g is not supported: want 1", m.class, beta)
	}
	return Softplus(), err
}

func positive(x *graph.Node) *graph.Node { return graph.GreaterThan(x, graph.ZerosLike(x)) }

// negativePart is min(x, 0). The derivative at 0 is 1; GoMLX's of Min is 0.
func negativePart(x *graph.Node) *graph.Node {
	return graph.Where(positive(x), graph.ZerosLike(x), x)
}

func checkFinite(what string, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%s %g: want a finite number", what, v)
	}
	return nil
}

// fromTorchNumber makes a layer of one number of a module.
func fromTorchNumber(field string, make func(float64) Layer) func(*torchObject) (Layer, error) {
	return func(m *torchObject) (Layer, error) {
		v, err := m.float(field)
		return make(v), err
	}
}
