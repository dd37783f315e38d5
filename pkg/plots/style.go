package plots

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Look of all figures.
const (
	margin    = 6 * vg.Length(1) // around the figure and between its parts, in points
	textSize  = 9.5
	tickSize  = 8.5
	titleSize = 12
)

var (
	paper  = rgb(0xffffff)
	ink    = rgb(0x222222)
	muted  = rgb(0x666666)
	hairs  = rgb(0xe4e4e4)
	fontOf = font.Font{Typeface: "Liberation", Variant: "Sans"}
)

func textStyle(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.From(fontOf, size), Handler: plot.DefaultTextHandler}
}

// titleStyle hangs its text from the point given, centred.
func titleStyle() text.Style {
	s := textStyle(titleSize, ink)
	s.XAlign, s.YAlign = draw.XCenter, draw.YTop
	return s
}

// captionStyle hangs its text from the point given.
func captionStyle() text.Style {
	s := textStyle(tickSize, muted)
	s.YAlign = draw.YTop
	return s
}

func lineHeight(s text.Style) vg.Length { return 1.3 * s.Font.Size }

// wrap breaks s at spaces so that no line is wider than width. A single word
// that is wider is broken inside.
func wrap(style text.Style, s string, width vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if longer := strings.TrimSpace(line + " " + word); style.Width(longer) <= width {
			line = longer
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for style.Width(word) > width && len([]rune(word)) > 1 {
			r := []rune(word)
			cut := len(r) - 1
			for cut > 1 && style.Width(string(r[:cut])) > width {
				cut--
			}
			lines = append(lines, string(r[:cut]))
			word = string(r[cut:])
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// narrowed returns the style with letters as small as every word of the names
// needs to fit the width, but no smaller than can be read.
func narrowed(style text.Style, names []string, width vg.Length) text.Style {
	const smallest, step = 7, 0.1
	for _, word := range strings.Fields(strings.Join(names, " ")) {
		for style.Width(word) > width && style.Font.Size > smallest {
			style.Font.Size -= step // widths are rounded: not in proportion
		}
	}
	return style
}

// shorten breaks s into at most the given number of lines; what is left over
// is replaced by an ellipsis.
func shorten(style text.Style, s string, width vg.Length, lines int) string {
	all := wrap(style, s, width)
	if len(all) > lines {
		last := []rune(all[lines-1])
		for len(last) > 1 && style.Width(string(last)+"…") > width {
			last = last[:len(last)-1]
		}
		all = append(all[:lines-1:lines-1], string(last)+"…")
	}
	return strings.Join(all, "\n")
}

// newPlot is a panel in our look, with room for its data.
func newPlot(title, xlabel, ylabel string) *plot.Plot {
	p := newPanel(title, xlabel, ylabel)
	p.Add(plotRoom)
	return p
}

// newPanel is a plot in our look: sans-serif, a frame of two thin axes, and
// ticks at round numbers.
func newPanel(title, xlabel, ylabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text = title
	p.Title.Padding = margin / 2
	p.Title.TextStyle.Font = font.From(fontOf, textSize)
	p.Title.TextStyle.Color = ink
	p.X.Label.Text, p.Y.Label.Text = xlabel, ylabel
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = font.From(fontOf, textSize)
		a.Label.TextStyle.Color = ink
		a.Label.Padding = 3
		a.LineStyle.Color = muted
		a.Padding = 3
		a.Tick.Label.Font = font.From(fontOf, tickSize)
		a.Tick.Label.Color = ink
		a.Tick.LineStyle.Color = muted
		a.Tick.Length = 4
		a.Tick.Marker = roundTicks{n: 6}
	}
	return p
}

// roundTicks marks at most about n round numbers: 1, 2 or 5 times a power of
// ten, if whole no fractions.
type roundTicks struct {
	n     int
	whole bool
}

// Ticks implements [plot.Ticker].
func (t roundTicks) Ticks(low, high float64) []plot.Tick {
	if !(high > low) || math.IsInf(high-low, 0) {
		return nil
	}
	raw := (high - low) / float64(t.n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw*0.999 {
			step = m * unit
			break
		}
	}
	if t.whole {
		step = max(step, 1)
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var ticks []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		v := i * step
		ticks = append(ticks, plot.Tick{Value: v, Label: tickLabel(v, decimals)})
	}
	return ticks
}

func tickLabel(v float64, decimals int) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case a >= 1e6, decimals > 5:
		return strings.Replace(number(v, 'g', 3), "e-0", "e-", 1)
	case a >= 1e4:
		return thousands(int(math.Round(v)))
	}
	return number(v, 'f', decimals)
}

