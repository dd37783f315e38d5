package lesson

import (
	"context"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
)

var ctx = context.Background()

// TestSmall runs a small lesson: every step gives what the next one needs.
func TestSmall(t *testing.T) {
	cfg := Quick()
	cfg.Rows, cfg.Classifier.Epochs, cfg.Projection.Rows = 1200, 3, 200
	s, err := Open(cfg, Options{Store: t.TempDir(), Backend: backend.ForTest(t)[0], Announce: func(string) {},
		Progress: func(string) func(int, int) { return func(int, int) {} }})
	if err != nil {
		t.Fatal(err)
	}
	sample, err := s.Sample(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if x, labels := sample.Train(); x.Rows() != 600 || len(labels) != 600 || sample.White != 255 {
		t.Errorf("%d training rows, %d labels, white %g", x.Rows(), len(labels), sample.White)
	}
	c, err := s.Classifier(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c.TestAccuracy < 0.6 || c.Layers() != 4 || c.Confusion.Accuracy() != c.TestAccuracy || len(c.Wrong(sample)) == 0 {
		t.Errorf("accuracy %g, %d layers, %d wrong", c.TestAccuracy, c.Layers(), len(c.Wrong(sample)))
	}
	e, err := s.Embeddings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range e.Layers {
		if l.Layer != i+1 || l.Points.Rows() != 200 || l.Units != []int{784, 512, 256, 10}[i] {
			t.Errorf("map %d: layer %d of %d units, %d points", i, l.Layer, l.Units, l.Points.Rows())
		}
	}
}
