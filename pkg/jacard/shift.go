package jacard

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/neuron"
	"github.com/gojacard/jacard/pkg/weightshift"
)

// Masks say which inputs matter for each neuron's images, in every layer, and
// which neurons are important.
type Masks struct {
	artifact.Provenance
	Cluster Cluster
	Layers  []LayerMask
}

// LayerMask holds one layer.
type LayerMask struct {
	Split
	Mask         *weightshift.Mask
	Averages     []float64 // what decided which neurons are important
	Important    []int
	Distribution weightshift.Distribution

	// What the masks were made from, for print-outs.
	Phi  *array.Array    // attributions of the cluster's images at this split, [images, inputs]
	Sets []neuron.TopSet // positions in the cluster
}

// Masks decides masks and important neurons for one cluster.
func (s *Study) Masks(ctx context.Context, cluster Cluster) (*Masks, error) {
	att, err := s.Attributions(input(ctx))
	if err != nil {
		return nil, err
	}
	n, err := s.Neurons(input(ctx), cluster)
	if err != nil {
		return nil, err
	}
	type config struct {
		Level, Share, Important              float64
		Images                               int
		Average, Lookup, Formula, LayerMixup bool
	}
	c, l := s.Config.Neurons, s.Config.Legacy
	spec := artifact.Spec{Name: "masks", Version: 2,
		Config: config{c.MaskLevel, c.MaskShare, c.Important, c.MaskImages, l.Average, l.Lookup, l.MaskFormula, l.LayerMixup},
		Inputs: map[string]string{"attributions": att.ID, "neurons": n.ID}}
	return step(ctx, s, spec, func(context.Context) (*Masks, error) {
		out := &Masks{Cluster: cluster}
		layers := n.Layers
		if l.LayerMixup { // the published study shifts by one layer's neurons, the first hidden layer's
			first, err := n.At(att.Splits[min(1, len(att.Splits)-1)].Linear)
			if err != nil {
				return nil, err
			}
			layers = []NeuronLayer{first}
		}
		for _, layer := range layers {
			m, err := s.layerMask(layer, att, cluster)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", layer.Dense, err)
			}
			out.Layers = append(out.Layers, m)
		}
		return out, nil
	})
}

func (s *Study) layerMask(layer NeuronLayer, att *Attributions, cluster Cluster) (LayerMask, error) {
	m := LayerMask{Split: layer.Split, Sets: layer.Sets}
	source := layer.Linear
	if s.Config.Legacy.LayerMixup {
		source = 0 // fault 9.5: mask and weights are of the inputs, the neurons stay the layer's own
		m.Split = att.Splits[0].Split
		m.Neurons = layer.Neurons
	}
	at, err := att.At(source)
	if err != nil {
		return m, err
	}
	rows := cluster.IDs
	if s.Config.Legacy.Lookup {
		rows = idRange(0, len(rows)) // fault 9.2
	}
	if m.Phi, err = at.Values.Select(rows); err != nil {
		return m, err
	}
	if m.Mask, err = weightshift.FeatureMask(m.Phi, m.positions(), m.Sets, s.maskConfig(source)); err != nil {
		return m, err
	}
	if m.Averages, err = layer.Averages(s.Config.Legacy.Average); err != nil {
		return m, err
	}
	if m.Important, err = weightshift.Important(m.Averages, weightshift.ImportantConfig{Threshold: s.Config.Neurons.Important}); err != nil {
		return m, err
	}
	m.Distribution, err = weightshift.Describe(m.Averages)
	return m, err
}

// maskConfig is the published threshold for the code, and a share of Σ|φ| for
// hidden layers, where single attributions are small (fault 9.14).
func (s *Study) maskConfig(linear int) weightshift.MaskConfig {
	c := s.Config.Neurons
	m := weightshift.MaskConfig{Images: c.MaskImages, LegacySigned: s.Config.Legacy.MaskFormula}
	if linear == 0 {
		m.Threshold = c.MaskLevel
	} else {
		m.Share = c.MaskShare
	}
	return m
}

// positions are the rows of Phi in order: Phi holds the cluster's images only.
func (m LayerMask) positions() []int { return idRange(0, m.Phi.Rows()) }

// At returns the mask of one linear layer.
func (m *Masks) At(linear int) (LayerMask, error) {
	return at(m.Layers, linear, "mask for")
}

