package network

import (
	"cmp"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// ConvConfig is what [Conv2D] can be told. Its zero value slides the kernel
// over the image itself, one pixel at a time.
type ConvConfig struct {
	Stride   Pair // zero means 1×1
	Padding  Pair // zeros on each side, fewer than dilation·(kernel − 1) + 1
	Dilation Pair // distance of the kernel's values; zero means 1×1
	Groups   int  // channels are split into so many separate convolutions; 0 means 1
	NoBias   bool // no bias, as is usual before a batch normalisation
}

// Conv2D returns a convolution of images [channels, height, width], more
// exactly a cross-correlation, as PyTorch's Conv2d:
//
//	y[o, i, j] = bias[o] + Σ_c,u,v weight[o, c, u, v] · x[c, i·s + u·d − p, j·s + v·d − p]
//
// with stride s, dilation d and padding p. weight is [out, in/groups, height,
// width]. A side of n pixels gives ⌊(n + 2p − d·(kernel − 1) − 1)/s⌋ + 1.
func Conv2D(channels int, kernel Pair, cfg ConvConfig) Layer {
	return conv2d{
		Channels: channels, Kernel: kernel, Stride: cfg.Stride.or(Square(1)), Padding: cfg.Padding,
		Dilation: cfg.Dilation.or(Square(1)), Groups: cmp.Or(cfg.Groups, 1), NoBias: cfg.NoBias,
	}
}

type conv2d struct {
	Channels int  `json:"channels"`
	Kernel   Pair `json:"kernel"`
	Stride   Pair `json:"stride"`
	Padding  Pair `json:"padding"`
	Dilation Pair `json:"dilation"`
	Groups   int  `json:"groups"`
	NoBias   bool `json:"no_bias"`
}

func (conv2d) Kind() string { return "conv2d" }

func (l conv2d) Output(input []int) ([]int, error) {
	if err := checkConv(l.Kind(), input, l.Channels, l.Groups, l.Kernel, l.Stride, l.Dilation); err != nil {
		return nil, err
	}
	out := []int{l.Channels, 0, 0}
	for i := range l.Kernel {
		reach := (l.Kernel[i]-1)*l.Dilation[i] + 1
		if l.Padding[i] < 0 || l.Padding[i] >= reach {
			return nil, fmt.Errorf("conv2d padding %v: want 0…%d for kernel %v and dilation %v", l.Padding, reach-1, l.Kernel, l.Dilation)
		}
		room := input[1+i] + 2*l.Padding[i] - reach
		if room < 0 {
			return nil, fmt.Errorf("conv2d kernel %v with dilation %v is larger than the image, %d×%d with padding %v", l.Kernel, l.Dilation, input[1], input[2], l.Padding)
		}
		out[1+i] = room/l.Stride[i] + 1
	}
	return out, nil
}

// checkConv checks what convolution and transposed convolution share.
func checkConv(kind string, input []int, channels, groups int, kernel, stride, dilation Pair) error {
	if err := checkImage(kind, input); err != nil {
		return err
	}
	for _, s := range []struct {
		what string
		pair Pair
	}{{"kernel", kernel}, {"stride", stride}, {"dilation", dilation}} {
		if err := s.pair.between(kind+" "+s.what, 1, maxSetting); err != nil {
			return err
		}
	}
	if channels < 1 || groups < 1 || channels%groups != 0 || input[0]%groups != 0 {
		return fmt.Errorf("%s from %d to %d channels in %d groups: want positive numbers, channels that are multiples of groups", kind, input[0], channels, groups)
	}
	return nil
}

func (l conv2d) Parameters(input []int) []Spec {
	area := l.Kernel[0] * l.Kernel[1]
	in := input[0] / l.Groups
	return convSpecs([]int{l.Channels, in, l.Kernel[0], l.Kernel[1]}, l.Channels, in*area, l.Channels/l.Groups*area, l.NoBias)
}

func convSpecs(weight []int, out, fanIn, fanOut int, noBias bool) []Spec {
	specs := []Spec{
		{Name: "weight", Shape: weight, FanIn: fanIn, FanOut: fanOut},
		{Name: "bias", Shape: []int{out}, FanIn: fanIn, FanOut: fanOut},
	}
	if noBias {
		return specs[:1]
	}
	return specs
}

func (l conv2d) Graph(p *Pass, x *graph.Node) *graph.Node {
	c := convolution{stride: l.Stride, dilation: l.Dilation, before: l.Padding, after: l.Padding, groups: l.Groups, anyForm: p.turned != nil}
	y := c.apply(p.channelsLast(x), p.Param("weight"))
	if !l.NoBias {
		y = graph.Add(y, graph.Reshape(p.Param("bias"), 1, 1, 1, l.Channels))
	}
	return p.channelsFirst(y)
}

func conv2dFromTorch(m *torchObject) (Layer, error) {
	channels, cfg, kernel, err := m.conv()
	if err != nil {
		return nil, err
	}
	return Conv2D(channels, kernel, cfg), nil
}

// conv reads what convolution and transposed convolution share.
func (m *torchObject) conv() (channels int, cfg ConvConfig, kernel Pair, err error) {
	if err := m.want("padding_mode", "zeros"); err != nil {
		return 0, cfg, kernel, err
	}
	if channels, err = m.int("out_channels"); err != nil {
		return 0, cfg, kernel, err
	}
	if cfg.Groups, err = m.int("groups"); err != nil {
		return 0, cfg, kernel, err
	}
	pairs, err := m.pairs("kernel_size", "stride", "dilation")
	if err != nil {
		return 0, cfg, kernel, err
	}
	kernel, cfg.Stride, cfg.Dilation = pairs[0], pairs[1], pairs[2]
	switch m.fields["padding"] {
	case "valid":
	case "same":
		for i := range kernel {
			all := (kernel[i] - 1) * cfg.Dilation[i]
			if all%2 != 0 {
				return 0, cfg, kernel, fmt.Errorf("%s with padding 'same' and kernel %v pads one side more than the other: not supported", m.class, kernel)
			}
			cfg.Padding[i] = all / 2
		}
	default:
		if cfg.Padding, err = m.pair("padding"); err != nil {
			return 0, cfg, kernel, err
		}
	}
	bias, err := m.parameter("bias")
	cfg.NoBias = bias == nil
	return channels, cfg, kernel, err
}
