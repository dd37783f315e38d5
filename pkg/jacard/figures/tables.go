package figures

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/plots"
)

// Table shows a stored table.
func Table(t artifact.Table) (plots.Table, error) {
	var out plots.Table
	for j, c := range t.Columns {
		out.Columns = append(out.Columns, c.Name)
		add := func(i int, v any) {
			if j == 0 {
				out.Rows = append(out.Rows, nil)
			}
			if i < len(out.Rows) {
				out.Rows[i] = append(out.Rows[i], v)
			}
		}
		switch values := c.Values.(type) {
		case []int64:
			for i, v := range values {
				add(i, v)
			}
		case []float64:
			for i, v := range values {
				add(i, v)
			}
		case []string:
			for i, v := range values {
				add(i, v)
			}
		case []bool:
			for i, v := range values {
				add(i, v)
			}
		default:
			return out, fmt.Errorf("figures: column %q holds %T, which is no column of a table", c.Name, c.Values)
		}
	}
	return out, nil
}

// Classifiers compares training logs, such as shuffled and in file order.
func Classifiers(runs ...*jacard.Classifier) plots.Table {
	t := plots.Table{Columns: []string{"training rows", "test rows right", "test accuracy, %", "cross-entropy", "printed by the original's formula"}}
	for _, c := range runs {
		t.Rows = append(t.Rows, []any{c.Order, c.Test.Correct(), 100 * c.Test.Accuracy(), c.Test.BCE, c.Epochs[len(c.Epochs)-1].LegacyLoss})
	}
	t.Rows = append(t.Rows, []any{"published (file order)", 2112, 100 * 2112.0 / 2115, nil, "0.0001"})
	return t
}

// Attributions compares backgrounds: base value and the sums they lead to.
func Attributions(labels []int, runs ...*jacard.Attributions) plots.Table {
	t := plots.Table{Columns: []string{"background", "ones in it", "base value", "mean Σφ of zeros", "mean Σφ of ones", "largest gap"}}
	for _, a := range runs {
		ones := 0
		for _, id := range a.Background {
			ones += labels[id]
		}
		name := "training rows, both classes alike"
		if a.FirstTestRows {
			name = "legacy: first test rows"
		}
		var sum, n [2]float64
		gap := 0.0
		for id, s := range a.Splits[0].Sums() {
			sum[labels[id]] += s
			n[labels[id]]++
		}
		for _, p := range a.Splits {
			gap = max(gap, p.Gap)
		}
		t.Rows = append(t.Rows, []any{name, fmt.Sprintf("%d of %d", ones, len(a.Background)), a.BaseValue, sum[0] / n[0], sum[1] / n[1], gap})
	}
	return t
}

// Neurons compares layers of corrected and legacy top sets. Cells of a layer
// that the legacy study leaves out are empty.
func Neurons(corrected, legacy *jacard.Neurons) plots.Table {
	t := plots.Table{Columns: []string{"layer", "dead neurons", "distinct top sets", "mean class association", "mean Jaccard", "legacy: distinct", "legacy: mean class association", "legacy: mean Jaccard"}}
	for _, l := range corrected.Layers {
		row := []any{l.Neurons, l.Summary.Dead, l.Summary.Distinct, meanClass(l), l.Summary.Mean, nil, nil, nil}
		if old, err := legacy.At(l.Linear); err == nil {
			row = append(row[:5], old.Summary.Distinct, meanClass(old), old.Summary.Mean)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func meanClass(l jacard.NeuronLayer) float64 {
	sum := 0.0
	for _, s := range l.Stats {
		sum += s.ClassAssociation
	}
	return sum / float64(len(l.Stats))
}

// Means lists the mean Jaccard index within and between layers beside chance.
func Means(s *jacard.Similarity) plots.Table {
	t := plots.Table{Columns: []string{"layers", "pairs", "mean", "chance", "p", "q"}, Caption: caption(&s.Provenance, "p: share of random draws that reach the mean; q: after control of the false discovery rate")}
	for _, m := range s.Means {
		t.Rows = append(t.Rows, []any{s.Layers[m.A].Neurons + " – " + s.Layers[m.B].Neurons, m.Pairs, m.Mean, m.Chance, m.P, m.Q})
	}
	return t
}

// Clusters describes clusters: size, classes, training and test rows.
func Clusters(d *jacard.Digits, clusters ...jacard.Cluster) plots.Table {
	t := plots.Table{Columns: []string{"cluster", "images", "zeros", "ones", "training", "test", "how"}}
	for _, c := range clusters {
		ones, test := 0, 0
		for _, id := range c.IDs {
			ones += d.Labels[id]
			if id >= d.TrainRows {
				test++
			}
		}
		t.Rows = append(t.Rows, []any{c.Name, len(c.IDs), len(c.IDs) - ones, ones, len(c.IDs) - test, test, c.How})
	}
	return t
}

// Shift lists what one δ does to one layer, mode by mode.
func Shift(s *jacard.Sweep, layer string, delta float64) (plots.Table, error) {
	rows := s.At(layer, delta)
	if len(rows) == 0 {
		return plots.Table{}, fmt.Errorf("figures: the sweep has no layer %q with δ = %g", layer, delta)
	}
	t := plots.Table{Columns: []string{"mode", "seed", "neurons", "weights changed", "test accuracy, %", "cross-entropy", "cluster accuracy, %", "cluster mean P", "flips"},
		Caption: caption(&s.Provenance, fmt.Sprintf("%s, δ = %g", layer, delta))}
	b := s.Before
	t.Rows = append(t.Rows, []any{"before", nil, nil, nil, 100 * b.TestAccuracy, b.TestLoss, 100 * b.ClusterAccuracy, b.ClusterMeanP, nil})
	for _, r := range rows {
		var seed any
		if r.Seed != 0 {
			seed = r.Seed
		}
		t.Rows = append(t.Rows, []any{string(r.Mode), seed, r.Neurons, r.WeightsChanged, 100 * r.TestAccuracy, r.TestLoss, 100 * r.ClusterAccuracy, r.ClusterMeanP, r.Flips})
	}
	return t, nil
}
