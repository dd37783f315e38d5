package attribution

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// The slow twin: DeepLIFT's rescale rule for one row and one background row,
// as the paper writes it (Shrikumar et al., 2017, sections 3.2 and 3.5.1), in
// float64 with plain loops. Contributions go forward, as products of matrices
// of multipliers from each layer to the input's units, not backward.
func slowRescale(layers []layer, from int, x, r []float64, output int) []float64 {
	zx, zr := x, r
	multipliers := make([][]float64, len(x)) // [unit of the layer][unit of the start]
	for i := range multipliers {
		multipliers[i] = make([]float64, len(x))
		multipliers[i][i] = 1
	}
	for _, l := range layers[from:] {
		if l.Type == "linear" {
			next := make([][]float64, l.w.Rows())
			for j := range next {
				next[j] = make([]float64, len(x))
				for i, w := range l.w.Row(j) {
					for k := range next[j] {
						next[j][k] += float64(w) * multipliers[i][k]
					}
				}
			}
			zx, zr, multipliers = affine(l, zx), affine(l, zr), next
			continue
		}
		hx, hr := make([]float64, len(zx)), make([]float64, len(zr))
		for j := range zx {
			hx[j], hr[j] = scalar(l.Type, zx[j]), scalar(l.Type, zr[j])
			slope := 0.0
			if zx[j] != zr[j] {
				slope = (hx[j] - hr[j]) / (zx[j] - zr[j])
			}
			for k := range multipliers[j] {
				multipliers[j][k] *= slope
			}
		}
		zx, zr = hx, hr
	}
	phi := make([]float64, len(x))
	for k := range phi {
		phi[k] = multipliers[output][k] * (x[k] - r[k])
	}
	return phi
}

func affine(l layer, z []float64) []float64 {
	out := make([]float64, l.w.Rows())
	for j := range out {
		out[j] = float64(l.b.Data[j])
		for i, w := range l.w.Row(j) {
			out[j] += float64(w) * z[i]
		}
	}
	return out
}

func scalar(kind string, z float64) float64 {
	switch kind {
	case "relu":
		return max(z, 0)
	case "tanh":
		return math.Tanh(z)
	case "gelu":
		return z * 0.5 * (1 + math.Erf(z/math.Sqrt2))
	}
	return 1 / (1 + math.Exp(-z))
}

