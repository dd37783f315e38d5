package jacard

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
)

// TestParameterCounts: the published networks, without training them.
func TestParameterCounts(t *testing.T) {
	for name, c := range map[string]Config{"Thesis": Thesis(), "Quick": Quick()} {
		ae := must(network.New("autoencoder", []int{784}, c.Autoencoder.layers(784)...))(t).Initialize(network.TorchInit, random.Stream(1, "t"))
		cls := must(network.New("classifier", []int{c.Autoencoder.Code}, c.Classifier.layers()...))(t).Initialize(network.TorchInit, random.Stream(1, "t"))
		if ae.ParameterCount() != 1_153_454 || cls.ParameterCount() != 43_601 {
			t.Errorf("%s: got %d and %d parameters, want 1153454 and 43601", name, ae.ParameterCount(), cls.ParameterCount())
		}
		if got := ae.LayerNames()[c.Autoencoder.codeLayer()]; got != "dense8" {
			t.Errorf("%s: the code is the output of %s, want dense8", name, got)
		}
		var linear []int
		for _, p := range Splits(cls) {
			linear = append(linear, p.Linear)
		}
		if !slices.Equal(linear, []int{0, 2, 5, 8, 11}) {
			t.Errorf("%s: splits before %v", name, linear)
		}
	}
}

// TestEncodings: the code is before its ReLU; AfterReLU and MinMax do what
// they say to it and leave the autoencoder alone.
func TestEncodings(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		encode := func(e EncodingConfig) *Encoding {
			return must(must(s.study.With(func(c *Config) { c.Encoding = e }))(t).Encode(context.Background()))(t)
		}
		raw := s.encoding.Values
		if slices.Min(raw.Data) >= 0 {
			t.Error("no negative number in the code: it is after the ReLU")
		}
		after := raw.Clone()
		for i, v := range after.Data {
			after.Data[i] = max(v, 0)
		}
		if got := encode(EncodingConfig{AfterReLU: true}).Values; !got.Equal(after) {
			t.Error("AfterReLU is not max(code, 0)")
		}
		got := encode(EncodingConfig{MinMax: true})
		for k := range 30 {
			low, high := math.Inf(1), math.Inf(-1)
			for i := range 800 {
				low, high = min(low, float64(got.Values.At(i, k))), max(high, float64(got.Values.At(i, k)))
			}
			if low != 0 || high != 1 {
				t.Errorf("MinMax: feature %d in %g…%g, want 0…1", k, low, high)
			}
		}
		if got.Inputs["autoencoder"] != s.autoencoder.ID {
			t.Error("MinMax trained another autoencoder")
		}
	})
}

// TestMinMaxTwin against float64, with a constant column.
func TestMinMaxTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		a := array.New(1+rng.IntN(9), 1+rng.IntN(5))
		for i := range a.Data {
			a.Data[i] = float32(rng.NormFloat64() * 10)
		}
		for i := range a.Rows() {
			a.Row(i)[0] = -3
		}
		got := minMax(a)
		for k := range a.Width() {
			var column []float64
			for i := range a.Rows() {
				column = append(column, float64(a.At(i, k)))
			}
			for i, v := range column {
				want := 0.0
				if spread := slices.Max(column) - slices.Min(column); spread > 0 {
					want = (v - slices.Min(column)) / spread
				}
				if math.Abs(float64(got.At(i, k))-want) > 1e-6 {
					t.Errorf("%v: row %d, column %d: got %g, want %g", a.Shape, i, k, got.At(i, k), want)
				}
			}
		}
	}
}

