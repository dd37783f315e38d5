package neuron_test

import (
	"context"
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
)

// TestFixture compares sets, averages, associations and matrices with the
// reference made by NumPy, corrected and legacy.
func TestFixture(t *testing.T) {
	c := fixture.Load(t, "jaccard")
	ids, _ := c.Ints("ids")
	all, _ := c.Ints("labels")
	labels := make([]int, len(ids))
	for i, id := range ids {
		labels[i] = all[id]
	}
	var layers [][]neuron.TopSet
	for l := range 2 {
		pre := fmt.Sprintf("layer%d.", l)
		acts := transpose(c.Array(pre + "activations"))
		sets := must(neuron.TopSets(acts, neuron.TopConfig{}))
		legacy := must(neuron.TopSets(acts, neuron.TopConfig{Legacy: true}))
		layers = append(layers, sets)
		sameSets(t, c, pre+"top", sets)
		sameSets(t, c, pre+"legacy_top", legacy)
		near(t, pre+"jaccard", must(neuron.JaccardMatrix(sets)).Data, c.Array(pre+"jaccard").Data, 1e-6)
		near(t, pre+"legacy_jaccard", must(neuron.JaccardMatrix(legacy)).Data, c.Array(pre+"legacy_jaccard").Data, 1e-6)

		table, old := must(neuron.Table(acts, sets, labels)), must(neuron.Table(acts, legacy, labels))
		near(t, pre+"average_activation", column(table, func(s neuron.Stats) float64 { return s.AverageActivation }), c.Array(pre+"average_activation").Data, 2e-6)
		near(t, pre+"class_association", column(table, association), c.Array(pre+"class_association").Data, 2e-6)
		near(t, pre+"legacy_class_association", column(old, association), c.Array(pre+"legacy_class_association").Data, 2e-6)
		near(t, pre+"top_count", column(table, func(s neuron.Stats) float64 { return float64(s.SetSize) }), ints32(c, pre+"top_count"), 0)
		if c.Has(pre + "legacy_average_activation") {
			near(t, pre+"legacy_average_activation", float32s(must(neuron.LegacyAverages(acts, legacy))), c.Array(pre+"legacy_average_activation").Data, 2e-6)
		}

		var checks map[string]struct {
			Dead, Distinct_sets, Fewer_than_k                                int
			Mean_offdiagonal, Mean_offdiagonal_live, Legacy_mean_offdiagonal float64
		}
		c.JSON("checks", &checks)
		want, got, gotOld := checks[pre+"summary"], must(neuron.Summarise(sets)), must(neuron.Summarise(legacy))
		if got.Dead != want.Dead || gotOld.Dead != want.Dead || got.Distinct != want.Distinct_sets || got.Partial != want.Fewer_than_k {
			t.Errorf("%s: got %+v, want %+v", pre, got, want)
		}
		alive := must(neuron.PairMeans(context.Background(), [][]neuron.TopSet{sets}, len(ids), neuron.MeansConfig{Permutations: 1}))[0].Mean
		for _, m := range [][2]float64{{got.Mean, want.Mean_offdiagonal}, {gotOld.Mean, want.Legacy_mean_offdiagonal}, {alive, want.Mean_offdiagonal_live}} {
			if math.Abs(m[0]-m[1]) > 1e-8 {
				t.Errorf("%s: mean index %v, want %v", pre, m[0], m[1])
			}
		}
	}
	near(t, "network_jaccard", must(neuron.JaccardMatrix(slices.Concat(layers...))).Data, c.Array("network_jaccard").Data, 1e-6)
	means := must(neuron.PairMeans(context.Background(), layers, len(ids), neuron.MeansConfig{WithDiagonal: true, WithDead: true, Permutations: 1}))
	for _, m := range means {
		if want := float64(c.Array("layer_pair_means").At(m.A, m.B)); math.Abs(m.Mean-want) > 2e-6 {
			t.Errorf("mean of layers %d and %d: got %v, want %v", m.A, m.B, m.Mean, want)
		}
	}
}

// TestTopSetsAgainstSorting sorts every neuron's images outright. Few
// different activations make many ties.
func TestTopSetsAgainstSorting(t *testing.T) {
	r := random.Stream(1, "test")
	for range 200 {
		n, m, k := r.IntN(30), 1+r.IntN(6), 1+r.IntN(12)
		acts := array.New(n, m)
		for i := range acts.Data {
			acts.Data[i] = float32(r.IntN(6) - 2)
		}
		for _, legacy := range []bool{false, true} {
			sets := must(neuron.TopSets(acts, neuron.TopConfig{K: k, Legacy: legacy}))
			for j, got := range sets {
				var want []int
				for i := range n {
					if legacy || acts.At(i, j) > 0 {
						want = append(want, i)
					}
				}
				if legacy {
					slices.Reverse(want)
				}
				sort.SliceStable(want, func(a, b int) bool { return acts.At(want[a], j) > acts.At(want[b], j) })
				want = want[:min(k, len(want))]
				if !slices.Equal(got.Positions, want) {
					t.Fatalf("K=%d legacy=%v %v: got %v, want %v", k, legacy, acts.Data, got.Positions, want)
				}
				for rank, i := range got.Positions {
					if got.Activations[rank] != acts.At(i, j) {
						t.Fatalf("activation of rank %d: got %g, want %g", rank, got.Activations[rank], acts.At(i, j))
					}
				}
			}
		}
	}
}

