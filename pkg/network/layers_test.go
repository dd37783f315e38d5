package network

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// trial runs one layer on x and compares with check.
type trial struct {
	layer      Layer
	training   bool
	turned     bool // x arrives in a remembered layout, see layout.go
	x          *array.Array
	upstream   *array.Array            // gradient at the output; nil means 1 everywhere
	params     map[string]*array.Array // by suffix
	check      func(t *testing.T, what string, e evaluation)
	parameters []Spec
}

// evaluation is a layer's output and its gradients for a gradient at it.
type evaluation struct {
	y      *array.Array
	x      *array.Array            // gradient
	params map[string]*array.Array // gradient, or the value after the step if fixed
}

// run puts all trials into one program for each backend: compiling takes most
// of the time.
func run(t *testing.T, trials []trial) {
	t.Helper()
	for i := range trials {
		c := &trials[i]
		c.parameters = c.layer.Parameters(c.x.Shape[1:])
		if c.upstream == nil {
			c.upstream = array.New(append([]int{c.x.Rows()}, must(c.layer.Output(c.x.Shape[1:]))...)...)
			for k := range c.upstream.Data {
				c.upstream.Data[k] = 1
			}
		}
	}
	forEach(t, func(t *testing.T, be compute.Backend) {
		var args []any
		for _, c := range trials {
			args = append(args, backend.Tensor(c.x), backend.Tensor(c.upstream))
			for _, s := range c.parameters {
				args = append(args, backend.Tensor(c.params[s.Name]))
			}
		}
		exec, err := graph.NewExec(be, func(in []*graph.Node) []*graph.Node {
			var out []*graph.Node
			for _, c := range trials {
				n := 2 + len(c.parameters)
				out = append(out, c.graph(in[:n])...)
				in = in[n:]
			}
			return out
		})
		if err != nil {
			t.Fatal(err)
		}
		results, err := exec.Call(args...)
		if err != nil {
			t.Fatal(backend.Short(err))
		}
		for _, c := range trials {
			next := func() *array.Array {
				a := must(backend.Array(results[0]))
				results = results[1:]
				return a
			}
			e := evaluation{y: next(), x: next(), params: map[string]*array.Array{}}
			for _, fixed := range []bool{false, true} {
				for _, s := range c.parameters {
					if s.Fixed == fixed {
						e.params[s.Name] = next()
					}
				}
			}
			c.check(t, fmt.Sprintf("%s %+v", c.layer.Kind(), c.layer), e)
		}
	})
}

// graph returns output, gradients of x and the trainable parameters, and the
// fixed parameters.
func (c trial) graph(in []*graph.Node) []*graph.Node {
	p := &Pass{Training: c.training, layer: "l", params: map[string]*graph.Node{}}
	x, of := in[0], in[:1:1]
	if c.turned {
		p.turned = map[*graph.Node]*graph.Node{}
		if x.Rank() == 4 {
			x = p.channelsFirst(p.channelsLast(x))
		}
	}
	for i, s := range c.parameters {
		if p.params["l."+s.Name] = in[2+i]; !s.Fixed {
			of = append(of, in[2+i])
		}
	}
	y := c.layer.Graph(p, x)
	out := append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Mul(y, in[1])), of...)...)
	for _, s := range c.parameters {
		if s.Fixed {
			out = append(out, p.params["l."+s.Name])
		}
	}
	return out
}

// near compares as the cases do: |got − want| ≤ atol + 1e-5·|want|.
func near(t *testing.T, what string, got, want *array.Array, atol float64) {
	t.Helper()
	if len(got.Data) != len(want.Data) {
		t.Errorf("%s: got shape %v, want %v", what, got.Shape, want.Shape)
		return
	}
	worst, at := -1.0, 0
	for i, w := range want.Data {
		if d := math.Abs(float64(got.Data[i])-float64(w)) - 1e-5*math.Abs(float64(w)); d > worst || math.IsNaN(d) {
			worst, at = d, i
		}
	}
	if !(worst <= atol) {
		t.Errorf("%s: value %d is %g, want %g", what, at, got.Data[at], want.Data[at])
	}
}

