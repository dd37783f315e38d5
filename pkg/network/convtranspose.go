package network

import (
	"cmp"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// ConvTransposeConfig is what [ConvTranspose2D] can be told.
type ConvTransposeConfig struct {
	Stride   Pair // zero means 1×1
	Padding  Pair // rows and columns cut off on each side
	Dilation Pair // zero means 1×1

	// OutputPadding is added below and on the right after Padding is cut off.
	// It may be negative: Keras' padding 'same' with kernel 3 and stride 2 is
	// OutputPadding −1. PyTorch allows 0 and more only.
	OutputPadding Pair

	Groups int  // 0 means 1
	NoBias bool // no bias
}

// ConvTranspose2D returns a transposed convolution of images [channels,
// height, width], as PyTorch's ConvTranspose2d: each pixel adds the kernel,
// times its value, to the result, where neighbours are Stride apart. weight is
// [in, out/groups, height, width]. A side of n pixels gives
// (n − 1)·stride − 2·padding + dilation·(kernel − 1) + output padding + 1.
func ConvTranspose2D(channels int, kernel Pair, cfg ConvTransposeConfig) Layer {
	return convTranspose2d{
		Channels: channels, Kernel: kernel, Stride: cfg.Stride.or(Square(1)), Padding: cfg.Padding,
		Dilation: cfg.Dilation.or(Square(1)), OutputPadding: cfg.OutputPadding, Groups: cmp.Or(cfg.Groups, 1), NoBias: cfg.NoBias,
	}
}

type convTranspose2d struct {
	Channels      int  `json:"channels"`
	Kernel        Pair `json:"kernel"`
	Stride        Pair `json:"stride"`
	Padding       Pair `json:"padding"`
	Dilation      Pair `json:"dilation"`
	OutputPadding Pair `json:"output_padding"`
	Groups        int  `json:"groups"`
	NoBias        bool `json:"no_bias"`
}

func (convTranspose2d) Kind() string { return "convtranspose2d" }

func (l convTranspose2d) Output(input []int) ([]int, error) {
	if err := checkConv(l.Kind(), input, l.Channels, l.Groups, l.Kernel, l.Stride, l.Dilation); err != nil {
		return nil, err
	}
	if err := l.Padding.between("convtranspose2d padding", 0, maxSetting); err != nil {
		return nil, err
	}
	if err := l.OutputPadding.between("convtranspose2d output padding", -maxSetting, maxSetting); err != nil {
		return nil, err
	}
	out := []int{l.Channels, 0, 0}
	for i := range l.Kernel {
		out[1+i] = (input[1+i]-1)*l.Stride[i] - 2*l.Padding[i] + l.Dilation[i]*(l.Kernel[i]-1) + l.OutputPadding[i] + 1
		if out[1+i] < 1 {
			return nil, fmt.Errorf("convtranspose2d padding %v leaves nothing of the result for an image of %d×%d", l.Padding, input[1], input[2])
		}
	}
	return out, nil
}

// Parameters follow PyTorch, whose initialiser takes the second axis of the
// weight for the inputs of one value.
func (l convTranspose2d) Parameters(input []int) []Spec {
	area := l.Kernel[0] * l.Kernel[1]
	out := l.Channels / l.Groups
	return convSpecs([]int{input[0], out, l.Kernel[0], l.Kernel[1]}, l.Channels, out*area, input[0]/l.Groups*area, l.NoBias)
}

// Graph convolves the image, spread out with zeros between its pixels, with
// the turned kernel: plain operations, whose gradients GoMLX knows.
func (l convTranspose2d) Graph(p *Pass, x *graph.Node) *graph.Node {
	in := x.Shape().Dim(1) / l.Groups
	kernel := graph.Reshape(p.Param("weight"), l.Groups, in, l.Channels/l.Groups, l.Kernel[0], l.Kernel[1])
	kernel = graph.Reshape(graph.TransposeAllAxes(kernel, 0, 2, 1, 3, 4), l.Channels, in, l.Kernel[0], l.Kernel[1])
	c := convolution{stride: Square(1), dilation: l.Dilation, groups: l.Groups, anyForm: p.turned != nil}
	x = p.channelsLast(x)
	for i := range l.Kernel {
		kernel = flip(kernel, 2+i)
		x = interleave(x, 1+i, l.Stride[i])
		c.before[i] = l.Dilation[i]*(l.Kernel[i]-1) - l.Padding[i]
		c.after[i] = c.before[i] + l.OutputPadding[i]
	}
	y := c.apply(x, kernel)
	if !l.NoBias {
		y = graph.Add(y, graph.Reshape(p.Param("bias"), 1, 1, 1, l.Channels))
	}
	return p.channelsFirst(y)
}

func convTranspose2dFromTorch(m *torchObject) (Layer, error) {
	channels, cfg, kernel, err := m.conv()
	if err != nil {
		return nil, err
	}
	more, err := m.pair("output_padding")
	if err != nil {
		return nil, err
	}
	return ConvTranspose2D(channels, kernel, ConvTransposeConfig{
		Stride: cfg.Stride, Padding: cfg.Padding, Dilation: cfg.Dilation, OutputPadding: more, Groups: cfg.Groups, NoBias: cfg.NoBias,
	}), nil
}
