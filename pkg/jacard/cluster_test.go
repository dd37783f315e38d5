package jacard

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/gojacard/jacard/pkg/dataset"
)

// TestPresets: the published id lists and what MNIST's labels say of them.
func TestPresets(t *testing.T) {
	train, test, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	labels := append(slices.Clone(train.Labels), test.Labels...)
	if len(train.Labels) != 12665 || len(test.Labels) != 2115 {
		t.Fatalf("%d and %d rows", len(train.Labels), len(test.Labels))
	}
	presets := must(Presets())(t)
	for i, want := range []struct{ zeros, ones, train, test, first, last int }{
		{1, 83, 78, 6, 18, 14105}, {63, 3, 54, 12, 65, 14666}, {127, 0, 124, 3, 122, 14723},
	} {
		c, got := presets[i], want
		got.zeros, got.ones, got.train, got.test = 0, 0, 0, 0
		for k, id := range c.IDs {
			if id < 0 || id >= len(labels) || k > 0 && id <= c.IDs[k-1] {
				t.Fatalf("%s: ids are not ascending rows of the data: %v", c.Name, c.IDs)
			}
			if got.ones += labels[id]; labels[id] == 0 {
				got.zeros++
			}
			if got.test++; id < len(train.Labels) {
				got.test, got.train = got.test-1, got.train+1
			}
		}
		got.first, got.last = c.IDs[0], c.IDs[len(c.IDs)-1]
		if got != want || len(c.Rectangle) != 4 || c.How == "" || c.Source == "" {
			t.Errorf("%s: got %+v, want %+v; %v %q %q", c.Name, got, want, c.Rectangle, c.How, c.Source)
		}
	}
	// The three ones of cluster 1, and the zero of cluster 0.
	for _, p := range []struct{ cluster, position, id, label int }{{1, 14, 2823, 1}, {1, 27, 6626, 1}, {1, 58, 13291, 1}, {0, 57, 9528, 0}} {
		if id := presets[p.cluster].IDs[p.position]; id != p.id || labels[id] != p.label {
			t.Errorf("cluster %d, position %d: image %d with label %d, want %d with %d", p.cluster, p.position, id, labels[id], p.id, p.label)
		}
	}
	for _, number := range []int{-1, 3} {
		_, err := PresetCluster(number)
		wantError(t, err, "there are 0, 1 and 2")
	}
}

func TestPublishedNumbers(t *testing.T) {
	if len(PublishedClassifier) != 25 || PublishedClassifier[24] != (EpochValue{25, 2112}) || PublishedAutoencoder[0].Epoch != 0 || PublishedAutoencoder[len(PublishedAutoencoder)-1].Epoch != 99 {
		t.Error("published logs are incomplete")
	}
	// 12,665 rows in batches of 64: 198 batches.
	if got, want := LegacyLossFactor(12665, 64), 12665.0/198; got != want {
		t.Errorf("factor %g, want %g", got, want)
	}
	if got := 2.987143 / LegacyLossFactor(12665, 64); got < 0.0466 || got > 0.0468 {
		t.Errorf("published loss of epoch 1 is %g a pixel, want 0.0467", got)
	}
	if len(first20) != 20 || len(first64) != 64 {
		t.Errorf("label strings of %d and %d", len(first20), len(first64))
	}
}

