package attribution

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
)

// operation is one step of a drawn network, twice: for GoMLX and for the tape.
type operation struct {
	name  string
	in    []int // operands: 0 is the input, i the result of operation i−1
	graph func(in []*Node) *Node
	tape  func(t *tape, in []*taped) *taped
}

// curves are elementwise functions: as GoMLX builds them, and as they are.
var curves = []struct {
	name  string
	graph func(x *Node) *Node
	f     func(z float64) float64
}{
	{"relu", activation.Relu, func(z float64) float64 { return max(z, 0) }},
	{"leaky relu", activation.LeakyRelu, func(z float64) float64 { return max(z, 0.3*z) }},
	{"tanh", Tanh, math.Tanh},
	{"sigmoid", Sigmoid, logistic},
	{"gelu", activation.Gelu, func(z float64) float64 { return z / 2 * (1 + math.Erf(z/math.Sqrt2)) }},
	{"gelu by tanh", activation.GeluApproximate, func(z float64) float64 {
		return z / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(z+0.044715*z*z*z)))
	}},
	{"silu", activation.Swish, func(z float64) float64 { return z * logistic(z) }},
	{"elu", func(x *Node) *Node { return Where(GreaterThan(x, ZerosLike(x)), x, Expm1(Min(x, ZerosLike(x)))) },
		func(z float64) float64 { return max(z, 0) + math.Expm1(min(z, 0)) }},
	{"selu", activation.Selu, func(z float64) float64 {
		return 1.0507009873554804934193349852946 * (max(z, 0) + 1.6732632423543772848170429916717*math.Expm1(min(z, 0)))
	}},
	{"softplus", Softplus, softplus},
	{"square", Square, func(z float64) float64 { return z * z }},
	{"log", func(x *Node) *Node { return Log(AddScalar(Softplus(x), 0.2)) }, func(z float64) float64 { return math.Log(softplus(z) + 0.2) }},
	{"root", func(x *Node) *Node { return Sqrt(AddScalar(Square(x), 0.1)) }, func(z float64) float64 { return math.Sqrt(z*z + 0.1) }},
	{"sine", Sin, math.Sin},
	{"abs", Abs, math.Abs},
	{"exp", func(x *Node) *Node { return Exp(Tanh(x)) }, func(z float64) float64 { return math.Exp(math.Tanh(z)) }},
	{"cube", func(x *Node) *Node { return PowScalar(AddScalar(Softplus(x), 0.1), 1.5) }, func(z float64) float64 { return math.Pow(softplus(z)+0.1, 1.5) }},
}

func logistic(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

func softplus(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }

func constant(g *Graph, values []float64, shape ...int) *Node {
	return Reshape(ConstAsDType(g, dtypes.Float32, values), shape...)
}

// weights are normal with the given spread, rounded to float32.
func weights(rng *rand.Rand, n int, spread float64) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = float64(float32(rng.NormFloat64() * spread))
	}
	return w
}

// dense multiplies the last axis with a matrix.
func drawDense(rng *rand.Rand, shape []int, out int) operation {
	last := len(shape) - 1
	in := shape[last]
	w, b := weights(rng, in*out, 1/math.Sqrt(float64(in))), weights(rng, out, 0.3)
	to := append(append([]int{}, shape[:last]...), out)
	return operation{
		name: fmt.Sprintf("dense %d", out),
		graph: func(x []*Node) *Node {
			g := x[0].Graph()
			y := DotGeneral(x[0], []int{last + 1}, nil, constant(g, w, in, out), []int{0}, nil)
			bias := append(make([]int, 0, last+2), 1)
			for range last {
				bias = append(bias, 1)
			}
			return Add(y, constant(g, b, append(bias, out)...))
		},
		tape: func(t *tape, v []*taped) *taped {
			bias := make([]float64, width(to))
			for i := range bias {
				bias[i] = b[i%out]
			}
			return t.linear(v[0], to, bias, func(yield func(to, from int, weight float64)) {
				for row := range width(shape[:last]) {
					for o := range out {
						for i := range in {
							yield(row*out+o, row*in+i, w[i*out+o])
						}
					}
				}
			})
		},
	}
}

