package attribution

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// TestUnitsOfRows: a target with a unit for each row is that unit's
// attribution in that row.
func TestUnitsOfRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	m := mlp(randomLayers(rng, 5, 7, 3))
	rows, background := random(rng, 6, 5), random(rng, 4, 5)
	units := []int{2, 0, 1, 1, 0, 2}
	for _, b := range backend.ForTest(t) {
		q := Query{Rows: rows, Background: background, Backend: b}
		all, err := ExplainEach(context.Background(), m, Rescale{}, q, []Target{{}, {Output: 1}, {Output: 2}, {Outputs: units}})
		if err != nil {
			t.Fatal(err)
		}
		mixed := all[3]
		for i, u := range units {
			near(t, "values", mixed.Layers[0].Values.Row(i), all[u].Layers[0].Values.Row(i), 1e-6)
			near(t, "output and base value", []float32{mixed.Outputs.Data[i], float32(mixed.BaseValues[i])},
				[]float32{all[u].Outputs.Data[i], float32(all[u].BaseValues[i])}, 1e-6)
		}
		if mixed.Target.String() != "output of each row" || mixed.Provenance.Rows != rows.Hash() || mixed.Provenance.Parameters == "" {
			t.Errorf("target %q, provenance %+v", mixed.Target, mixed.Provenance)
		}
	}
}

func TestTop(t *testing.T) {
	outputs, err := array.FromRows([][]float32{{0.1, 0.7, 0.2}, {0.4, 0.2, 0.4}})
	if err != nil {
		t.Fatal(err)
	}
	top, err := Top(outputs, 2)
	if err != nil || !slices.Equal(top[0].Outputs, []int{1, 0}) || !slices.Equal(top[1].Outputs, []int{2, 2}) {
		t.Errorf("got %v, %v", top, err)
	}
	_, err = Top(outputs, 4)
	wantText(t, "too many", err, "top 4 of 3 outputs")
}

func TestPlayers(t *testing.T) {
	rows := array.New(2, 4)
	for _, c := range []struct {
		groups [][]int
		want   string
	}{
		{[][]int{{0, 0, 1, 1}, {0, 1, 2, 3}}, ""},
		{[][]int{{0, 0, 1, 1}, {0, 1, 2, 3}, {0, 0, 0, 0}}, "3 partitions in Groups for 2 rows"},
		{[][]int{{0, 1}}, "partition 0 of Groups has 2 entries, a row has 4 inputs"},
		{[][]int{{0, 1, -1, 0}}, "input 2 belongs to player -1"},
		{[][]int{{0, 2, 2, 0}}, "player 1 of 0…2 has no input"},
	} {
		g, err := newPlayers(c.groups, rows)
		if c.want != "" {
			wantText(t, "groups", err, c.want)
			continue
		}
		if err != nil || g.most != 4 || g.count[0] != 2 {
			t.Errorf("got %+v, %v", g, err)
		}
	}
	got, err := PerInput([]float32{5, 7}, []int{1, 0, 1})
	if err != nil || !slices.Equal(got, []float32{7, 5, 7}) {
		t.Errorf("PerInput: %v, %v", got, err)
	}
	_, err = PerInput([]float32{5}, []int{1})
	wantText(t, "PerInput", err, "input 0 belongs to player 1")
}