// TestClusters: what a rectangle, k-means and DBSCAN find are ids of images
// and say which map they are from.
func TestClusters(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		m := s.projection
		x, y := float64(m.Points.At(5, 0)), float64(m.Points.At(5, 1))
		c := must(m.Rectangle("one", x, x, y, y))(t)
		if !slices.Contains(c.IDs, 5) || c.Name != "one" || c.Source != m.ID || !slices.Equal(c.Rectangle, []float64{x, x, y, y}) || c.How == "" {
			t.Errorf("rectangle around image 5: %+v", c)
		}
		all := must(m.Rectangle("all", -1e9, 1e9, -1e9, 1e9))(t)
		if !slices.Equal(all.IDs, idRange(0, 800)) {
			t.Errorf("rectangle around all holds %d images", len(all.IDs))
		}
		_, err := m.Rectangle("none", 1, 0, 0, 1)
		wantError(t, err, "want x0 ≤ x1")

		groups := must(s.study.KMeans(m, 3))(t)
		var ids []int
		for _, g := range groups {
			ids = append(ids, g.IDs...)
			if g.Source != m.ID || g.How == "" {
				t.Errorf("k-means: %q of %q", g.How, g.Source)
			}
		}
		slices.Sort(ids)
		if len(groups) != 3 || !slices.Equal(ids, idRange(0, 800)) {
			t.Errorf("k-means: %d clusters of %d images", len(groups), len(ids))
		}
		again := must(s.study.KMeans(m, 3))(t)
		for i := range groups {
			if !slices.Equal(groups[i].IDs, again[i].IDs) {
				t.Errorf("k-means differs from run to run")
			}
		}
		_, err = s.study.KMeans(m, 801)
		wantError(t, err, "801")

		if one := must(m.DBSCAN(1e9, 1))(t); len(one) != 1 || len(one[0].IDs) != 800 {
			t.Errorf("DBSCAN with a wide radius: %d clusters", len(one))
		}
		if none := must(m.DBSCAN(1e-9, 800))(t); len(none) != 0 {
			t.Errorf("DBSCAN with a tiny radius: %d clusters", len(none))
		}
		_, err = m.DBSCAN(0, 1)
		wantError(t, err, "eps")
	})
}

func TestSelection(t *testing.T) {
	s, ctx := tinyOn(t, fast(t)), context.Background()
	t.Chdir(t.TempDir())
	_, err := s.study.Selection(ctx, "brushed")
	wantError(t, err, `no selection "brushed": draw a rectangle`)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	if err := os.Mkdir("selections", 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"ids": [3, 800]}`: "id 800: rows are 0…799",
		`{"ids": []}`:       "no ids",
		`{"ids": [3, 3]}`:   "twice",
		`{"ids"`:            "brushed.json",
	} {
		if err := os.WriteFile(SelectionFile("brushed"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := s.study.Selection(ctx, "brushed")
		wantError(t, err, want)
	}
	if err := os.WriteFile(SelectionFile("brushed"), []byte(`{"ids": [30, 4, 500], "rectangle": [0, 1, 2, 3], "source": "abc"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	c := must(s.study.Selection(ctx, "brushed"))(t)
	if c.Name != "brushed" || !slices.Equal(c.IDs, []int{4, 30, 500}) || c.Source != "abc" {
		t.Errorf("got %+v", c)
	}
	if n := must(s.study.Neurons(ctx, c))(t); !slices.Equal(n.IDs, c.IDs) || len(n.Labels) != 3 {
		t.Errorf("neurons of images %v", n.IDs)
	}
}

// TestBadClusters: ids that are no images and clusters that hold none.
func TestBadClusters(t *testing.T) {
	s, ctx := tinyOn(t, fast(t)), context.Background()
	for want, c := range map[string]Cluster{
		`cluster "far"`:   {Name: "far", IDs: []int{3, 800}},
		`cluster "below"`: {Name: "below", IDs: []int{-1}},
		`cluster "empty"`: {Name: "empty"},
	} {
		_, err := s.study.Neurons(ctx, c)
		wantError(t, err, want)
		_, err = s.study.Masks(ctx, c)
		wantError(t, err, want)
		_, err = s.study.Sweep(ctx, c)
		wantError(t, err, want)
	}
	big := Cluster{Name: "big", IDs: idRange(0, 21)} // more images than neurons
	_, err := s.study.WithLegacy(Legacy{Average: true}).Masks(ctx, big)
	wantError(t, err, "cluster of 21 images and 20 neurons")
	if n := must(s.study.Neurons(ctx, big))(t); n.Layers[0].LegacyAverage != nil {
		t.Error("a published average where the published code fails")
	}
}
