package plots

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
)

// dense is a network of random weights with ReLU between its layers, computed
// with plain loops in float64.
type dense struct {
	weights, biases [][][]float64 // biases[l] has one row
}

func newDense(rng *rand.Rand, sizes ...int) dense {
	var d dense
	for l := range sizes[1:] {
		scale := 1.6 / math.Sqrt(float64(sizes[l]))
		w, b := make([][]float64, sizes[l+1]), make([]float64, sizes[l+1])
		for j := range w {
			w[j] = make([]float64, sizes[l])
			for i := range w[j] {
				w[j][i] = float64(float32(scale * rng.NormFloat64()))
			}
			b[j] = float64(float32(0.2 * rng.NormFloat64()))
		}
		d.weights, d.biases = append(d.weights, w), append(d.biases, [][]float64{b})
	}
	return d
}

// run returns the activations of all layers. bump is added to the sum of unit
// j of layer l.
func (d dense) run(x []float64, l, j int, bump float64) [][]float64 {
	out := [][]float64{x}
	for k, w := range d.weights {
		y := make([]float64, len(w))
		for o := range w {
			y[o] = d.biases[k][0][o]
			for i, a := range out[k] {
				y[o] += w[o][i] * a
			}
			if k+1 == l && o == j {
				y[o] += bump
			}
			if k+1 < len(d.weights) {
				y[o] = max(y[o], 0)
			}
		}
		out = append(out, y)
	}
	return out
}

// data draws rows and computes what Network is told.
func (d dense) data(rng *rand.Rand, rows int) NetworkData {
	in := len(d.weights[0][0])
	data := NetworkData{Title: "A network"}
	all := make([][][]float64, rows)
	for r := range rows {
		x := make([]float64, in)
		for i := range x {
			x[i] = float64(float32(rng.NormFloat64()))
		}
		all[r] = d.run(x, 0, 0, 0)
	}
	for l := range all[0] {
		a := array.New(rows, len(all[0][l]))
		for r := range rows {
			for k, v := range all[r][l] {
				a.Row(r)[k] = float32(v)
			}
		}
		data.Layers = append(data.Layers, NetworkLayer{Name: fmt.Sprintf("layer %d", l), Activations: a})
	}
	for _, w := range d.weights {
		a := array.New(len(w), len(w[0]))
		for j := range w {
			for i, v := range w[j] {
				a.Row(j)[i] = float32(v)
			}
		}
		data.Weights = append(data.Weights, a)
	}
	return data
}

// TestPath compares flows with differences of the network's own output, and
// their sums with the logit.
func TestPath(t *testing.T) {
	// Activations are rounded to float32, and sums of some ten of them.
	const tolerance = 1e-5
	for _, sizes := range [][]int{{4, 12, 3}, {3, 5, 4, 6, 2}, {5, 7, 1}, {2, 3}} {
		rng := rand.New(rand.NewPCG(1, uint64(len(sizes)*100+sizes[0])))
		d := newDense(rng, sizes...)
		data := d.data(rng, 8)
		for row := range 8 {
			p, err := Path(data, row)
			if err != nil {
				t.Fatal(err)
			}
			var x []float64
			for _, v := range data.Layers[0].Activations.Row(row) {
				x = append(x, float64(v))
			}
			plain := d.run(x, 0, 0, 0)
			logits := plain[len(plain)-1]
			z := p.Sign * logits[p.Output]
			for _, v := range logits {
				if len(logits) > 1 && v > z || z < 0 && len(logits) == 1 {
					t.Errorf("%v row %d: explained %g of logits %v", sizes, row, z, logits)
				}
			}
			// gain is ∂z/∂s_j by a difference too small to cross a kink.
			gain := func(l, j int) float64 {
				const h = 1e-7
				up, down := d.run(x, l, j, h), d.run(x, l, j, -h)
				k := len(up) - 1
				return p.Sign * (up[k][p.Output] - down[k][p.Output]) / (2 * h)
			}
			biases := 0.0
			for l := len(p.Edges) - 1; l >= 0; l-- {
				for j, b := range d.biases[l][0] {
					biases += b * gain(l+1, j)
				}
				sum, total, onPath, least := 0.0, 0.0, 0.0, math.Inf(1)
				seen := map[[2]int]bool{}
				for k, e := range p.Edges[l] {
					seen[[2]int{e.From, e.To}] = true
					a := plain[l][e.From]
					if e.Weight != d.weights[l][e.To][e.From] || math.Abs(e.Contribution-e.Weight*a) > tolerance {
						t.Errorf("%v row %d connection %d: edge %+v, activation %g", sizes, row, l, e, a)
					}
					if want := e.Weight * a * gain(l+1, e.To); math.Abs(e.Flow-want) > tolerance {
						t.Errorf("%v row %d connection %d: flow of %+v, want %g", sizes, row, l, e, want)
					}
					if k > 0 && e.Flow > p.Edges[l][k-1].Flow {
						t.Errorf("%v row %d connection %d: edge %d out of order", sizes, row, l, k)
					}
					sum += e.Flow
					total += max(e.Flow, 0)
					if e.Path {
						onPath += e.Flow
						least = e.Flow
					}
				}
				if len(seen) != sizes[l]*sizes[l+1] {
					t.Errorf("%v: connection %d has %d different edges", sizes, l, len(seen))
				}
				if math.Abs(sum-(z-biases)) > tolerance {
					t.Errorf("%v row %d connection %d: flows add up to %g, want logit − biases %g", sizes, row, l, sum, z-biases)
				}
				if total > 0 && (onPath < 0.8*total || onPath-least >= 0.8*total) {
					t.Errorf("%v row %d connection %d: the path carries %g of %g, its smallest edge %g", sizes, row, l, onPath, total, least)
				}
			}
		}
	}
}

