package network

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// AvgPool2D returns the mean of each window of images [channels, height,
// width], as PyTorch's AvgPool2d: sizes are rounded down, and padding counts
// as zeros.
func AvgPool2D(window Pair, cfg PoolConfig) Layer { return avgPool2d{cfg.pool(window)} }

type avgPool2d struct{ pool }

func (avgPool2d) Kind() string { return "avgpool2d" }

func (l avgPool2d) Output(input []int) ([]int, error) { return l.output(l.Kind(), input) }

func (l avgPool2d) Graph(p *Pass, x *graph.Node) *graph.Node {
	windows, axes := l.windows(p.channelsLast(x), 0)
	return p.channelsFirst(graph.ReduceMean(windows, axes...))
}

func avgPool2dFromTorch(m *torchObject) (Layer, error) {
	if err := m.want("ceil_mode", false, "divisor_override", nil); err != nil {
		return nil, err
	}
	p, err := m.pool()
	if err == nil && p.Padding != (Pair{}) {
		err = m.want("count_include_pad", true)
	}
	return avgPool2d{p}, err
}

// GlobalAvgPool2D returns the mean of each channel of an image of any size:
// [channels, 1, 1], as PyTorch's AdaptiveAvgPool2d(1).
func GlobalAvgPool2D() Layer { return globalAvgPool2d{} }

type globalAvgPool2d struct{}

func (globalAvgPool2d) Kind() string            { return "globalavgpool2d" }
func (globalAvgPool2d) Parameters([]int) []Spec { return nil }

func (l globalAvgPool2d) Output(input []int) ([]int, error) {
	if err := checkImage(l.Kind(), input); err != nil {
		return nil, err
	}
	return []int{input[0], 1, 1}, nil
}

func (globalAvgPool2d) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.channelsFirst(graph.ReduceAndKeep(p.channelsLast(x), graph.ReduceMean, 1, 2))
}

func globalAvgPool2dFromTorch(m *torchObject) (Layer, error) {
	size, err := m.pair("output_size")
	if err == nil && size != Square(1) {
		err = fmt.Errorf("%s with output_size %v is not supported: want 1×1", m.class, size)
	}
	return GlobalAvgPool2D(), err
}
