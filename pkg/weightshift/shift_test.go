package weightshift_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/neuron"
	"github.com/gojacard/jacard/pkg/weightshift"
)

// TestShiftFixture compares changed weights with NumPy's. The fixture's random
// mask is shifted as if it were the important one.
func TestShiftFixture(t *testing.T) {
	c := fixture.Load(t, "jaccard")
	ids, _ := c.Ints("ids")
	for l := range 2 {
		pre := fmt.Sprintf("layer%d.", l)
		weights := c.Array(pre + "weights")
		net := oneLayer(weights)
		sets := must(neuron.TopSets(transpose(c.Array(pre+"activations")), neuron.TopConfig{}))
		mask := must(weightshift.FeatureMask(c.Array("phi"), ids, sets, weightshift.MaskConfig{}))
		drawn, dims := c.Ints(pre + "random_mask")
		control := &weightshift.Mask{Values: array.New(dims...)}
		for i, v := range drawn {
			control.Values.Data[i] = float32(v)
		}
		important, _ := c.Ints(pre + "important")
		for _, delta := range []float64{1, -0.25} {
			for _, m := range []struct {
				name string
				mask *weightshift.Mask
				mode weightshift.Mode
			}{
				{"important", mask, weightshift.ImportantInputs},
				{"unimportant", mask, weightshift.UnimportantInputs},
				{"random", control, weightshift.ImportantInputs},
			} {
				shifted := must(weightshift.Apply(net, weightshift.Shift{
					Parts: []weightshift.Part{{Layer: "dense0", Neurons: important, Mask: m.mask}}, Mode: m.mode, Delta: delta}))
				name := fmt.Sprintf("%sweights_%s_%g", pre, m.name, delta)
				if got, want := weightsOf(shifted, "dense0"), c.Array(name); !got.Equal(want) {
					t.Errorf("%s differs", name)
				}
			}
		}
	}
}

// TestLegacyRowsGetOtherMasks: important neurons 1 and 3 write into rows 0
// and 1.
func TestLegacyRowsGetOtherMasks(t *testing.T) {
	net := oneLayer(array.New(4, 2))
	mask := &weightshift.Mask{Values: must(array.FromRows([][]float32{{1, 1}, {1, 0}, {1, 1}, {0, 1}}))}
	s := weightshift.Shift{Parts: []weightshift.Part{{Layer: "dense0", Neurons: []int{1, 3}, Mask: mask}}, Mode: weightshift.ImportantInputs, Delta: 2}
	if got := weightsOf(must(weightshift.Apply(net, s)), "dense0").Data; !slices.Equal(got, []float32{0, 0, 2, 0, 0, 0, 0, 2}) {
		t.Errorf("corrected: got %v", got)
	}
	s.LegacyRows = true
	if got := weightsOf(must(weightshift.Apply(net, s)), "dense0").Data; !slices.Equal(got, []float32{2, 0, 0, 2, 0, 0, 0, 0}) {
		t.Errorf("legacy: got %v", got)
	}
}

// TestCopyBeforeManipulation: after shifts of every mode the original has the
// hash and the outputs that it had, and the copies have others.
func TestCopyBeforeManipulation(t *testing.T) {
	for _, be := range backend.ForTest(t) {
		net, parts, x := small(1)
		cfg := network.RunConfig{Backend: be}
		hash, before := net.Hash(), must(net.Predict(context.Background(), x, cfg))
		for _, mode := range weightshift.Modes() {
			shifted := must(weightshift.Apply(net, weightshift.Shift{Parts: parts, Mode: mode, Delta: 0.5}))
			if shifted.Hash() == hash || must(shifted.Predict(context.Background(), x, cfg)).Equal(before) {
				t.Errorf("%s, %s: the copy is the original", be.Name(), mode)
			}
		}
		if net.Hash() != hash || !must(net.Predict(context.Background(), x, cfg)).Equal(before) {
			t.Errorf("%s: the original changed", be.Name())
		}
	}
}

