package network

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// PoolConfig is what [MaxPool2D] and [AvgPool2D] can be told.
type PoolConfig struct {
	Stride  Pair // zero means the window's size: windows side by side
	Padding Pair // on each side, at most half the window
}

func (c PoolConfig) pool(window Pair) pool {
	return pool{Window: window, Stride: c.Stride.or(window), Padding: c.Padding}
}

// pool is what layers that reduce windows share.
type pool struct {
	Window  Pair `json:"window"`
	Stride  Pair `json:"stride"`
	Padding Pair `json:"padding"`
}

func (pool) Parameters([]int) []Spec { return nil }

func (l pool) output(kind string, input []int) ([]int, error) {
	if err := checkImage(kind, input); err != nil {
		return nil, err
	}
	if err := l.Window.between(kind+" window", 1, maxSetting); err != nil {
		return nil, err
	}
	if err := l.Stride.between(kind+" stride", 1, maxSetting); err != nil {
		return nil, err
	}
	out := []int{input[0], 0, 0}
	for i := range l.Window {
		if l.Padding[i] < 0 || l.Padding[i] > l.Window[i]/2 {
			return nil, fmt.Errorf("%s padding %v: want 0…%d, half the window", kind, l.Padding, l.Window[i]/2)
		}
		room := input[1+i] + 2*l.Padding[i] - l.Window[i]
		if room < 0 {
			return nil, fmt.Errorf("%s window %v is larger than the image, %d×%d with padding %v", kind, l.Window, input[1], input[2], l.Padding)
		}
		out[1+i] = room/l.Stride[i] + 1
	}
	return out, nil
}

// windows lays out the windows of x [rows, height, width, channels] for a
// reduction over axes, places row by row. Windows side by side need no copy.
func (l pool) windows(x *graph.Node, padding float64) (windows *graph.Node, axes []int) {
	for i, n := range l.Padding {
		x = padWith(x, 1+i, n, n, padding)
	}
	if l.Stride != l.Window {
		var parts []*graph.Node
		for part := range windowParts(x, l.Window, l.Stride, Square(1)) {
			parts = append(parts, part)
		}
		return graph.Stack(parts, 3), []int{3} // [rows, down, across, places, channels]
	}
	d := x.Shape().Dimensions
	down, across := d[1]/l.Window[0], d[2]/l.Window[1]
	for i, n := range []int{down, across} {
		x = cut(x, 1+i, 0, n*l.Window[i]-d[1+i])
	}
	return graph.Reshape(x, d[0], down, l.Window[0], across, l.Window[1], d[3]), []int{2, 4}
}

func (m *torchObject) pool() (pool, error) {
	pairs, err := m.pairs("kernel_size", "stride", "padding")
	if err != nil {
		return pool{}, err
	}
	return pool{Window: pairs[0], Stride: pairs[1], Padding: pairs[2]}, nil
}
