package plots

import (
	"fmt"
	"math"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
)

// TestColourFixture compares the maps with matplotlib's, Vega's and shap's.
func TestColourFixture(t *testing.T) {
	c := fixture.Load(t, "colour")
	near := func(what string, got Colour, want []float32, scale, tol float64) {
		t.Helper()
		for k, v := range []float64{got.R, got.G, got.B, got.A}[:len(want)] {
			if math.Abs(v*scale-float64(want[k])) > tol {
				t.Errorf("%s, channel %d: got %g, want %g", what, k, v*scale, want[k])
			}
		}
	}

	table := c.Array("viridis")
	for i := range 256 {
		near(fmt.Sprintf("viridis entry %d", i), Viridis((float64(i)+0.5)/256), table.Row(i), 1, 2e-6)
	}
	for i, at := range c.Array("viridis_t").Data {
		near(fmt.Sprintf("viridis at %g", at), Viridis(float64(at)), c.Array("viridis_rgb").Row(i), 1, 2e-6)
	}
	for i := range 10 {
		near(fmt.Sprintf("tab10 %d", i), Tab10(i), c.Array("tab10").Row(i), 1, 2e-6)
	}
	for i, at := range c.Array("blueorange.t").Data {
		near(fmt.Sprintf("blueorange at %g", at), BlueOrange(float64(at)), c.Array("blueorange.rgb").Row(i), 255, 0.002)
	}
	values := c.Array("blueorange.values").Data
	d := Domain{Low: math.Inf(1), High: math.Inf(-1)}
	for _, v := range values {
		d.Low, d.High = min(d.Low, float64(v)), max(d.High, float64(v))
	}
	for i, v := range values {
		at := d.Position(float64(v))
		if want := float64(c.Array("blueorange.values_t").Data[i]); math.Abs(at-want) > 2e-6 {
			t.Errorf("position of %g in %+v: got %g, want %g", v, d, at, want)
		}
		near(fmt.Sprintf("blueorange of value %g", v), BlueOrange(at), c.Array("blueorange.values_rgb").Row(i), 255, 0.002)
	}
	for i := range 21 {
		at := float64(i) / 20
		near(fmt.Sprintf("red-transparent-blue at %g", at), RedTransparentBlue(at), c.Array("red_transparent_blue").Row(i), 1, 0.005)
	}
}

func TestColourEnds(t *testing.T) {
	for _, m := range []struct {
		name string
		at   ColourMap
	}{{"viridis", Viridis}, {"blueorange", BlueOrange}, {"red-transparent-blue", RedTransparentBlue}} {
		if m.at(-3) != m.at(0) || m.at(7) != m.at(1) {
			t.Errorf("%s: positions outside 0…1 do not take the colour of the nearer end", m.name)
		}
		_ = m.at(math.NaN()) // must not panic
	}
	if Tab10(-1) != Tab10(9) || Tab10(12) != Tab10(2) {
		t.Error("tab10 does not repeat after ten colours")
	}
	if got := Tab10(1).Hex(); got != "#ff7f0e" {
		t.Errorf("Hex: got %s, want #ff7f0e", got)
	}
}
