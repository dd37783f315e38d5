package lesson

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
)

// Saliency holds Shapley values of the pixels of one image, for the probability
// of every digit. All digits share the draws.
type Saliency struct {
	artifact.Provenance
	Permutation    bool // the estimator: see [SaliencyConfig]
	Row            int  // of the sample
	Label          int
	Predicted      int
	Draws          int          // for each pixel
	BackgroundRows int          // training rows that pixels are drawn from
	Image          *array.Array // [28, 28]
	White          float64      // value of a white pixel
	Digits         []DigitSaliency
}

// DigitSaliency is Saliency for the probability f of one digit.
type DigitSaliency struct {
	Values, Errors *array.Array // [28, 28]: Shapley values, their standard errors
	Probability    float64      // f(x)
	BaseValue      float64      // mean of f over the background, all of its rows

	// DrawnBaseValue is the mean of f over the background rows that the method
	// counts from: all, or those that the permutation estimator has drawn.
	DrawnBaseValue float64
}

// Own is the saliency for the image's own label.
func (s *Saliency) Own() *DigitSaliency { return &s.Digits[s.Label] }

// Sum is Σφ. That of exact Shapley values is f(x) − BaseValue.
func (d *DigitSaliency) Sum() float64 {
	sum := 0.0
	for _, v := range d.Values.Data {
		sum += float64(v)
	}
	return sum
}

// SumError is the standard error of Sum if pixels are drawn independently, as
// the lesson does: √Σ error². The permutation estimator's sum has none, given
// its background rows.
func (d *DigitSaliency) SumError() float64 {
	sum := 0.0
	for _, v := range d.Errors.Data {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// Saliency attributes the probabilities of an image to its pixels. A pixel's
// Shapley value is the mean, over random sets of other pixels that come from a
// random training row, of what f loses when the pixel comes from it too.
func (s *Study) Saliency(ctx context.Context) (*Saliency, error) {
	inputs, err := s.inputs()
	if err != nil {
		return nil, err
	}
	cfg := s.Config.Saliency
	spec := artifact.Spec{Name: "lesson-saliency", Version: 1, Config: cfg, Inputs: inputs}
	return step(ctx, s, spec, func(ctx context.Context) (*Saliency, error) {
		sample, c, err := s.sampleAndClassifier(ctx)
		if err != nil {
			return nil, err
		}
		background, err := sample.background(cfg.Background)
		if err != nil {
			return nil, err
		}
		targets := make([]attribution.Target, classes)
		for k := range targets {
			targets[k].Output = k
		}
		method := attribution.SampledShapley{Draws: cfg.Iterations, LegacyOneByOne: !cfg.Permutation}
		all, err := s.attribute(ctx, c, sample, background, method, targets)
		if err != nil {
			return nil, err
		}
		base, err := s.meanOutput(ctx, c, background)
		if err != nil {
			return nil, err
		}
		out := &Saliency{Permutation: cfg.Permutation, Row: cfg.Row, Label: sample.Labels[cfg.Row], Draws: cfg.Iterations,
			BackgroundRows: background.Rows(), White: sample.White}
		if out.Image, err = square(sample.Images.Row(cfg.Row)); err != nil {
			return nil, err
		}
		for k, a := range all {
			d := DigitSaliency{Probability: float64(a.Outputs.Data[0]), BaseValue: base[k], DrawnBaseValue: a.BaseValue()}
			if d.Values, err = square(a.Layers[0].Values.Data); err != nil {
				return nil, err
			}
			if d.Errors, err = square(a.Layers[0].Errors.Data); err != nil {
				return nil, err
			}
			out.Digits = append(out.Digits, d)
			if d.Probability > out.Digits[out.Predicted].Probability {
				out.Predicted = k
			}
		}
		return out, nil
	})
}

// Method names the estimator.
func (s *Saliency) Method() string { return methodName(s.Permutation) }

func methodName(permutation bool) string {
	if permutation {
		return "permutations"
	}
	return "pixel by pixel"
}

// attribute explains the configured row.
func (s *Study) attribute(ctx context.Context, c *Classifier, sample *Sample, background *array.Array, method attribution.SampledShapley, targets []attribution.Target) ([]*attribution.Attribution, error) {
	row := s.Config.Saliency.Row
	return attribution.ExplainEach(ctx, c.Net, method, attribution.Query{
		Rows: sample.Images.Slice(row, row+1), Background: background, Seed: s.Config.Seed, Backend: s.work.Backend,
		Progress: s.work.Progress(fmt.Sprintf("Shapley values, %d draws", method.Draws)),
	}, targets)
}

// background are the training rows of the given digits; none means all.
func (d *Sample) background(digits []int) (*array.Array, error) {
	x, labels := d.Train()
	if len(digits) == 0 {
		return x, nil
	}
	var rows []int
	for i, label := range labels {
		if slices.Contains(digits, label) {
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("background of digits %v: none of %d training rows has such a label", digits, len(labels))
	}
	return x.Select(rows)
}

// meanOutput is the mean probability of each digit over rows.
func (s *Study) meanOutput(ctx context.Context, c *Classifier, rows *array.Array) ([]float64, error) {
	p, err := s.Probabilities(ctx, c, rows)
	if err != nil {
		return nil, err
	}
	mean := make([]float64, p.Width())
	for i := range p.Rows() {
		for k, v := range p.Row(i) {
			mean[k] += float64(v)
		}
	}
	for k := range mean {
		mean[k] /= float64(p.Rows())
	}
	return mean, nil
}

// square shapes the pixels of one image.
func square(pixels []float32) (*array.Array, error) {
	return array.From(slices.Clone(pixels), Side, Side)
}
