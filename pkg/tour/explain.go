package tour

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/measure"
	"github.com/gojacard/jacard/pkg/segment"
)

// Explanation is what one method says about the pictures.
type Explanation struct {
	artifact.Provenance
	Method   string
	Settings string

	// Values are attributions of the logit of each picture's class, in the
	// pictures' shape.
	Values *array.Array
	// Errors are standard errors. Empty if nothing was drawn.
	Errors []float32

	Complete   bool
	BaseValues []float64
	Outputs    []float32
	MaxGap     float64 // as a share of the largest change

	// R2 of the linear model of each picture, for LIME; else empty.
	R2 []float64
	// Absorbed is what biases and stabilisers kept of each output, for LRP;
	// else empty.
	Absorbed []float64
}

// Player joins inputs for methods that switch them on and off.
type Player struct {
	Groups [][]int // partitions, see attribution.Query
	Name   string  // such as "4×4 squares"
}

// Squares joins the pixels of size×size squares, all colours, to one player.
func (p *Pictures) Squares(size int) Player {
	channels, height, width := p.Rows.Shape[1], p.Rows.Shape[2], p.Rows.Shape[3]
	across := (width + size - 1) / size
	var of []int
	for range channels {
		for y := range height {
			for x := range width {
				of = append(of, y/size*across+x/size)
			}
		}
	}
	return Player{Groups: [][]int{of}, Name: fmt.Sprintf("%d×%d squares", size, size)}
}

// Query asks about the pictures: the logit of each one's class, against the
// background if the method compares with one. Integrated gradients, which follow
// a path for every background picture, get one: their mean.
func (s *Study) Query(p *Pictures, m attribution.Method) attribution.Query {
	q := attribution.Query{Rows: p.Rows, Target: attribution.Target{Outputs: p.Labels}, Seed: s.Config.Seed, Backend: s.work.Backend}
	if m.Promise().Background == attribution.Required {
		q.Background = p.Background
		if _, path := m.(attribution.IntegratedGradients); path {
			q.Background = mean(p.Background)
		}
	}
	return q
}

// Explain runs a method on the pictures. Players may be empty: each input is
// one.
func (s *Study) Explain(ctx context.Context, p *Pictures, m attribution.Method, players Player) (*Explanation, error) {
	type config struct{ Method, Settings, Players string }
	settings := fmt.Sprintf("%+v", m)
	spec := artifact.Spec{Name: "tour-attribution", Version: 2, Config: config{m.Name(), settings, players.Name}, Inputs: map[string]string{"pictures": p.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Explanation, error) {
		q := s.Query(p, m)
		q.Groups, q.Progress = players.Groups, s.work.Progress(m.Name())
		if _, ok := m.(attribution.GradCAM); ok {
			q.Layers = []string{p.LastConv()}
		}
		a, err := attribution.Explain(ctx, p.Net, m, q)
		if err != nil {
			return nil, err
		}
		l := a.Layers[0]
		e := &Explanation{Method: a.Method, Settings: settings, Complete: m.Promise().Complete, BaseValues: a.BaseValues, Outputs: a.Outputs.Data, MaxGap: l.MaxGap, Absorbed: l.Absorbed}
		for _, fit := range l.Fits {
			e.R2 = append(e.R2, fit.R2)
		}
		if e.Values, err = perInput(p, l.Values, players); err != nil {
			return nil, err
		}
		if l.Errors != nil {
			errors, err := perInput(p, l.Errors, players)
			if err != nil {
				return nil, err
			}
			e.Errors = errors.Data
		}
		return e, nil
	})
}

// WithinErrors returns the share of values that two estimates of the same place
// within two standard errors of their difference, √(σ_a² + σ_b²) each: about 0.95
// where both are unbiased and know their errors. Values that neither draws are
// left out. It is an error if the two differ in shape or one has no errors.
func WithinErrors(a, b *Explanation) (float64, error) {
	if n := len(a.Values.Data); len(a.Errors) != n || len(b.Errors) != n || len(b.Values.Data) != n {
		return 0, fmt.Errorf("tour: %s has %d values and %d standard errors, %s has %d and %d: want the same number of all", a.Method, n, len(a.Errors),
			b.Method, len(b.Values.Data), len(b.Errors))
	}
	within, drawn := 0, 0
	for i, v := range a.Values.Data {
		if sigma := math.Hypot(float64(a.Errors[i]), float64(b.Errors[i])); sigma > 0 {
			drawn++
			if math.Abs(float64(v)-float64(b.Values.Data[i])) <= 2*sigma {
				within++
			}
		}
	}
	if drawn == 0 {
		return 0, fmt.Errorf("tour: all standard errors of %s and %s are 0: nothing was drawn", a.Method, b.Method)
	}
	return float64(within) / float64(drawn), nil
}

// perInput brings values of players, or of places that all colours share, to
// the shape of the pictures.
func perInput(p *Pictures, values *array.Array, players Player) (*array.Array, error) {
	out := array.New(p.Rows.Shape...)
	if places, channels := values.Width(), p.Rows.Shape[1]; len(players.Groups) == 0 && places*channels == p.Rows.Width() {
		for i := range out.Rows() {
			for k := range out.Row(i) {
				out.Row(i)[k] = values.At(i, k%places) / float32(channels)
			}
		}
		return out, nil
	}
	if len(players.Groups) == 0 {
		return array.From(values.Data, p.Rows.Shape...)
	}
	for i := range out.Rows() {
		row, err := attribution.PerInput(values.Row(i), players.Groups[min(i, len(players.Groups)-1)])
		if err != nil {
			return nil, err
		}
		copy(out.Row(i), row)
	}
	return out, nil
}

