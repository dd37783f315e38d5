package network

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

func ExampleTrain() {
	// Learn y = x₀ > x₁ from 64 rows.
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := array.New(64, 2), array.New(64, 1)
	for i := range x.Rows() {
		row := x.Row(i)
		row[0], row[1] = rng.Float32(), rng.Float32()
		if row[0] > row[1] {
			y.Data[i] = 1
		}
	}
	n, _ := New("larger", []int{2}, Dense(8), ReLU(), Dense(1), Sigmoid())
	n = n.Initialize(TorchInit, rng)
	trained, history, err := Train(context.Background(), n, x, y, TrainConfig{
		Loss: BCE(), Optimizer: Adam{Rate: 0.05}, Epochs: 100, BatchSize: 16, Shuffle: true, Seed: 1,
		OnEpoch: func(e Epoch) error {
			if e.Loss < 0.05 {
				return ErrStop
			}
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	ask, _ := array.FromRows([][]float32{{0.9, 0.1}, {0.2, 0.7}})
	p, _ := trained.Predict(context.Background(), ask, RunConfig{})
	fmt.Println(history.Stopped, p.Data[0] > 0.9, p.Data[1] < 0.1)
	// Output: true true true
}

// TestTrainTwin compares epochs with partial batches to a second
// implementation: plain loops in float64, derivatives by hand.
func TestTrainTwin(t *testing.T) {
	n := must(New("twin", []int{4}, Dense(5), ReLU(), Dense(3), Sigmoid())).
		Initialize(TorchInit, rand.New(rand.NewPCG(8, 8)))
	x, y := randomRows(11, 4), array.New(11, 3)
	for i := range y.Data {
		y.Data[i] = float32(i % 2)
	}
	for _, c := range []struct {
		loss      Loss
		optimizer Optimizer
		l2        float64
	}{{MSE(), Adam{Rate: 0.01}, 0}, {BCE(), SGD{Rate: 0.1, Momentum: 0.5}, 0}, {BCE(), SGD{Rate: 0.1}, 0.2}} {
		w := newTwin(n)
		w.l2 = c.l2
		want, wantLosses := w.train(x, y, c.loss, c.optimizer, 3, 4)
		forEach(t, func(t *testing.T, be compute.Backend) {
			got, history, err := Train(context.Background(), n, x, y, TrainConfig{
				Loss: c.loss, Optimizer: c.optimizer, Epochs: 3, BatchSize: 4, L2: c.l2, Backend: be})
			if err != nil {
				t.Fatal(err)
			}
			for epoch, losses := range wantLosses {
				mean := (4*losses[0] + 4*losses[1] + 3*losses[2]) / 11
				if math.Abs(history.Losses[epoch]-mean) > 1e-6 {
					t.Errorf("%v %T epoch %d: got loss %g, want %g", c.loss, c.optimizer, epoch, history.Losses[epoch], mean)
				}
				for b, l := range losses {
					if math.Abs(float64(history.BatchLosses[epoch][b])-l) > 1e-6 {
						t.Errorf("%v %T epoch %d batch %d: got loss %g, want %g", c.loss, c.optimizer, epoch, b, history.BatchLosses[epoch][b], l)
					}
				}
			}
			for k, name := range got.Parameters().Names() {
				for i, v := range must(got.Parameters().Get(name)).Data {
					if math.Abs(float64(v)-want[k][i]) > 2e-6 {
						t.Errorf("%v %T %s[%d]: got %g, want %g", c.loss, c.optimizer, name, i, v, want[k][i])
					}
				}
			}
		})
	}
}

// twin is the network 4-5-ReLU-3-sigmoid in float64. p and its moments are
// weight, bias, weight, bias.
type twin struct {
	p, m, v [4][]float64
	t       int
	l2      float64
}

func newTwin(n *Network) *twin {
	w := &twin{}
	for k, name := range n.Parameters().Names() {
		for _, v := range must(n.Parameters().Get(name)).Data {
			w.p[k] = append(w.p[k], float64(v))
		}
		w.m[k], w.v[k] = make([]float64, len(w.p[k])), make([]float64, len(w.p[k]))
	}
	return w
}

func (w *twin) train(x, y *array.Array, loss Loss, o Optimizer, epochs, batch int) ([4][]float64, [][]float64) {
	var losses [][]float64
	for range epochs {
		losses = append(losses, nil)
		for from := 0; from < x.Rows(); from += batch {
			to := min(from+batch, x.Rows())
			l := w.step(x.Slice(from, to), y.Slice(from, to), loss, o)
			losses[len(losses)-1] = append(losses[len(losses)-1], l)
		}
	}
	return w.p, losses
}

func (w *twin) step(x, y *array.Array, loss Loss, o Optimizer) float64 {
	var grad [4][]float64
	for k := range grad {
		grad[k] = make([]float64, len(w.p[k]))
	}
	total, count := 0.0, float64(x.Rows()*3)
	for r := range x.Rows() {
		var hidden [5]float64
		for j := range hidden {
			z := w.p[1][j]
			for k, v := range x.Row(r) {
				z += w.p[0][4*j+k] * float64(v)
			}
			hidden[j] = math.Max(z, 0)
		}
		var back [5]float64
		for j := range 3 {
			z := w.p[3][j]
			for k, h := range hidden {
				z += w.p[2][5*j+k] * h
			}
			p, target := 1/(1+math.Exp(-z)), float64(y.Row(r)[j])
			var dz float64
			if loss == MSE() {
				total += (p - target) * (p - target) / count
				dz = 2 * (p - target) * p * (1 - p) / count
			} else {
				total -= (target*math.Log(p) + (1-target)*math.Log(1-p)) / count
				dz = (p - target) / count
			}
			grad[3][j] += dz
			for k, h := range hidden {
				grad[2][5*j+k] += dz * h
				back[k] += dz * w.p[2][5*j+k]
			}
		}
		for j, h := range hidden {
			if h > 0 {
				grad[1][j] += back[j]
				for k, v := range x.Row(r) {
					grad[0][4*j+k] += back[j] * float64(v)
				}
			}
		}
	}
	w.t++
	for k := 0; k < 4; k += 2 {
		for i, v := range w.p[k] {
			total += w.l2 / 2 * v * v / float64(x.Rows())
			grad[k][i] += w.l2 * v / float64(x.Rows())
		}
	}
	for k := range w.p {
		for i, g := range grad[k] {
			switch o := o.(type) {
			case Adam:
				w.m[k][i] = 0.9*w.m[k][i] + 0.1*g
				w.v[k][i] = 0.999*w.v[k][i] + 0.001*g*g
				m := w.m[k][i] / (1 - math.Pow(0.9, float64(w.t)))
				v := w.v[k][i] / (1 - math.Pow(0.999, float64(w.t)))
				w.p[k][i] -= o.Rate * m / (math.Sqrt(v) + 1e-8)
			case SGD:
				w.m[k][i] = o.Momentum*w.m[k][i] + g
				w.p[k][i] -= max(o.Rate, 0.001) * w.m[k][i]
			}
		}
	}
	return total
}

// TestEveryRowOnce: with steps too small to matter, the loss of an epoch is
// the mean loss of the rows, in whatever order and batches.
func TestEveryRowOnce(t *testing.T) {
	n, x, y := small(2), randomRows(23, 4), randomRows(23, 2)
	n = must(must(New("plain", []int{4}, Dense(5), ReLU(), Named("dense3", Dense(2)), Sigmoid())).WithParameters(n.Parameters()))
	forEach(t, func(t *testing.T, be compute.Backend) {
		rows, err := BCE().PerRow(predict(t, n, x, RunConfig{Backend: be}), y)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for _, r := range rows {
			want += r / float64(len(rows))
		}
		_, history, err := Train(context.Background(), n, x, y, TrainConfig{
			Loss: BCE(), Optimizer: SGD{Rate: 1e-20}, Epochs: 3, BatchSize: 6, Shuffle: true, Backend: be})
		if err != nil {
			t.Fatal(err)
		}
		for epoch, got := range history.Losses {
			if math.Abs(got-want) > 1e-6 || epoch > 0 && history.BatchLosses[epoch][0] == history.BatchLosses[epoch-1][0] {
				t.Errorf("epoch %d: got loss %g of batches %v, want %g in another order", epoch, got, history.BatchLosses[epoch], want)
			}
		}
	})
}

// TestDeadUnits: where the input of ReLU is exactly 0, no gradient flows.
func TestDeadUnits(t *testing.T) {
	n := must(New("zero", []int{2}, Dense(3), ReLU(), Dense(1))) // all zero
	b := array.New(1)
	w := array.New(1, 3)
	w.Data = []float32{1, 1, 1}
	n = must(n.WithParameters(n.Parameters().With("dense2.bias", b).With("dense2.weight", w)))
	y := array.New(4, 1)
	y.Data = []float32{1, 1, 1, 1}
	forEach(t, func(t *testing.T, be compute.Backend) {
		got, _, err := Train(context.Background(), n, randomRows(4, 2), y, TrainConfig{Loss: MSE(), Optimizer: SGD{Rate: 0.1}, Backend: be})
		if err != nil {
			t.Fatal(err)
		}
		if v := must(got.Parameters().Get("dense0.weight")); largest(v) != 0 {
			t.Errorf("weights before ReLU moved: %v", v.Data)
		}
		if v := must(got.Parameters().Get("dense2.bias")); v.Data[0] == 0 {
			t.Error("the bias after ReLU did not move")
		}
	})
}

// TestSameSeedSameBytes: the result depends on the seed and on nothing else.
func TestSameSeedSameBytes(t *testing.T) {
	n := must(New("dropout", []int{30}, Dense(40), ReLU(), Dropout(0.5), Dense(1), Sigmoid())).
		Initialize(TorchInit, rand.New(rand.NewPCG(1, 2)))
	x, y := randomRows(200, 30), array.New(200, 1)
	hash, shuffled, other := n.Hash(), "", ""
	forEach(t, func(t *testing.T, be compute.Backend) {
		train := func(shuffle bool, seed uint64) string {
			n := must(must(New("compiled anew", n.Input(), Dense(40), ReLU(), Dropout(0.5), Dense(1), Sigmoid())).WithParameters(n.Parameters()))
			out, _, err := Train(context.Background(), n, x, y, TrainConfig{Loss: BCE(), Epochs: 2, Shuffle: shuffle, Seed: seed, Backend: be})
			if err != nil {
				t.Fatal(err)
			}
			return out.Hash()
		}
		want := train(true, 1)
		before := runtime.GOMAXPROCS(1)
		if got := train(true, 1); got != want {
			t.Error("one thread gives other bytes")
		}
		runtime.GOMAXPROCS(2)
		if got := train(true, 1); got != want {
			t.Error("two threads give other bytes")
		}
		runtime.GOMAXPROCS(before)
		if shuffled, other = train(false, 1), train(false, 2); want == shuffled || shuffled == other || want == hash {
			t.Error("order or dropout do not depend on shuffling and seed")
		}
	})
	if n.Hash() != hash {
		t.Error("training changed the network it was given")
	}
}

// TestDropout: in training each value is 0 or scaled, other ones each step;
// with a network of dropout alone, the loss shows the share that was kept.
func TestDropout(t *testing.T) {
	const rate = 0.3
	forEach(t, func(t *testing.T, be compute.Backend) {
		exec, err := graph.NewExec(be, func(x, state *graph.Node) []*graph.Node {
			p := &Pass{Training: true, rng: state}
			first := Dropout(rate).Graph(p, x)
			return []*graph.Node{first, Dropout(rate).Graph(p, x), Dropout(rate).Graph(&Pass{}, x)}
		})
		if err != nil {
			t.Fatal(err)
		}
		x := randomRows(100, 200)
		out := exec.MustCall(backend.Tensor(x), []uint64{1, 2, 3})
		first, next, plain := must(backend.Array(out[0])), must(backend.Array(out[1])), must(backend.Array(out[2]))
		kept, same := 0, 0
		for i, v := range first.Data {
			if v != 0 {
				kept++
				if want := float64(x.Data[i]) / (1 - rate); math.Abs(float64(v)-want) > 1e-6 {
					t.Fatalf("value %d: got %v, want 0 or %v", i, v, want)
				}
			}
			if (v == 0) == (next.Data[i] == 0) {
				same++
			}
		}
		n := float64(len(x.Data))
		if sd := math.Sqrt(n * rate * (1 - rate)); math.Abs(float64(kept)-n*(1-rate)) > 5*sd {
			t.Errorf("kept %d of %g values", kept, n)
		}
		if share := float64(same) / n; math.Abs(share-(rate*rate+(1-rate)*(1-rate))) > 0.02 {
			t.Errorf("two masks agree at %g of the values", share)
		}
		if !plain.Equal(x) {
			t.Error("dropout outside training changes values")
		}
	})
}

func TestTrainStops(t *testing.T) {
	n, x, y := small(1), randomRows(10, 4), randomRows(10, 2)
	nan := x.Clone()
	nan.Row(7)[2] = float32(math.NaN())
	forEach(t, func(t *testing.T, be compute.Backend) {
		cfg := TrainConfig{Loss: MSE(), Epochs: 4, BatchSize: 4, Backend: be}
		var bad *LossError
		if _, _, err := Train(context.Background(), n, nan, y, cfg); !errors.As(err, &bad) || bad.Epoch != 0 || bad.Batch != 1 {
			t.Errorf("NaN in row 7 of batches of 4: got %v", err)
		}
		wild := cfg
		wild.Optimizer = SGD{Rate: 1e38}
		plain := must(New("line", []int{4}, Dense(2)))
		if _, _, err := Train(context.Background(), plain, x, y, wild); !errors.As(err, &bad) {
			t.Errorf("rate 1e38: got %v", err)
		}
		wild.BatchSize, wild.Epochs = 10, 1
		far := y.Clone()
		far.Data[0] = 1e4
		if _, _, err := Train(context.Background(), plain, x, far, wild); !errors.As(err, &bad) || bad.Batch != -1 {
			t.Errorf("infinite after the only step: got %v", err)
		}

		early := cfg
		var seen []string
		early.OnEpoch = func(e Epoch) error {
			now := must(e.Network())
			seen = append(seen, now.Hash())
			if len(e.BatchLosses) != 3 {
				t.Errorf("got losses %v", e.BatchLosses)
			}
			if e.Index == 1 {
				return ErrStop
			}
			return nil
		}
		got, history, err := Train(context.Background(), n, x, y, early)
		if err != nil || !history.Stopped || len(history.Losses) != 2 || len(seen) != 2 || seen[1] != got.Hash() || seen[0] == seen[1] {
			t.Errorf("stopped after two epochs: got %+v, %v", history, err)
		}
		early.OnEpoch = func(Epoch) error { return errors.New("disk full") }
		if _, _, err := Train(context.Background(), n, x, y, early); err == nil || err.Error() != "disk full" {
			t.Errorf("error of OnEpoch: got %v", err)
		}

		ctx, cancel := context.WithCancel(context.Background())
		stop := cfg
		var done []int
		stop.Progress = func(d, all int) {
			if done = append(done, d); all != 12 {
				t.Errorf("progress of %d batches, want 12", all)
			}
			cancel()
		}
		if _, _, err := Train(ctx, n, x, y, stop); !errors.Is(err, context.Canceled) || len(done) != 1 {
			t.Errorf("cancelled: got %v after progress %v", err, done)
		}
	})
}

// TestPatience: scikit-learn stops when more than Patience epochs in a row
// have a loss above the best one − Tolerance.
func TestPatience(t *testing.T) {
	n, x, y := must(New("line", []int{4}, Dense(2))), randomRows(10, 4), randomRows(10, 2)
	be := backend.ForTest(t)[0] // the rule knows nothing of backends
	cfg := TrainConfig{Loss: MSE(), Optimizer: SGD{Rate: 0.05}, Epochs: 40, BatchSize: 10, Backend: be, Patience: 2}
	for tolerance, want := range map[float64]int{
		10:    4, // the first epoch is better than none, the next three are not better by 10
		1e-12: 40,
	} {
		cfg.Tolerance = tolerance
		_, history, err := Train(context.Background(), n, x, y, cfg)
		if err != nil || len(history.Losses) != want || history.Stopped != (want < 40) {
			t.Errorf("tolerance %g: got %d epochs, stopped %v, %v; want %d", tolerance, len(history.Losses), history.Stopped, err, want)
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	n, x, y := small(1), randomRows(10, 4), randomRows(10, 2)
	good := TrainConfig{Loss: MSE()}
	for _, c := range []struct {
		want string
		x, y *array.Array
		cfg  TrainConfig
	}{
		{"Loss is nil", x, y, TrainConfig{}},
		{"negative Epochs", x, y, TrainConfig{Loss: MSE(), Epochs: -1}},
		{"Patience -1", x, y, TrainConfig{Loss: MSE(), Patience: -1}},
		{"L2 -1", x, y, TrainConfig{Loss: MSE(), L2: -1}},
		{"Tolerance NaN", x, y, TrainConfig{Loss: MSE(), Tolerance: math.NaN()}},
		{"want positive Rate", x, y, TrainConfig{Loss: MSE(), Optimizer: Adam{Rate: -1}}},
		{"rows have shape [10 2], want [rows, 4]", y, y, good},
		{"targets have shape [10 4], want [rows, 2]", x, x, good},
		{"10 rows and 9 targets", x, y.Slice(0, 9), good},
		{"at least one", x.Slice(0, 0), y.Slice(0, 0), good},
	} {
		if _, _, err := Train(context.Background(), n, c.x, c.y, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want %q", err, c.want)
		}
	}
}

// meanLayer keeps a running mean of its input, as batch normalisation does:
// the layers to come need a fixed parameter that a step updates, and the
// weight of rows that only fill up a batch.
type meanLayer struct{}

func (meanLayer) Kind() string                      { return "mean" }
func (meanLayer) Output(input []int) ([]int, error) { return input, nil }
func (meanLayer) Parameters(input []int) []Spec {
	return []Spec{{Name: "running_mean", Shape: input, Fixed: true, Start: 0.5}}
}
func (meanLayer) Graph(p *Pass, x *graph.Node) *graph.Node {
	if p.Training {
		w := graph.Reshape(p.RowWeight, x.Shape().Dimensions[0], 1)
		mean := graph.Div(graph.ReduceSum(graph.Mul(x, w), 0), graph.ReduceAllSum(w))
		p.Update("running_mean", graph.Add(graph.MulScalar(p.Param("running_mean"), 0.5), graph.MulScalar(mean, 0.5)))
	}
	return graph.Sub(x, graph.Reshape(p.Param("running_mean"), append([]int{1}, shapeOf(x)[1:]...)...))
}

func shapeOf(x *graph.Node) []int { return x.Shape().Dimensions }

func TestLayerWithRunningValues(t *testing.T) {
	n := must(New("running", []int{2}, meanLayer{}, Dense(1)))
	if got := n.ParameterCount(); got != 3 {
		t.Errorf("got %d trainable parameters, want 3", got)
	}
	x := randomRows(5, 2)
	want := []float64{0.5, 0.5}
	for _, batch := range []*array.Array{x.Slice(0, 3), x.Slice(3, 5)} {
		for k := range want {
			mean := 0.0
			for i := range batch.Rows() {
				mean += float64(batch.Row(i)[k]) / float64(batch.Rows())
			}
			want[k] = 0.5*want[k] + 0.5*mean
		}
	}
	forEach(t, func(t *testing.T, be compute.Backend) {
		got, _, err := Train(context.Background(), n, x, array.New(5, 1), TrainConfig{Loss: MSE(), BatchSize: 3, Backend: be})
		if err != nil {
			t.Fatal(err)
		}
		mean := must(got.Parameters().Get("mean0.running_mean"))
		for k, w := range want {
			if math.Abs(float64(mean.Data[k])-w) > 1e-6 {
				t.Errorf("running mean %d: got %v, want %v", k, mean.Data[k], w)
			}
		}
	})
}

// TestTrainManyEpochs: epochs of one batch are over at once, and however many
// there are, the number of steps to a call stays one that can be counted.
func TestTrainManyEpochs(t *testing.T) {
	x := must(array.From([]float32{0, 1}, 2, 1))
	n := must(New("tiny", []int{1}, Dense(1))).Initialize(TorchInit, rand.New(rand.NewPCG(1, 2)))
	for _, be := range backend.ForTest(t) {
		_, h, err := Train(t.Context(), n, x, x, TrainConfig{Loss: MSE(), Optimizer: SGD{Rate: 0.5}, Epochs: 80, Backend: be})
		if err != nil {
			t.Fatal(err)
		}
		if last := h.Losses[79]; last > 1e-4 {
			t.Errorf("loss %g after 80 epochs", last)
		}
	}
}
