package jacard

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/artifact"
)

// Check compares one number of the published study with ours.
type Check struct {
	Quantity  string
	Published string
	Ours      string
	Band      string // what is accepted; empty if there is no band
	Met       bool
	Note      string // why, if not met
}

// Comparison is the table of all checks.
type Comparison struct {
	artifact.Provenance
	Checks []Check
}

// Missed lists the checks outside their band.
func (c *Comparison) Missed() []Check {
	return slices.DeleteFunc(slices.Clone(c.Checks), func(k Check) bool { return k.Met })
}

// Table lists the checks.
func (c *Comparison) Table() artifact.Table {
	n := len(c.Checks)
	columns := make([][]string, 6)
	for i := range columns {
		columns[i] = make([]string, n)
	}
	for i, k := range c.Checks {
		met := "no"
		if k.Met {
			met = "yes"
		}
		if k.Band == "" {
			met = "–"
		}
		for j, text := range []string{k.Quantity, k.Published, k.Ours, k.Band, met, k.Note} {
			columns[j][i] = text
		}
	}
	var t artifact.Table
	for j, name := range []string{"quantity", "published", "ours", "accepted", "within", "note"} {
		t.Columns = append(t.Columns, artifact.Column{Name: name, Values: columns[j]})
	}
	return t
}

// Compare puts the published numbers beside ours. The bands were fixed before
// anything was run. Runs at another size than the thesis's say so in the
// notes of what they miss.
func (s *Study) Compare(ctx context.Context) (*Comparison, error) {
	c := &comparer{}
	for _, part := range []func(context.Context, *Study) error{c.data, c.training, c.attributions, c.projection, c.neurons, c.shift} {
		if err := part(ctx, s); err != nil {
			return nil, err
		}
	}
	out := &Comparison{Checks: c.checks}
	thesis, ours := Thesis(), s.Config
	if ours.Autoencoder.Epochs < thesis.Autoencoder.Epochs || ours.Classifier.Epochs < thesis.Classifier.Epochs ||
		ours.Projection.Iterations < thesis.Projection.Iterations || ours.TrainRows > 0 || ours.TestRows > 0 {
		for i := range out.Checks {
			if !out.Checks[i].Met && out.Checks[i].Note == "" {
				out.Checks[i].Note = "smaller run than the thesis's"
			}
		}
	}
	return out, nil
}

type comparer struct{ checks []Check }

// exact asks for equal text.
func (c *comparer) exact(quantity, published, ours string) {
	c.checks = append(c.checks, Check{Quantity: quantity, Published: published, Ours: ours, Band: "equal", Met: published == ours})
}

// within asks for low ≤ ours ≤ high.
func (c *comparer) within(quantity, published, format string, ours, low, high float64) {
	band := fmt.Sprintf(format+" … "+format, low, high)
	switch {
	case math.IsInf(high, 1):
		band = fmt.Sprintf("≥ "+format, low)
	case math.IsInf(low, -1):
		band = fmt.Sprintf("≤ "+format, high)
	}
	c.checks = append(c.checks, Check{Quantity: quantity, Published: published, Ours: fmt.Sprintf(format, ours), Band: band,
		Met: ours >= low && ours <= high})
}

// impossible notes a number that this run cannot give.
func (c *comparer) impossible(quantity, published, band, why string) {
	c.checks = append(c.checks, Check{Quantity: quantity, Published: published, Ours: "–", Band: band, Met: band == "", Note: why})
}

// lacks says why the published cluster means nothing in a run of fewer rows or
// layers; empty if it does.
func (s *Study) lacks(ctx context.Context, cluster Cluster) (why string, err error) {
	d, err := s.Digits(input(ctx))
	if err != nil {
		return "", err
	}
	if s.Config.TrainRows > 0 || slices.Max(cluster.IDs) >= d.Rows() {
		return "the published cluster names rows of the whole data set", nil
	}
	if n := len(s.Config.Classifier.Dropouts); n < 2 {
		return fmt.Sprintf("%d hidden layer: the published study looks at those after the first", n), nil
	}
	return "", nil
}

// first20 are the labels of the first training rows, first64 of the test rows.
const (
	first20 = "01111011001001010011"
	first64 = "1010010011111101001111010101110101111001110011110111011100111100"
)

func (c *comparer) data(ctx context.Context, s *Study) error {
	d, err := s.Digits(input(ctx))
	if err != nil {
		return err
	}
	c.exact("training rows / test rows", "12665 / 2115", fmt.Sprintf("%d / %d", d.TrainRows, d.Rows()-d.TrainRows))
	text := func(labels []int) string {
		var b []byte
		for _, l := range labels {
			b = append(b, byte('0'+l))
		}
		return string(b)
	}
	c.exact("first 20 training labels", first20, text(d.Labels[:min(20, d.TrainRows)]))
	c.exact("first 64 test labels", first64, text(d.Labels[d.TrainRows:min(d.TrainRows+64, d.Rows())]))
	return nil
}