// Checks says how good the attributions of some methods are.
type Checks struct {
	artifact.Provenance
	Methods []string
	Share   []float64 // of inputs replaced, for the curves

	// By method, means over the pictures: deletion and insertion of pixels,
	// and the area below each.
	Deletion, Insertion         [][]float64
	DeletionArea, InsertionArea []float64
	Gini                        []float64

	// Random orders, as control: mean and standard deviation.
	RandomDeletion, RandomDeletionStd   []float64
	RandomInsertion, RandomInsertionStd []float64

	// Agreement is the mean rank correlation, methods × methods.
	Agreement [][]float64
}

// Check measures explanations of the same pictures side by side. Pixels are
// deleted and inserted against the mean background picture, all colours of an
// input apart.
func (s *Study) Check(ctx context.Context, p *Pictures, explanations ...*Explanation) (*Checks, error) {
	inputs := map[string]string{"pictures": p.ID}
	for i, e := range explanations {
		inputs[fmt.Sprintf("attribution %d", i)] = e.ID
	}
	type config struct{ Random, Steps int }
	const steps = 32
	spec := artifact.Spec{Name: "tour-checks", Version: 1, Config: config{s.Config.Random, steps}, Inputs: inputs}
	return step(ctx, s, spec, func(ctx context.Context) (*Checks, error) {
		q := s.Query(p, attribution.Saliency{})
		q.Background = mean(p.Background)
		c := &Checks{}
		var values []*array.Array
		for i, e := range explanations {
			c.Methods, values = append(c.Methods, e.Method), append(values, e.Values)
			for _, insert := range []bool{false, true} {
				cfg := measure.CurveConfig{Insert: insert, Steps: steps}
				if i == 0 {
					cfg.Random = s.Config.Random
				}
				curves, err := measure.Curve(ctx, p.Net, q, e.Values, cfg)
				if err != nil {
					return nil, err
				}
				m, area := curves.Mean(), stat.Mean(curves.Area, nil)
				if insert {
					c.Insertion, c.InsertionArea = append(c.Insertion, m), append(c.InsertionArea, area)
				} else {
					c.Deletion, c.DeletionArea = append(c.Deletion, m), append(c.DeletionArea, area)
				}
				if i > 0 {
					continue
				}
				c.Share = curves.Share
				if insert {
					c.RandomInsertion, c.RandomInsertionStd = curves.RandomMean, curves.RandomStd
				} else {
					c.RandomDeletion, c.RandomDeletionStd = curves.RandomMean, curves.RandomStd
				}
			}
			gini, err := measure.Gini(e.Values)
			if err != nil {
				return nil, err
			}
			c.Gini = append(c.Gini, stat.Mean(gini, nil))
		}
		var err error
		c.Agreement, err = measure.Agree(measure.Spearman, values...)
		return c, err
	})
}

// Panel is a randomisation check of some methods.
type Panel struct {
	artifact.Provenance
	Methods, Stages           []string
	Maps                      [][]*array.Array // method × stage, [rows, ...] as the pictures
	Similarity, SimilarityAbs [][]float64
}

// Randomise checks whether methods depend on what the network has learned:
// parameters are drawn anew from the output down, and last the network is the
// one trained on shuffled labels.
func (s *Study) Randomise(ctx context.Context, p *Pictures, methods ...attribution.Method) (*Panel, error) {
	type config struct{ Methods []string }
	var names []string
	for _, m := range methods {
		names = append(names, fmt.Sprintf("%s %+v", m.Name(), m))
	}
	spec := artifact.Spec{Name: "tour-randomisation", Version: 1, Config: config{names}, Inputs: map[string]string{"pictures": p.ID}}
	return step(ctx, s, spec, func(ctx context.Context) (*Panel, error) {
		out := &Panel{}
		for _, m := range methods {
			q := s.Query(p, m)
			q.Progress = s.work.Progress("randomisation of " + m.Name())
			panel, err := measure.Randomise(ctx, p.Net, []attribution.Method{m}, q, measure.RandomiseConfig{Labels: p.Shuffled})
			if err != nil {
				return nil, err
			}
			out.Stages = panel.Stages
			out.Methods, out.Maps = append(out.Methods, panel.Methods[0]), append(out.Maps, panel.Values[0])
			out.Similarity = append(out.Similarity, panel.Similarity[0])
			out.SimilarityAbs = append(out.SimilarityAbs, panel.SimilarityAbs[0])
		}
		return out, nil
	})
}

func mean(rows *array.Array) *array.Array {
	out := array.New(append([]int{1}, rows.Shape[1:]...)...)
	sums := make([]float64, rows.Width())
	for i := range rows.Rows() {
		for k, v := range rows.Row(i) {
			sums[k] += float64(v)
		}
	}
	for k, v := range sums {
		out.Data[k] = float32(v / float64(rows.Rows()))
	}
	return out
}

// Superpixels cuts each picture by quickshift and joins the pixels of a
// segment, all colours, to one player.
func (p *Pictures) Superpixels(cfg segment.QuickshiftConfig) (Player, error) {
	out := Player{Name: fmt.Sprintf("quickshift %+v", cfg)}
	for i := range p.Rows.Rows() {
		m, err := p.Segments(i, cfg)
		if err != nil {
			return out, err
		}
		of, err := m.Players(p.Rows.Shape[1:])
		if err != nil {
			return out, err
		}
		out.Groups = append(out.Groups, of)
	}
	return out, nil
}

// Segments cuts one picture by quickshift.
func (p *Pictures) Segments(picture int, cfg segment.QuickshiftConfig) (*segment.Map, error) {
	return segment.Quickshift(&array.Array{Shape: p.Rows.Shape[1:], Data: p.Rows.Row(picture)}, cfg)
}
