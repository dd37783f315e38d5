package weightshift_test

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/neuron"
	"github.com/gojacard/jacard/pkg/weightshift"
)

// TestMaskFixture compares masks and important neurons with NumPy's.
func TestMaskFixture(t *testing.T) {
	c := fixture.Load(t, "jaccard")
	phi := c.Array("phi")
	ids, _ := c.Ints("ids")
	for l := range 2 {
		pre := fmt.Sprintf("layer%d.", l)
		acts := transpose(c.Array(pre + "activations"))
		sets := must(neuron.TopSets(acts, neuron.TopConfig{}))
		legacy := must(neuron.TopSets(acts, neuron.TopConfig{Legacy: true}))
		for _, m := range []struct {
			name string
			sets []neuron.TopSet
			cfg  weightshift.MaskConfig
		}{
			{"vectors", sets, weightshift.MaskConfig{}},
			{"legacy_vectors_two", legacy, weightshift.MaskConfig{LegacyPositions: true}},
			{"legacy_vectors_one", legacy, weightshift.MaskConfig{LegacyPositions: true, LegacySigned: true}},
		} {
			got := must(weightshift.FeatureMask(phi, ids, m.sets, m.cfg))
			want, _ := c.Ints(pre + m.name)
			for at, v := range got.Values.Data {
				if int(v) != want[at] {
					t.Fatalf("%s%s: neuron %d, feature %d: got %g, want %d", pre, m.name, at/phi.Width(), at%phi.Width(), v, want[at])
				}
			}
		}
		table := must(neuron.Table(acts, sets, make([]int, acts.Rows())))
		want, _ := c.Ints(pre + "important")
		if got := must(weightshift.Important(averages(table), weightshift.ImportantConfig{})); !slices.Equal(got, want) {
			t.Errorf("%simportant: got %v, want %v", pre, got, want)
		}
		if c.Has(pre + "legacy_important") {
			want, _ := c.Ints(pre + "legacy_important")
			if got := must(weightshift.Important(must(neuron.LegacyAverages(acts, legacy)), weightshift.ImportantConfig{})); !slices.Equal(got, want) {
				t.Errorf("%slegacy_important: got %v, want %v", pre, got, want)
			}
		}
		var checks map[string]struct{ Ones_in_vectors int }
		c.JSON("checks", &checks)
		if got, want := must(weightshift.FeatureMask(phi, ids, sets, weightshift.MaskConfig{})).Total(), checks[pre+"summary"].Ones_in_vectors; got != want {
			t.Errorf("%sones in masks: got %d, want %d", pre, got, want)
		}
	}
}

// TestRelativeRules: the kept inputs hold the share, no fewer would, and none
// that is left out is larger.
func TestRelativeRules(t *testing.T) {
	r := random.Stream(1, "test")
	for range 100 {
		const features = 20
		phi := array.New(3, features)
		for i := range phi.Data {
			if r.IntN(4) > 0 {
				phi.Data[i] = float32(r.IntN(9)-4) / 8
			}
		}
		largest := make([]float64, features)
		total := 0.0
		for k := range largest {
			for i := range 3 {
				largest[k] = max(largest[k], math.Abs(float64(phi.At(i, k))))
			}
			total += largest[k]
		}
		descending := slices.Clone(largest)
		sort.Sort(sort.Reverse(sort.Float64Slice(descending)))
		share := r.Float64()
		for name, cfg := range map[string]weightshift.MaskConfig{"share": {Share: share}, "top": {Top: share}} {
			row := must(weightshift.FeatureMask(phi, []int{0, 1, 2}, []neuron.TopSet{neuron.NewTopSet(2, 0, 1)}, cfg)).Values.Row(0)
			kept, held, smallestKept, largestLeft := 0, 0.0, math.Inf(1), 0.0
			for k, v := range row {
				if v == 1 {
					kept, held, smallestKept = kept+1, held+largest[k], min(smallestKept, largest[k])
				} else {
					largestLeft = max(largestLeft, largest[k])
				}
			}
			if largestLeft > smallestKept || smallestKept == 0 {
				t.Fatalf("%s %g: left out %g, kept %g", name, share, largestLeft, smallestKept)
			}
			if name == "share" {
				oneLess := held
				if kept > 0 {
					oneLess -= smallestKept
				}
				if held < share*total-1e-9 || kept > 0 && oneLess >= share*total {
					t.Fatalf("share %g of %g: kept %g, one less %g", share, total, held, oneLess)
				}
			} else {
				want := 0
				for rank, v := range descending {
					if float64(rank) < share*features && v > 0 {
						want++
					}
				}
				if kept != want {
					t.Fatalf("top %g: kept %d, want %d", share, kept, want)
				}
			}
		}
	}
}

// TestSignedMethodMissesNegativeValues is the published method's fault.
func TestSignedMethodMissesNegativeValues(t *testing.T) {
	phi := must(array.FromRows([][]float32{{-0.9, 0.01}, {0.01, 0.02}}))
	set := []neuron.TopSet{neuron.NewTopSet(0, 1)}
	ids := []int{0, 1}
	if m := must(weightshift.FeatureMask(phi, ids, set, weightshift.MaskConfig{Images: 1})); !slices.Equal(m.Values.Data, []float32{1, 0}) {
		t.Errorf("corrected: got %v", m.Values.Data)
	}
	if m := must(weightshift.FeatureMask(phi, ids, set, weightshift.MaskConfig{Images: 1, LegacySigned: true})); m.Total() != 0 {
		t.Errorf("signed: got %v", m.Values.Data)
	}
}

