package iris

import "github.com/gojacard/jacard/pkg/array"

// Conductance divides logits among the hidden neurons.
type Conductance struct {
	Rows []int // ids

	// Values [rows, neurons] are the parts of each row's logit of its own
	// species, Mean [neurons, species] their mean over the rows of a species
	// (NaN where it has none).
	Values, Mean *array.Array

	Gap float64 // largest |Σ_j values − (z(x) − z(x′))| of a row
}

// Conductance returns the conductance of each hidden neuron for the logit of
// each row's own species,
//
//	∫ ∂z/∂h_j · dh_j  along the straight line from the baseline x′ to x
//
// (Dhamdhere et al., 2018). The logits are linear in the hidden layer, so that
// the integral is w_j·(h_j(x) − h_j(x′)), without steps and without error. The
// baseline is the mean training flower: 0 in standardised units. The values add
// up to z(x) − z(x′); the gap of that sum is returned.
func (c *Classifier) Conductance(ids []int) (*Conductance, error) {
	if err := c.check(ids...); err != nil {
		return nil, err
	}
	w, bias, err := c.dense(outputDense)
	if err != nil {
		return nil, err
	}
	_, hiddenBias, err := c.Weights()
	if err != nil {
		return nil, err
	}
	neurons := c.Hidden.Width()
	out := &Conductance{Rows: ids, Values: array.New(len(ids), neurons), Mean: array.New(neurons, len(Species))}
	sums, counts := array.New(len(Species), neurons), make([]int, len(Species))
	for r, id := range ids {
		k := c.Labels[id]
		counts[k]++
		total, base := 0.0, float64(bias[k])
		for j := range neurons {
			atMean := max(float64(hiddenBias[j]), 0)
			v := float64(w.At(k, j)) * (float64(c.Hidden.At(id, j)) - atMean)
			base += float64(w.At(k, j)) * atMean
			total += v
			out.Values.Row(r)[j] = float32(v)
			sums.Row(k)[j] += float32(v)
		}
		gap := total - (float64(c.Logits.At(id, k)) - base)
		out.Gap = max(out.Gap, gap, -gap)
	}
	for k, n := range counts {
		for j := range neurons {
			out.Mean.Row(j)[k] = sums.At(k, j) / float32(n) // NaN for 0/0
		}
	}
	return out, nil
}