// drawConv is a convolution of [height, width, channels].
func drawConv(rng *rand.Rand, shape []int, out int) operation {
	kernel, stride, dilation := 1+rng.IntN(3), 1+rng.IntN(2), 1+rng.IntN(2)
	before, after := rng.IntN(kernel+1), rng.IntN(kernel+1)
	if stride > 1 {
		dilation = 1 // GoMLX takes one of the two
	}
	reach := (kernel-1)*dilation + 1
	h, w, c := shape[0], shape[1], shape[2]
	if h+before+after < reach || w+before+after < reach {
		kernel, reach = 1, 1
	}
	k := weights(rng, kernel*kernel*c*out, 1/math.Sqrt(float64(kernel*kernel*c)))
	to := []int{(h+before+after-reach)/stride + 1, (w+before+after-reach)/stride + 1, out}
	return operation{
		name: fmt.Sprintf("conv %d stride %d dilation %d padding %d,%d", kernel, stride, dilation, before, after),
		graph: func(x []*Node) *Node {
			return Convolve(x[0], constant(x[0].Graph(), k, kernel, kernel, c, out)).StridePerAxis(stride, stride).
				DilationPerAxis(dilation, dilation).PaddingPerDim([][2]int{{before, after}, {before, after}}).Done()
		},
		tape: func(t *tape, v []*taped) *taped {
			return t.linear(v[0], to, nil, func(yield func(to, from int, weight float64)) {
				windows(shape, to, kernel, stride, dilation, before, func(o, i, ky, kx int) {
					for a := range c {
						for b := range out {
							yield(o*out+b, i*c+a, k[((ky*kernel+kx)*c+a)*out+b])
						}
					}
				})
			})
		},
	}
}

// windows calls meet for each place of an output and each place of the image
// under its window.
func windows(in, out []int, window, stride, dilation, before int, meet func(o, i, ky, kx int)) {
	for oy := range out[0] {
		for ox := range out[1] {
			for ky := range window {
				for kx := range window {
					y, x := oy*stride+ky*dilation-before, ox*stride+kx*dilation-before
					if y >= 0 && y < in[0] && x >= 0 && x < in[1] {
						meet(oy*out[1]+ox, y*in[1]+x, ky, kx)
					}
				}
			}
		}
	}
}

// drawPool is a maximum or mean over windows that may overlap.
func drawPool(rng *rand.Rand, shape []int) operation {
	window, stride := 2+rng.IntN(2), 1+rng.IntN(3)
	before, after := rng.IntN(2), rng.IntN(2)
	h, w, c := shape[0], shape[1], shape[2]
	to := []int{(h+before+after-window)/stride + 1, (w+before+after-window)/stride + 1, c}
	pads := [][2]int{{before, after}, {before, after}}
	if rng.IntN(2) == 0 {
		return operation{
			name: fmt.Sprintf("max-pool %d/%d", window, stride),
			graph: func(x []*Node) *Node {
				return MaxPool(x[0]).Window(window).Strides(stride).PaddingPerDim(pads).Done()
			},
			tape: func(t *tape, v []*taped) *taped {
				groups := make([][]int, width(to))
				windows(shape, to, window, stride, 1, before, func(o, i, _, _ int) {
					for a := range c {
						groups[o*c+a] = append(groups[o*c+a], i*c+a)
					}
				})
				return t.largest(v[0], to, groups)
			},
		}
	}
	return operation{
		name: fmt.Sprintf("mean-pool %d/%d", window, stride),
		graph: func(x []*Node) *Node {
			return MeanPool(x[0]).Window(window).Strides(stride).PaddingPerDim(pads).Done()
		},
		tape: func(t *tape, v []*taped) *taped {
			share := make([]float64, to[0]*to[1])
			windows(shape, to, window, stride, 1, before, func(o, _, _, _ int) { share[o]++ })
			return t.linear(v[0], to, nil, func(yield func(to, from int, weight float64)) {
				windows(shape, to, window, stride, 1, before, func(o, i, _, _ int) {
					for a := range c {
						yield(o*c+a, i*c+a, 1/share[o])
					}
				})
			})
		},
	}
}