func toFloat64(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// TestSlowTwin compares random networks of many shapes, input and splits.
func TestSlowTwin(t *testing.T) {
	for seed, widths := range [][]int{{1, 1}, {3, 5, 1}, {4, 1, 4, 2}, {12, 30, 20, 3}, {7, 7, 7, 7, 7, 1}} {
		functions := []string{"relu", "tanh", "gelu"}
		for _, kind := range []string{"relu", "tanh", "gelu", "mixed"} {
			backends := backend.ForTest(t)
			if kind != "mixed" {
				backends = backends[:1] // XLA's compiler takes its time: there all in one network
			}
			rng := rand.New(rand.NewPCG(uint64(seed), 8))
			layers := randomLayers(rng, widths...)
			for i := range layers {
				if layers[i].Type != "relu" {
					continue
				}
				if layers[i].Type = kind; kind == "mixed" {
					layers[i].Type = functions[(seed+i/2)%len(functions)]
				}
			}
			output := widths[len(widths)-1] - 1
			x, r := random(rng, 6, widths[0]), random(rng, 4, widths[0])
			names, starts := []string{Input}, []int{0}
			for i := 1; i < len(layers)-1; i += 2 {
				names, starts = append(names, layers[i].name()), append(starts, i+1)
			}
			for _, b := range backends {
				a, err := Explain(context.Background(), mlp(layers), Rescale{}, Query{Rows: x, Background: r, Target: Target{Output: output}, Layers: names, Backend: b})
				if err != nil {
					t.Fatalf("%s %v %s: %v", b.Name(), widths, kind, err)
				}
				for i, l := range a.Layers {
					want := slowMean(layers, starts[i], x, r, output)
					_, size := distance(want.Data, want.Data)
					near(t, b.Name()+" "+kind+" "+l.Layer, l.Values.Data, want.Data, 1e-5*size)
				}
			}
		}
	}
}

// slowMean averages the twin over the background, at layers[from:].
func slowMean(layers []layer, from int, x, r *array.Array, output int) *array.Array {
	head := func(z []float64) []float64 {
		for _, l := range layers[:from] {
			if l.Type == "linear" {
				z = affine(l, z)
				continue
			}
			h := make([]float64, len(z))
			for i := range z {
				h[i] = scalar(l.Type, z[i])
			}
			z = h
		}
		return z
	}
	var rows [][]float32
	for i := range x.Rows() {
		hx := head(toFloat64(x.Row(i)))
		mean := make([]float64, len(hx))
		for j := range r.Rows() {
			for k, v := range slowRescale(layers, from, hx, head(toFloat64(r.Row(j))), output) {
				mean[k] += v / float64(r.Rows())
			}
		}
		row := make([]float32, len(mean))
		for k, v := range mean {
			row[k] = float32(v)
		}
		rows = append(rows, row)
	}
	out, err := array.FromRows(rows)
	if err != nil {
		panic(err)
	}
	return out
}

// TestTwoPassReplay compares with a second engine that shares no code with
// the walk: the network is run once to note the slope of each activation for
// each pair, then again as a linear network of these slopes, which GoMLX
// differentiates.
func TestTwoPassReplay(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	layers := randomLayers(rng, 12, 24, 24, 1)
	x, r := random(rng, 10, 12), random(rng, 8, 12)
	for _, b := range backend.ForTest(t) {
		a, err := Explain(context.Background(), mlp(layers), Rescale{}, Query{Rows: x, Background: r, Backend: b})
		if err != nil {
			t.Fatal(err)
		}
		m := mlp(layers)
		exec := model.MustNewExec(b, m.Store(), func(scope *model.Scope, in []*graph.Node) *graph.Node {
			return replay(layers, scope, in[0], in[1])
		})
		out, err := backend.Array(exec.MustCall(backend.Tensor(x), backend.Tensor(r))[0])
		if err != nil {
			t.Fatal(err)
		}
		_, size := distance(out.Data, out.Data)
		near(t, b.Name(), a.Layers[0].Values.Data, out.Data, 1e-5*size)
	}
}

func replay(layers []layer, scope *model.Scope, x, r *graph.Node) *graph.Node {
	n, m := x.Shape().Dim(0), r.Shape().Dim(0)
	pair := func(x, r *graph.Node) (px, pr *graph.Node) { // [n, d], [m, d] → [n·m, d]
		d := x.Shape().Dim(1)
		px = graph.BroadcastToDims(graph.InsertAxes(x, 1), n, m, d)
		pr = graph.BroadcastToDims(graph.InsertAxes(r, 0), n, m, d)
		return graph.Reshape(px, n*m, d), graph.Reshape(pr, n*m, d)
	}
	var slopes []*graph.Node
	zx, zr := x, r
	for _, l := range layers {
		s := scope.At("%s", l.name())
		hx, hr := apply(l, s, zx), apply(l, s, zr)
		if l.Type != "linear" {
			px, pr := pair(zx, zr)
			qx, qr := pair(hx, hr)
			slopes = append(slopes, graph.StopGradient(graph.Div(graph.Sub(qx, qr), graph.Sub(px, pr))))
		}
		zx, zr = hx, hr
	}
	px, pr := pair(x, r)
	z := px
	for _, l := range layers {
		if l.Type == "linear" {
			z = apply(l, scope.At("%s", l.name()), z)
			continue
		}
		z, slopes = graph.Mul(z, slopes[0]), slopes[1:]
	}
	multipliers := graph.Gradient(graph.ReduceAllSum(z), px)[0]
	phi := graph.Mul(multipliers, graph.Sub(px, pr))
	return graph.ReduceMean(graph.Reshape(phi, n, m, -1), 1)
}
