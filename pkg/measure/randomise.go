package measure

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
	"github.com/gojacard/jacard/pkg/network"
)

// RandomiseConfig is what [Randomise] can be told. Its zero value randomises in
// cascade with the initialisation of PyTorch.
type RandomiseConfig struct {
	// Independent draws one layer anew at a time, the others stay trained. The
	// default is the cascade: from the output down, each stage with all layers
	// above it.
	Independent bool

	// Init draws the new parameters. nil means network.TorchInit.
	Init network.Init

	// Labels, if not nil, is the same architecture trained on shuffled labels:
	// the data randomisation test, one more stage.
	Labels *network.Network
}

// Panel shows what is left of attributions when the network forgets.
type Panel struct {
	Methods []string
	// Stages name the networks: "trained", then the layer drawn anew, in the
	// order from the output down, then "shuffled labels" if asked for.
	Stages []string

	// Values[method][stage] are the attributions, [rows, ...].
	Values [][]*array.Array

	// Similarity[method][stage] is the mean rank correlation of the
	// attributions with those of the trained network; SimilarityAbs that of
	// their absolute values. NaN where all values are equal.
	Similarity, SimilarityAbs [][]float64
}

// Randomise is the sanity check of Adebayo et al.: attributions are computed
// for the trained network and again with its parameters drawn anew, layer by
// layer. A method whose pictures hardly change does not depend on what the
// network has learned, however good they look.
//
// All new parameters are drawn once, by a stream of q.Seed, so that panels can
// be repeated. Methods explain q.Target at all stages, in the first layer of the
// query.
//
// A network without parameters, a cfg.Labels of other layers, and attributions
// that are not finite are errors.
//
// Adebayo et al., 2018, sections 3 and 4.
func Randomise(ctx context.Context, net *network.Network, methods []attribution.Method, q attribution.Query, cfg RandomiseConfig) (*Panel, error) {
	if len(methods) == 0 {
		return nil, fmt.Errorf("measure: no methods to check")
	}
	names, stages, err := stagesOf(net, q.Seed, cfg)
	if err != nil {
		return nil, err
	}
	p := &Panel{Stages: names}
	progress := q.Progress
	q.Progress = nil
	for i, method := range methods {
		var values []*array.Array
		var signed, absolute []float64
		for k, stage := range stages {
			a, err := attribution.Explain(ctx, stage, method, q)
			if err != nil {
				return nil, fmt.Errorf("measure: %s, stage %q: %w", method.Name(), names[k], err)
			}
			v := a.Layers[0].Values
			if err := check(fmt.Sprintf("%s, stage %q: values", method.Name(), names[k]), v); err != nil {
				return nil, err
			}
			values = append(values, v)
			signed = append(signed, meanAgreement(Spearman, values[0], v))
			absolute = append(absolute, meanAgreement(SpearmanAbs, values[0], v))
			if progress != nil {
				progress(i*len(stages)+k+1, len(methods)*len(stages))
			}
		}
		p.Methods = append(p.Methods, method.Name())
		p.Values = append(p.Values, values)
		p.Similarity, p.SimilarityAbs = append(p.Similarity, signed), append(p.SimilarityAbs, absolute)
	}
	return p, nil
}

// stagesOf returns the networks of all stages, the trained one first.
func stagesOf(net *network.Network, seed uint64, cfg RandomiseConfig) (names []string, stages []*network.Network, err error) {
	if net == nil {
		return nil, nil, fmt.Errorf("measure: no network given")
	}
	init := cfg.Init
	if init == nil {
		init = network.TorchInit
	}
	names, stages = []string{"trained"}, []*network.Network{net}
	drawn := net.Initialize(init, random.Stream(seed, "randomised network")).Parameters()
	trained := net.Parameters()
	params := trained
	for _, layer := range slices.Backward(net.LayerNames()) {
		if cfg.Independent {
			params = trained
		}
		found := false
		for _, name := range trained.Names() {
			if strings.HasPrefix(name, layer+".") {
				value, err := drawn.Get(name)
				if err != nil {
					return nil, nil, err
				}
				params, found = params.With(name, value), true
			}
		}
		if !found {
			continue // nothing to forget
		}
		stage, err := net.WithParameters(params)
		if err != nil {
			return nil, nil, err
		}
		names, stages = append(names, layer), append(stages, stage)
	}
	if len(stages) == 1 {
		return nil, nil, fmt.Errorf("measure: network %q has no parameters to randomise", net.Name())
	}
	if cfg.Labels != nil {
		if !slices.Equal(cfg.Labels.LayerNames(), net.LayerNames()) || cfg.Labels.ParameterCount() != net.ParameterCount() {
			return nil, nil, fmt.Errorf("measure: the network trained on shuffled labels, %q, has other layers than %q", cfg.Labels.Name(), net.Name())
		}
		names, stages = append(names, "shuffled labels"), append(stages, cfg.Labels)
	}
	return names, stages, nil
}