// TestPathSlopes: given slopes take the place of ReLU's.
func TestPathSlopes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	data := newDense(rng, 3, 4, 2).data(rng, 2)
	slopes := array.New(2, 4)
	for k := range slopes.Data {
		slopes.Data[k] = float32(k) / 4
	}
	data.Layers[1].Slopes = slopes
	p, err := Path(data, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range p.Edges[0] {
		want := e.Contribution * float64(slopes.At(1, e.To)) * float64(data.Weights[1].At(p.Output, e.To))
		if math.Abs(e.Flow-want) > 1e-12 {
			t.Errorf("flow of %+v, want %g", e, want)
		}
	}
}

// iris is a network of the size of the Iris study, with names, a unit that is
// dead and rows of several predictions.
func iris(rows int) NetworkData {
	rng := rand.New(rand.NewPCG(3, 9))
	d := newDense(rng, 4, 12, 3)
	for i := range 4 {
		d.weights[0][7][i] = 0
	}
	d.biases[0][0][7] = -1
	data := d.data(rng, rows)
	data.Title, data.Row = "The path of one flower", min(2, rows-1)
	data.Layers[0].Name, data.Layers[1].Name, data.Layers[2].Name = "input", "relu1", "logits"
	data.Layers[0].Units = []string{"sepal length", "sepal width", "petal length", "petal width"}
	data.Layers[2].Units = []string{"setosa", "versicolor", "virginica"}
	for r := range rows {
		data.RowNames = append(data.RowNames, data.Layers[2].Units[r%3])
	}
	data.Caption = Caption{What: "Standardised features", N: rows, Seed: 42, Source: "0011aabbccddeeff"}
	return data
}

// wide is a network of the size of the thesis' classifier of codes.
func wide() NetworkData {
	rng := rand.New(rand.NewPCG(4, 4))
	data := newDense(rng, 30, 100, 100, 100, 100, 100, 1).data(rng, 3)
	data.Title, data.Edges = "Classifier of codes", 40
	for l := range data.Layers {
		data.Layers[l].Name = fmt.Sprintf("relu%d", 2*l-1)
	}
	data.Layers[0].Name, data.Layers[6].Name, data.Layers[6].Units = "code", "logit", []string{"one"}
	return data
}

func TestGoldenNetwork(t *testing.T) {
	f, err := Network(iris(150))
	golden(t, "network", f, err)
	for name, write := range map[string]func(io.Writer) error{"SVG": f.SVG, "PDF": f.PDF} {
		var first, again bytes.Buffer
		if err := errors.Join(write(&first), write(&again)); err != nil || !bytes.Equal(first.Bytes(), again.Bytes()) {
			t.Errorf("%s: written twice, the bytes differ (error %v)", name, err)
		}
	}
	f, err = Network(wide())
	golden(t, "network-wide", f, err)
	if c := f.Caption(); !strings.Contains(c, "drawn: 240 of 43,100 edges") {
		t.Errorf("caption %q", c)
	}
}

func TestNetworkRefused(t *testing.T) {
	for want, spoil := range map[string]func(*NetworkData){
		"1 layers and 2 connections":                           func(d *NetworkData) { d.Layers = d.Layers[:1] },
		`activations of layer 1 "relu1" must be an array`:      func(d *NetworkData) { d.Layers[1].Activations = nil },
		`activations of layer 2 "logits" of shape [2 3] for 5`: func(d *NetworkData) { d.Layers[2].Activations = array.New(2, 3) },
		`slopes of layer 1 "relu1" of shape [5 3]`:             func(d *NetworkData) { d.Layers[1].Slopes = array.New(5, 3) },
		`layer 1 "relu1": unit 3 of row 2 is NaN`:              func(d *NetworkData) { d.Layers[1].Activations.Row(2)[3] = float32(nan) },
		"4 names for 3 units":                                  func(d *NetworkData) { d.Layers[2].Units = d.Layers[0].Units },
		"connection 1 must be an array [3, 12]":                func(d *NetworkData) { d.Weights[1] = array.New(12, 3) },
		"weight [1, 2] of connection 0 is +Inf":                func(d *NetworkData) { d.Weights[0].Row(1)[2] = float32(math.Inf(1)) },
		"row 5 is outside 0…4":                                 func(d *NetworkData) { d.Row = 5 },
		"2 ids and 5 names for 5 rows":                         func(d *NetworkData) { d.IDs = []int{1, 2} },
		"share 1.5 or 60 edges":                                func(d *NetworkData) { d.Share = 1.5 },
	} {
		data := iris(5)
		spoil(&data)
		if _, err := Network(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
