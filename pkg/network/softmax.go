package network

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
)

// Softmax returns exp(x) divided by its sum along one axis of a row. Axes
// count from 0, rows excluded, and from the end if negative: Softmax(0) on
// images is PyTorch's Softmax2d, Softmax(-1) on a row of logits gives
// probabilities.
func Softmax(axis int) Layer { return softmax{Axis: axis} }

// LogSoftmax returns the logarithm of [Softmax], computed without it.
func LogSoftmax(axis int) Layer { return logSoftmax{Axis: axis} }

type softmax struct {
	Axis int `json:"axis"`
}

func (softmax) Kind() string                        { return "softmax" }
func (softmax) Parameters([]int) []Spec             { return nil }
func (l softmax) Output(input []int) ([]int, error) { return axisOutput(l.Kind(), l.Axis, input) }

func (l softmax) Graph(p *Pass, x *graph.Node) *graph.Node {
	return alongAxis(p, x, l.Axis, graph.Softmax)
}

type logSoftmax struct {
	Axis int `json:"axis"`
}

func (logSoftmax) Kind() string                        { return "logsoftmax" }
func (logSoftmax) Parameters([]int) []Spec             { return nil }
func (l logSoftmax) Output(input []int) ([]int, error) { return axisOutput(l.Kind(), l.Axis, input) }

func (l logSoftmax) Graph(p *Pass, x *graph.Node) *graph.Node {
	return alongAxis(p, x, l.Axis, graph.LogSoftmax)
}

func axisOutput(kind string, axis int, input []int) ([]int, error) {
	if axis < -len(input) || axis >= len(input) {
		return nil, fmt.Errorf("%s over axis %d of rows of %d axes: want %d…%d", kind, axis, len(input), -len(input), len(input)-1)
	}
	return input, nil
}

func alongAxis(p *Pass, x *graph.Node, axis int, f func(x *graph.Node, axes ...int) *graph.Node) *graph.Node {
	if axis < 0 {
		axis += x.Rank() - 1
	}
	return p.onChannels(x, func(x *graph.Node, channels int) *graph.Node {
		if at := 1 + axis; channels == 1 {
			return f(x, at)
		}
		return f(x, []int{3, 1, 2}[axis]) // channels, height, width of an image turned
	})
}

func softmaxFromTorch(m *torchObject) (Layer, error) {
	if strings.HasSuffix(m.class, "2d") {
		return Softmax(0), nil // over the channels, and without a field
	}
	axis, err := m.rowAxis()
	return Softmax(axis), err
}

func logSoftmaxFromTorch(m *torchObject) (Layer, error) {
	axis, err := m.rowAxis()
	return LogSoftmax(axis), err
}

// rowAxis reads dim, which counts rows as axis 0.
func (m *torchObject) rowAxis() (int, error) {
	axis, err := m.int("dim")
	if err != nil {
		return 0, err
	}
	if axis == 0 {
		return 0, fmt.Errorf("%s over dim 0 mixes rows: not supported", m.class)
	}
	if axis > 0 {
		axis--
	}
	return axis, nil
}
