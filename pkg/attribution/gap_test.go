package attribution

import (
	"context"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// TestScaleOfTheWay: an output that is small at both ends and large between is
// held against what was summed, not against the ends, 1e-8, of which float32
// loses more on the way.
func TestScaleOfTheWay(t *testing.T) {
	weights := []float32{3, 1.5, -1, 2, -0.5, 1, 2.5, -1.5}
	m := function(func(x *Node) *Node {
		sum := ReduceSum(Mul(x, Const(x.Graph(), [][]float32{weights})), 1)
		return InsertAxes(Exp(MulScalar(Square(sum), -0.5)), -1)
	})
	x := array.New(1, len(weights))
	x.Data = []float32{0.8, 0.3, -0.5, 0.6, -0.9, 0.2, 0.4, -0.3} // sum 6.5
	start := x.Clone()
	for k := range start.Data {
		start.Data[k] *= -0.97
	}
	for _, method := range []Method{IntegratedGradients{}, Conductance{}, SampledShapley{}, ExactShapley{}, KernelSHAP{}} {
		points := 0
		a, err := Explain(context.Background(), m, method, Query{Rows: x, Background: start, Backend: backend.ForTest(t)[0],
			Progress: func(done, _ int) { points = done }})
		if err != nil {
			t.Error(err)
			continue
		}
		if f := a.Outputs.Data[0]; f > 1e-7 || a.Scale < 0.5 || a.Scale > 1 {
			t.Errorf("%s: scale %g of an output of %g that rises to 1 between", method.Name(), a.Scale, f)
		}
		if points > 1000 {
			t.Errorf("%s: evaluated at %d points: parts of the line are held against the ends", method.Name(), points)
		}
		t.Logf("%s: %d points, gap %.2g of the scale %.2g", method.Name(), points, a.MaxGap(), a.Scale)
	}
}
