package weightshift_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/weightshift"
)

// TestSweepAgainstOneByOne shifts and predicts each setting on its own and
// counts with plain loops.
func TestSweepAgainstOneByOne(t *testing.T) {
	ctx := context.Background()
	for _, be := range backend.ForTest(t) {
		net, plan := smallPlan(7)
		plan.Backend = be
		calls := 0
		plan.Progress = func(done, total int) {
			if calls++; done != calls || total != 3*4*3 {
				t.Errorf("progress %d of %d at call %d", done, total, calls)
			}
		}
		result := must(weightshift.Sweep(ctx, net, plan))
		cfg := network.RunConfig{Backend: be}
		before := must(net.Predict(ctx, plan.Test.Rows, cfg))
		at := 0
		for _, layer := range []string{"dense0", "dense2", "all"} {
			parts := map[string][]weightshift.Part{"dense0": plan.Parts[:1], "dense2": plan.Parts[1:], "all": plan.Parts}[layer]
			for _, mode := range weightshift.Modes() {
				seeds := []uint64{0}
				if mode == weightshift.RandomInputs {
					seeds = plan.Seeds
				}
				for _, seed := range seeds {
					for _, delta := range plan.Deltas {
						got := result.Rows[at]
						at++
						name := fmt.Sprintf("%s: layer %s %s seed %d delta %g", be.Name(), layer, mode, seed, delta)
						if got.Layer != layer || got.Mode != mode || got.Seed != seed || got.Delta != delta || got.Cluster != "c" || got.Neurons != 4*len(parts) {
							t.Fatalf("%s: got row %+v", name, got)
						}
						shifted := must(weightshift.Apply(net, weightshift.Shift{Parts: parts, Mode: mode, Delta: delta, Seed: seed}))
						p := must(shifted.Predict(ctx, plan.Test.Rows, cfg))
						var counts [2][2]int // [label][predicted]
						var flips []int
						loss := 0.0
						for i, y := range plan.Test.Labels {
							counts[y][classOf(p.Data[i])]++
							loss -= math.Log(math.Abs(float64(1-y)-float64(p.Data[i]))) / float64(len(plan.Test.Labels))
							if classOf(p.Data[i]) != classOf(before.Data[i]) {
								flips = append(flips, plan.Test.IDs[i])
							}
						}
						if got.TN != counts[0][0] || got.FP != counts[0][1] || got.FN != counts[1][0] || got.TP != counts[1][1] ||
							!slices.Equal(got.FlipIDs, flips) || got.Flips != len(flips) {
							t.Errorf("%s: got %+v, want counts %v and flips %v", name, got, counts, flips)
						}
						if math.Abs(got.TestLoss-loss) > 1e-6 || math.Abs(got.TestAccuracy-float64(got.TN+got.TP)/float64(len(plan.Test.Labels))) > 1e-12 {
							t.Errorf("%s: loss %g accuracy %g, want loss %g", name, got.TestLoss, got.TestAccuracy, loss)
						}
						// One batch of 64 holds all rows: the legacy loss divides once more.
						if math.Abs(got.LegacyLoss-loss/float64(len(plan.Test.Labels))) > 1e-6 {
							t.Errorf("%s: legacy loss %g, want %g", name, got.LegacyLoss, loss/float64(len(plan.Test.Labels)))
						}
						p = must(shifted.Predict(ctx, plan.Cluster.Rows, cfg))
						right, mean := 0.0, 0.0
						for i, y := range plan.Cluster.Labels {
							mean += float64(p.Data[i]) / float64(len(plan.Cluster.Labels))
							if classOf(p.Data[i]) == y {
								right++
							}
						}
						if math.Abs(got.ClusterMeanP-mean) > 1e-6 || math.Abs(got.ClusterAccuracy-right/float64(len(plan.Cluster.Labels))) > 1e-12 {
							t.Errorf("%s: cluster %g %g, want %g %g", name, got.ClusterAccuracy, got.ClusterMeanP, right, mean)
						}
						changed := 0
						for _, part := range parts {
							for i, v := range weightsOf(shifted, part.Layer).Data {
								if v != weightsOf(net, part.Layer).Data[i] {
									changed++
								}
							}
						}
						if got.WeightsChanged != changed || delta == 0 && (changed != 0 || got.TestLoss != result.Before.TestLoss || got.Flips != 0) {
							t.Errorf("%s: %d weights changed, want %d", name, got.WeightsChanged, changed)
						}
					}
				}
			}
		}
		if at != len(result.Rows) {
			t.Errorf("%d rows, want %d", len(result.Rows), at)
		}
		if calls != at {
			t.Errorf("%s: progress came %d times, want %d", be.Name(), calls, at)
		}
		plan.Progress = nil
		if again := must(weightshift.Sweep(ctx, net, plan)); !reflect.DeepEqual(again, result) {
			t.Errorf("%s: a second sweep differs", be.Name())
		}
	}
}

