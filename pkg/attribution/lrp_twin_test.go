package attribution

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
)

// matrixLayer is a layer written as a matrix, in float64: z = a·w + b, with w [in,
// out] and linked telling which inputs reach which outputs at all.
type matrixLayer struct {
	w      [][]float64
	linked [][]bool
	b      []float64
}

func newMatrixLayer(in, out int) matrixLayer {
	f := matrixLayer{b: make([]float64, out)}
	for range in {
		f.w = append(f.w, make([]float64, out))
		f.linked = append(f.linked, make([]bool, out))
	}
	return f
}

// convMatrix writes a convolution of [channels, size, size] as a matrix.
func convMatrix(w, b *array.Array, size, padding, groups int) (f matrixLayer, outSize int) {
	out, per, k := w.Shape[0], w.Shape[1], w.Shape[2]
	outSize = size + 2*padding - k + 1
	f = newMatrixLayer(per*groups*size*size, out*outSize*outSize)
	for o := range out {
		for y := range outSize {
			for x := range outSize {
				j := (o*outSize+y)*outSize + x
				f.b[j] = float64(b.Data[o])
				for c := range per {
					channel := o/(out/groups)*per + c
					for dy := range k {
						for dx := range k {
							iy, ix := y+dy-padding, x+dx-padding
							if iy < 0 || ix < 0 || iy >= size || ix >= size {
								continue
							}
							i := (channel*size+iy)*size + ix
							f.w[i][j] = float64(w.Data[((o*per+c)*k+dy)*k+dx])
							f.linked[i][j] = true
						}
					}
				}
			}
		}
	}
	return f, outSize
}

func denseMatrix(w, b *array.Array) matrixLayer {
	f := newMatrixLayer(w.Shape[1], w.Shape[0])
	for i := range f.w {
		for j := range f.b {
			f.w[i][j], f.linked[i][j], f.b[j] = float64(w.At(j, i)), true, float64(b.Data[j])
		}
	}
	return f
}

// fold multiplies by a batch normalisation over channels of area outputs.
func (f matrixLayer) fold(weight, bias, mean, variance *array.Array, area int) {
	for j := range f.b {
		c := j / area
		scale := float64(weight.Data[c]) / math.Sqrt(float64(variance.Data[c])+1e-5)
		f.b[j] = (f.b[j]-float64(mean.Data[c]))*scale + float64(bias.Data[c])
		for i := range f.w {
			f.w[i][j] *= scale
		}
	}
}

func (f matrixLayer) forward(a []float64) []float64 {
	z := append([]float64{}, f.b...)
	for i, v := range a {
		for j := range z {
			z[j] += v * f.w[i][j]
		}
	}
	return z
}

func plusOf(v float64) float64  { return max(v, 0) }
func minusOf(v float64) float64 { return min(v, 0) }

// relevance applies a rule as its paper has it: contributions one by one.
func (f matrixLayer) relevance(rule LRPRule, a, upper []float64, low, high float64) []float64 {
	type part struct {
		share float64
		of    func(a, w float64, linked bool) float64
		bias  func(b float64) float64
	}
	none := func(float64) float64 { return 0 }
	same := func(b float64) float64 { return b }
	epsilon := 1e-9
	var parts []part
	switch r := rule.(type) {
	case EpsilonRule:
		epsilon = r.Epsilon
		parts = []part{{1, func(a, w float64, _ bool) float64 { return a * w }, same}}
	case GammaRule:
		parts = []part{{1, func(a, w float64, _ bool) float64 { return a * (w + r.Gamma*plusOf(w)) }, func(b float64) float64 { return b + r.Gamma*plusOf(b) }}}
	case ZPlusRule:
		parts = []part{{1, func(a, w float64, _ bool) float64 { return plusOf(a * w) }, plusOf}}
	case AlphaBetaRule:
		parts = []part{
			{r.Alpha, func(a, w float64, _ bool) float64 { return plusOf(a * w) }, plusOf},
			{-r.Beta, func(a, w float64, _ bool) float64 { return minusOf(a * w) }, minusOf},
		}
	case BoxRule:
		parts = []part{{1, func(a, w float64, _ bool) float64 { return a*w - low*plusOf(w) - high*minusOf(w) }, none}}
	case FlatRule:
		parts = []part{{1, func(_, _ float64, linked bool) float64 {
			if linked {
				return 1
			}
			return 0
		}, none}}
	case WSquareRule:
		parts = []part{{1, func(_, w float64, _ bool) float64 { return w * w }, none}}
	case PositiveWeightsRule:
		parts = []part{{1, func(a, w float64, _ bool) float64 { return a * plusOf(w) }, same}}
	}
	lower := make([]float64, len(a))
	for j, r := range upper {
		for _, p := range parts {
			total := p.bias(f.b[j])
			for i := range a {
				total += p.of(a[i], f.w[i][j], f.linked[i][j])
			}
			if total >= 0 {
				total += epsilon
			} else {
				total -= epsilon
			}
			for i := range a {
				lower[i] += p.share * p.of(a[i], f.w[i][j], f.linked[i][j]) / total * r
			}
		}
	}
	return lower
}

