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
