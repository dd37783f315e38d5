package weightshift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// ImportantConfig says which neurons count as important. Its zero value is
// the published rule. At most one field may be set.
type ImportantConfig struct {
	// Threshold keeps neurons with an average activation above it. 0 means
	// 0.2, unless Top is set. The published 0.2 was chosen for averages of
	// other neurons: look at [Describe] before you keep it.
	Threshold float64

	// Top keeps this share of all neurons, largest average first, rounded
	// up, but none with average 0.
	Top float64
}

// Important returns the numbers of the important neurons, ascending, by their
// average activations (AverageActivation of [neuron.Table]).
func Important(averages []float64, cfg ImportantConfig) ([]int, error) {
	if cfg.Threshold < 0 || cfg.Top < 0 || cfg.Top > 1 || cfg.Threshold != 0 && cfg.Top != 0 {
		return nil, fmt.Errorf("weightshift: Threshold %g and Top %g: set one, above 0, and Top at most 1", cfg.Threshold, cfg.Top)
	}
	if err := checkAverages(averages); err != nil {
		return nil, err
	}
	var numbers []int
	if cfg.Top == 0 {
		threshold := cmp.Or(cfg.Threshold, 0.2)
		for j, a := range averages {
			if a > threshold {
				numbers = append(numbers, j)
			}
		}
		return numbers, nil
	}
	for j, a := range averages {
		if a > 0 {
			numbers = append(numbers, j)
		}
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return cmp.Compare(averages[b], averages[a]) })
	numbers = numbers[:min(shareOf(cfg.Top, len(averages)), len(numbers))]
	slices.Sort(numbers)
	return numbers, nil
}

// Distribution describes the average activations of a layer. All values but
// the counts are 0 for no neurons.
type Distribution struct {
	Neurons, Zero         int // all; with average 0
	Min, Q25, Median, Q75 float64
	Max, Mean             float64
}

// Describe summarises average activations, to choose a threshold by. The
// quartiles interpolate linearly.
func Describe(averages []float64) (Distribution, error) {
	d := Distribution{Neurons: len(averages)}
	if err := checkAverages(averages); err != nil || len(averages) == 0 {
		return d, err
	}
	sorted := slices.Sorted(slices.Values(averages))
	for _, a := range sorted {
		if a == 0 {
			d.Zero++
		}
	}
	d.Min, d.Max, d.Mean = sorted[0], sorted[len(sorted)-1], floats.Sum(sorted)/float64(len(sorted))
	for p, q := range map[float64]*float64{0.25: &d.Q25, 0.5: &d.Median, 0.75: &d.Q75} {
		*q = stat.Quantile(p, stat.LinInterp, sorted, nil)
	}
	return d, nil
}

func checkAverages(averages []float64) error {
	for j, a := range averages {
		if math.IsNaN(a) {
			return fmt.Errorf("weightshift: average activation of neuron %d is not a number", j)
		}
	}
	return nil
}