// TestLinearAutoencoder: without hidden layers there are two dense ones, and
// no ReLU to look behind.
func TestLinearAutoencoder(t *testing.T) {
	s := tinyOn(t, fast(t))
	linear := must(s.study.With(func(c *Config) { c.Autoencoder.Hidden = nil }))(t)
	ae := must(linear.Autoencoder(context.Background()))(t)
	if got := ae.Net.LayerNames(); !slices.Equal(got, []string{"dense0", "dense1"}) {
		t.Errorf("layers %v", got)
	}
	enc := must(linear.Encode(context.Background()))(t)
	// A linear code: the mean image's code is the mean of the codes.
	mean := array.New(1, 784)
	for i := range 800 {
		for k, v := range s.digits.Images.Row(i) {
			mean.Data[k] += v / 800
		}
	}
	code := must(ae.Net.Activations(context.Background(), mean, []string{"dense0"}, network.RunConfig{Backend: s.study.work.Backend}))(t)[0]
	for k := range 30 {
		want := 0.0
		for i := range 800 {
			want += float64(enc.Values.At(i, k)) / 800
		}
		if math.Abs(float64(code.Data[k])-want) > 1e-4 {
			t.Errorf("code of the mean image, number %d: got %g, want %g", k, code.Data[k], want)
		}
	}
	_, err := linear.With(func(c *Config) { c.Encoding.AfterReLU = true })
	wantError(t, err, "no ReLU after its code")
}

// TestHoldOut: rows kept apart are measured, and not trained on.
func TestHoldOut(t *testing.T) {
	s := tinyOn(t, fast(t))
	held := must(must(s.study.With(func(c *Config) { c.Classifier.HoldOut = 0.25 }))(t).Classifier(context.Background()))(t)
	if len(held.HeldOut) != 150 || held.Train.Rows() != 450 || !slices.IsSorted(held.HeldOut) || held.HeldOut[149] >= 600 {
		t.Errorf("%d rows held out, %d trained on: %v", len(held.HeldOut), held.Train.Rows(), held.HeldOut)
	}
	for _, e := range held.Epochs {
		if !(e.HeldOutBCE > 0) {
			t.Errorf("epoch %d: cross-entropy of held-out rows %g", e.Epoch, e.HeldOutBCE)
		}
	}
	train, apart, err := s.encoding.holdOut(0.25, s.study.Config.Seed)
	if both := slices.Sorted(slices.Values(append(slices.Clone(train), apart...))); err != nil || !slices.Equal(both, idRange(0, 600)) || !slices.Equal(apart, held.HeldOut) {
		t.Errorf("the two parts are not all rows: %v, %v", both, err)
	}
	for _, e := range s.classifier.Epochs {
		if !math.IsNaN(e.HeldOutBCE) {
			t.Errorf("nothing held out: cross-entropy %g, want NaN", e.HeldOutBCE)
		}
	}
	_, err = must(s.study.With(func(c *Config) { c.Classifier.HoldOut = 0.001 }))(t).Classifier(context.Background())
	wantError(t, err, "less than one row")
}

// TestTrainingLog: the last line of the log is the network that was kept, and
// printed losses are ours times the factor.
func TestTrainingLog(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		last := s.classifier.Epochs[7]
		if last.Epoch != 8 || last.TestBCE != s.classifier.Test.BCE || last.Correct != s.classifier.Test.Correct() || last.Accuracy != float64(last.Correct)/200 {
			t.Errorf("last line %+v, network %+v", last, s.classifier.Test)
		}
		if len(last.BatchBCE) != 1 { // batch 0; there is no batch 50
			t.Errorf("%d losses of batches", len(last.BatchBCE))
		}
		// ÷ batches instead of ÷ rows, counted batch by batch.
		batches := 0
		for rows := 600; rows > 0; rows -= 64 {
			batches++
		}
		for e, loss := range s.autoencoder.Loss {
			if want := loss * 600 / float64(batches); math.Abs(s.autoencoder.LegacyLoss[e]-want) > 1e-12 {
				t.Errorf("epoch %d: printed loss %g, want %g", e, s.autoencoder.LegacyLoss[e], want)
			}
		}
	})
}

func TestReconstruct(t *testing.T) {
	s := tinyOn(t, fast(t))
	ids := []int{700, 3}
	got := must(s.study.Reconstruct(context.Background(), ids))(t)
	if !slices.Equal(got.Shape, []int{2, 784}) {
		t.Errorf("shape %v", got.Shape)
	}
	mse := 0.0
	for i, id := range ids {
		for k, v := range s.digits.Images.Row(id) {
			d := float64(v - got.At(i, k))
			mse += d * d / (2 * 784)
		}
	}
	if mse > 2*s.autoencoder.Loss[1] {
		t.Errorf("mean squared error %g, of the training %g", mse, s.autoencoder.Loss[1])
	}
	_, err := s.study.Reconstruct(context.Background(), []int{800})
	wantError(t, err, "out of range")
}
