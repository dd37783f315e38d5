package weightshift

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/metric"
	"github.com/gojacard/jacard/pkg/network"
)

// Group is a set of rows to measure a network on.
type Group struct {
	Name   string
	Rows   *array.Array // inputs of the network
	Labels []int        // 0 or 1
	IDs    []int        // global ids of the rows
}

// Plan is what [Sweep] runs through. Parts, Test and Cluster are required.
type Plan struct {
	// Parts are shifted each alone and, if there are several, all together
	// (Layer "all").
	Parts []Part

	Test    Group // rows to measure losses, confusion and flips on
	Cluster Group // the rows the masks were made from

	// Modes to run. Nil means all three.
	Modes []Mode

	// Deltas to run. Nil means 0, ±0.01, ±0.05, ±0.1, ±0.25, ±0.5 and ±1,
	// ascending.
	Deltas []float64

	// Seeds of the random masks, one run each; the other modes draw nothing
	// and run once. Nil means 1…5.
	Seeds []uint64

	// LegacyRows is handed on to [Shift].
	LegacyRows bool

	// LegacyBatch is the batch size behind the legacy loss. 0 means 64.
	LegacyBatch int

	// Backend computes; nil means the process's default.
	Backend compute.Backend

	// Progress, if not nil, is called after each shift.
	Progress func(done, total int)
}

// Row is one line of the result: one shift and what it did. The order of the
// fields is that of the published layout.
type Row struct {
	Seed    uint64 // of the random mask; 0 in the other modes
	Cluster string
	Layer   string // or "all"
	Mode    Mode
	Delta   float64

	Neurons        int // important neurons of the layers
	WeightsChanged int // weights that differ from the original's

	TestLoss       float64 // mean binary cross-entropy
	TestAccuracy   float64
	TN, FP, FN, TP int

	ClusterAccuracy float64
	ClusterMeanP    float64 // mean probability of class 1

	Flips      int     // test rows with another predicted class than before
	LegacyLoss float64 // the loss that the published study prints

	FlipIDs []int // ids of those rows, ascending by row
}

// Result is what [Sweep] returns.
type Result struct {
	Before Row // the unshifted network; Layer and Mode are empty
	Rows   []Row
}

func (p Plan) withDefaults() (Plan, error) {
	if p.Modes == nil {
		p.Modes = Modes()
	}
	if p.Deltas == nil {
		p.Deltas = []float64{-1, -0.5, -0.25, -0.1, -0.05, -0.01, 0, 0.01, 0.05, 0.1, 0.25, 0.5, 1}
	}
	if p.Seeds == nil {
		p.Seeds = []uint64{1, 2, 3, 4, 5}
	}
	p.LegacyBatch = cmp.Or(p.LegacyBatch, 64)
	if len(p.Parts) == 0 {
		return p, fmt.Errorf("weightshift: a sweep without parts: give at least one layer with its neurons and mask")
	}
	for _, g := range []Group{p.Test, p.Cluster} {
		if g.Rows == nil || g.Rows.Rows() == 0 || g.Rows.Rows() != len(g.Labels) || len(g.Labels) != len(g.IDs) {
			rows := 0
			if g.Rows != nil {
				rows = g.Rows.Rows()
			}
			return p, fmt.Errorf("weightshift: group %q has %d rows, %d labels and %d ids: want as many of all, at least 1", g.Name, rows, len(g.Labels), len(g.IDs))
		}
	}
	return p, nil
}

