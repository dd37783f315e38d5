package jacard

import (
	"context"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/gojacard/jacard/pkg/neuron"
	"github.com/gojacard/jacard/pkg/weightshift"
)

// TestTopSets: a corrected set holds positive activations only, a legacy one
// always ten.
func TestTopSets(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		legacy := must(s.study.WithLegacy(Legacy{TopSets: true}).Neurons(context.Background(), tinyCluster()))(t)
		short := 0
		for i, l := range s.neurons.Layers {
			old := legacy.Layers[i]
			if !old.Activations.Equal(l.Activations) {
				t.Errorf("%s: legacy top sets changed activations", l.Neurons)
			}
			for j, set := range l.Sets {
				if n := len(old.Sets[j].Positions); n != 10 {
					t.Errorf("%s, neuron %d: legacy top set of %d images", l.Neurons, j, n)
				}
				positive := 0
				for p := range l.Activations.Rows() {
					if l.Activations.At(p, j) > 0 {
						positive++
					}
				}
				if len(set.Positions) != min(10, positive) || l.Stats[j].Dead != (positive == 0) {
					t.Errorf("%s, neuron %d: %d images in the set, %d positive", l.Neurons, j, len(set.Positions), positive)
				}
				if positive < 10 {
					short++
				}
				for _, p := range set.Positions {
					if !(l.Activations.At(p, j) > 0) {
						t.Errorf("%s, neuron %d: position %d has activation %g", l.Neurons, j, p, l.Activations.At(p, j))
					}
				}
			}
		}
		if short == 0 {
			t.Error("no neuron has fewer than ten images: the test shows nothing")
		}
	})
}