func (c *comparer) training(ctx context.Context, s *Study) error {
	ae, err := s.Autoencoder(input(ctx))
	if err != nil {
		return err
	}
	cls, err := s.Classifier(input(ctx))
	if err != nil {
		return err
	}
	c.exact("parameters of autoencoder / classifier", "1153454 / 43601", fmt.Sprintf("%d / %d", ae.Net.ParameterCount(), cls.Net.ParameterCount()))
	bands := []struct {
		epoch     int
		published string
		low, high float64
	}{{1, "0.0467", 0.03, 0.07}, {10, "0.0164", 0.010, 0.022}, {100, "0.00755", 0.005, 0.011}}
	for _, b := range bands {
		if b.epoch <= len(ae.Loss) {
			c.within(fmt.Sprintf("autoencoder, MSE per pixel, epoch %d", b.epoch), b.published, "%.4f", ae.Loss[b.epoch-1], b.low, b.high)
		}
	}
	c.within("classifier, cross-entropy before training", "0.6948", "%.4f", cls.InitialBCE, 0.68, 0.71)
	least := math.Inf(1)
	for _, e := range cls.Epochs {
		if e.Epoch >= 8 {
			least = min(least, e.Accuracy)
		}
	}
	if len(cls.Epochs) >= 8 {
		c.within("classifier, least test accuracy from epoch 8, %", "99.81", "%.2f", 100*least, 99.6, math.Inf(1))
	}
	c.within("classifier, test accuracy at the end, %", "99.86", "%.2f", 100*cls.Test.Accuracy(), 99.6, math.Inf(1))
	c.within("classifier, mean test cross-entropy", "0.003 … 0.009", "%.4f", cls.Test.BCE, math.Inf(-1), 0.02)
	return nil
}

func (c *comparer) attributions(ctx context.Context, s *Study) error {
	legacy := s.Config.Legacy
	legacy.Background = true
	att, err := s.WithLegacy(legacy).Attributions(input(ctx))
	if err != nil {
		return err
	}
	c.within("base value, first 61 test rows", "0.656", "%.4f", att.BaseValue, 0.64, 0.67)
	sums := att.Splits[0].Sums()
	var zeros, ones []float64
	for i, sum := range sums {
		switch p := att.Outputs.Data[i]; {
		case p > 0.99:
			ones = append(ones, sum)
		case p < 0.01:
			zeros = append(zeros, sum)
		}
	}
	c.within("Σφ of confident ones, median", "+0.344", "%+.4f", median(ones), 0.324, 0.364)
	c.within("Σφ of confident zeros, median", "−0.656", "%+.4f", median(zeros), -0.676, -0.636)
	largest := 0.0
	for _, p := range att.Splits {
		largest = max(largest, p.Gap)
	}
	c.within("largest completeness gap, all rows and splits", "< 0.01 asserted", "%.1e", largest, 0, 1e-4)
	return nil
}

func (c *comparer) projection(ctx context.Context, s *Study) error {
	m, err := s.Map(input(ctx))
	if err != nil {
		return err
	}
	c.within("map, 10-NN label accuracy", "0.9989", "%.4f", m.KNNAccuracy, 0.995, 1)
	c.within("map, silhouette by label", "0.394", "%.3f", m.Silhouette, 0.3, 1)
	return nil
}

func (c *comparer) neurons(ctx context.Context, s *Study) error {
	cluster, err := PresetCluster(1)
	if err != nil {
		return err
	}
	const jaccard, means = "Jaccard values that are not m/(20−m)", "mean Jaccard by layer, legacy lists"
	const band = "rising, 0.15 … 0.6"
	if why, err := s.lacks(ctx, cluster); err != nil {
		return err
	} else if why != "" {
		c.impossible(jaccard, "0", "equal", why)
		c.impossible(means, fmtList(PublishedLayerJaccard), band, why)
		return nil
	}
	old := s.WithLegacy(Legacy{TopSets: true, FourLayers: true})
	n, err := old.Neurons(input(ctx), cluster)
	if err != nil {
		return err
	}
	sim, err := old.Similarity(input(ctx), n)
	if err != nil {
		return err
	}
	levels := map[float32]bool{}
	for m := range 11 {
		levels[float32(float64(m)/float64(20-m))] = true
	}
	other := 0
	for _, v := range sim.Network.Data {
		if !levels[v] {
			other++
		}
	}
	c.exact(jaccard, "0", fmt.Sprint(other))
	ours := make([]float64, len(n.Layers))
	rising := true
	for i, l := range n.Layers {
		ours[i] = l.Summary.Mean
		rising = rising && (i == 0 || ours[i] > ours[i-1])
	}
	c.checks = append(c.checks, Check{Quantity: means, Published: fmtList(PublishedLayerJaccard), Ours: fmtList(ours),
		Band: band, Met: rising && slices.Min(ours) >= 0.15 && slices.Max(ours) <= 0.6})
	return nil
}

func (c *comparer) shift(ctx context.Context, s *Study) error {
	const quantity, published = "test rows right, before → after the legacy shift, δ = 1", "2112 → 2109"
	cluster, err := PresetCluster(1)
	if err != nil {
		return err
	}
	why, err := s.lacks(ctx, cluster)
	if err != nil {
		return err
	}
	if n := len(cluster.IDs); why == "" && s.Config.Classifier.Width < n {
		why = fmt.Sprintf("the published average activation of %d images needs as many neurons in a layer, there are %d", n, s.Config.Classifier.Width)
	}
	if why != "" {
		c.impossible(quantity, published, "", why)
		return nil
	}
	before, after, err := s.LegacyShift(ctx)
	if err != nil {
		return err
	}
	c.checks = append(c.checks, Check{Quantity: quantity, Published: published,
		Ours: fmt.Sprintf("%d → %d", before, after), Met: true, Note: "depends on the trained features: no band"})
	return nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func fmtList(values []float64) string {
	text := ""
	for i, v := range values {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%.2f", v)
	}
	return text
}
