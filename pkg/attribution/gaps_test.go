package attribution

import (
	"context"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
)

// gapCases are the networks of the case deepshap-gaps, small ones that shap or
// captum does not divide; bench/peers/gaps.py made it, with their values.
var gapCases = []struct {
	name, what string
	build      func(p torchParameters, x *Node) *Node
}{
	{"functional", "ReLU as a function", threeLayers},
	{"reused", "one ReLU module, called twice", threeLayers},
	{"layernorm", "layer norm", func(p torchParameters, x *Node) *Node {
		return p.dense("3", activation.Relu(p.norm("1", p.dense("0", x))))
	}},
	{"silu", "SiLU", func(p torchParameters, x *Node) *Node {
		return p.dense("4", activation.Swish(p.dense("2", activation.Swish(p.dense("0", x)))))
	}},
	{"gelu", "GELU", func(p torchParameters, x *Node) *Node {
		return p.dense("4", activation.Gelu(p.dense("2", activation.Gelu(p.dense("0", x)))))
	}},
	{"softmax", "softmax head", func(p torchParameters, x *Node) *Node {
		return Softmax(p.dense("2", activation.Relu(p.dense("0", x))), 1)
	}},
	{"overlap", "conv, ReLU, max-pool 3/2", func(p torchParameters, x *Node) *Node {
		x = MaxPool(activation.Relu(p.conv("0", x))).Window(3).Strides(2).NoPadding().Done()
		return p.dense("4", flat(TransposeAllAxes(x, 0, 3, 1, 2)))
	}},
	{"softmax2d", "channel softmax, global average", func(p torchParameters, x *Node) *Node {
		x = Softmax(p.conv("2", TransposeAllAxes(activation.Relu(p.conv("0", x)), 0, 3, 1, 2)), 3)
		return ReduceMean(x, 1, 2)
	}},
	{"attention", "attention", func(p torchParameters, x *Node) *Node {
		x = Reshape(x, -1, 5, 6)
		scores := DivScalar(Einsum("bid,bjd->bij", p.dense("a", x), p.dense("b", x)), math.Sqrt(6))
		y := Einsum("bij,bjd->bid", Softmax(scores, -1), p.dense("c", x))
		return p.dense("d", ReduceMean(activation.Relu(y), 1))
	}},
}

func threeLayers(p torchParameters, x *Node) *Node {
	return p.dense("c", activation.Relu(p.dense("b", activation.Relu(p.dense("a", x)))))
}

// torchParameters are the arrays of one network of the case, as PyTorch lays
// them out.
type torchParameters struct {
	c    *fixture.Case
	name string
}

func (p torchParameters) get(g *Graph, suffix string) *Node {
	a := p.c.Array(p.name + "." + suffix)
	return Const(g, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
}

func (p torchParameters) dense(layer string, x *Node) *Node {
	y := DotGeneral(x, []int{x.Rank() - 1}, nil, p.get(x.Graph(), layer+".weight"), []int{1}, nil)
	return Add(y, ExpandLeftToRank(p.get(x.Graph(), layer+".bias"), y.Rank()))
}

func (p torchParameters) norm(layer string, x *Node) *Node {
	mean := func(v *Node) *Node { return ReduceAndKeep(v, ReduceMean, -1) }
	centred := Sub(x, mean(x))
	y := Div(centred, Sqrt(AddScalar(mean(Square(centred)), 1e-5)))
	y = Mul(y, ExpandLeftToRank(p.get(x.Graph(), layer+".weight"), y.Rank()))
	return Add(y, ExpandLeftToRank(p.get(x.Graph(), layer+".bias"), y.Rank()))
}

// conv takes [rows, channels, height, width] and returns [rows, height, width,
// channels].
func (p torchParameters) conv(layer string, x *Node) *Node {
	kernel := TransposeAllAxes(p.get(x.Graph(), layer+".weight"), 2, 3, 1, 0)
	y := Convolve(TransposeAllAxes(x, 0, 2, 3, 1), kernel).NoPadding().Done()
	return Add(y, ExpandLeftToRank(p.get(x.Graph(), layer+".bias"), y.Rank()))
}

// TestWherePeersMiss logs the table of docs/attribution.md: by how much the
// attributions of shap, captum and ours miss what they divide.
func TestWherePeersMiss(t *testing.T) {
	c := fixture.Load(t, "deepshap-gaps")
	var networks map[string]struct {
		Gaps struct{ Shap, Captum *float64 }
	}
	c.JSON("networks", &networks)
	for _, b := range backend.ForTest(t) {
		for _, g := range gapCases {
			m := function(func(x *Node) *Node { return g.build(torchParameters{c, g.name}, x) })
			a, err := Explain(context.Background(), m, Rescale{}, Query{Rows: c.Array(g.name + ".x"), Background: c.Array(g.name + ".background"), Backend: b})
			if err != nil {
				t.Errorf("%s, %s: %v", b.Name(), g.what, err)
				continue
			}
			near(t, g.name+": f", a.Outputs.Data, c.Array(g.name+".f_x").Data, 1e-5)
			if a.MaxGap() > 1e-5 {
				t.Errorf("%s, %s: gap %.2g of the scale, want ≤ 1e-5", b.Name(), g.what, a.MaxGap())
			}
			gap := func(stated *float64, name string) float64 {
				if stated == nil {
					return math.NaN() // refused
				}
				phi := c.Array(g.name + "." + name)
				measured := largestGap(phi.Data, a) / a.Scale
				if math.Abs(measured-*stated) > 1e-4*(1+*stated) {
					t.Errorf("%s: %s misses by %.4g, its case says %.4g", g.what, name, measured, *stated)
				}
				if *stated < 1e-6 { // complete: then both are the rescale rule, but softmax, see TestSoftmax
					if g.name != "softmax" {
						_, size := distance(phi.Data, phi.Data)
						near(t, g.name+": "+name, a.Layers[0].Values.Data, phi.Data, 1e-5*size)
					}
				}
				return measured
			}
			shap, captum := gap(networks[g.name].Gaps.Shap, "phi_shap"), gap(networks[g.name].Gaps.Captum, "phi_captum")
			t.Logf("%s | %s | %.1g | %.2g | %.2g", b.Name(), g.what, a.MaxGap(), shap, captum)
			if shap < 1e-6 && captum < 1e-6 {
				t.Errorf("%s: both packages divide it", g.what)
			}
		}
	}
}