// TestConvAndPoolFixtures compares outputs and gradients with PyTorch's.
func TestConvAndPoolFixtures(t *testing.T) {
	c := fixture.Load(t, "layers-conv-pool")
	conv := map[string]*array.Array{"weight": c.Array("kernel"), "bias": c.Array("bias")}
	pad := func(stride int) ConvConfig { return ConvConfig{Stride: Square(stride), Padding: Square(1)} }
	var trials []trial
	for i, l := range []struct {
		name  string
		layer Layer
		rows  string
	}{
		{"conv_valid", Conv2D(4, Square(3), ConvConfig{}), "x"},
		{"conv_pad1", Conv2D(4, Square(3), pad(1)), "x"},
		{"conv_pad1_stride2", Conv2D(4, Square(3), pad(2)), "x"},
		{"conv_tf_same_stride2", Conv2D(4, Square(3), pad(2)), "x"},
		{"maxpool2", MaxPool2D(Square(2), PoolConfig{}), "x"},
		{"maxpool3_stride2", MaxPool2D(Square(3), PoolConfig{Stride: Square(2)}), "x"},
		{"maxpool2_pad", MaxPool2D(Square(3), PoolConfig{Stride: Square(2), Padding: Square(1)}), "x"},
		{"maxpool2_ties", MaxPool2D(Square(2), PoolConfig{}), "x_ties"},
		{"avgpool2", AvgPool2D(Square(2), PoolConfig{}), "x"},
		{"avgpool3_stride2", AvgPool2D(Square(3), PoolConfig{Stride: Square(2)}), "x"},
		{"global_avg", GlobalAvgPool2D(), "x"},
	} {
		upstream := c.Array(l.name + ".upstream")
		if l.name == "global_avg" {
			upstream = must(array.From(upstream.Data, append(upstream.Shape, 1, 1)...))
		}
		trials = append(trials, trial{layer: l.layer, training: true, turned: i%2 == 1, x: c.Array(l.rows), upstream: upstream, params: conv,
			check: func(t *testing.T, what string, e evaluation) {
				near(t, l.name, e.y, c.Array(l.name+".y"), 1e-4)
				near(t, l.name+": gradient of x", e.x, c.Array(l.name+".grad_x"), 1e-4)
				if len(e.params) > 0 {
					near(t, l.name+": gradient of the kernel", e.params["weight"], c.Array(l.name+".grad_kernel"), 1e-4)
					near(t, l.name+": gradient of the bias", e.params["bias"], c.Array(l.name+".grad_bias"), 1e-4)
				}
			}})
	}
	run(t, trials)
}

// transpose reorders axes.
func transpose(a *array.Array, axes ...int) *array.Array {
	shape := make([]int, len(axes))
	for i, from := range axes {
		shape[i] = a.Shape[from]
	}
	out := array.New(shape...)
	index := make([]int, len(axes))
	for at := range out.Data {
		from := 0
		for axis, n := range a.Shape {
			for i, other := range axes {
				if other == axis {
					from = from*n + index[i]
				}
			}
		}
		out.Data[at] = a.Data[from]
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
	}
	return out
}

// TestConvTransposeFixtures: the decoder study's rows, in Keras' layout.
func TestConvTransposeFixtures(t *testing.T) {
	c := fixture.Load(t, "layers-conv-transpose")
	var parameters struct {
		Rows []struct {
			Name           string
			Kernel, Stride int
			CropLow        int `json:"crop_low"`
			CropHigh       int `json:"crop_high"`
		}
	}
	c.JSON("parameters", &parameters)
	var trials []trial
	for _, r := range parameters.Rows {
		kernel := transpose(c.Array(r.Name+".kernel"), 3, 2, 0, 1)
		params := map[string]*array.Array{"weight": kernel, "bias": c.Array(r.Name + ".bias")}
		l := ConvTranspose2D(kernel.Shape[1], Square(r.Kernel), ConvTransposeConfig{
			Stride: Square(r.Stride), Padding: Square(r.CropLow), OutputPadding: Square(r.CropLow - r.CropHigh)})
		x, y := transpose(c.Array(r.Name+".x"), 0, 3, 1, 2), transpose(c.Array(r.Name+".y"), 0, 3, 1, 2)
		if got := must(l.Output(x.Shape[1:])); fmt.Sprint(got) != fmt.Sprint(y.Shape[1:]) {
			t.Errorf("%s: output shape %v, want %v", r.Name, got, y.Shape[1:])
		}
		upstream := array.New(y.Shape...)
		if c.Has(r.Name + ".upstream") {
			upstream = transpose(c.Array(r.Name+".upstream"), 0, 3, 1, 2)
		}
		trials = append(trials, trial{layer: l, training: true, x: x, upstream: upstream, params: params,
			check: func(t *testing.T, what string, e evaluation) {
				near(t, r.Name, e.y, y, 2e-5)
				if c.Has(r.Name + ".upstream") {
					near(t, r.Name+": gradient of x", e.x, transpose(c.Array(r.Name+".grad_x"), 0, 3, 1, 2), 1e-4)
					near(t, r.Name+": gradient of the kernel", e.params["weight"], transpose(c.Array(r.Name+".grad_kernel"), 3, 2, 0, 1), 1e-4)
				}
			}})
	}
	run(t, trials)
}