func TestBadPlanIsNamed(t *testing.T) {
	ctx := context.Background()
	net, good := smallPlan(8)
	plan := func(change func(p *weightshift.Plan)) error {
		p := good
		change(&p)
		return fails(weightshift.Sweep(ctx, net, p))
	}
	head, _, err := net.Split("dense4")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"parts", plan(func(p *weightshift.Plan) { p.Parts = nil }), "without parts"},
		{"labels", plan(func(p *weightshift.Plan) { p.Test.Labels = p.Test.Labels[:3] }), `group "t" has 40 rows, 3 labels and 40 ids`},
		{"no rows", plan(func(p *weightshift.Plan) { p.Cluster.Rows = nil }), `group "c" has 0 rows`},
		{"width", plan(func(p *weightshift.Plan) { p.Cluster.Rows = array.New(len(p.Cluster.IDs), 2) }), "test and cluster rows"},
		{"label", plan(func(p *weightshift.Plan) { p.Cluster.Labels = slices.Repeat([]int{2}, 9) }), "label of row 0 is 2"},
		{"batch", plan(func(p *weightshift.Plan) { p.LegacyBatch = -1 }), "batches of -1 rows"},
		{"mode", plan(func(p *weightshift.Plan) { p.Modes = []weightshift.Mode{"other"} }), `mode "other"`},
		{"outputs", fails(weightshift.Sweep(ctx, head, good)), "gives rows of shape [6]"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.want)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := weightshift.Sweep(cancelled, net, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func ExampleSweep() {
	net, plan := smallPlan(9) // a small network with masks for two layers
	plan.Modes, plan.Deltas = []weightshift.Mode{weightshift.ImportantInputs}, []float64{0, 1}
	result, err := weightshift.Sweep(context.Background(), net, plan)
	if err != nil {
		panic(err)
	}
	for _, row := range result.Rows {
		fmt.Printf("%s %s δ=%g: %d weights of %d neurons\n", row.Layer, row.Mode, row.Delta, row.WeightsChanged, row.Neurons)
	}
	// Output:
	// dense0 important δ=0: 0 weights of 4 neurons
	// dense0 important δ=1: 9 weights of 4 neurons
	// dense2 important δ=0: 0 weights of 4 neurons
	// dense2 important δ=1: 18 weights of 4 neurons
	// all important δ=0: 0 weights of 8 neurons
	// all important δ=1: 27 weights of 8 neurons
}

// smallPlan sweeps the network of small: 40 test rows, nine of them the cluster.
func smallPlan(seed uint64) (*network.Network, weightshift.Plan) {
	net, parts, x := small(seed)
	r := random.Stream(seed, "labels")
	test := weightshift.Group{Name: "t", Rows: x}
	for i := range x.Rows() {
		test.Labels, test.IDs = append(test.Labels, r.IntN(2)), append(test.IDs, 1000+i)
	}
	cluster := weightshift.Group{Name: "c", Rows: x.Slice(20, 29), Labels: test.Labels[20:29], IDs: test.IDs[20:29]}
	return net, weightshift.Plan{Parts: parts, Test: test, Cluster: cluster, Deltas: []float64{-2, 0, 3}, Seeds: []uint64{5, 6}}
}

func classOf(p float32) int {
	if p > 0.5 {
		return 1
	}
	return 0
}

// BenchmarkSweep is the study's: 2,115 test rows and 66 of a cluster, five
// layers alone and together, all modes, 13 deltas, five random masks.
func BenchmarkSweep(b *testing.B) {
	r := random.Stream(1, "bench")
	var layers []network.Layer
	for range 5 {
		layers = append(layers, network.Dense(100), network.ReLU())
	}
	net := must(network.New("classifier", []int{30}, append(layers, network.Dense(1), network.Sigmoid())...))
	net = net.Initialize(network.TorchInit, r)
	group := func(name string, rows int) weightshift.Group {
		g := weightshift.Group{Name: name, Rows: array.New(rows, 30), Labels: make([]int, rows), IDs: make([]int, rows)}
		for i := range g.Rows.Data {
			g.Rows.Data[i] = r.Float32()
		}
		return g
	}
	plan := weightshift.Plan{Test: group("test", 2115), Cluster: group("cluster", 66)}
	for i := range 5 {
		layer := fmt.Sprintf("dense%d", 2*i)
		mask := &weightshift.Mask{Values: array.New(weightsOf(net, layer).Shape...)}
		for i := range mask.Values.Data {
			mask.Values.Data[i] = float32(r.IntN(10) / 9)
		}
		neurons := make([]int, 100)
		for j := range neurons {
			neurons[j] = j
		}
		plan.Parts = append(plan.Parts, weightshift.Part{Layer: layer, Neurons: neurons, Mask: mask})
	}
	for _, be := range backend.ForTest(b) {
		plan.Backend = be
		b.Run(be.Name(), func(b *testing.B) {
			for b.Loop() {
				result := must(weightshift.Sweep(context.Background(), net, plan))
				b.ReportMetric(float64(len(result.Rows)), "rows")
			}
		})
	}
}