// Explain shows how the mask of one neuron was decided, input by input.
func (s *Study) Explain(m *Masks, linear, number int) (artifact.Table, error) {
	l, err := m.At(linear)
	if err != nil {
		return artifact.Table{}, err
	}
	e, err := weightshift.Explain(l.Phi, l.positions(), l.Sets, number, s.maskConfig(linear))
	if err != nil {
		return artifact.Table{}, err
	}
	feature, flagged := make([]int64, len(e.Features)), make([]bool, len(e.Features))
	columns := make([][]float64, len(e.Features[0].Magnitudes))
	for i, f := range e.Features {
		feature[i], flagged[i] = int64(f.Feature), f.Flagged
		for c := range columns {
			columns[c] = append(columns[c], float64(f.Magnitudes[c]))
		}
	}
	t := artifact.Table{Columns: []artifact.Column{{Name: "feature", Values: feature}}}
	for c, values := range columns {
		name := fmt.Sprintf("largest |φ| %d", c+1) // of different images, input by input
		if !s.Config.Legacy.MaskFormula {
			name = fmt.Sprintf("|φ| of image %d", m.Cluster.IDs[e.Positions[c]])
		}
		t.Columns = append(t.Columns, artifact.Column{Name: name, Values: values})
	}
	t.Columns = append(t.Columns, artifact.Column{Name: "in mask", Values: flagged})
	return t, nil
}

// Sweep is the network's behaviour under shifts of its weights.
type Sweep struct {
	artifact.Provenance
	weightshift.Result
	Cluster string
	// OriginalUnchanged says that the classifier's hash is the same after
	// all shifts; ZeroIsIdentity that every δ = 0 gave the unshifted figures.
	OriginalUnchanged, ZeroIsIdentity bool
}

// Sweep shifts the weights of important neurons on copies of the classifier:
// every layer alone and all together, three modes, all δ; random masks with
// several seeds.
func (s *Study) Sweep(ctx context.Context, cluster Cluster) (*Sweep, error) {
	enc, cls, err := s.trained(ctx)
	if err != nil {
		return nil, err
	}
	masks, err := s.Masks(input(ctx), cluster)
	if err != nil {
		return nil, err
	}
	type config struct {
		ShiftConfig
		RowMixup bool
	}
	spec := artifact.Spec{Name: "sweep", Version: 1, Config: config{s.Config.Shift, s.Config.Legacy.RowMixup},
		Inputs: map[string]string{"encoding": enc.ID, "classifier": cls.ID, "masks": masks.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Sweep, error) {
		plan, err := s.plan(enc, masks)
		if err != nil {
			return nil, err
		}
		before := cls.Net.Hash()
		result, err := weightshift.Sweep(ctx, cls.Net, plan)
		if err != nil {
			return nil, err
		}
		out := &Sweep{Result: *result, Cluster: cluster.Name, OriginalUnchanged: cls.Net.Hash() == before, ZeroIsIdentity: true}
		for _, r := range out.Rows {
			if r.Delta == 0 && (r.TestLoss != out.Before.TestLoss || r.Flips != 0) {
				out.ZeroIsIdentity = false
			}
		}
		return out, nil
	})
}

func (s *Study) plan(enc *Encoding, masks *Masks) (weightshift.Plan, error) {
	p := weightshift.Plan{Deltas: s.Config.Shift.Deltas, LegacyRows: s.Config.Legacy.RowMixup,
		LegacyBatch: s.Config.Classifier.Batch, Backend: s.work.Backend, Progress: s.work.Progress("weight shifts")}
	for i := range s.Config.Shift.Seeds {
		p.Seeds = append(p.Seeds, s.Config.Seed+uint64(i))
	}
	for _, l := range masks.Layers {
		p.Parts = append(p.Parts, weightshift.Part{Layer: l.Dense, Neurons: l.Important, Mask: l.Mask})
	}
	var err error
	if p.Test, err = enc.group("test", enc.testIDs()); err != nil {
		return p, err
	}
	p.Cluster, err = enc.group(masks.Cluster.Name, masks.Cluster.IDs)
	return p, err
}

func (e *Encoding) group(name string, ids []int) (weightshift.Group, error) {
	x, err := e.Values.Select(ids)
	if err != nil {
		return weightshift.Group{}, fmt.Errorf("group %q: %w", name, err)
	}
	g := weightshift.Group{Name: name, Rows: x, IDs: ids}
	for _, id := range ids {
		g.Labels = append(g.Labels, e.Labels[id])
	}
	return g, nil
}