// TestLegacyListOfADeadNeuron is the published file: 65, 64, …, 56.
func TestLegacyListOfADeadNeuron(t *testing.T) {
	s := must(neuron.TopSets(array.New(66, 1), neuron.TopConfig{Legacy: true}))[0]
	if want := []int{65, 64, 63, 62, 61, 60, 59, 58, 57, 56}; !slices.Equal(s.Positions, want) || !s.Dead() {
		t.Errorf("got %v, dead %v, want %v, dead", s.Positions, s.Dead(), want)
	}
}

// TestJaccardLaws: 1 with itself, symmetric, in [0, 1], equal to the quotient
// counted with maps.
func TestJaccardLaws(t *testing.T) {
	r := random.Stream(2, "test")
	sets := randomSets(r.IntN, 40, 25, 10)
	matrix := must(neuron.JaccardMatrix(sets))
	for p, a := range sets {
		if len(a.Positions) > 0 && neuron.Jaccard(a, a) != 1 || matrix.At(p, p) != 1 {
			t.Errorf("Jaccard(a, a) = %g, diagonal %g, want 1", neuron.Jaccard(a, a), matrix.At(p, p))
		}
		for q, b := range sets {
			v := neuron.Jaccard(a, b)
			if v != neuron.Jaccard(b, a) || matrix.At(p, q) != matrix.At(q, p) {
				t.Errorf("not symmetric: %v %v", a, b)
			}
			if v < 0 || v > 1 {
				t.Errorf("Jaccard(%v, %v) = %g", a, b, v)
			}
			union, common := map[int]bool{}, 0
			for _, i := range a.Positions {
				union[i] = true
			}
			for _, i := range b.Positions {
				if union[i] {
					common++
				}
				union[i] = true
			}
			want := 0.0
			if len(union) > 0 {
				want = float64(common) / float64(len(union))
			}
			if v != want || p != q && matrix.At(p, q) != float32(want) {
				t.Errorf("Jaccard(%v, %v) = %g, matrix %g, want %g", a, b, v, matrix.At(p, q), want)
			}
		}
	}
}

