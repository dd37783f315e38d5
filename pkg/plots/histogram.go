package plots

import (
	"cmp"
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// HistogramData is what [Histogram] draws.
type HistogramData struct {
	Title   string
	XLabel  string
	YLabel  string // "" means "count"
	Samples []Sample
	Bins    int    // number of equal bins over the range of all samples; 0 means 40
	Marks   []Mark // vertical lines across every panel, such as a threshold
	LogY    bool   // logarithmic counts; empty bins are not drawn
	Caption Caption
	Size    Size
}

// Sample is one set of values. Samples of one facet lie over each other.
type Sample struct {
	Name   string
	Facet  string
	Values []float64
}

// Histogram counts values in equal bins, the same for all samples. A value on
// the edge between two bins counts in the upper one, the largest value in the
// last.
func Histogram(data HistogramData) (*Figure, error) {
	low, high, err := data.span()
	if err != nil {
		return nil, err
	}
	bins := cmp.Or(data.Bins, 40)
	var names, facetNames []string
	for _, s := range data.Samples {
		names, facetNames = append(names, s.Name), append(facetNames, s.Facet)
	}
	names, facetNames = facets(names), facets(facetNames)
	index := map[string]int{}
	for i, n := range names {
		index[n] = i
	}
	columns := columnsFor(len(facetNames))
	panels := make([]*plot.Plot, len(facetNames))
	for i, facet := range facetNames {
		p := newPlot(facet, data.XLabel, cmp.Or(data.YLabel, "count"))
		if columns > 1 {
			p.X.Tick.Marker, p.Y.Tick.Marker = roundTicks{n: 5}, roundTicks{n: 5}
		}
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, 0, 1
		if data.LogY {
			p.Y.Scale, p.Y.Tick.Marker, p.Y.Min = plot.LogScale{}, logTicks{}, 0.5
		}
		p.Add(grid{y: true})
		for _, s := range data.Samples {
			if s.Facet != facet {
				continue
			}
			counts := countBins(s.Values, low, high, bins)
			for _, n := range counts {
				p.Y.Max = max(p.Y.Max, 1.05*n)
			}
			p.Add(steps{counts, low, high, index[s.Name]})
		}
		for k, m := range data.Marks {
			p.X.Min, p.X.Max = min(p.X.Min, m.Value), max(p.X.Max, m.Value)
			p.Add(upright{m.Value, markStyle(k)})
		}
		panels[i] = p
	}
	sameRange(yAxis, 0, panels...)

	var legend []legendEntry
	for i, n := range names {
		if n != "" && len(names) > 1 {
			legend = append(legend, legendEntry{n, []plot.Thumbnailer{steps{style: i}}})
		}
	}
	for k, m := range data.Marks {
		legend = append(legend, legendEntry{m.Name, []plot.Thumbnailer{&plotter.Line{LineStyle: markStyle(k)}}})
	}
	rows := (len(panels) + columns - 1) / columns
	height := 340
	if len(panels) > 1 {
		height = 60 + 220*rows
	}
	return &Figure{
		title: data.Title, caption: data.Caption, size: data.Size.or(680+120*min(columns-1, 1), height),
		body: func(c draw.Canvas) { drawPanels(drawLegend(c, legend), panels, columns) },
	}, nil
}

func countBins(values []float64, low, high float64, bins int) []float64 {
	counts := make([]float64, bins)
	for _, v := range values {
		counts[min(int((v-low)/(high-low)*float64(bins)), bins-1)]++
	}
	return counts
}

// steps draws counts as a filled outline.
type steps struct {
	counts    []float64
	low, high float64
	style     int
}

func (s steps) line() draw.LineStyle {
	return draw.LineStyle{Color: Tab10(s.style), Width: 1.2, Dashes: dashes[s.style%len(dashes)]}
}

// Plot implements [plot.Plotter].
func (s steps) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	width := (s.high - s.low) / float64(len(s.counts))
	height := func(n float64) vg.Length { return max(c.Min.Y, trY(max(n, p.Y.Min))) }
	outline := []vg.Point{{X: trX(s.low), Y: c.Min.Y}}
	for i, n := range s.counts {
		left, right := trX(s.low+float64(i)*width), trX(s.low+float64(i+1)*width)
		outline = append(outline, vg.Point{X: left, Y: height(n)}, vg.Point{X: right, Y: height(n)})
	}
	outline = append(outline, vg.Point{X: trX(s.high), Y: c.Min.Y})
	c.FillPolygon(Tab10(s.style).withAlpha(0.3), outline)
	c.StrokeLines(s.line(), outline)
}

// Thumbnail implements [plot.Thumbnailer].
func (s steps) Thumbnail(c *draw.Canvas) {
	box := []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}, c.Min}
	c.FillPolygon(Tab10(s.style).withAlpha(0.3), box)
	c.StrokeLines(s.line(), box)
}

// upright is a line across a panel at one value.
type upright struct {
	at    float64
	style draw.LineStyle
}

// Plot implements [plot.Plotter].
func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	x := c.X(p.X.Norm(u.at))
	c.StrokeLine2(u.style, x, c.Min.Y, x, c.Max.Y)
}

// span returns the range of all values.
func (data HistogramData) span() (low, high float64, err error) {
	if len(data.Samples) == 0 || data.Bins < 0 {
		return 0, 0, fmt.Errorf("plots: histogram %q: %d samples, %d bins; give at least one sample and no negative number", data.Title, len(data.Samples), data.Bins)
	}
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range data.Samples {
		what := fmt.Sprintf("histogram %q, sample %q", data.Title, s.Name)
		if len(s.Values) == 0 {
			return 0, 0, fmt.Errorf("plots: %s: no values", what)
		}
		if err := finite(what, s.Values); err != nil {
			return 0, 0, err
		}
		for _, v := range s.Values {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, m := range data.Marks {
		if err := finite(fmt.Sprintf("histogram %q, mark %q", data.Title, m.Name), []float64{m.Value}); err != nil {
			return 0, 0, err
		}
	}
	if low == high { // one value: a bin around it
		low, high = low-0.5, high+0.5
	}
	return low, high, data.Size.check()
}