// convTwin is a convolution in plain loops and float64, with its gradients:
// each product w·x that reaches y is met once. Of a transposed convolution x
// and y change places.
func convTwin(x, y, weight *array.Array, stride, padding, dilation Pair, groups int, meet func(x, y, w int)) {
	n, in, h, w := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	out, oh, ow := y.Shape[1], y.Shape[2], y.Shape[3]
	kh, kw := weight.Shape[2], weight.Shape[3]
	for r := range n {
		for o := range out {
			for c := range in / groups {
				channel := o/(out/groups)*(in/groups) + c
				for i := range oh {
					for k := range ow {
						for u := range kh {
							for v := range kw {
								row, column := i*stride[0]+u*dilation[0]-padding[0], k*stride[1]+v*dilation[1]-padding[1]
								if row >= 0 && row < h && column >= 0 && column < w {
									meet(((r*in+channel)*h+row)*w+column, ((r*out+o)*oh+i)*ow+k, ((o*(in/groups)+c)*kh+u)*kw+v)
								}
							}
						}
					}
				}
			}
		}
	}
}

// normal draws standard normal numbers.
func normal(rng *rand.Rand, shape ...int) *array.Array {
	a := array.New(shape...)
	for i := range a.Data {
		a.Data[i] = float32(rng.NormFloat64())
	}
	return a
}

// TestConvTwin puts all settings through the twin.
func TestConvTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	var trials []trial
	for _, c := range []struct {
		kernel, stride, padding, dilation Pair
		groups                            int
		more                              Pair // output padding of the transposed convolution
	}{
		{Pair{2, 2}, Pair{1, 1}, Pair{0, 0}, Pair{1, 1}, 1, Pair{}},
		{Pair{4, 4}, Pair{2, 2}, Pair{1, 1}, Pair{1, 1}, 1, Pair{0, 1}},
		{Pair{2, 3}, Pair{3, 2}, Pair{1, 0}, Pair{1, 1}, 1, Pair{1, -1}},
		{Pair{3, 2}, Pair{1, 1}, Pair{2, 1}, Pair{2, 3}, 1, Pair{}},
		{Pair{3, 3}, Pair{2, 2}, Pair{2, 1}, Pair{2, 1}, 1, Pair{0, 1}},
		{Pair{3, 3}, Pair{2, 1}, Pair{1, 1}, Pair{1, 1}, 2, Pair{}},
		{Pair{1, 1}, Pair{2, 2}, Pair{0, 0}, Pair{1, 1}, 4, Pair{1, 1}},
	} {
		x := normal(rng, 2, 4, 9, 8)
		conv := Conv2D(8, c.kernel, ConvConfig{Stride: c.stride, Padding: c.padding, Dilation: c.dilation, Groups: c.groups, NoBias: true})
		turned := ConvTranspose2D(8, c.kernel, ConvTransposeConfig{Stride: c.stride, Padding: c.padding, Dilation: c.dilation, OutputPadding: c.more, Groups: c.groups, NoBias: true})
		for _, l := range []Layer{conv, turned} {
			upstream := normal(rng, append([]int{2}, must(l.Output(x.Shape[1:]))...)...)
			weight := normal(rng, l.Parameters(x.Shape[1:])[0].Shape...)
			y, dx, dw := make([]float64, len(upstream.Data)), make([]float64, len(x.Data)), make([]float64, len(weight.Data))
			meet := func(i, o, k int) {
				y[o] += float64(weight.Data[k]) * float64(x.Data[i])
				dx[i] += float64(weight.Data[k]) * float64(upstream.Data[o])
				dw[k] += float64(x.Data[i]) * float64(upstream.Data[o])
			}
			if l == conv {
				convTwin(x, upstream, weight, c.stride, c.padding, c.dilation, c.groups, meet)
			} else {
				convTwin(upstream, x, weight, c.stride, c.padding, c.dilation, c.groups, func(o, i, k int) { meet(i, o, k) })
			}
			trials = append(trials, trial{layer: l, turned: l == conv, x: x, upstream: upstream, params: map[string]*array.Array{"weight": weight},
				check: func(t *testing.T, what string, e evaluation) {
					near(t, what, e.y, floats(y, upstream.Shape), 2e-5)
					near(t, what+": gradient of x", e.x, floats(dx, x.Shape), 2e-5)
					near(t, what+": gradient of the kernel", e.params["weight"], floats(dw, weight.Shape), 2e-5)
				}})
		}
	}
	run(t, trials)
}

func floats(values []float64, shape []int) *array.Array {
	a := array.New(shape...)
	for i, v := range values {
		a.Data[i] = float32(v)
	}
	return a
}