// TestZeroChangesNothing, bit for bit, negative zeros among the weights.
func TestZeroChangesNothing(t *testing.T) {
	for _, be := range backend.ForTest(t) {
		net, parts, x := small(2)
		weights := weightsOf(net, "dense0").Clone()
		for i := range weights.Data[:20] {
			weights.Data[i] = float32(math.Copysign(0, -1))
		}
		net = must(net.WithParameters(net.Parameters().With("dense0.weight", weights)))
		before := must(net.Predict(context.Background(), x, network.RunConfig{Backend: be}))
		for _, mode := range weightshift.Modes() {
			same := must(weightshift.Apply(net, weightshift.Shift{Parts: parts, Mode: mode, Delta: 0, Seed: 3}))
			if same.Hash() != net.Hash() {
				t.Errorf("%s: a shift by 0 changes the hash", mode)
			}
			if !must(same.Predict(context.Background(), x, network.RunConfig{Backend: be})).Equal(before) {
				t.Errorf("%s, %s: a shift by 0 changes the output", be.Name(), mode)
			}
		}
	}
}

// TestModes: important and unimportant share the rows of the important
// neurons between them; random has the size of important, row by row, and
// depends on the seed.
func TestModes(t *testing.T) {
	net, parts, _ := small(4)
	changed := func(mode weightshift.Mode, seed uint64) [][]bool {
		after := must(weightshift.Apply(net, weightshift.Shift{Parts: parts, Mode: mode, Delta: 0.5, Seed: seed}))
		var rows [][]bool
		for _, p := range parts {
			old, now := weightsOf(net, p.Layer), weightsOf(after, p.Layer)
			for j := range old.Rows() {
				row := make([]bool, old.Width())
				for k, v := range now.Row(j) {
					if row[k] = v != old.At(j, k); row[k] && v != old.At(j, k)+0.5 {
						t.Fatalf("weight %d, %d moved from %g to %g", j, k, old.At(j, k), v)
					}
				}
				rows = append(rows, row)
			}
		}
		return rows
	}
	important, unimportant := changed(weightshift.ImportantInputs, 1), changed(weightshift.UnimportantInputs, 1)
	random1, again, random2 := changed(weightshift.RandomInputs, 1), changed(weightshift.RandomInputs, 1), changed(weightshift.RandomInputs, 2)
	row, differ := 0, false
	for _, p := range parts {
		for j := range p.Mask.Values.Rows() {
			isImportant := slices.Contains(p.Neurons, j)
			for k, v := range p.Mask.Values.Row(j) {
				if important[row][k] != (isImportant && v == 1) || unimportant[row][k] != (isImportant && v == 0) {
					t.Fatalf("layer %s neuron %d input %d, mask %g: important %v, unimportant %v", p.Layer, j, k, v, important[row][k], unimportant[row][k])
				}
			}
			if count(random1[row]) != count(important[row]) || count(random2[row]) != count(important[row]) {
				t.Errorf("layer %s neuron %d: random changes %d and %d weights, important %d", p.Layer, j, count(random1[row]), count(random2[row]), count(important[row]))
			}
			if !slices.Equal(random1[row], again[row]) {
				t.Error("one seed gives two masks")
			}
			differ = differ || !slices.Equal(random1[row], random2[row])
			row++
		}
	}
	if !differ {
		t.Error("two seeds give one mask")
	}
	shifted := must(weightshift.Apply(net, weightshift.Shift{Parts: parts, Mode: weightshift.ImportantInputs, Delta: 1}))
	for _, name := range net.Parameters().Names() {
		same := must(net.Parameters().Get(name)).Equal(must(shifted.Parameters().Get(name)))
		if want := name != "dense0.weight" && name != "dense2.weight"; same != want {
			t.Errorf("%s: unchanged is %v, want %v", name, same, want)
		}
	}
}

