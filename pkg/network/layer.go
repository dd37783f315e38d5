package network

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Layer is one step of a network, described by data: an implementation is a
// struct whose exported fields are its settings and its JSON form.
//
// A new kind is one file that implements Layer and one line in [kinds]; files,
// splits, training and import take it from there.
type Layer interface {
	// Kind is the layer's word in files and default names, such as "dense".
	Kind() string

	// Output returns the shape of one output row for the shape of one input
	// row. The error says what about the input or the settings is wrong.
	Output(input []int) ([]int, error)

	// Parameters lists what the layer stores, in the order in which it is
	// drawn and saved. It is called after Output has accepted the shape.
	Parameters(input []int) []Spec

	// Graph computes the layer on x, [rows, input…]. It panics as GoMLX's
	// graph functions do.
	Graph(p *Pass, x *graph.Node) *graph.Node
}

// Spec describes one parameter of a layer.
type Spec struct {
	Name  string // PyTorch's suffix: "weight", "bias", "running_mean" …
	Shape []int  // PyTorch's layout

	// FanIn and FanOut are the numbers of inputs and outputs that one value
	// serves, as initialisers use them. FanIn 0: not drawn, but set to Start.
	FanIn, FanOut int
	Start         float32

	// Fixed says that no gradient moves the values; the layer itself may,
	// with [Pass.Update], as batch normalisation does.
	Fixed bool
}

func (s Spec) size() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

func (s Spec) fill(values []float32) {
	if s.FanIn == 0 {
		for i := range values {
			values[i] = s.Start
		}
	}
}

// Pass is what a layer sees of the network while its graph is built.
type Pass struct {
	// Training is true in a step of [Train], where dropout drops.
	Training bool

	// RowWeight is nil, or [rows] with 1 for a row of the batch and 0 for a
	// row that only fills up the last one. A layer whose rows depend on each
	// other, as in batch normalisation, must leave the latter out.
	RowWeight *graph.Node

	layer  string
	params map[string]*graph.Node      // by full name
	rng    *graph.Node                 // state of the random numbers; nil outside training
	turned map[*graph.Node]*graph.Node // images in their other form, see layout.go; nil: not remembered
}

// Param returns a parameter of the layer by its suffix.
func (p *Pass) Param(suffix string) *graph.Node { return p.params[p.layer+"."+suffix] }

// Update sets what a [Spec.Fixed] parameter holds after this training step.
func (p *Pass) Update(suffix string, value *graph.Node) { p.params[p.layer+"."+suffix] = value }

// Uniform draws numbers in [0, 1), other ones in each step of a training.
func (p *Pass) Uniform(shape shapes.Shape) *graph.Node {
	var values *graph.Node
	p.rng, values = graph.RandomUniform(p.rng, shape)
	return values
}

// kind is a line in the table of layers.
type kind struct {
	name   string
	decode func(settings []byte) (Layer, error)

	// torch is the full names of PyTorch's modules, separated by spaces;
	// fromTorch reads their fields.
	torch     string
	fromTorch func(m *torchObject) (Layer, error)
}

// kinds is the table of layers that files may hold.
var kinds = []kind{
	{"dense", decode[dense], "torch.nn.modules.linear.Linear", denseFromTorch},
	{"conv2d", decode[conv2d], "torch.nn.modules.conv.Conv2d", conv2dFromTorch},
	{"convtranspose2d", decode[convTranspose2d], "torch.nn.modules.conv.ConvTranspose2d", convTranspose2dFromTorch},
	{"maxpool2d", decode[maxPool2d], "torch.nn.modules.pooling.MaxPool2d", maxPool2dFromTorch},
	{"avgpool2d", decode[avgPool2d], "torch.nn.modules.pooling.AvgPool2d", avgPool2dFromTorch},
	{"globalavgpool2d", decode[globalAvgPool2d], "torch.nn.modules.pooling.AdaptiveAvgPool2d", globalAvgPool2dFromTorch},
	{"flatten", decode[flatten], "torch.nn.modules.flatten.Flatten", flattenFromTorch},
	{"reshape", decode[reshape], "", nil},
	{"batchnorm", decode[batchNorm], "torch.nn.modules.batchnorm.BatchNorm1d torch.nn.modules.batchnorm.BatchNorm2d", batchNormFromTorch},
	{"layernorm", decode[layerNorm], "torch.nn.modules.normalization.LayerNorm", layerNormFromTorch},
	{"dropout", decode[dropout], "torch.nn.modules.dropout.Dropout", dropoutFromTorch},
	{"relu", decode[relu], "torch.nn.modules.activation.ReLU", plainFromTorch(ReLU)},
	{"leakyrelu", decode[leakyReLU], "torch.nn.modules.activation.LeakyReLU", fromTorchNumber("negative_slope", LeakyReLU)},
	{"elu", decode[elu], "torch.nn.modules.activation.ELU", fromTorchNumber("alpha", ELU)},
	{"selu", decode[selu], "torch.nn.modules.activation.SELU", plainFromTorch(SELU)},
	{"gelu", decode[gelu], "torch.nn.modules.activation.GELU", geluFromTorch},
	{"silu", decode[silu], "torch.nn.modules.activation.SiLU", plainFromTorch(SiLU)},
	{"softplus", decode[softplus], "torch.nn.modules.activation.Softplus", softplusFromTorch},
	{"sigmoid", decode[sigmoid], "torch.nn.modules.activation.Sigmoid", plainFromTorch(Sigmoid)},
	{"tanh", decode[tanh], "torch.nn.modules.activation.Tanh", plainFromTorch(Tanh)},
	{"softmax", decode[softmax], "torch.nn.modules.activation.Softmax torch.nn.modules.activation.Softmax2d", softmaxFromTorch},
	{"logsoftmax", decode[logSoftmax], "torch.nn.modules.activation.LogSoftmax", logSoftmaxFromTorch},
}

// decode reads a layer's settings strictly: an unknown field is an error.
func decode[L Layer](settings []byte) (Layer, error) {
	var l L
	d := json.NewDecoder(bytes.NewReader(settings))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return nil, fmt.Errorf("settings of kind %q: %w", l.Kind(), err)
	}
	return l, nil
}

func plainFromTorch(make func() Layer) func(*torchObject) (Layer, error) {
	return func(*torchObject) (Layer, error) { return make(), nil }
}
