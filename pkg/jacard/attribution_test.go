package jacard

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestSplitsShareOneTotal: at every split, Σφ of an image is f(x) − base
// value, whatever the background.
func TestSplitsShareOneTotal(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		only := must(s.study.With(func(c *Config) { c.Background.Only = Ones }))(t)
		for _, a := range []*Attributions{s.attributions,
			must(s.study.WithLegacy(Legacy{Background: true}).Attributions(context.Background()))(t),
			must(only.Attributions(context.Background()))(t)} {
			for _, p := range a.Splits {
				for id, sum := range p.Sums() {
					want := float64(a.Outputs.Data[id]) - a.BaseValue
					if math.Abs(sum-want) > 1e-5 {
						t.Fatalf("linear %d, image %d: Σφ = %g, want f(x) − base value = %g", p.Linear, id, sum, want)
					}
				}
				if !(p.Gap < 1e-4) {
					t.Errorf("linear %d: gap %g", p.Linear, p.Gap)
				}
			}
			base := 0.0
			for _, id := range a.Background {
				base += float64(a.Outputs.Data[id]) / float64(len(a.Background))
			}
			if math.Abs(base-a.BaseValue) > 1e-6 {
				t.Errorf("base value %g, mean output of the background %g", a.BaseValue, base)
			}
		}
	})
}

func TestBackgrounds(t *testing.T) {
	s, ctx := tinyOn(t, fast(t)), context.Background()
	for _, c := range []struct {
		name   string
		change func(c *Config)
		ones   int
		test   bool
	}{
		{"balanced", func(c *Config) {}, 7, false},
		{"ones", func(c *Config) { c.Background.Only = Ones }, 13, false},
		{"zeros", func(c *Config) { c.Background.Only = Zeros }, 0, false},
		{"first test rows", func(c *Config) { c.Legacy.Background = true }, 7, true}, // 1010010011111
	} {
		a := must(must(s.study.With(c.change))(t).Attributions(ctx))(t)
		ones := 0
		for i, id := range a.Background {
			ones += s.digits.Labels[id]
			if inTest := id >= s.digits.TrainRows; inTest != c.test {
				t.Errorf("%s: id %d, of %d training rows", c.name, id, s.digits.TrainRows)
			}
			if c.test && id != 600+i || i > 0 && id <= a.Background[i-1] {
				t.Errorf("%s: ids %v", c.name, a.Background)
				break
			}
		}
		if len(a.Background) != 13 || a.FirstTestRows != c.test {
			t.Errorf("%s: %d rows, first test rows: %v", c.name, len(a.Background), a.FirstTestRows)
		}
		if c.name == "first test rows" {
			c.ones = strings.Count(first64[:13], "1")
		}
		if ones != c.ones {
			t.Errorf("%s: %d ones, want %d", c.name, ones, c.ones)
		}
	}
	for want, change := range map[string]func(c *Config){
		"background of 999 rows: there are 200 test rows": func(c *Config) { c.Background.Rows, c.Legacy.Background = 999, true },
		"background of 400 zeros and 400 ones":            func(c *Config) { c.Background.Rows = 800 },
		"jacard: attributions: background of 0 zeros and": func(c *Config) { c.Background.Rows, c.Background.Only = 700, Ones },
	} {
		_, err := must(s.study.With(change))(t).Attributions(ctx)
		wantError(t, err, want)
	}
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one with %q", err, text)
	}
}

// TestMeanAbsAndSums against plain loops.
func TestMeanAbsAndSums(t *testing.T) {
	p := tinyOn(t, fast(t)).attributions.Splits[2]
	for _, ids := range [][]int{nil, {3}, {5, 799, 5}} {
		got := must(p.MeanAbs(ids))(t)
		if ids == nil {
			ids = idRange(0, 800)
		}
		for k := range 20 {
			want := 0.0
			for _, id := range ids {
				want += math.Abs(float64(p.Values.Data[id*20+k])) / float64(len(ids))
			}
			if math.Abs(got[k]-want) > 1e-12 {
				t.Errorf("mean |φ| of input %d over %d images: got %g, want %g", k, len(ids), got[k], want)
			}
		}
	}
	sums := p.Sums()
	for _, id := range []int{0, 17, 799} {
		row := must(p.Row(id))(t)
		want := 0.0
		for _, v := range slices.Backward(row) {
			want += v
		}
		if len(row) != 20 || math.Abs(sums[id]-want) > 1e-12 {
			t.Errorf("Σφ of image %d: got %g, want %g", id, sums[id], want)
		}
	}
	for _, id := range []int{-1, 800} {
		_, err := p.Row(id)
		wantError(t, err, "out of range: there are images 0…799")
		_, err = p.MeanAbs([]int{id})
		wantError(t, err, "out of range")
	}
	_, err := p.MeanAbs([]int{})
	wantError(t, err, "no image")
}

func TestUnknownLayersAreNamed(t *testing.T) {
	s := tinyOn(t, fast(t))
	_, err := s.attributions.At(3)
	wantError(t, err, "no split before linear layer 3: there are [0 2 5 8 11]")
	_, err = s.neurons.At(14)
	wantError(t, err, "no neurons after linear layer 14: there are [0 2 5 8 11]")
	_, err = s.masks.At(1)
	wantError(t, err, "no mask for linear layer 1: there are [0 2 5 8 11]")
	_, err = s.study.Changes(context.Background(), tinyCluster(), 7, 1)
	wantError(t, err, "no mask for linear layer 7")
	_, err = s.study.Explain(s.masks, 0, 20)
	wantError(t, err, "no neuron 20")
	_, err = s.study.Explain(s.masks, 4, 0)
	wantError(t, err, "no mask for linear layer 4")
}
