package figures

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/plots"
)

// Averages compares the average activation of living and dead neurons with the
// published one, which averages ten other neurons (fault 9.1), and how many
// neurons each calls important. Cells are empty where the published code fails.
func Averages(n *jacard.Neurons, important float64) plots.Table {
	t := plots.Table{
		Columns: []string{"layer", "living: mean average activation", "dead", fmt.Sprintf("at least %g", important),
			"legacy: living", "legacy: dead", fmt.Sprintf("legacy: at least %g", important)},
		Caption: caption(&n.Provenance, "average activation of a neuron over its own top set; legacy: of ten other neurons over all images"),
	}
	for _, l := range n.Layers {
		row := []any{l.Neurons}
		for _, legacy := range []bool{false, true} {
			values, err := l.Averages(legacy)
			if err != nil {
				row = append(row, nil, nil, nil)
				continue
			}
			var sum, count [2]float64
			above := 0
			for j, v := range values {
				dead := 0
				if l.Stats[j].Dead {
					dead = 1
				}
				sum[dead] += v
				count[dead]++
				if v >= important {
					above++
				}
			}
			row = append(row, sum[0]/count[0], sum[1]/count[1], above)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// MaskRun is one way to make feature masks.
type MaskRun struct {
	Name  string
	Masks *jacard.Masks
}

// MaskRuns compares ways to make feature masks with the first of them, layer
// by layer.
func MaskRuns(runs ...MaskRun) plots.Table {
	t := plots.Table{Columns: []string{"layer", "masks", "inputs in a mask, mean", "empty masks", "important neurons", "equal masks", "mean Jaccard of the masks"}}
	if len(runs) == 0 {
		return t
	}
	first := runs[0]
	t.Caption = caption(&first.Masks.Provenance, "the last two columns: against "+first.Name)
	for _, l := range first.Masks.Layers {
		for _, r := range runs {
			other, err := r.Masks.At(l.Linear)
			if err != nil {
				continue // a legacy study leaves layers out
			}
			neurons := other.Mask.Values.Rows()
			empty, equal, jaccard := 0, 0, 0.0
			for j := range neurons {
				a, b := l.Mask.Values.Row(j), other.Mask.Values.Row(j)
				both, either, members := 0, 0, 0
				for k := range a {
					if b[k] != 0 {
						members++
					}
					switch {
					case a[k] != 0 && b[k] != 0:
						both++
						either++
					case a[k] != 0 || b[k] != 0:
						either++
					}
				}
				if members == 0 {
					empty++
				}
				if both == either {
					equal++
					jaccard++ // two empty masks are alike
				} else {
					jaccard += float64(both) / float64(either)
				}
			}
			n := float64(neurons)
			t.Rows = append(t.Rows, []any{l.Dense, r.Name, float64(ones(other.Mask.Values)) / n, empty, len(other.Important),
				fmt.Sprintf("%d of %d", equal, neurons), jaccard / n})
		}
	}
	return t
}
