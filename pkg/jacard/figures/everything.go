package figures

import (
	"context"
	"fmt"
	"slices"

	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/network"
	"github.com/gojacard/jacard/pkg/plots"
)

// Report is every figure and table of the study.
type Report struct {
	Figures    []NamedFigure
	Tables     []NamedTable
	Clusters   []jacard.Cluster // published, by k-means and by DBSCAN
	Rows       int              // images that the clusters' ids refer to
	Networks   []*network.Network
	Comparison *jacard.Comparison
}

// NamedFigure is a figure and the name of its file.
type NamedFigure struct {
	Name        string
	Figure      *plots.Figure
	Interactive bool // has an interactive form worth a page
}

// NamedTable is a table and the name of its file.
type NamedTable struct {
	Name  string
	Table artifact.Table
}

// Everything computes all steps of the study, for published cluster 1, and
// draws them.
func Everything(ctx context.Context, s *jacard.Study) (*Report, error) {
	r := &Report{}
	for _, part := range []func(context.Context, *jacard.Study) error{r.training, r.explanations, r.neurons, r.shifts} {
		if err := part(ctx, s); err != nil {
			return nil, err
		}
	}
	var err error
	if r.Comparison, err = s.Compare(ctx); err != nil {
		return nil, err
	}
	r.table("comparison", r.Comparison.Table())
	return r, nil
}

// draw keeps a figure unless drawing it failed.
func (r *Report) draw(name string, f *plots.Figure, err error) error {
	r.Figures = append(r.Figures, NamedFigure{Name: name, Figure: f})
	return err
}

func (r *Report) table(name string, t artifact.Table) {
	r.Tables = append(r.Tables, NamedTable{name, t})
}

func (r *Report) training(ctx context.Context, s *jacard.Study) error {
	digits, err := s.Digits(ctx)
	if err != nil {
		return err
	}
	ae, err := s.Autoencoder(ctx)
	if err != nil {
		return err
	}
	f, err := AutoencoderLoss(ae)
	if err := r.draw("01-autoencoder-loss", f, err); err != nil {
		return err
	}
	ids := digits.Test()
	ids = ids[:min(16, len(ids))]
	images, err := s.Reconstruct(ctx, ids)
	if err != nil {
		return err
	}
	f, err = Reconstructions(digits, ae, ids, images)
	if err := r.draw("02-reconstructions", f, err); err != nil {
		return err
	}
	cls, err := s.Classifier(ctx)
	if err != nil {
		return err
	}
	enc, err := s.Encode(ctx)
	if err != nil {
		return err
	}
	r.Networks = []*network.Network{ae.Net, cls.Net}
	r.table("encoding", enc.Table())
	r.table("classifier-log", cls.Table())
	f, err = ClassifierLog(cls)
	if err := r.draw("03-classifier-log", f, err); err != nil {
		return err
	}
	f, err = Confusion(cls)
	return r.draw("04-confusion", f, err)
}

func (r *Report) explanations(ctx context.Context, s *jacard.Study) error {
	digits, err := s.Digits(ctx)
	if err != nil {
		return err
	}
	att, err := s.Attributions(ctx)
	if err != nil {
		return err
	}
	cluster, err := jacard.PresetCluster(1)
	if err != nil {
		return err
	}
	f, err := RowBars(att, 0, 1)
	if err := r.draw("05-attribution-image-1", f, err); err != nil {
		return err
	}
	for _, p := range att.Splits {
		name := fmt.Sprintf("linear%d", p.Linear)
		r.table("attributions-"+name, att.Table(p))
		f, err := GlobalBars(att, p.Linear, digits.Labels, cluster)
		if err := r.draw("06-mean-attribution-"+name, f, err); err != nil {
			return err
		}
	}
	m, err := s.Map(ctx)
	if err != nil {
		return err
	}
	r.table("map", m.Table())
	presets, err := jacard.Presets()
	if err != nil {
		return err
	}
	found, err := s.KMeans(m, 3)
	if err != nil {
		return err
	}
	dense, err := m.DBSCAN(4, 20) // the settings that the published map was measured with
	if err != nil {
		return err
	}
	r.Clusters, r.Rows = slices.Concat(presets, found, dense), digits.Rows()
	f, err = Brush(m, digits, "brushed", presets...)
	if err := r.draw("07-map", f, err); err != nil {
		return err
	}
	r.Figures[len(r.Figures)-1].Interactive = true
	return nil
}

func (r *Report) neurons(ctx context.Context, s *jacard.Study) error {
	cluster, err := jacard.PresetCluster(1)
	if err != nil {
		return err
	}
	n, err := s.Neurons(ctx, cluster)
	if err != nil {
		return err
	}
	r.table("neurons", n.Table())
	sim, err := s.Similarity(ctx, n)
	if err != nil {
		return err
	}
	r.table("similarity-means", sim.Table())
	f, err := Similarity(sim)
	if err := r.draw("08-similarity", f, err); err != nil {
		return err
	}
	f, err = ClusteredSimilarity(sim)
	if err := r.draw("09-similarity-clustered", f, err); err != nil {
		return err
	}
	f, err = LayerMeans(sim)
	if err := r.draw("10-layer-means", f, err); err != nil {
		return err
	}
	nm, err := s.NeuronMap(ctx, sim)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		by   Colouring
	}{{"class", ByClass}, {"activation", ByActivation}, {"layer", ByLayer}} {
		f, err := NeuronMap(nm, n, c.by)
		if err := r.draw("11-neuron-map-"+c.name, f, err); err != nil {
			return err
		}
	}
	for _, l := range sim.Layers {
		if float64(len(l.Alive)) <= 3*s.Config.Neurons.MapPerplex {
			continue // too few for a map; the heat map shows them
		}
		nm, err := s.NeuronMap(ctx, sim, l.Linear)
		if err != nil {
			return err
		}
		f, err := NeuronMap(nm, n, ByClass)
		if err := r.draw("11-neuron-map-"+l.Neurons, f, err); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) shifts(ctx context.Context, s *jacard.Study) error {
	cluster, err := jacard.PresetCluster(1)
	if err != nil {
		return err
	}
	masks, err := s.Masks(ctx, cluster)
	if err != nil {
		return err
	}
	f, err := Masks(masks, 0)
	if err := r.draw("12-masks", f, err); err != nil {
		return err
	}
	f, err = Importance(masks, s.Config.Neurons.Important)
	if err := r.draw("13-important-neurons", f, err); err != nil {
		return err
	}
	sweep, err := s.Sweep(ctx, cluster)
	if err != nil {
		return err
	}
	r.table("sweep", sweep.Table())
	f, err = SweepAccuracy(sweep)
	if err := r.draw("14-shift-accuracy", f, err); err != nil {
		return err
	}
	f, err = SweepLoss(sweep)
	if err := r.draw("15-shift-loss", f, err); err != nil {
		return err
	}
	f, err = ClusterProbability(sweep)
	if err := r.draw("15-shift-cluster", f, err); err != nil {
		return err
	}
	f, err = BeforeAfter(sweep, "dense0", 1)
	if err := r.draw("16-before-after", f, err); err != nil {
		return err
	}
	changes, err := s.Changes(ctx, cluster, 0, 1)
	if err != nil {
		return err
	}
	f, err = ProbabilityChanges(changes)
	return r.draw("17-probability-changes", f, err)
}