func relu(z []float64) []float64 {
	a := make([]float64, len(z))
	for i, v := range z {
		a[i] = max(v, 0)
	}
	return a
}

// pools lists the four inputs of each output of 2×2 windows side by side.
func pools(channels, size int) [][4]int {
	var out [][4]int
	for c := range channels {
		for y := 0; y+1 < size; y += 2 {
			for x := 0; x+1 < size; x += 2 {
				i := (c*size+y)*size + x
				out = append(out, [4]int{i, i + 1, i + size, i + size + 1})
			}
		}
	}
	return out
}

// twinNetwork has a padded convolution with a batch normalisation whose
// weights have both signs, a maximum, a grouped convolution with an even
// kernel, a mean and two dense layers.
func twinNetwork(t *testing.T, rng *rand.Rand) *network.Network {
	t.Helper()
	n, err := network.New("twin", []int{2, 6, 6},
		network.Conv2D(4, network.Square(3), network.ConvConfig{Padding: network.Square(1)}), network.BatchNorm(network.BatchNormConfig{}), network.ReLU(),
		network.MaxPool2D(network.Square(2), network.PoolConfig{}),
		network.Conv2D(6, network.Square(2), network.ConvConfig{Groups: 2}), network.ReLU(),
		network.AvgPool2D(network.Square(2), network.PoolConfig{}), network.Flatten(), network.Dense(5), network.ReLU(), network.Dense(3))
	if err != nil {
		t.Fatal(err)
	}
	p := n.Parameters()
	for _, name := range p.Names() {
		v, _ := p.Get(name)
		drawn := random(rng, v.Shape...)
		for k := range drawn.Data {
			if name == "batchnorm1.running_var" {
				drawn.Data[k] = 0.5 + drawn.Data[k]*drawn.Data[k]
			} else {
				drawn.Data[k] *= 0.5
				if strings.HasSuffix(name, "bias") {
					drawn.Data[k] += 0.5 // most neurons live
				}
			}
		}
		p = p.With(name, drawn)
	}
	if n, err = n.WithParameters(p); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLRPTwin compares every rule and composite, at the input and at hidden
// layers, with relevance divided contribution by contribution.
func TestLRPTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 1))
	n := twinNetwork(t, rng)
	get := func(name string) *array.Array {
		v, err := n.Parameters().Get(name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	conv0, _ := convMatrix(get("conv2d0.weight"), get("conv2d0.bias"), 6, 1, 1)
	conv0.fold(get("batchnorm1.weight"), get("batchnorm1.bias"), get("batchnorm1.running_mean"), get("batchnorm1.running_var"), 36)
	conv4, _ := convMatrix(get("conv2d4.weight"), get("conv2d4.bias"), 3, 0, 2)
	dense8, dense10 := denseMatrix(get("dense8.weight"), get("dense8.bias")), denseMatrix(get("dense10.weight"), get("dense10.bias"))
	const low, high = -3, 3
	rows := random(rng, 5, 2, 6, 6)
	for k, v := range rows.Data {
		rows.Data[k] = max(low, min(high, v))
	}
	units := []int{0, 1, 2, 0, 1}
	box := BoxRule{Low: []float32{low}, High: []float32{high}}

	epsilon := EpsilonRule{Epsilon: 0.03}
	for _, c := range []struct {
		name        string
		m           LRP
		first, conv LRPRule
	}{
		{"epsilon", LRP{Conv: epsilon}, epsilon, epsilon},
		{"gamma", LRP{Conv: GammaRule{Gamma: 0.4}}, GammaRule{Gamma: 0.4}, GammaRule{Gamma: 0.4}},
		{"epsilon plus", EpsilonPlus(), ZPlusRule{}, ZPlusRule{}},
		{"epsilon plus flat", EpsilonPlusFlat(), FlatRule{}, ZPlusRule{}},
		{"epsilon alpha2 beta1", EpsilonAlpha2Beta1(), AlphaBetaRule{2, 1}, AlphaBetaRule{2, 1}},
		{"epsilon alpha2 beta1 flat", EpsilonAlpha2Beta1Flat(), FlatRule{}, AlphaBetaRule{2, 1}},
		{"epsilon gamma box", EpsilonGammaBox(box.Low, box.High), box, GammaRule{Gamma: 0.25}},
		{"w²", LRP{First: WSquareRule{}, Conv: PositiveWeightsRule{}}, WSquareRule{}, PositiveWeightsRule{}},
		{"by name", LRP{Layers: []LRPLayer{{"conv2d0", AlphaBetaRule{1.5, 0.5}}, {"conv2d4", ZPlusRule{}}}}, AlphaBetaRule{1.5, 0.5}, ZPlusRule{}},
	} {
		c.m.Dense = epsilon
		for i, b := range backend.ForTest(t) {
			if i > 0 && c.name != "epsilon alpha2 beta1 flat" && c.name != "epsilon gamma box" {
				continue // compiling takes a second there; these two have all that backends could do differently
			}
			layers := []string{Input, "conv2d0", "batchnorm1", "relu2", "maxpool2d3", "conv2d4", "flatten7", "dense10"}
			a, err := Explain(context.Background(), n, c.m, Query{Rows: rows, Target: Target{Outputs: units}, Layers: layers, Backend: b})
			if err != nil {
				t.Errorf("%s on %s: %v", c.name, b.Name(), err)
				continue
			}
			for i, unit := range units {
				x := make([]float64, rows.Width())
				for k, v := range rows.Row(i) {
					x[k] = float64(v)
				}
				z0 := conv0.forward(x)
				a2 := relu(z0)
				windows := pools(4, 6)
				a3, winner := make([]float64, len(windows)), make([]int, len(windows))
				for j, w := range windows {
					winner[j] = w[0]
					for _, k := range w[1:] {
						if a2[k] > a2[winner[j]] {
							winner[j] = k
						}
					}
					a3[j] = a2[winner[j]]
				}
				z4 := conv4.forward(a3)
				a5 := relu(z4)
				means := pools(6, 2)
				a6 := make([]float64, len(means))
				for j, w := range means {
					for _, k := range w {
						a6[j] += a5[k] / 4
					}
				}
				a9 := relu(dense8.forward(a6))
				out := dense10.forward(a9)

				r10 := make([]float64, 3)
				r10[unit] = out[unit]
				r8 := dense10.relevance(epsilon, a9, r10, 0, 0)
				r6 := dense8.relevance(epsilon, a6, r8, 0, 0)
				r5 := make([]float64, len(a5))
				for j, w := range means {
					for _, k := range w {
						if a6[j] != 0 {
							r5[k] = a5[k] / 4 / a6[j] * r6[j]
						}
					}
				}
				r3 := conv4.relevance(c.conv, a3, r5, 0, 0)
				r2 := make([]float64, len(a2))
				for j, k := range winner {
					r2[k] = r3[j]
				}
				rx := conv0.relevance(c.first, x, r2, low, high)
				for l, want := range [][]float64{rx, r2, r2, r2, r3, r5, r6, r10} {
					total, absorbed := 0.0, out[unit]
					w := make([]float32, len(want))
					for k, v := range want {
						w[k] = float32(v)
						total += math.Abs(v)
						absorbed -= v
					}
					got := a.Layers[l]
					worst, _ := distance(got.Values.Row(i), w)
					if worst > 2e-5*total {
						t.Errorf("%s on %s: %s, row %d: differs by %.2g of %.2g in all", c.name, b.Name(), got.Layer, i, worst, total)
					}
					if d := math.Abs(got.Absorbed[i] - absorbed); d > 2e-5*total {
						t.Errorf("%s on %s: %s, row %d: absorbed %g, want %g", c.name, b.Name(), got.Layer, i, got.Absorbed[i], absorbed)
					}
				}
			}
			t.Logf("%s on %s: gap %.2g, absorbed %.2g of %.2g", c.name, b.Name(), a.MaxGap(), a.Layers[0].Absorbed, a.Outputs.Data)
		}
	}
}