// TestElevenLevels: ten-element sets have m/(20−m) and nothing else.
func TestElevenLevels(t *testing.T) {
	a := neuron.NewTopSet(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	for m := range 11 {
		b := neuron.TopSet{}
		for i := range 10 {
			b.Positions = append(b.Positions, 10-m+i)
		}
		if got, want := neuron.Jaccard(a, b), float64(m)/float64(20-m); got != want {
			t.Errorf("%d in common: got %g, want %g", m, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	acts := must(array.FromRows([][]float32{{1, 0, 2}, {3, 0, 0}, {0, 0, 4}, {2, 0, 0}}))
	sets := must(neuron.TopSets(acts, neuron.TopConfig{K: 2}))
	got := must(neuron.Table(acts, sets, []int{1, 0, 1, 1}))
	want := []neuron.Stats{
		{Neuron: 0, SetSize: 2, ClassAssociation: 0.5, AverageActivation: 2.5, MeanActivation: 1.5, ShareActive: 0.75},
		{Neuron: 1, Dead: true},
		{Neuron: 2, SetSize: 2, ClassAssociation: 1, AverageActivation: 3, MeanActivation: 1.5, ShareActive: 0.5},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	ctx, acts, ok := context.Background(), array.New(3, 2), []neuron.TopSet{neuron.NewTopSet(0, 2), neuron.NewTopSet()}
	nan := array.New(3, 2)
	nan.Data[3] = float32(math.NaN())
	skew := must(array.FromRows([][]float32{{1, 0.5}, {0.25, 1}}))
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"K", fails(neuron.TopSets(acts, neuron.TopConfig{K: -1})), "K = -1 is negative"},
		{"rank", fails(neuron.TopSets(array.New(3, 2, 2), neuron.TopConfig{})), "shape [3 2 2], want [images, neurons]"},
		{"NaN", fails(neuron.TopSets(nan, neuron.TopConfig{})), "neuron 1 at position 1 is not a number"},
		{"values", fails(neuron.TopSets(&array.Array{Shape: []int{2, 2}}, neuron.TopConfig{})), "shape [2 2] holds 4 values, got 0"},
		{"labels", fails(neuron.Table(acts, ok, []int{1})), "2 top sets and 1 labels"},
		{"foreign set", fails(neuron.Table(acts, []neuron.TopSet{neuron.NewTopSet(3), {}}, make([]int, 3))), "top set 0 holds position 3: the group has positions 0…2"},
		{"twice", fails(neuron.JaccardMatrix([]neuron.TopSet{{}, neuron.NewTopSet(4, 4)})), "top set 1 holds position 4 twice"},
		{"negative", fails(neuron.Summarise([]neuron.TopSet{neuron.NewTopSet(-1)})), "top set 0 holds position -1"},
		{"legacy average", fails(neuron.LegacyAverages(acts, []neuron.TopSet{neuron.NewTopSet(2)})), "position 2, which is no number of one of 2 neurons"},
		{"images", fails(neuron.PairMeans(ctx, [][]neuron.TopSet{ok}, 2, neuron.MeansConfig{})), "position 2: the group has positions 0…1 (layer 0)"},
		{"permutations", fails(neuron.PairMeans(ctx, nil, 2, neuron.MeansConfig{Permutations: -5})), "-5 permutations"},
		{"chance", fails(neuron.ChanceJaccard(5, 6, 1)), "sets of 6 and 1 out of 5 images"},
		{"p-value", fails(neuron.FalseDiscovery([]float64{0.5, math.NaN()})), "p-value 1 is NaN"},
		{"square", fails(neuron.ClusteredOrder(array.New(2, 3))), "shape [2 3]: want a square matrix"},
		{"symmetric", fails(neuron.ClusteredOrder(skew)), "similarity of 0 and 1 is 0.5, of 1 and 0 0.25"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.want)
		}
	}
}

func ExampleTopSets() {
	acts, _ := array.FromRows([][]float32{ // three neurons on four images
		{0.1, 0, 0.7},
		{0.9, 0, 0},
		{0.4, 0, 0.7},
		{0.3, 0, 0},
	})
	sets, _ := neuron.TopSets(acts, neuron.TopConfig{K: 3})
	for j, s := range sets {
		fmt.Println(j, s.Positions, s.Activations, s.Dead())
	}
	// Output:
	// 0 [1 2 3] [0.9 0.4 0.3] false
	// 1 [] [] true
	// 2 [0 2] [0.7 0.7] false
}

func ExampleJaccard() {
	a := neuron.NewTopSet(3, 1, 4, 5) // images that excite neuron a most
	b := neuron.NewTopSet(1, 5, 9)
	fmt.Printf("%.2f\n", neuron.Jaccard(a, b))
	// Output: 0.40
}

func ExampleJaccardMatrix() {
	s, _ := neuron.JaccardMatrix([]neuron.TopSet{neuron.NewTopSet(0, 1), neuron.NewTopSet(1, 2), neuron.NewTopSet()})
	for i := range s.Rows() {
		fmt.Printf("%.2f\n", s.Row(i))
	}
	// Output:
	// [1.00 0.33 0.00]
	// [0.33 1.00 0.00]
	// [0.00 0.00 1.00]
}

func ExampleTable() {
	acts, _ := array.FromRows([][]float32{{0.2}, {0.8}, {0.4}})
	sets, _ := neuron.TopSets(acts, neuron.TopConfig{K: 2})
	table, _ := neuron.Table(acts, sets, []int{0, 1, 1})
	fmt.Printf("%.1f %.1f %.1f\n", table[0].ClassAssociation, table[0].AverageActivation, table[0].ShareActive)
	// Output: 1.0 0.6 1.0
}

// randomSets draws sets of 0…largest of n positions.
func randomSets(intN func(int) int, count, n, largest int) []neuron.TopSet {
	sets := make([]neuron.TopSet, count)
	for j := range sets {
		for len(sets[j].Positions) < intN(largest+1) {
			if i := intN(n); !slices.Contains(sets[j].Positions, i) {
				sets[j].Positions = append(sets[j].Positions, i)
			}
		}
	}
	return sets
}

func sameSets(t *testing.T, c *fixture.Case, name string, sets []neuron.TopSet) {
	t.Helper()
	want, dims := c.Ints(name)
	for j, s := range sets {
		row := slices.DeleteFunc(slices.Clone(want[j*dims[1]:(j+1)*dims[1]]), func(i int) bool { return i < 0 })
		if !slices.Equal(s.Positions, row) {
			t.Errorf("%s: neuron %d: got %v, want %v", name, j, s.Positions, row)
		}
	}
}

func near(t *testing.T, name string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d values, want %d", name, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= tolerance) {
			t.Fatalf("%s: value %d: got %g, want %g", name, i, got[i], want[i])
		}
	}
}

func association(s neuron.Stats) float64 { return s.ClassAssociation }

func column(table []neuron.Stats, of func(neuron.Stats) float64) []float32 {
	values := make([]float64, len(table))
	for i, s := range table {
		values[i] = of(s)
	}
	return float32s(values)
}

func float32s(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

func ints32(c *fixture.Case, name string) []float32 {
	values, _ := c.Ints(name)
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
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