func TestThresholdIsReachedByItsOwnValue(t *testing.T) {
	phi := must(array.FromRows([][]float32{{0.05, -0.05, math.Nextafter32(0.05, 0)}}))
	m := must(weightshift.FeatureMask(phi, []int{0}, []neuron.TopSet{neuron.NewTopSet(0)}, weightshift.MaskConfig{}))
	if !slices.Equal(m.Values.Data, []float32{1, 1, 0}) {
		t.Errorf("got %v, want [1 1 0]", m.Values.Data)
	}
}

func TestDescribe(t *testing.T) {
	got := must(weightshift.Describe([]float64{0.4, 0, 0.1, 0.2, 0.3}))
	if got.Neurons != 5 || got.Zero != 1 || got.Min != 0 || got.Max != 0.4 || math.Abs(got.Mean-0.2) > 1e-15 || got.Q25 > got.Median || got.Median > got.Q75 {
		t.Errorf("got %+v", got)
	}
	if got := must(weightshift.Describe(nil)); got != (weightshift.Distribution{}) {
		t.Errorf("no neurons: got %+v", got)
	}
}

func TestImportantTop(t *testing.T) {
	averages := []float64{0.5, 0, 0.7, 0.5, 0.1}
	for share, want := range map[float64][]int{0.2: {2}, 0.4: {0, 2}, 0.5: {0, 2, 3}, 1: {0, 2, 3, 4}} {
		if got := must(weightshift.Important(averages, weightshift.ImportantConfig{Top: share})); !slices.Equal(got, want) {
			t.Errorf("top %g: got %v, want %v", share, got, want)
		}
	}
}

func TestBadMaskInputIsNamed(t *testing.T) {
	phi, ids, sets := array.New(4, 2), []int{3, 9}, []neuron.TopSet{neuron.NewTopSet(), neuron.NewTopSet(1)}
	nan := array.New(1, 2)
	nan.Data[1] = float32(math.NaN())
	mask := func(phi *array.Array, ids []int, cfg weightshift.MaskConfig) error {
		return fails(weightshift.FeatureMask(phi, ids, sets, cfg))
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"two rules", mask(phi, ids, weightshift.MaskConfig{Threshold: 0.1, Top: 0.1}), "set one of the first three"},
		{"share", mask(phi, ids, weightshift.MaskConfig{Share: 1.5}), "Share 1.5"},
		{"NaN rule", mask(phi, ids, weightshift.MaskConfig{Threshold: math.NaN()}), "Threshold NaN"},
		{"images", mask(phi, ids, weightshift.MaskConfig{Images: -1}), "Images -1"},
		{"rank", mask(array.New(4, 2, 2), ids, weightshift.MaskConfig{}), "shape [4 2 2], want [images, inputs]"},
		{"NaN", mask(nan, ids, weightshift.MaskConfig{}), "attribution of input 1 to image 0 is not a number"},
		{"id", mask(phi, ids, weightshift.MaskConfig{}), "image id 9 has no attributions: there are rows 0…3 (neuron 1)"},
		{"position", mask(phi, ids[:1], weightshift.MaskConfig{}), "position 1: the group has positions 0…0 (neuron 1)"},
		{"neuron", fails(weightshift.Explain(phi, ids, sets, 2, weightshift.MaskConfig{})), "no neuron 2: there are 0…1"},
		{"important", fails(weightshift.Important(nil, weightshift.ImportantConfig{Threshold: 1, Top: 1})), "Threshold 1 and Top 1"},
		{"average", fails(weightshift.Important([]float64{math.NaN()}, weightshift.ImportantConfig{})), "neuron 0 is not a number"},
		{"describe", fails(weightshift.Describe([]float64{0, math.NaN()})), "neuron 1 is not a number"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.want)
		}
	}
}

func ExampleExplain() {
	phi, _ := array.FromRows([][]float32{ // attributions of three features to four images
		{0.0439, -0.0354, 0.01},
		{0.0151, 0.0421, -0.07},
		{0.2, 0.2, 0.2},
		{-0.0503, 0.0247, 0.02},
	})
	ids := []int{0, 1, 3} // the group's images
	sets := []neuron.TopSet{neuron.NewTopSet(2, 0, 1)}
	e, _ := weightshift.Explain(phi, ids, sets, 0, weightshift.MaskConfig{})
	fmt.Print(e)
	// Output:
	// neuron 0: positions [2 0 1], images [3 0 1]
	// feature 0  0.0503  0.0439  0.0151  yes
	// feature 1  0.0247  0.0354  0.0421  no
	// feature 2  0.0200  0.0100  0.0700  yes
	// 2/3
}

func ExampleFeatureMask() {
	phi, _ := array.FromRows([][]float32{{0.3, -0.02, 0.08}, {-0.1, 0.01, 0.02}})
	sets := []neuron.TopSet{neuron.NewTopSet(0, 1), neuron.NewTopSet(1), neuron.NewTopSet()}
	m, _ := weightshift.FeatureMask(phi, []int{0, 1}, sets, weightshift.MaskConfig{})
	for j, ones := range m.Ones() {
		fmt.Println(m.Values.Row(j), ones)
	}
	// Output:
	// [1 0 1] 2
	// [1 0 0] 1
	// [0 0 0] 0
}

func ExampleImportant() {
	important, _ := weightshift.Important([]float64{0.25, 0, 0.19, 0.8}, weightshift.ImportantConfig{})
	fmt.Println(important)
	// Output: [0 3]
}

func averages(table []neuron.Stats) []float64 {
	out := make([]float64, len(table))
	for j, s := range table {
		out[j] = s.AverageActivation
	}
	return out
}

func transpose(a *array.Array) *array.Array {
	out := array.New(a.Width(), a.Rows())
	for i := range a.Rows() {
		for j, v := range a.Row(i) {
			out.Row(j)[i] = v
		}
	}
	return out
}

func fails[T any](_ T, err error) error { return err }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
