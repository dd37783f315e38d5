package network

import (
	"cmp"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// BatchNormConfig is what [BatchNorm] can be told.
type BatchNormConfig struct {
	Epsilon  float64 // 0 means 1e-5, PyTorch's; Keras' is 1e-3
	Momentum float64 // share of the new batch in running statistics; 0 means 0.1
}

// BatchNorm returns a batch normalisation, as PyTorch's BatchNorm1d for rows
// of one axis and BatchNorm2d for images [channels, height, width]:
//
//	y = weight·(x − mean)/√(variance + ε) + bias
//
// with one of each per value or channel. In training mean and variance are
// those of the batch, and running_mean and running_var move towards them by
// Momentum; elsewhere they are the running ones. The batch is divided by its
// biased variance, running_var takes the unbiased one (Ioffe and Szegedy,
// 2015). A batch of one row, where PyTorch stops, has variance 0.
func BatchNorm(cfg BatchNormConfig) Layer {
	return batchNorm{Epsilon: cmp.Or(cfg.Epsilon, 1e-5), Momentum: cmp.Or(cfg.Momentum, 0.1)}
}

type batchNorm struct {
	Epsilon  float64 `json:"epsilon"`
	Momentum float64 `json:"momentum"`
}

func (batchNorm) Kind() string { return "batchnorm" }

func (l batchNorm) Output(input []int) ([]int, error) {
	if !(l.Epsilon > 0 && l.Epsilon < 1 && l.Momentum > 0 && l.Momentum <= 1) {
		return nil, fmt.Errorf("batchnorm epsilon %g, momentum %g: want 0 < epsilon < 1, 0 < momentum ≤ 1", l.Epsilon, l.Momentum)
	}
	if len(input) != 1 && len(input) != 3 {
		return nil, fmt.Errorf("batchnorm takes rows of one axis or images of three, got %d", len(input))
	}
	return input, nil
}

func (batchNorm) Parameters(input []int) []Spec {
	shape := input[:1]
	return []Spec{
		{Name: "weight", Shape: shape, Start: 1},
		{Name: "bias", Shape: shape},
		{Name: "running_mean", Shape: shape, Fixed: true},
		{Name: "running_var", Shape: shape, Start: 1, Fixed: true},
	}
}

func (l batchNorm) Graph(p *Pass, x *graph.Node) *graph.Node {
	return p.onChannels(x, func(x *graph.Node, channels int) *graph.Node {
		param := func(name string) *graph.Node { return graph.Reshape(p.Param(name), beside(x, channels)...) }
		var centred, variance *graph.Node
		if p.Training {
			centred, variance = l.batch(p, x, channels)
		} else {
			centred, variance = graph.Sub(x, param("running_mean")), param("running_var")
		}
		// Rsqrt has no gradient in GoMLX.
		scale := graph.Div(param("weight"), graph.Sqrt(graph.AddScalar(variance, l.Epsilon)))
		return graph.Add(graph.Mul(centred, scale), param("bias"))
	})
}

// batch returns x without its mean, and its variance, over all axes but the
// channels, and moves the running statistics.
func (l batchNorm) batch(p *Pass, x *graph.Node, channels int) (centred, variance *graph.Node) {
	var axes []int
	for i := range x.Rank() {
		if i != channels {
			axes = append(axes, i)
		}
	}
	n := graph.Scalar(x.Graph(), x.DType(), x.Shape().Size()/x.Shape().Dim(channels))
	sum := func(v *graph.Node) *graph.Node { return graph.ReduceAndKeep(v, graph.ReduceSum, axes...) }
	if p.RowWeight != nil {
		weight := graph.Reshape(p.RowWeight, beside(x, 0)...)
		n = graph.MulScalar(graph.ReduceAllSum(p.RowWeight), x.Shape().Size()/x.Shape().Dim(channels)/x.Shape().Dim(0))
		all := sum
		sum = func(v *graph.Node) *graph.Node { return all(graph.Mul(v, weight)) }
	}
	mean := graph.Div(sum(x), n)
	centred = graph.Sub(x, mean)
	variance = graph.Div(sum(graph.Square(centred)), n)

	others := graph.Max(graph.AddScalar(n, -1), graph.OnesLike(n)) // n − 1
	move := func(name string, to *graph.Node) {
		old := p.Param(name)
		to = graph.StopGradient(graph.Reshape(to, old.Shape().Dimensions...))
		p.Update(name, graph.Add(old, graph.MulScalar(graph.Sub(to, old), l.Momentum)))
	}
	move("running_mean", mean)
	move("running_var", graph.Mul(variance, graph.Div(n, others)))
	return centred, variance
}

func batchNormFromTorch(m *torchObject) (Layer, error) {
	if err := m.want("affine", true, "track_running_stats", true); err != nil {
		return nil, err
	}
	epsilon, err := m.float("eps")
	if err != nil {
		return nil, err
	}
	momentum, err := m.float("momentum")
	return batchNorm{Epsilon: epsilon, Momentum: momentum}, err
}
