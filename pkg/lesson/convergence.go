package lesson

import (
	"context"
	"math"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
)

// Convergence tells how the Shapley values of one image, for its own label,
// settle as draws are added.
type Convergence struct {
	artifact.Provenance
	Row, Label     int
	ReferenceDraws int     // of the permutation estimator
	ReferenceError float64 // root mean square of its standard errors
	Curves         []ConvergenceCurve
}

// ConvergenceCurve belongs to one estimator. Errors and distances are root mean
// squares over the pixels: they agree if the standard errors tell the truth.
type ConvergenceCurve struct {
	Method   string
	Draws    []int     // for each pixel
	Error    []float64 // the estimator's own standard error
	Distance []float64 // from the reference, which has draws of its own
	SumGap   []float64 // |Σφ − (f(x) − mean f over all of the background)|
}

// Convergence runs both estimators with more and more draws, each time anew.
func (s *Study) Convergence(ctx context.Context) (*Convergence, error) {
	inputs, err := s.inputs()
	if err != nil {
		return nil, err
	}
	type config struct {
		Saliency    SaliencyConfig
		Convergence ConvergenceConfig
	}
	cfg := config{s.Config.Saliency, s.Config.Convergence}
	cfg.Saliency.Iterations, cfg.Saliency.Permutation = 0, false // not read here
	spec := artifact.Spec{Name: "lesson-convergence", Version: 1, Config: cfg, Inputs: inputs}
	return step(ctx, s, spec, func(ctx context.Context) (*Convergence, error) {
		sample, c, err := s.sampleAndClassifier(ctx)
		if err != nil {
			return nil, err
		}
		background, err := sample.background(cfg.Saliency.Background)
		if err != nil {
			return nil, err
		}
		label := sample.Labels[cfg.Saliency.Row]
		base, err := s.meanOutput(ctx, c, background)
		if err != nil {
			return nil, err
		}
		explain := func(s *Study, draws int, legacy bool) (*attribution.Attribution, error) {
			all, err := s.attribute(ctx, c, sample, background,
				attribution.SampledShapley{Draws: draws, LegacyOneByOne: legacy}, []attribution.Target{{Output: label}})
			if err != nil {
				return nil, err
			}
			return all[0], nil
		}
		other := *s
		other.Config.Seed = random.Stream(s.Config.Seed, "lesson reference").Uint64()
		reference, err := explain(&other, cfg.Convergence.Reference, false)
		if err != nil {
			return nil, err
		}
		values := reference.Layers[0].Values.Data
		out := &Convergence{Row: cfg.Saliency.Row, Label: label, ReferenceDraws: cfg.Convergence.Reference,
			ReferenceError: rootMeanSquare(reference.Layers[0].Errors.Data, nil)}
		for _, permutation := range []bool{false, true} {
			curve := ConvergenceCurve{Method: methodName(permutation)}
			for _, draws := range cfg.Convergence.Draws {
				if permutation {
					draws = max(4, draws+draws%2)
				}
				a, err := explain(s, draws, !permutation)
				if err != nil {
					return nil, err
				}
				gap := float64(a.Outputs.Data[0]) - base[label]
				for _, v := range a.Layers[0].Values.Data {
					gap -= float64(v)
				}
				curve.Draws = append(curve.Draws, draws)
				curve.Error = append(curve.Error, rootMeanSquare(a.Layers[0].Errors.Data, nil))
				curve.Distance = append(curve.Distance, rootMeanSquare(a.Layers[0].Values.Data, values))
				curve.SumGap = append(curve.SumGap, math.Abs(gap))
			}
			out.Curves = append(out.Curves, curve)
		}
		return out, nil
	})
}

// rootMeanSquare of a − b; nil is zeros.
func rootMeanSquare(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v)
		if b != nil {
			d -= float64(b[i])
		}
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(a)))
}
