package attribution

import (
	"context"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/fixture/net"
)

// TestLRPEqualsCaptum compares with captum's rules: stabiliser 1e-9, biases as
// they are, batch normalisation by itself.
func TestLRPEqualsCaptum(t *testing.T) {
	for _, name := range []string{"captum-mlp", "captum-cnn"} {
		c := fixture.Load(t, name)
		network := net.Network(t, c, "model")
		units, _ := c.Ints("target")
		for key, rule := range map[string]LRPRule{
			"lrp_epsilon":     EpsilonRule{Epsilon: 1e-9},
			"lrp_epsilon_0.1": EpsilonRule{Epsilon: 0.1},
			"lrp_gamma_0.25":  GammaRule{Gamma: 0.25, RawBias: true},
			"lrp_alpha1beta0": PositiveWeightsRule{},
		} {
			if !c.Has(key) {
				continue
			}
			backends := backend.ForTest(t)
			if name == "captum-cnn" && key != "lrp_gamma_0.25" { // each is compiled for seconds; every rule meets XLA in the other case
				backends = backends[:1]
			}
			for _, b := range backends {
				a, err := Explain(context.Background(), network, LRP{Dense: rule, Conv: rule, SeparateNorm: true},
					Query{Rows: c.Array("x"), Target: Target{Outputs: units}, Backend: b})
				if err != nil {
					t.Fatalf("%s: %s %s: %v", b.Name(), name, key, err)
				}
				near(t, b.Name()+": "+name+" "+key, a.Layers[0].Values.Data, c.Array(key).Data, tolerance(t, c, key))
				t.Logf("gap %.2g of the scale %.2g, absorbed %.3g of %.3g", a.MaxGap(), a.Scale, a.Layers[0].Absorbed, a.Outputs.Data)
			}
		}
	}
}
