package plots

import (
	"fmt"
	"image/color"
	"math"
	"strings"
	"sync"
)

// Colour is red, green, blue and opacity, each 0…1, not premultiplied. It is
// a [color.Color].
type Colour struct{ R, G, B, A float64 }

// RGBA returns the premultiplied 16-bit components.
func (c Colour) RGBA() (r, g, b, a uint32) {
	part := func(v float64) uint32 { return uint32(math.Round(v * c.A * 0xffff)) }
	return part(c.R), part(c.G), part(c.B), uint32(math.Round(c.A * 0xffff))
}

// Hex returns the colour as #rrggbb, without its opacity.
func (c Colour) Hex() string {
	part := func(v float64) int { return int(math.Round(v * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", part(c.R), part(c.G), part(c.B))
}

// withAlpha returns the colour with another opacity.
func (c Colour) withAlpha(a float64) Colour { c.A = a; return c }

// luminance tells how bright the colour looks, 0…1.
func (c Colour) luminance() float64 { return 0.2989*c.R + 0.587*c.G + 0.114*c.B }

// ColourMap gives the colour at a position t in 0…1. Positions outside are
// moved to the nearer end; NaN is [NoValue].
type ColourMap func(t float64) Colour

// NoValue is the colour of a value that does not exist (NaN).
var NoValue = Colour{0.8, 0.8, 0.8, 1}

// Viridis is matplotlib's map for values from low to high: entry ⌊256 t⌋ of
// its 256 colours.
func Viridis(t float64) Colour {
	if math.IsNaN(t) {
		return NoValue
	}
	return viridis()[entry(t)]
}

var viridis = sync.OnceValue(func() (table [256]Colour) {
	for i, field := range strings.Fields(viridisTable) {
		var r, g, b float64
		if _, err := fmt.Sscanf(field, "%6f%6f%6f", &r, &g, &b); err != nil {
			panic(fmt.Sprintf("plots: viridis entry %d %q: %v", i, field, err))
		}
		table[i] = Colour{r / 1e6, g / 1e6, b / 1e6, 1}
	}
	return table
})

// BlueOrange is Vega's diverging map: blue below the middle, orange above,
// linear between eleven stops.
func BlueOrange(t float64) Colour {
	if math.IsNaN(t) {
		return NoValue
	}
	t = 10 * min(max(t, 0), 1)
	i := min(int(t), 9)
	return mix(blueOrangeStops[i], blueOrangeStops[i+1], t-float64(i))
}

var blueOrangeStops = [11]Colour{
	rgb(0x134b85), rgb(0x2f78b3), rgb(0x5da2cb), rgb(0x9dcae1), rgb(0xd2e5ef), rgb(0xf2f0eb),
	rgb(0xfce0ba), rgb(0xfbbf74), rgb(0xe8932f), rgb(0xc5690d), rgb(0x994a07),
}

// Grey is black at 0 and white at 1.
func Grey(t float64) Colour {
	if math.IsNaN(t) {
		return NoValue
	}
	t = min(max(t, 0), 1)
	return Colour{t, t, t, 1}
}

// RedTransparentBlue is shap's map for signed values laid over a picture:
// opaque blue at 0, transparent in the middle, opaque red at 1.
func RedTransparentBlue(t float64) Colour {
	if math.IsNaN(t) {
		return Colour{}
	}
	// Two runs of 100 stops each, read at 256 positions: stops 99 and 100 are
	// both transparent.
	p := float64(entry(t)) / 255 * 199
	switch {
	case p <= 99:
		return negative.withAlpha(1 - p/99)
	case p >= 100:
		return positive.withAlpha((p - 100) / 99)
	}
	return mix(negative, positive, p-99).withAlpha(0)
}

// Bars and overlays share shap's two colours for a sign.
var (
	positive = rgb(0xff0d57)
	negative = rgb(0x1e88e5)
)

// Tab10 returns the colour of class or series i; the ten colours repeat.
func Tab10(i int) Colour { return tab10[((i%10)+10)%10] }

var tab10 = [10]Colour{
	rgb(0x1f77b4), rgb(0xff7f0e), rgb(0x2ca02c), rgb(0xd62728), rgb(0x9467bd),
	rgb(0x8c564b), rgb(0xe377c2), rgb(0x7f7f7f), rgb(0xbcbd22), rgb(0x17becf),
}

// Domain is the range of values that a colour map spans, with the value in
// the middle of the map.
type Domain struct{ Low, Mid, High float64 }

// Position returns where v lies on the map: 0 at Low, 1/2 at Mid, 1 at High,
// linear between.
func (d Domain) Position(v float64) float64 {
	switch {
	case v == d.Mid:
		return 0.5
	case v < d.Mid:
		return (v - d.Low) / (d.Mid - d.Low) / 2
	}
	return 0.5 + (v-d.Mid)/(d.High-d.Mid)/2
}

// linear is the domain of a map without a special middle.
func linear(low, high float64) Domain { return Domain{low, (low + high) / 2, high} }

// aroundZero is the symmetric domain that holds low and high.
func aroundZero(low, high float64) Domain {
	m := max(math.Abs(low), math.Abs(high))
	return Domain{-m, 0, m}
}

// entry is matplotlib's index into a table of 256 colours.
func entry(t float64) int { return min(int(256*min(max(t, 0), 1)), 255) }

func mix(a, b Colour, t float64) Colour {
	l := func(u, v float64) float64 { return u + (v-u)*t }
	return Colour{l(a.R, b.R), l(a.G, b.G), l(a.B, b.B), l(a.A, b.A)}
}

func rgb(hex int) Colour {
	return Colour{float64(hex>>16) / 255, float64(hex>>8&0xff) / 255, float64(hex&0xff) / 255, 1}
}

var _ color.Color = Colour{}