// number writes v as strconv.FormatFloat does, but with a minus in place of a
// hyphen, and without a sign before what is rounded to zero.
func number(v float64, format byte, precision int) string {
	s := strconv.FormatFloat(v, format, precision, 64)
	digits, negative := strings.CutPrefix(s, "-")
	switch {
	case !negative:
		return s
	case strings.Trim(digits, "0.") == "":
		return digits
	}
	return "−" + digits
}

// signed is number with a plus before what has no minus.
func signed(v float64, format byte, precision int) string {
	s := number(v, format, precision)
	if strings.HasPrefix(s, "−") || math.IsInf(v, 1) || math.IsNaN(v) {
		return s
	}
	return "+" + s
}

// logTicks marks powers of ten, and 2 and 5 times them where the axis spans
// few of them.
type logTicks struct{}

// Ticks implements [plot.Ticker].
func (logTicks) Ticks(low, high float64) []plot.Tick {
	if low <= 0 || high <= low {
		return nil
	}
	decades := math.Log10(high / low)
	every := max(1, int(decades/8+1)) // at most about eight labels
	var ticks []plot.Tick
	for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
		for m := 1; m < 10; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			tick := plot.Tick{Value: v}
			if m == 1 && e%every == 0 || decades < 3 && (m == 2 || m == 5) || decades < 0.7 {
				tick.Label = strconv.FormatFloat(v, 'g', 3, 64)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

// grid draws hairlines behind the data at the labelled ticks.
type grid struct{ x, y bool }

// Plot implements [plot.Plotter].
func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	style := draw.LineStyle{Color: hairs, Width: 0.5}
	trX, trY := p.Transforms(&c)
	inside := func(a plot.Axis) (at []float64) {
		for _, t := range a.Tick.Marker.Ticks(a.Min, a.Max) {
			if t.Label != "" && t.Value >= a.Min && t.Value <= a.Max {
				at = append(at, t.Value)
			}
		}
		return at
	}
	if g.x {
		for _, v := range inside(p.X) {
			c.StrokeLine2(style, trX(v), c.Min.Y, trX(v), c.Max.Y)
		}
	}
	if g.y {
		for _, v := range inside(p.Y) {
			c.StrokeLine2(style, c.Min.X, trY(v), c.Max.X, trY(v))
		}
	}
}

// shapes tell series and classes apart beside their colours.
var shapes = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}, draw.CrossGlyph{},
	draw.PlusGlyph{}, draw.TriangleGlyph{}, draw.SquareGlyph{}, draw.RingGlyph{},
}

// dashes tell lines apart beside their colours.
var dashes = [][]vg.Length{nil, {6, 3}, {2, 2}, {8, 3, 2, 3}, {4, 1.5}}

// decimalsFor gives as many decimals as show the largest value with three digits.
func decimalsFor(largest float64) int {
	if largest == 0 || math.IsInf(largest, 0) || math.IsNaN(largest) {
		return 0
	}
	return min(max(0, 2-int(math.Floor(math.Log10(largest)))), 8)
}

// finite refuses values that cannot be drawn.
func finite(what string, values []float64) error {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("plots: %s: value %d is %g; leave out what cannot be drawn", what, i, v)
		}
	}
	return nil
}