// TestFaultsOfMasks: each fault changes what docs/corrections.md says of it
// and nothing else. Masks are made again here by the published formulas.
func TestFaultsOfMasks(t *testing.T) {
	s, ctx, cluster := tinyOn(t, fast(t)), context.Background(), tinyCluster()
	masks := func(l Legacy) *Masks { return must(s.study.WithLegacy(l).Masks(ctx, cluster))(t) }
	same := func(t *testing.T, a, b LayerMask, phi, averages, mask bool) {
		t.Helper()
		if a.Phi.Equal(b.Phi) != phi || slices.Equal(a.Averages, b.Averages) != averages || a.Mask.Values.Equal(b.Mask.Values) != mask {
			t.Errorf("linear %d: attributions equal %v, averages %v, masks %v; want %v, %v, %v", a.Linear,
				a.Phi.Equal(b.Phi), slices.Equal(a.Averages, b.Averages), a.Mask.Values.Equal(b.Mask.Values), phi, averages, mask)
		}
	}
	published := func(m LayerMask, j int, values func(k int) []float64) {
		for k := range m.Phi.Width() {
			want := float32(0)
			for _, v := range values(k) {
				if math.Abs(v) >= float64(float32(0.005)) {
					want = 1
				}
			}
			if m.Mask.Values.At(j, k) != want {
				t.Errorf("neuron %d, input %d: mask %g, want %g", j, k, m.Mask.Values.At(j, k), want)
			}
		}
	}
	phiOf := func(m LayerMask, positions []int, k int) (out []float64) {
		for _, p := range positions {
			out = append(out, float64(m.Phi.At(p, k)))
		}
		return out
	}
	base, n := s.masks.Layers[0], len(cluster.IDs)

	t.Run("corrected", func(t *testing.T) {
		if n := base.Mask.Total(); n == 0 || n == 20*30 || len(base.Important) == 0 || len(base.Important) == 20 {
			t.Errorf("%d ones in the mask, %d important neurons: the test shows nothing", n, len(base.Important))
		}
		for p, id := range cluster.IDs {
			if !slices.Equal(base.Phi.Row(p), s.attributions.Splits[0].Values.Row(id)) {
				t.Errorf("position %d does not hold the attributions of image %d", p, id)
			}
		}
		for j, set := range base.Sets {
			published(base, j, func(k int) []float64 { return phiOf(base, set.Positions[:min(3, len(set.Positions))], k) })
			var own float64
			for _, p := range set.Positions {
				own += float64(s.neurons.Layers[0].Activations.At(p, j)) / float64(len(set.Positions))
			}
			if math.Abs(base.Averages[j]-own) > 1e-6 {
				t.Errorf("neuron %d: average %g, want its own %g", j, base.Averages[j], own)
			}
			if slices.Contains(base.Important, j) != (base.Averages[j] > 0.02) {
				t.Errorf("neuron %d with average %g: important %v", j, base.Averages[j], base.Important)
			}
		}
	})
	t.Run("9.1 average", func(t *testing.T) {
		for i, m := range masks(Legacy{Average: true}).Layers {
			same(t, m, s.masks.Layers[i], true, false, true)
			layer := s.neurons.Layers[i]
			all := must(neuron.TopSets(layer.Activations, neuron.TopConfig{Legacy: true}))(t)
			for j := range m.Averages {
				want := 0.0 // positions taken for numbers of neurons
				for _, r := range all[j].Positions {
					for p := range n {
						want += float64(layer.Activations.At(p, r)) / float64(10*n)
					}
				}
				if math.Abs(m.Averages[j]-want) > 1e-6 {
					t.Errorf("linear %d, neuron %d: average %g, want %g", m.Linear, j, m.Averages[j], want)
				}
			}
		}
	})
	t.Run("9.2 look-up", func(t *testing.T) {
		for i, m := range masks(Legacy{Lookup: true}).Layers {
			if m.Phi.Equal(s.masks.Layers[i].Phi) || !slices.Equal(m.Averages, s.masks.Layers[i].Averages) || !reflect.DeepEqual(m.Sets, s.masks.Layers[i].Sets) {
				t.Errorf("linear %d: the look-up changes attributions, and nothing of the neurons", m.Linear)
			}
			for p := range cluster.IDs {
				if !slices.Equal(m.Phi.Row(p), s.attributions.Splits[i].Values.Row(p)) {
					t.Errorf("linear %d, position %d: not the attributions of row %d", m.Linear, p, p)
				}
			}
		}
	})
	t.Run("9.5 layers", func(t *testing.T) {
		m := masks(Legacy{LayerMixup: true})
		if len(m.Layers) != 1 {
			t.Fatalf("%d layers, want the first hidden one", len(m.Layers))
		}
		l, neurons := m.Layers[0], s.masks.Layers[1]
		if want := (Split{Linear: 0, Inputs: "input", Neurons: "relu3", Dense: "dense0"}); l.Split != want {
			t.Errorf("got %+v, want %+v", l.Split, want)
		}
		if !l.Phi.Equal(base.Phi) || !slices.Equal(l.Averages, neurons.Averages) || !slices.Equal(l.Important, neurons.Important) || !reflect.DeepEqual(l.Sets, neurons.Sets) {
			t.Error("want the attributions of linear 0 and the neurons of linear 2")
		}
		for j, set := range l.Sets {
			published(l, j, func(k int) []float64 { return phiOf(l, set.Positions[:min(3, len(set.Positions))], k) })
		}
		for _, r := range must(s.study.WithLegacy(Legacy{LayerMixup: true}).Sweep(ctx, cluster))(t).Rows {
			if r.Layer != "dense0" || r.Neurons != len(neurons.Important) {
				t.Fatalf("sweep shifts %s by %d neurons, want dense0 by the %d of linear 2", r.Layer, r.Neurons, len(neurons.Important))
			}
		}
	})
	t.Run("9.6 four layers", func(t *testing.T) {
		m := masks(Legacy{FourLayers: true})
		if len(m.Layers) != 4 {
			t.Fatalf("%d layers, want 4", len(m.Layers))
		}
		for i, l := range m.Layers {
			if l.Split != s.masks.Layers[i+1].Split {
				t.Errorf("layer %d: %+v", i, l.Split)
			}
			same(t, l, s.masks.Layers[i+1], true, true, true)
		}
	})
	t.Run("method one", func(t *testing.T) {
		m := masks(Legacy{MaskFormula: true}).Layers[0]
		if !m.Phi.Equal(base.Phi) || !slices.Equal(m.Averages, base.Averages) {
			t.Error("the formula changes masks only")
		}
		for j, set := range m.Sets {
			published(m, j, func(k int) []float64 {
				values := phiOf(m, set.Positions, k)
				slices.Sort(values)
				slices.Reverse(values)
				return values[:min(3, len(values))]
			})
		}
	})
}

