package tour

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/attribution"
)

// TestQuick goes through every step at a small size.
func TestQuick(t *testing.T) {
	ctx := context.Background()
	cfg := Quick()
	cfg.Digits = NetworkConfig{TrainRows: 600, Channels: []int{4}, Dense: 12, Epochs: 6}
	if os.Getenv("TOUR_FULL") != "" {
		cfg = Full()
	}
	s, err := Open(cfg, Options{Store: t.TempDir(), Backend: backend.ForTest(t)[len(backend.ForTest(t))-1], Announce: func(l string) { t.Log(l) },
		Progress: func(string) func(int, int) { return func(int, int) {} }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Digits(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(p.Accuracy, p.Loss)
	if os.Getenv("TOUR_FULL") != "" {
		o, err := s.Objects(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(o.Accuracy, o.Loss)
	}
	if p.LastConv() != "relu1" && os.Getenv("TOUR_FULL") == "" {
		t.Errorf("last convolution %q", p.LastConv())
	}
	if p.Rows.Rows() != cfg.Images || p.Labels[0] == p.Labels[1] || p.Accuracy < 0.3 {
		t.Errorf("%d pictures of classes %v, accuracy %g", p.Rows.Rows(), p.Labels, p.Accuracy)
	}
	rescale, err := s.Explain(ctx, p, attribution.Rescale{}, Player{})
	if err != nil {
		t.Fatal(err)
	}
	squares := p.Squares(7)
	kernel, err := s.Explain(ctx, p, attribution.KernelSHAP{Coalitions: 200}, squares)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(kernel.Values.Shape, p.Rows.Shape) || kernel.Values.At(0, 0) != kernel.Values.At(0, 1) || len(kernel.Errors) == 0 || rescale.Errors != nil {
		t.Errorf("values of shape %v, %d errors", kernel.Values.Shape, len(kernel.Errors))
	}
	sampled, err := s.Explain(ctx, p, attribution.SampledShapley{}, squares)
	if err != nil {
		t.Fatal(err)
	}
	if share, err := WithinErrors(kernel, sampled); err != nil || share < 0.85 {
		t.Errorf("two estimates of the same values: %g within two standard errors, %v", share, err)
	}
	if _, err := WithinErrors(kernel, rescale); err == nil || !strings.Contains(err.Error(), "and 0: want the same number") {
		t.Errorf("a method without standard errors: %v", err)
	}
	checks, err := s.Check(ctx, p, rescale, kernel)
	if err != nil {
		t.Fatal(err)
	}
	if checks.InsertionArea[0] <= checks.DeletionArea[0] || len(checks.RandomDeletion) != len(checks.Share) || checks.Agreement[0][1] <= 0 {
		t.Errorf("areas %v and %v, agreement %v", checks.DeletionArea, checks.InsertionArea, checks.Agreement)
	}
	panel, err := s.Randomise(ctx, p, attribution.Rescale{})
	if err != nil {
		t.Fatal(err)
	}
	last := len(panel.Stages) - 1
	if panel.Stages[last] != "shuffled labels" || panel.Similarity[0][0] < 0.999 || panel.Similarity[0][last-1] > 0.9 {
		t.Errorf("stages %v, similarities %v", panel.Stages, panel.Similarity)
	}
}
