package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// BarsData is what [Bars] draws.
type BarsData struct {
	Title   string
	XLabel  string // what the length of a bar means
	Groups  []BarGroup
	Max     int  // bars a group shows of its own; the others are summed into one more. 0 means all
	InOrder bool // keep the given order instead of sorting by size
	Caption Caption
	Size    Size
}

// BarGroup is one panel of bars.
type BarGroup struct {
	Name   string   // heading of the panel, such as "class 0"
	Names  []string // one for each value; nil means F0, F1, F2, …
	Values []float64
}

// Bars draws values as horizontal bars, positive ones red and to the right,
// negative ones blue and to the left, each with its name and number; the
// groups are panels on one scale. Bars are sorted by magnitude, the larger
// first, equal ones by their place in the data.
func Bars(data BarsData) (*Figure, error) {
	if err := data.check(); err != nil {
		return nil, err
	}
	var shown [][]bar
	longest, low, high := 0, 0.0, 0.0
	for _, g := range data.Groups {
		bars := g.bars(data.Max, data.InOrder)
		for _, b := range bars {
			low, high = min(low, b.value), max(high, b.value)
		}
		longest = max(longest, len(bars))
		shown = append(shown, bars)
	}
	number := numberFormat(low, high)

	columns := columnsFor(len(data.Groups))
	rows := (len(data.Groups) + columns - 1) / columns
	panels := make([]*plot.Plot, len(data.Groups))
	for i, g := range data.Groups {
		p := newPlot(g.Name, data.XLabel, "")
		if columns > 1 {
			p.X.Tick.Marker = roundTicks{n: 5}
		}
		ticks := make([]plot.Tick, 0, len(shown[i]))
		for k, b := range shown[i] {
			ticks = append(ticks, plot.Tick{Value: -float64(k), Label: b.name})
		}
		p.Y.Tick.Marker = plot.ConstantTicks(ticks)
		p.Y.Tick.Length = 0
		p.Y.LineStyle.Width = 0
		p.X.Min, p.X.Max = low, high
		p.Y.Min, p.Y.Max = 0.5-float64(longest), 0.5
		p.Add(grid{x: true}, barPlotter{shown[i], number})
		panels[i] = p
	}
	return &Figure{
		title: data.Title, caption: data.Caption,
		size: data.Size.or(620+90*min(columns-1, 2), 60+rows*(60+19*longest)),
		body: func(c draw.Canvas) { drawPanels(c, panels, columns) },
	}, nil
}

type bar struct {
	name  string
	value float64
}

// bars returns the bars of the group, those beyond limit summed into one.
func (g BarGroup) bars(limit int, inOrder bool) []bar {
	all := make([]bar, len(g.Values))
	for i, v := range g.Values {
		name := "F" + strconv.Itoa(i)
		if g.Names != nil {
			name = g.Names[i]
		}
		all[i] = bar{name, v}
	}
	if !inOrder {
		slices.SortStableFunc(all, func(a, b bar) int { return cmp.Compare(math.Abs(b.value), math.Abs(a.value)) })
	}
	if limit == 0 || len(all) <= limit+1 { // a sum of one other feature is that feature
		return all
	}
	rest := bar{name: fmt.Sprintf("sum of %d others", len(all)-limit)}
	for _, b := range all[limit:] {
		rest.value += b.value
	}
	return append(all[:limit:limit], rest)
}

// numberFormat writes three digits of the largest value, with a sign where
// signs differ.
func numberFormat(low, high float64) func(float64) string {
	decimals := decimalsFor(max(-low, high))
	return func(v float64) string {
		if low < 0 {
			return signed(v, 'f', decimals)
		}
		return number(v, 'f', decimals)
	}
}

// barPlotter draws bars at y = 0, −1, −2, … with their numbers behind the end.
type barPlotter struct {
	bars   []bar
	number func(float64) string
}

const (
	barGap   = 3              // points between the end of a bar and its number
	textDrop = 0.1 * tickSize // gonum centres the line, descenders included; digits have none
)

// Plot implements [plot.Plotter].
func (b barPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	half := 0.36 * (trY(0) - trY(-1))
	zero := trX(0)
	for k, bar := range b.bars {
		y, end := trY(-float64(k)), trX(bar.value)
		colour, style := positive, textStyle(tickSize, ink)
		style.YAlign = draw.YCenter
		at := end + barGap
		if bar.value < 0 {
			colour, at, style.XAlign = negative, end-barGap, draw.XRight
		}
		c.FillPolygon(colour, []vg.Point{{X: zero, Y: y - half}, {X: end, Y: y - half}, {X: end, Y: y + half}, {X: zero, Y: y + half}})
		c.FillText(style, vg.Point{X: at, Y: y + textDrop}, b.number(bar.value))
	}
	c.StrokeLine2(draw.LineStyle{Color: muted, Width: 0.75}, zero, c.Min.Y, zero, c.Max.Y)
}

// GlyphBoxes implements [plot.GlyphBoxer]: it keeps room for the numbers.
func (b barPlotter) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	style := textStyle(tickSize, ink)
	boxes := make([]plot.GlyphBox, len(b.bars))
	for k, bar := range b.bars {
		w := style.Width(b.number(bar.value)) + 2*barGap
		boxes[k] = plot.GlyphBox{X: p.X.Norm(bar.value), Y: p.Y.Norm(-float64(k))}
		if bar.value < 0 {
			boxes[k].Rectangle = vg.Rectangle{Min: vg.Point{X: -w}}
		} else {
			boxes[k].Rectangle = vg.Rectangle{Max: vg.Point{X: w}}
		}
	}
	return boxes
}

func (data BarsData) check() error {
	if len(data.Groups) == 0 || data.Max < 0 {
		return fmt.Errorf("plots: bars %q: %d groups, at most %d bars each; give at least one group and no negative number", data.Title, len(data.Groups), data.Max)
	}
	for _, g := range data.Groups {
		what := fmt.Sprintf("bars %q, group %q", data.Title, g.Name)
		if len(g.Values) == 0 {
			return fmt.Errorf("plots: %s: no values", what)
		}
		if g.Names != nil && len(g.Names) != len(g.Values) {
			return fmt.Errorf("plots: %s: %d names for %d values", what, len(g.Names), len(g.Values))
		}
		if err := finite(what, g.Values); err != nil {
			return err
		}
	}
	return data.Size.check()
}
