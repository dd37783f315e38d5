package network

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// everyKind has each line of the table of kinds.
func everyKind() *Network {
	return must(New("all", []int{1, 12, 12},
		Conv2D(4, Square(3), ConvConfig{Padding: Square(1)}), BatchNorm(BatchNormConfig{}), ReLU(),
		MaxPool2D(Square(2), PoolConfig{}), LeakyReLU(0.1), Conv2D(4, Square(2), ConvConfig{Groups: 2, NoBias: true}), ELU(1),
		ConvTranspose2D(3, Square(3), ConvTransposeConfig{Stride: Square(2)}), SELU(), AvgPool2D(Square(3), PoolConfig{Stride: Square(2)}), GELU(),
		LayerNorm(LayerNormConfig{}), SiLU(), Softmax(0), Dropout(0.1), Conv2D(8, Square(3), ConvConfig{}), Softplus(), GELUTanh(), GlobalAvgPool2D(),
		Flatten(), Reshape(2, 4), Tanh(), Reshape(8), Dense(4), Sigmoid(), LogSoftmax(-1))).Initialize(TorchInit, rand.New(rand.NewPCG(4, 4)))
}

// TestEveryKind: all kinds in one network are saved and loaded, computed the
// same with and without remembered layouts, and trained.
func TestEveryKind(t *testing.T) {
	n := everyKind()
	used := map[string]bool{}
	for _, l := range n.arch.layers {
		used[l.layer.Kind()] = true
	}
	for _, k := range kinds {
		if !used[k.name] {
			t.Errorf("kind %s is not in the test", k.name)
		}
	}
	path := filepath.Join(t.TempDir(), "n.safetensors")
	if err := n.Save(path); err != nil {
		t.Fatal(err)
	}
	if got := must(Load(path)); got.Hash() != n.Hash() || got.String() != n.String() {
		t.Errorf("saved\n%v, loaded\n%v", n, got)
	}
	x, y := normal(rand.New(rand.NewPCG(8, 8)), 6, 1, 12, 12), array.New(6, 4)
	forEach(t, func(t *testing.T, be compute.Backend) {
		exec := model.MustNewExec(be, n.Store(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			return n.Graph(scope, x, func(_ string, out *graph.Node) *graph.Node { return out })
		})
		plain := must(backend.Array(exec.MustCall(backend.Tensor(x))[0]))
		if got := predict(t, n, x, RunConfig{Backend: be}); difference(got, plain) > 1e-5 {
			t.Errorf("Predict gives %v, Graph %v", got.Data, plain.Data)
		}
		trained := must2(t, n, x, y, TrainConfig{Loss: MSE(), Epochs: 2, BatchSize: 4, Backend: be})
		for i, name := range n.params.names {
			if n.params.values[i].Equal(trained.params.values[i]) {
				t.Errorf("training leaves %s as it was", name)
			}
		}
	})
}

// TestLayersRefuse: what a layer cannot be, named with its numbers.
func TestLayersRefuse(t *testing.T) {
	image := []int{2, 5, 5}
	for _, c := range []struct {
		layer Layer
		input []int
		want  string
	}{
		{Conv2D(4, Square(3), ConvConfig{}), []int{30}, "channels × height × width, got 1"},
		{Conv2D(4, Pair{3, 0}, ConvConfig{}), image, "conv2d kernel 3×0: want 1…"},
		{Conv2D(4, Square(7), ConvConfig{}), image, "conv2d kernel 7×7 with dilation 1×1 is larger than the image, 5×5"},
		{Conv2D(4, Square(3), ConvConfig{Dilation: Square(3)}), image, "dilation 3×3 is larger than the image"},
		{Conv2D(4, Square(3), ConvConfig{Stride: Pair{-1, 1}}), image, "conv2d stride -1×1"},
		{Conv2D(4, Square(3), ConvConfig{Padding: Square(3)}), image, "conv2d padding 3×3: want 0…2"},
		{Conv2D(4, Square(3), ConvConfig{Groups: 3}), image, "from 2 to 4 channels in 3 groups"},
		{Conv2D(0, Square(3), ConvConfig{}), image, "from 2 to 0 channels"},
		{Conv2D(1, Pair{1 << 62, 3}, ConvConfig{}), image, "want 1…1048576"},
		{ConvTranspose2D(4, Square(3), ConvTransposeConfig{Padding: Square(9)}), image, "leaves nothing"},
		{ConvTranspose2D(4, Square(3), ConvTransposeConfig{Padding: Square(-1)}), image, "padding -1×-1: want 0…"},
		{MaxPool2D(Square(6), PoolConfig{}), image, "maxpool2d window 6×6 is larger than the image, 5×5"},
		{MaxPool2D(Square(0), PoolConfig{Stride: Square(1)}), image, "maxpool2d window 0×0"},
		{MaxPool2D(Square(2), PoolConfig{Padding: Square(2)}), image, "padding 2×2: want 0…1, half the window"},
		{AvgPool2D(Square(2), PoolConfig{Stride: Pair{1, -1}}), image, "avgpool2d stride 1×-1"},
		{AvgPool2D(Square(2), PoolConfig{}), []int{5}, "avgpool2d takes rows of three axes"},
		{GlobalAvgPool2D(), []int{5, 5}, "globalavgpool2d takes rows of three axes"},
		{Reshape(3, 4), image, "reshape to [3 4]: want a shape of 50 values"},
		{Reshape(-5, -10), image, "reshape to [-5 -10]"},
		{Reshape(1<<32, 1<<32), image, "want a shape of 50"},
		{Reshape(), []int{1}, "reshape to []"},
		{BatchNorm(BatchNormConfig{}), []int{5, 5}, "rows of one axis or images of three, got 2"},
		{BatchNorm(BatchNormConfig{Epsilon: -1}), image, "epsilon -1"},
		{BatchNorm(BatchNormConfig{Momentum: math.NaN()}), image, "momentum NaN"},
		{LayerNorm(LayerNormConfig{Axes: 4}), image, "layernorm over 4 axes"},
		{Softmax(3), image, "softmax over axis 3 of rows of 3 axes: want -3…2"},
		{LogSoftmax(-2), []int{5}, "logsoftmax over axis -2"},
		{LeakyReLU(math.Inf(1)), image, "leakyrelu slope +Inf"},
		{ELU(math.NaN()), image, "elu alpha NaN"},
		{Flatten(), []int{1 << 30, 1 << 30}, "input shape [1073741824 1073741824] is too large"},
		{ConvTranspose2D(1, Square(1), ConvTransposeConfig{Stride: Square(1 << 20)}), []int{1, 1 << 15, 1 << 15}, "output shape [1 34358689793 34358689793] is too large"},
	} {
		_, err := New("n", c.input, c.layer)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v on %v: got error %v, want %q", c.layer, c.input, err, c.want)
		}
	}
}
