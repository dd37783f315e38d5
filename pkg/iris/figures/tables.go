package figures

import (
	"fmt"
	"strings"

	"github.com/gojacard/jacard/pkg/iris"
	"github.com/gojacard/jacard/pkg/plots"
)

// Scores tables precision, recall and F1 of each species beside the published.
func Scores(m iris.Measures) plots.Table {
	t := plots.Table{Columns: []string{"species", "rows", "precision", "recall", "F1", "published precision", "published recall", "published F1"}}
	for k, s := range m.Confusion.Scores() {
		p := iris.PublishedScores
		t.Rows = append(t.Rows, []any{iris.Species[k], s.Rows, s.Precision, s.Recall, s.F1, p[0][k], p[1][k], p[2][k]})
	}
	mean := m.Confusion.Macro()
	t.Rows = append(t.Rows, []any{"mean", mean.Rows, mean.Precision, mean.Recall, mean.F1, nil, nil, nil})
	return t
}

// Roles names exclusive, shared, silent and dead neurons.
func Roles(r *iris.Roles) plots.Table {
	t := plots.Table{Columns: []string{"fire in at least half of the rows of", "neurons"}, Caption: plots.Caption{N: len(r.Rows)}}
	add := func(what string, neurons []int) { t.Rows = append(t.Rows, []any{what, list(neurons)}) }
	for k, name := range iris.Species {
		add("only "+name, r.Of(iris.Exclusive, k))
	}
	add("several species (shared)", r.Of(iris.Shared, -1))
	add("none, but fire for some rows (silent)", r.Of(iris.Silent, -1))
	add("none, and never fire (dead)", r.Of(iris.Dead, -1))
	return t
}

// list writes numbers with commas, and a dash for none.
func list(of []int) string {
	if len(of) == 0 {
		return "–"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(of), " ", ", "), "[]")
}

// Explanations tables the active neurons of each row with the features that
// the rule calls relevant.
func Explanations(all []iris.Explanation, rule iris.Rule) plots.Table {
	t := plots.Table{Columns: []string{"flower", "species", "predicted", "active neurons: features with " + rule.String()}}
	for _, e := range all {
		var parts []string
		for n, j := range e.Active {
			parts = append(parts, fmt.Sprintf("%d: %s", j, features(e.Relevant[n])))
		}
		t.Rows = append(t.Rows, []any{e.ID, iris.Species[e.Truth], iris.Species[e.Predicted], strings.Join(parts, " · ")})
	}
	t.Caption = plots.Caption{What: "SL, SW: sepal length and width; PL, PW: petal length and width", N: len(all)}
	return t
}

// features writes initials, "PL PW" for petal length and width.
func features(of []int) string {
	var names []string
	for _, i := range of {
		name := ""
		for _, word := range strings.Fields(iris.Features[i]) {
			name += strings.ToUpper(word[:1])
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "–"
	}
	return strings.Join(names, " ")
}

// Legacy tables the published nested structure of some rows.
func Legacy(c *iris.Classifier, ids []int) (plots.Table, error) {
	t := plots.Table{Columns: []string{"predicted", "active neurons", "features kept (of the last neuron)"}}
	bySpecies, err := c.LegacyExplanations(ids)
	if err != nil {
		return t, err
	}
	for k, rows := range bySpecies {
		for _, r := range rows {
			t.Rows = append(t.Rows, []any{iris.Species[k], list(r.Active), features(r.Relevant)})
		}
	}
	t.Caption = plots.Caption{N: len(ids)}
	return t, nil
}

// Ablations tables what changes when a neuron is set to 0.
func Ablations(all []iris.Ablation) plots.Table {
	t := plots.Table{Columns: []string{"set to 0", "accuracy", "predictions that change", "cross-entropy"}}
	for _, name := range iris.Species {
		t.Columns = append(t.Columns, "logit of "+name)
	}
	for _, a := range all {
		name := "nothing"
		if a.Neuron >= 0 {
			name = fmt.Sprintf("neuron %d", a.Neuron)
		}
		row := []any{name, a.Accuracy(), a.Flips, a.CrossEntropy}
		for k := range iris.Species {
			row = append(row, a.Logits[k][k])
		}
		t.Rows = append(t.Rows, row)
		t.Caption = plots.Caption{What: "Logits: mean change of a species' logit over its own rows", N: a.Rows}
	}
	return t
}

// Stability tables the networks of several seeds.
func Stability(s *iris.Stability) plots.Table {
	t := plots.Table{Columns: []string{"seed", "test rows right", "final training loss", "only setosa", "only versicolor", "only virginica", "shared", "silent", "dead"}}
	for _, r := range s.Runs {
		t.Rows = append(t.Rows, []any{r.Seed, fmt.Sprintf("%d of %d", r.Test.Right, r.Test.Rows), r.FinalLoss,
			r.Exclusive[0], r.Exclusive[1], r.Exclusive[2], r.Shared, r.Silent, r.Dead})
	}
	t.Caption = caption(&s.Provenance, fmt.Sprintf("Neurons by role over all flowers; mean test accuracy %.4f", s.MeanAccuracy()), 0)
	return t
}

// Comparison tables published numbers and ours.
func Comparison(checks []iris.Check) plots.Table {
	t := plots.Table{Columns: []string{"quantity", "published", "ours", "accepted", "within"}}
	for _, c := range checks {
		within := "–"
		if c.Band != "" {
			within = fmt.Sprint(c.Met)
		}
		t.Rows = append(t.Rows, []any{c.Quantity, c.Published, c.Ours, c.Band, within})
	}
	return t
}
