// Package lesson is the teaching notebook "Neural Networks I" as a study, one
// method a step: sample → classifier → outputs of its layers → a map of each
// layer → Shapley values of an image's pixels.
//
// The settings are the lesson's own: pixels 0…255, scikit-learn's training
// rules, t-SNE at perplexity 3, 200 draws for each pixel. What the lesson left
// out is added: seeds, test accuracy, standard errors, the quality of each map.
package lesson

import (
	"context"
	"fmt"
	"slices"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/internal/study"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/dataset"
)

// Study is the lesson with one configuration.
type Study struct {
	Config Config

	work *study.Workplace // shared by the studies that With makes
}

// Options say where a study keeps its steps and what it tells while working.
// The zero value is what notebooks want.
type Options = study.Options

// Open returns the study of a configuration. It computes nothing yet.
func Open(cfg Config, options Options) (*Study, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	work, err := study.Open("lesson", options)
	if err != nil {
		return nil, err
	}
	return &Study{Config: cfg, work: work}, nil
}

// With returns the study with a changed configuration and the same store.
func (s *Study) With(change func(c *Config)) (*Study, error) {
	c := *s
	c.Config.Classifier.Hidden = slices.Clone(c.Config.Classifier.Hidden)
	c.Config.Saliency.Background = slices.Clone(c.Config.Saliency.Background)
	c.Config.Convergence.Draws = slices.Clone(c.Config.Convergence.Draws)
	change(&c.Config)
	if err := c.Config.check(); err != nil {
		return nil, err
	}
	return &c, nil
}

func step[T artifact.Recorder](ctx context.Context, s *Study, spec artifact.Spec, compute func(context.Context) (T, error)) (T, error) {
	return study.Step(ctx, s.work, s.Config.Seed, spec, compute)
}

// inputs returns what names the sample and the classifier as inputs. Steps read
// them to compute, not to find what they computed before: the sample is large.
func (s *Study) inputs() (map[string]string, error) {
	spec, err := s.classifierSpec()
	if err != nil {
		return nil, err
	}
	classifier, err := study.ID(s.work, s.Config.Seed, spec)
	return map[string]string{"sample": spec.Inputs["sample"], "classifier": classifier}, err
}

func (s *Study) sampleAndClassifier(ctx context.Context) (*Sample, *Classifier, error) {
	sample, err := s.Sample(study.Input(ctx))
	if err != nil {
		return nil, nil, err
	}
	c, err := s.Classifier(study.Input(ctx))
	return sample, c, err
}

// mnistRows is the number of images in MNIST's two parts.
const mnistRows = 70_000

// Side of an image, in pixels.
const Side = dataset.Side

// Sample is a random part of MNIST, the first half to train on.
type Sample struct {
	artifact.Provenance
	Images    *array.Array // [rows, 784], pixels 0…255, or 0…1 if scaled
	Labels    []int
	IDs       []int // image of each row: 0…59,999 the training file, from 60,000 the test file
	TrainRows int
	White     float64 // value of a white pixel: 255, or 1
}

// Train returns the training rows and their labels, as views.
func (d *Sample) Train() (*array.Array, []int) {
	return d.Images.Slice(0, d.TrainRows), d.Labels[:d.TrainRows]
}

// Test returns the test rows and their labels, as views.
func (d *Sample) Test() (*array.Array, []int) {
	return d.Images.Slice(d.TrainRows, d.Images.Rows()), d.Labels[d.TrainRows:]
}

func (s *Study) sampleSpec() artifact.Spec {
	type config struct {
		Seed   uint64
		Rows   int
		Scaled bool
	}
	return artifact.Spec{Name: "lesson-sample", Version: 1, Config: config{s.Config.Seed, s.Config.Rows, s.Config.Scaled}}
}

// Sample draws the lesson's images from all of MNIST.
func (s *Study) Sample(ctx context.Context) (*Sample, error) {
	return step(ctx, s, s.sampleSpec(), func(context.Context) (*Sample, error) {
		train, test, err := dataset.MNIST(dataset.MNISTConfig{})
		if err != nil {
			return nil, err
		}
		all, err := dataset.Concat(train, test)
		if err != nil {
			return nil, err
		}
		if all.Rows() != mnistRows {
			return nil, fmt.Errorf("MNIST has %d images, want %d", all.Rows(), mnistRows)
		}
		d := &Sample{IDs: random.Stream(s.Config.Seed, "lesson sample").Perm(mnistRows)[:s.Config.Rows], TrainRows: s.Config.trainRows(), White: 1}
		images, err := all.Images.Select(d.IDs)
		if err != nil {
			return nil, err
		}
		if d.Images, err = array.From(images.Data, len(d.IDs), Side*Side); err != nil {
			return nil, err
		}
		for _, id := range d.IDs {
			d.Labels = append(d.Labels, all.Labels[id])
		}
		if !s.Config.Scaled {
			d.White = 255
			for i, v := range d.Images.Data {
				d.Images.Data[i] = float32(int(v*255 + 0.5)) // the byte it was read from
			}
		}
		return d, nil
	})
}
