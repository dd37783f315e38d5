package network

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
)

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
