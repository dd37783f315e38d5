package iris

import "github.com/gojacard/jacard/pkg/metric"

// Ablation is what changes when one neuron is set to 0.
type Ablation struct {
	Neuron int // −1: nothing is set to 0
	Measures
	Flips int // rows whose prediction changes

	// Logits is the mean change of each species' logit over the rows of that
	// species and of the others: [species of the row][logit]. NaN where a
	// species has no row.
	Logits [][]float64
}

// Ablate sets each neuron to 0 in turn, for the rows with these ids. The first
// of the ablations is the whole network.
//
// The logits without neuron j are z − w_j·a_j, with w_j its weights to the
// outputs: setting an activation to 0 leaves the others as they are. A network
// that was trained without the neuron would differ.
func (c *Classifier) Ablate(ids []int) ([]Ablation, error) {
	w, _, err := c.dense(outputDense)
	if err != nil {
		return nil, err
	}
	var out []Ablation
	for j := -1; j < c.Hidden.Width(); j++ {
		logits := c.Logits.Clone()
		if j >= 0 {
			for id := range logits.Rows() {
				for k, z := range logits.Row(id) {
					logits.Row(id)[k] = float32(float64(z) - float64(w.At(k, j))*float64(c.Hidden.At(id, j)))
				}
			}
		}
		m, err := c.measure(ids, logits)
		if err != nil {
			return nil, err
		}
		a := Ablation{Neuron: j, Measures: m}
		predicted := metric.Argmax(logits)
		for _, id := range ids {
			if predicted[id] != c.Predicted[id] {
				a.Flips++
			}
		}
		a.Logits = c.meanBySpecies(ids, func(id, k int) float64 { return float64(logits.At(id, k)) - float64(c.Logits.At(id, k)) })
		out = append(out, a)
	}
	return out, nil
}

// meanBySpecies is the mean of value(id, k) over the rows of each species.
func (c *Classifier) meanBySpecies(ids []int, value func(id, k int) float64) [][]float64 {
	sums, counts := make([][]float64, len(Species)), make([]int, len(Species))
	for s := range sums {
		sums[s] = make([]float64, len(Species))
	}
	for _, id := range ids {
		counts[c.Labels[id]]++
		for k := range Species {
			sums[c.Labels[id]][k] += value(id, k)
		}
	}
	for s := range sums {
		for k := range sums[s] {
			sums[s][k] /= float64(counts[s])
		}
	}
	return sums
}
