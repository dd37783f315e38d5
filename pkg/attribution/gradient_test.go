package attribution

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// TestGradientsEqualDifferences compares, for every kind of model, the
// gradient by the walk with central differences of the same model in float64.
func TestGradientsEqualDifferences(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			backends := backend.ForTest(t)
			if k.onlyXLA {
				backends = backends[1:]
			}
			if len(backends) == 0 {
				t.Skip("needs XLA")
			}
			m := k.seeded(t, backends[0])
			if len(k.row) == 1 {
				backends = backends[:1] // the rules are the same, and XLA's compiler takes its time
			}
			rows := random(rand.New(rand.NewPCG(9, 9)), append([]int{2}, k.row...)...)
			want, rough := differences(t, backends[0], m, rows) // Go's compiles at once
			_, size := distance(want, want)
			for _, b := range backends {
				a, err := Explain(context.Background(), m, Saliency{Signed: true}, Query{Rows: rows, Backend: b})
				if err != nil {
					t.Errorf("%s: %v", b.Name(), err)
					continue
				}
				worst := 0.0
				for i, v := range a.Layers[0].Values.Data {
					if !rough[i] {
						worst = max(worst, math.Abs(float64(v)-float64(want[i])))
					}
				}
				t.Logf("%s: largest difference %.2g of %.2g", b.Name(), worst, size)
				if !(worst <= 1e-5*size) {
					t.Errorf("%s: gradient differs by %.3g of %.3g from central differences", b.Name(), worst, size)
				}
			}
		})
	}
}

// differences returns (f(x+h) − f(x−h))/2h for output 0 and every input, in
// float64; rough marks inputs where it depends on h: a kink lies between.
func differences(t *testing.T, on compute.Backend, m plainModel, rows *array.Array) (slopes []float32, rough []bool) {
	t.Helper()
	store := inFloat64(t, m.store)
	exec := model.MustNewExec(on, store, func(s *model.Scope, x *Node) *Node {
		y := m.Graph(s, x, func(_ string, n *Node) *Node { return n })
		y = Reshape(y, x.Shape().Dim(0), -1)
		return Slice(y, AxisRange(), AxisElem(0))
	})
	defer exec.Finalize()
	width := rows.Width()
	at := func(h float64) []float64 { // slopes with step h
		points := make([]float64, 0, rows.Rows()*width*2*width)
		for r := range rows.Rows() {
			for k := range width {
				for _, step := range []float64{h, -h} {
					for i, v := range rows.Row(r) {
						x := float64(v)
						if i == k {
							x += step
						}
						points = append(points, x)
					}
				}
			}
		}
		y, err := exec.Call1(tensors.FromFlatDataAndDimensions(points, append([]int{rows.Rows() * width * 2}, rows.Shape[1:]...)...))
		if err != nil {
			t.Fatal(err)
		}
		f := tensors.MustCopyFlatData[float64](y)
		out := make([]float64, rows.Rows()*width)
		for i := range out {
			out[i] = (f[2*i] - f[2*i+1]) / (2 * h)
		}
		return out
	}
	near, far := at(1e-6), at(1e-5)
	size := 0.0
	for _, v := range near {
		size = max(size, math.Abs(v))
	}
	for i, v := range near {
		slopes = append(slopes, float32(v))
		rough = append(rough, math.Abs(v-far[i]) > 1e-5*size)
	}
	if n := len(rough); n > 0 && len(slices.DeleteFunc(slices.Clone(rough), func(r bool) bool { return !r }))*4 > n {
		t.Fatal("more than a quarter of the differences see a kink")
	}
	return slopes, rough
}

// inFloat64 copies a store, its parameters in float64.
func inFloat64(t *testing.T, store *model.Store) *model.Store {
	t.Helper()
	wide, err := store.Clone()
	if err != nil {
		t.Fatal(err)
	}
	for v := range wide.IterVariables() {
		value := v.MustValue()
		var data []float64
		for _, x := range tensors.MustCopyFlatData[float32](value) {
			data = append(data, float64(x))
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(data, value.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	return wide
}