func TestBadShiftIsNamed(t *testing.T) {
	net, parts, _ := small(5)
	part := parts[0]
	apply := func(p weightshift.Part, mode weightshift.Mode, delta float64) error {
		return fails(weightshift.Apply(net, weightshift.Shift{Parts: []weightshift.Part{p}, Mode: mode, Delta: delta}))
	}
	with := func(change func(p *weightshift.Part)) weightshift.Part {
		p := part
		change(&p)
		return p
	}
	half := &weightshift.Mask{Values: part.Mask.Values.Clone()}
	half.Values.Data[7] = 0.5
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"mode", apply(part, "other", 1), `mode "other"`},
		{"delta", apply(part, weightshift.RandomInputs, math.Inf(1)), "Delta +Inf"},
		{"layer", apply(with(func(p *weightshift.Part) { p.Layer = "dense9" }), weightshift.RandomInputs, 1), `layer "dense9"`},
		{"mask of another layer", apply(with(func(p *weightshift.Part) { p.Layer = "dense2" }), weightshift.RandomInputs, 1), "has weights of shape [6 8], its mask [8 5]"},
		{"no mask", apply(with(func(p *weightshift.Part) { p.Mask = nil }), weightshift.RandomInputs, 1), "its mask []"},
		{"half", apply(with(func(p *weightshift.Part) { p.Mask = half }), weightshift.RandomInputs, 1), "mask of neuron 1 holds 0.5"},
		{"neuron", apply(with(func(p *weightshift.Part) { p.Neurons = []int{2, 8} }), weightshift.RandomInputs, 1), "ascending numbers in 0…7"},
		{"order", apply(with(func(p *weightshift.Part) { p.Neurons = []int{2, 2} }), weightshift.RandomInputs, 1), "neurons [2 2]"},
		{"twice", fails(weightshift.Apply(net, weightshift.Shift{Parts: []weightshift.Part{part, part}, Mode: weightshift.RandomInputs})), `"dense0" is in two parts`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.want)
		}
	}
}

func ExampleApply() {
	net, _ := network.New("tiny", []int{3}, network.Dense(2), network.Sigmoid())
	mask, _ := array.FromRows([][]float32{{1, 0, 0}, {0, 1, 1}})
	part := weightshift.Part{Layer: "dense0", Neurons: []int{1}, Mask: &weightshift.Mask{Values: mask}}
	shifted, _ := weightshift.Apply(net, weightshift.Shift{Parts: []weightshift.Part{part}, Mode: weightshift.ImportantInputs, Delta: 0.5})
	before, _ := net.Parameters().Get("dense0.weight")
	after, _ := shifted.Parameters().Get("dense0.weight")
	fmt.Println(before.Data)
	fmt.Println(after.Data)
	// Output:
	// [0 0 0 0 0 0]
	// [0 0 0 0 0.5 0.5]
}

func oneLayer(weights *array.Array) *network.Network {
	net := must(network.New("one", weights.Shape[1:], network.Dense(weights.Rows())))
	return must(net.WithParameters(net.Parameters().With("dense0.weight", weights)))
}

func weightsOf(net *network.Network, layer string) *array.Array {
	return must(net.Parameters().Get(layer + ".weight"))
}

// small returns a 5-8-6-1 network, parts for its first two layers, and rows.
func small(seed uint64) (*network.Network, []weightshift.Part, *array.Array) {
	r := random.Stream(seed, "test")
	net := must(network.New("small", []int{5}, network.Dense(8), network.ReLU(), network.Dense(6), network.ReLU(), network.Dense(1), network.Sigmoid()))
	net = net.Initialize(network.TorchInit, r)
	x := array.New(40, 5)
	for i := range x.Data {
		x.Data[i] = float32(r.NormFloat64())
	}
	var parts []weightshift.Part
	for _, layer := range []string{"dense0", "dense2"} {
		w := weightsOf(net, layer)
		mask := &weightshift.Mask{Values: array.New(w.Shape...)}
		for i := range mask.Values.Data {
			mask.Values.Data[i] = float32(r.IntN(2))
		}
		parts = append(parts, weightshift.Part{Layer: layer, Neurons: []int{0, 2, 3, 5}, Mask: mask})
	}
	return net, parts, x
}

func count(row []bool) int {
	n := 0
	for _, v := range row {
		if v {
			n++
		}
	}
	return n
}