// Table lists the sweep as the study's result file does.
func (s *Sweep) Table() artifact.Table {
	n := len(s.Rows)
	var seed, neurons, weights, tn, fp, fn, tp, flips = ints(n), ints(n), ints(n), ints(n), ints(n), ints(n), ints(n), ints(n)
	cluster, layer, mode := make([]string, n), make([]string, n), make([]string, n)
	delta, loss, acc, cacc, cp, legacy := floats(n), floats(n), floats(n), floats(n), floats(n), floats(n)
	ids := make([]string, n)
	for i, r := range s.Rows {
		seed[i], neurons[i], weights[i] = int64(r.Seed), int64(r.Neurons), int64(r.WeightsChanged)
		tn[i], fp[i], fn[i], tp[i], flips[i] = int64(r.TN), int64(r.FP), int64(r.FN), int64(r.TP), int64(r.Flips)
		cluster[i], layer[i], mode[i], delta[i] = r.Cluster, r.Layer, string(r.Mode), r.Delta
		loss[i], acc[i], cacc[i], cp[i], legacy[i] = r.TestLoss, r.TestAccuracy, r.ClusterAccuracy, r.ClusterMeanP, r.LegacyLoss
		ids[i] = joinInts(r.FlipIDs)
	}
	return artifact.Table{Columns: []artifact.Column{
		{Name: "seed", Values: seed}, {Name: "cluster", Values: cluster}, {Name: "layer", Values: layer}, {Name: "mode", Values: mode},
		{Name: "delta", Values: delta}, {Name: "n_neurons", Values: neurons}, {Name: "n_weights_changed", Values: weights},
		{Name: "test_loss", Values: loss}, {Name: "test_acc", Values: acc}, {Name: "tn", Values: tn}, {Name: "fp", Values: fp},
		{Name: "fn", Values: fn}, {Name: "tp", Values: tp}, {Name: "cluster_acc", Values: cacc}, {Name: "cluster_mean_p", Values: cp},
		{Name: "n_flips", Values: flips}, {Name: "legacy_loss", Values: legacy}, {Name: "flip_ids", Values: ids},
	}}
}

// At returns the rows of one layer ("dense0", "all") and δ, one a mode and
// seed.
func (s *Sweep) At(layer string, delta float64) []weightshift.Row {
	var out []weightshift.Row
	for _, r := range s.Rows {
		if r.Layer == layer && r.Delta == delta {
			out = append(out, r)
		}
	}
	return out
}

// Changes are the changes of single probabilities under one shift.
type Changes struct {
	artifact.Provenance
	Layer string
	Delta float64
	Modes []ModeChanges
}

// ModeChanges holds one mode.
type ModeChanges struct {
	Mode    weightshift.Mode
	Changes []float64 // probability after − before, one a test row
}

// Changes shifts one layer by δ in each mode and compares the probabilities of
// the test rows.
func (s *Study) Changes(ctx context.Context, cluster Cluster, linear int, delta float64) (*Changes, error) {
	enc, cls, err := s.trained(ctx)
	if err != nil {
		return nil, err
	}
	masks, err := s.Masks(input(ctx), cluster)
	if err != nil {
		return nil, err
	}
	type config struct {
		Linear   int
		Delta    float64
		RowMixup bool
	}
	spec := artifact.Spec{Name: "changes", Version: 1, Config: config{linear, delta, s.Config.Legacy.RowMixup},
		Inputs: map[string]string{"encoding": enc.ID, "classifier": cls.ID, "masks": masks.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Changes, error) {
		m, err := masks.At(linear)
		if err != nil {
			return nil, err
		}
		x, _, err := enc.rows(enc.testIDs())
		if err != nil {
			return nil, err
		}
		run := network.RunConfig{Backend: s.work.Backend}
		before, err := cls.Net.Predict(ctx, x, run)
		if err != nil {
			return nil, err
		}
		out := &Changes{Layer: m.Dense, Delta: delta}
		for _, mode := range weightshift.Modes() {
			shifted, err := weightshift.Apply(cls.Net, weightshift.Shift{Mode: mode, Delta: delta, Seed: s.Config.Seed, LegacyRows: s.Config.Legacy.RowMixup,
				Parts: []weightshift.Part{{Layer: m.Dense, Neurons: m.Important, Mask: m.Mask}}})
			if err != nil {
				return nil, err
			}
			after, err := shifted.Predict(ctx, x, run)
			if err != nil {
				return nil, err
			}
			c := ModeChanges{Mode: mode, Changes: make([]float64, len(before.Data))}
			for i := range c.Changes {
				c.Changes[i] = float64(after.Data[i]) - float64(before.Data[i])
			}
			out.Modes = append(out.Modes, c)
		}
		return out, nil
	})
}

// LegacyShift repeats the published change on a copy: with every fault of the
// original but the one that also changed the original network, δ = 1. It
// returns how many test rows are right before and after.
func (s *Study) LegacyShift(ctx context.Context) (before, after int, err error) {
	cluster, err := PresetCluster(1)
	if err != nil {
		return 0, 0, err
	}
	l := AllLegacy()
	l.Order = s.Config.Legacy.Order // the networks stay the study's own
	old, err := s.WithLegacy(l).With(func(c *Config) { c.Shift = ShiftConfig{Deltas: []float64{0, 1}, Seeds: 1} })
	if err != nil {
		return 0, 0, err
	}
	sweep, err := old.Sweep(input(ctx), cluster)
	if err != nil {
		return 0, 0, err
	}
	for _, r := range sweep.Rows {
		if r.Mode == weightshift.ImportantInputs && r.Delta == 1 {
			return sweep.Before.TN + sweep.Before.TP, r.TN + r.TP, nil
		}
	}
	return 0, 0, fmt.Errorf("jacard: the sweep has no row for δ = 1")
}
