package attribution

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// drawn is a network of random operations on random values before it: any
// value may be used again, so there are skips and branches.
type drawn struct {
	input []int
	ops   []operation
}

func (d drawn) String() string {
	text := fmt.Sprint(d.input)
	for i, op := range d.ops {
		text += fmt.Sprintf(" %d=%s%v", i+1, op.name, op.in)
	}
	return text
}

// drawNetwork makes a network of 3 to 12 operations and a dense layer to one unit.
func drawNetwork(rng *rand.Rand) drawn {
	d := drawn{input: [][]int{{7}, {5, 4}, {6, 7, 2}}[rng.IntN(3)]}
	shapes := [][]int{d.input}
	add := func(op operation, shape []int, in ...int) {
		op.in = in
		d.ops, shapes = append(d.ops, op), append(shapes, shape)
	}
	for range 3 + rng.IntN(10) {
		at := max(0, len(shapes)-1-rng.IntN(3)) // mostly what was made last
		shape := shapes[at]
		switch rng.IntN(6) {
		case 0:
			c := curves[rng.IntN(len(curves))]
			add(operation{name: c.name, graph: func(x []*Node) *Node { return c.graph(x[0]) },
				tape: func(t *tape, v []*taped) *taped { return t.elementwise(v[0], c.f) }}, shape, at)
		case 1:
			add(drawAlong(rng, shape), shape, at)
		case 2:
			var same []int
			for i, s := range shapes {
				if i != at && slices.Equal(s, shape) {
					same = append(same, i)
				}
			}
			if len(same) > 0 {
				add(drawMixed(rng), shape, at, same[rng.IntN(len(same))])
			}
		case 3:
			if op, to := drawMoved(rng, shape); len(to) > 0 {
				add(op, to, at)
			}
		case 4:
			out := 2 + rng.IntN(6)
			add(drawDense(rng, shape, out), append(slices.Clone(shape[:len(shape)-1]), out), at)
		default:
			var op operation
			switch {
			case len(shape) == 2:
				add(drawAttention(rng, shape), shape, at)
			case len(shape) == 3 && rng.IntN(2) == 0 && min(shape[0], shape[1]) >= 3:
				op = drawPool(rng, shape)
				add(op, shapeOf(op, shape), at)
			case len(shape) == 3:
				op = drawConv(rng, shape, 1+rng.IntN(4))
				add(op, shapeOf(op, shape), at)
			}
		}
	}
	last := len(shapes) - 1
	flat := width(shapes[last])
	add(operation{name: "flatten", graph: func(x []*Node) *Node { return Reshape(x[0], x[0].Shape().Dim(0), -1) },
		tape: func(t *tape, v []*taped) *taped {
			v[0].shape = []int{flat}
			return v[0]
		}}, []int{flat}, last)
	add(drawDense(rng, []int{flat}, 1), []int{1}, last+1)
	return d
}

// shapeOf asks the tape for the shape of a result.
func shapeOf(op operation, shape []int) []int {
	return op.tape(&tape{}, []*taped{newTaped(shape)}).shape
}

func (d drawn) model() plainModel {
	return function(func(x *Node) *Node {
		values := []*Node{x}
		for _, op := range d.ops {
			var in []*Node
			for _, i := range op.in {
				in = append(in, values[i])
			}
			values = append(values, op.graph(in))
		}
		return values[len(values)-1]
	})
}

// slow attributes one row against the mean over the background, by the tape.
func (d drawn) slow(x []float64, background *array.Array) []float64 {
	mean := make([]float64, len(x))
	for i := range background.Rows() {
		t, in := &tape{}, newTaped(d.input)
		copy(in.x, x)
		copy(in.r, toFloat64(background.Row(i)))
		values := []*taped{in}
		for _, op := range d.ops {
			var operands []*taped
			for _, i := range op.in {
				operands = append(operands, values[i])
			}
			values = append(values, op.tape(t, operands))
		}
		for k, v := range t.attributions(in, values[len(values)-1]) {
			mean[k] += v / float64(background.Rows())
		}
	}
	return mean
}

// TestDrawnNetworks: random networks are divided completely, and as the slow
// twin divides them. JACARD_SLOW draws 1,000 instead of 50.
func TestDrawnNetworks(t *testing.T) {
	networks, onXLA := 50, 4
	if os.Getenv("JACARD_SLOW") != "" {
		networks, onXLA = 1000, 0
	}
	backends := backend.ForTest(t)
	worst := 0.0
	for seed := range networks {
		on := backends[:1]
		if seed < onXLA {
			on = backends
		}
		for _, b := range on {
			gap, apart, d := explainDrawn(t, uint64(seed), b)
			worst = max(worst, apart)
			// What float32 loses in products of secants: 4e-4 at most in 1,000 networks.
			if gap > 1e-4 || apart > 2e-3 {
				t.Errorf("seed %d, %s: gap %.2g of the scale, %.2g of the largest value from the twin: %v", seed, b.Name(), gap, apart, d)
			}
		}
	}
	t.Logf("%d networks: largest distance to the twin %.2g of the largest value", networks, worst)
}

func explainDrawn(t *testing.T, seed uint64, b compute.Backend) (gap, apart float64, d drawn) {
	t.Helper()
	const least = 1e-2 // change of an output of about 1 below which its own rounding is more than the accepted share
	rng := rand.New(rand.NewPCG(seed, 77))
	d = drawNetwork(rng)
	rows, background := random(rng, append([]int{2}, d.input...)...), random(rng, append([]int{3}, d.input...)...)
	a, err := Explain(context.Background(), d.model(), Rescale{}, Query{Rows: rows, Background: background, MaxGap: 1e9, Backend: b})
	if err != nil {
		if !strings.Contains(err.Error(), "does not depend on the input") {
			t.Errorf("seed %d, %s: %v: %v", seed, b.Name(), err, d)
		}
		return 0, 0, d
	}
	for i := range rows.Rows() {
		want := d.slow(toFloat64(rows.Row(i)), background)
		size := least
		for _, v := range want {
			size = max(size, v, -v)
		}
		for k, v := range want {
			diff := (float64(a.Layers[0].Values.Row(i)[k]) - v) / size
			apart = max(apart, diff, -diff)
		}
	}
	return a.MaxGap() * a.Scale / max(a.Scale, least), apart, d
}