// Sweep shifts copies of net through all layers, modes, seeds and deltas of
// the plan, in this order, and measures each, δ = 0 too. net must end in one
// probability a row. All copies run through one compiled program; net is
// proved unchanged by hash.
func Sweep(ctx context.Context, net *network.Network, plan Plan) (*Result, error) {
	plan, err := plan.withDefaults()
	if err != nil {
		return nil, err
	}
	hash := net.Hash()
	m, err := newMeasurer(ctx, net, plan)
	if err != nil {
		return nil, err
	}
	result := &Result{}
	if result.Before, err = m.row(m.before); err != nil {
		return nil, err
	}
	shifts := plan.shifts()
	for i, s := range shifts {
		shifted, changed, err := apply(net, s.Shift)
		if err != nil {
			return nil, err
		}
		probabilities, err := m.run(ctx, shifted)
		if err != nil {
			return nil, err
		}
		row, err := m.row(probabilities)
		if err != nil {
			return nil, fmt.Errorf("weightshift: layer %q, mode %s, Delta %g: %w", s.layer, s.Mode, s.Delta, err)
		}
		row.Seed, row.Layer, row.Mode, row.Delta, row.WeightsChanged = s.Seed, s.layer, s.Mode, s.Delta, changed
		for _, p := range s.Parts {
			row.Neurons += len(p.Neurons)
		}
		result.Rows = append(result.Rows, row)
		if plan.Progress != nil {
			plan.Progress(i+1, len(shifts))
		}
	}
	if after := net.Hash(); after != hash {
		return nil, fmt.Errorf("weightshift: the original network changed from %.12s to %.12s during the sweep: its arrays are written to elsewhere", hash, after)
	}
	return result, nil
}

type namedShift struct {
	Shift
	layer string
}

func (p Plan) shifts() []namedShift {
	var out []namedShift
	add := func(layer string, parts []Part) {
		for _, mode := range p.Modes {
			seeds := []uint64{0}
			if mode == RandomInputs {
				seeds = p.Seeds
			}
			for _, seed := range seeds {
				for _, delta := range p.Deltas {
					out = append(out, namedShift{Shift{Parts: parts, Mode: mode, Delta: delta, Seed: seed, LegacyRows: p.LegacyRows}, layer})
				}
			}
		}
	}
	for i, part := range p.Parts {
		add(part.Layer, p.Parts[i:i+1])
	}
	if len(p.Parts) > 1 {
		add("all", p.Parts)
	}
	return out
}

// measurer runs networks on test and cluster rows in one batch.
type measurer struct {
	plan   Plan
	rows   *array.Array
	before []float32 // probabilities of the unshifted network
}

func newMeasurer(ctx context.Context, net *network.Network, plan Plan) (*measurer, error) {
	rows, err := array.Concat(plan.Test.Rows, plan.Cluster.Rows)
	if err != nil {
		return nil, fmt.Errorf("weightshift: test and cluster rows: %w", err)
	}
	if out := net.Output(); !slices.Equal(out, []int{1}) {
		return nil, fmt.Errorf("weightshift: network %q gives rows of shape %v: a sweep wants one probability a row", net.Name(), out)
	}
	m := &measurer{plan: plan, rows: rows}
	m.before, err = m.run(ctx, net)
	return m, err
}

func (m *measurer) run(ctx context.Context, net *network.Network) ([]float32, error) {
	cfg := network.RunConfig{Backend: m.plan.Backend}
	if m.rows.Rows() <= 4096 { // one batch needs no rows to fill up the last one: 2,181 instead of 3,072
		cfg.BatchRows = m.rows.Rows()
	}
	out, err := net.Predict(ctx, m.rows, cfg)
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

// row measures probabilities of the test rows and then the cluster's.
func (m *measurer) row(p []float32) (Row, error) {
	test, cluster := p[:len(m.plan.Test.Labels)], p[len(m.plan.Test.Labels):]
	onTest, err := metric.NewBinary(test, m.plan.Test.Labels)
	if err != nil {
		return Row{}, err
	}
	onCluster, err := metric.NewBinary(cluster, m.plan.Cluster.Labels)
	if err != nil {
		return Row{}, err
	}
	legacy, err := metric.LegacyLoss(test, m.plan.Test.Labels, m.plan.LegacyBatch)
	if err != nil {
		return Row{}, err
	}
	flips, err := metric.Flips(m.before[:len(test)], test)
	if err != nil {
		return Row{}, err
	}
	for i, at := range flips {
		flips[i] = m.plan.Test.IDs[at]
	}
	return Row{
		Cluster:  m.plan.Cluster.Name,
		TestLoss: onTest.BCE, TestAccuracy: onTest.Accuracy(), TN: onTest.TN, FP: onTest.FP, FN: onTest.FN, TP: onTest.TP,
		ClusterAccuracy: onCluster.Accuracy(), ClusterMeanP: onCluster.MeanP,
		Flips: len(flips), LegacyLoss: legacy, FlipIDs: flips,
	}, nil
}
