package network

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/pkg/array"
)

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