// TestRowMixup (9.4): the i-th important neuron's mask is added to row i.
func TestRowMixup(t *testing.T) {
	s, ctx, cluster := tinyOn(t, fast(t)), context.Background(), tinyCluster()
	legacy := s.study.WithLegacy(Legacy{RowMixup: true})
	sweep := must(legacy.Sweep(ctx, cluster))(t)
	differ := 0
	for i, r := range sweep.Rows {
		want := s.sweep.Rows[i]
		if r.Layer != want.Layer || r.Mode != want.Mode || r.Delta != want.Delta || r.Neurons != want.Neurons || r.Delta == 0 && !reflect.DeepEqual(r, want) {
			t.Errorf("row %d: got %+v, want %+v", i, r, want)
		}
		if r.TestLoss != want.TestLoss {
			differ++
		}
	}
	if differ == 0 || !sweep.OriginalUnchanged || !sweep.ZeroIsIdentity {
		t.Errorf("%d rows differ; original unchanged %v, zero is identity %v", differ, sweep.OriginalUnchanged, sweep.ZeroIsIdentity)
	}
	changes := must(legacy.Changes(ctx, cluster, 0, 1))(t)
	if reflect.DeepEqual(changes.Modes, s.changes.Modes) {
		t.Error("single probabilities do not know the fault")
	}
}

// TestSweep: copies only, nothing at δ = 0, and single probabilities agree
// with the table.
func TestSweep(t *testing.T) {
	onAll(t, func(t *testing.T, s *tiny) {
		if !s.sweep.OriginalUnchanged || !s.sweep.ZeroIsIdentity {
			t.Errorf("original unchanged %v, zero is identity %v", s.sweep.OriginalUnchanged, s.sweep.ZeroIsIdentity)
		}
		if s.sweep.Before.TestAccuracy != s.classifier.Test.Accuracy() || math.Abs(s.sweep.Before.TestLoss-s.classifier.Test.BCE) > 1e-6 {
			t.Errorf("before: %+v, classifier: %+v", s.sweep.Before, s.classifier.Test)
		}
		for _, r := range s.sweep.Rows {
			if r.Delta == 0 && r.WeightsChanged != 0 || r.Layer == "dense0" && r.Delta != 0 && r.WeightsChanged == 0 {
				t.Errorf("δ = %g changed %d weights of %s", r.Delta, r.WeightsChanged, r.Layer)
			}
		}
		before := must(s.study.Changes(context.Background(), tinyCluster(), 0, 0))(t)
		for _, m := range before.Modes {
			if slices.Min(m.Changes) != 0 || slices.Max(m.Changes) != 0 {
				t.Errorf("δ = 0, %s: probabilities move", m.Mode)
			}
		}
		for i, m := range s.changes.Modes {
			if m.Mode != weightshift.Modes()[i] || len(m.Changes) != 200 || slices.Max(m.Changes) == slices.Min(m.Changes) {
				t.Errorf("mode %d: %s with %d changes", i, m.Mode, len(m.Changes))
			}
		}
		if got := s.sweep.At("dense0", 1); len(got) != 4 || got[0].Mode != weightshift.ImportantInputs {
			t.Errorf("rows of dense0 at δ = 1: %+v", got)
		}
		if got := s.sweep.At("dense1", 1); got != nil {
			t.Errorf("rows of an unknown layer: %+v", got)
		}
	})
}

// TestExplain: the table shows what the mask was decided by.
func TestExplain(t *testing.T) {
	s := tinyOn(t, fast(t))
	for _, study := range []*Study{s.study, s.study.WithLegacy(Legacy{MaskFormula: true})} {
		masks := must(study.Masks(context.Background(), tinyCluster()))(t)
		for _, linear := range []int{0, 5} {
			m := must(masks.At(linear))(t)
			for j, set := range m.Sets {
				table := must(study.Explain(masks, linear, j))(t)
				if n := len(table.Columns); n != 2+min(3, len(set.Positions)) || table.Rows() != m.Phi.Width() {
					t.Errorf("linear %d, neuron %d: %d columns, %d rows", linear, j, n, table.Rows())
				}
				for k, in := range table.Columns[len(table.Columns)-1].Values.([]bool) {
					if in != (m.Mask.Values.At(j, k) == 1) {
						t.Errorf("linear %d, neuron %d, input %d: explained as %v", linear, j, k, in)
					}
				}
			}
		}
	}
}
