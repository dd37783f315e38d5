package jacard

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
)

// Attributions divide the probability of every image among the inputs of each
// linear layer, by the rescale rule averaged over the background.
type Attributions struct {
	artifact.Provenance
	Background []int // global ids of the background rows
	// FirstTestRows says that the background is the published one (fault 9.10).
	FirstTestRows bool
	BaseValue     float64      // mean probability of the background rows
	Outputs       *array.Array // [rows, 1], probability of each image
	Splits        []SplitAttribution
}

// SplitAttribution holds the attributions at one split, for all images.
type SplitAttribution struct {
	Split
	Values *array.Array // [rows, inputs of the linear layer]
	Gap    float64      // largest completeness gap, as a share of the largest |f(x) − BaseValue|
}

// Attributions explains all rows at all splits in one call: the sums over the
// inputs of split 0, 2, 5, 8 and 11 are the same, f(x) − BaseValue.
func (s *Study) Attributions(ctx context.Context) (*Attributions, error) {
	enc, cls, err := s.trained(ctx)
	if err != nil {
		return nil, err
	}
	type config struct {
		BackgroundConfig
		TestRows bool
	}
	spec := artifact.Spec{Name: "attributions", Version: 1, Config: config{s.Config.Background, s.Config.Legacy.Background},
		Inputs: map[string]string{"encoding": enc.ID, "classifier": cls.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Attributions, error) {
		background, err := s.background(enc)
		if err != nil {
			return nil, err
		}
		b, err := enc.Values.Select(background)
		if err != nil {
			return nil, err
		}
		splits := Splits(cls.Net)
		layers := make([]string, len(splits))
		for i, p := range splits {
			layers[i] = p.Inputs
		}
		result, err := attribution.Explain(ctx, cls.Net, attribution.Rescale{}, attribution.Query{Rows: enc.Values, Background: b,
			Layers: layers, Backend: s.work.Backend, Progress: s.work.Progress("attributions"),
		})
		if err != nil {
			return nil, err
		}
		out := &Attributions{Background: background, FirstTestRows: s.Config.Legacy.Background, BaseValue: result.BaseValue(), Outputs: result.Outputs}
		for i, l := range result.Layers {
			out.Splits = append(out.Splits, SplitAttribution{Split: splits[i], Values: l.Values, Gap: l.MaxGap})
		}
		return out, nil
	})
}

// background chooses the rows to average over, ascending: seeded training rows,
// as many of each class; or, as published, the first test rows.
func (s *Study) background(enc *Encoding) ([]int, error) {
	n := s.Config.Background.Rows
	if s.Config.Legacy.Background {
		test := enc.testIDs()
		if n > len(test) {
			return nil, fmt.Errorf("background of %d rows: there are %d test rows", n, len(test))
		}
		return test[:n], nil
	}
	var byClass [2][]int
	for _, id := range random.Stream(s.Config.Seed, "background").Perm(enc.TrainRows) {
		byClass[enc.Labels[id]] = append(byClass[enc.Labels[id]], id)
	}
	zeros, ones := n/2, n-n/2
	switch s.Config.Background.Only {
	case Zeros:
		zeros, ones = n, 0
	case Ones:
		zeros, ones = 0, n
	}
	if zeros > len(byClass[0]) || ones > len(byClass[1]) {
		return nil, fmt.Errorf("background of %d zeros and %d ones: there are %d and %d to train on",
			zeros, ones, len(byClass[0]), len(byClass[1]))
	}
	out := append(slices.Clone(byClass[0][:zeros]), byClass[1][:ones]...)
	slices.Sort(out)
	return out, nil
}

// At returns the attributions at the split before a linear layer.
func (a *Attributions) At(linear int) (SplitAttribution, error) {
	return at(a.Splits, linear, "split before")
}

// Row returns the attributions of one image in the order of the inputs.
func (p SplitAttribution) Row(id int) ([]float64, error) {
	if id < 0 || id >= p.Values.Rows() {
		return nil, fmt.Errorf("jacard: image %d out of range: there are images 0…%d", id, p.Values.Rows()-1)
	}
	out := make([]float64, p.Values.Width())
	for k, v := range p.Values.Row(id) {
		out[k] = float64(v)
	}
	return out, nil
}

// MeanAbs returns mean |φ| of each input over images; nil ids means all.
func (p SplitAttribution) MeanAbs(ids []int) ([]float64, error) {
	if ids == nil {
		ids = idRange(0, p.Values.Rows())
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("jacard: mean |φ| of no image: give at least one id, or nil for all")
	}
	rows, err := p.Values.Select(ids)
	if err != nil {
		return nil, err
	}
	out := make([]float64, rows.Width())
	for i := range ids {
		for k, v := range rows.Row(i) {
			out[k] += math.Abs(float64(v))
		}
	}
	for k := range out {
		out[k] /= float64(len(ids))
	}
	return out, nil
}

// Sums returns Σφ of every image.
func (p SplitAttribution) Sums() []float64 {
	out := make([]float64, p.Values.Rows())
	for i := range out {
		for _, v := range p.Values.Row(i) {
			out[i] += float64(v)
		}
	}
	return out
}
