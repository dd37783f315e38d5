package plots

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// LinesData is what [Lines] draws.
type LinesData struct {
	Title          string
	XLabel, YLabel string
	LogX, LogY     bool // logarithmic axes; all values on them must be > 0
	Series         []Series
	Levels         []Mark // horizontal lines across every panel, such as a chance level
	Caption        Caption
	Size           Size
}

// Series is one line. Lines of one name have one colour in all panels.
type Series struct {
	Name  string
	Facet string    // panel of the line; empty means the one panel
	X     []float64 // nil means 1, 2, 3, …
	Y     []float64
	Low   []float64 // lower edge of a band around the line; nil means no band
	High  []float64 // upper edge
	Marks bool      // draw marks instead of a line, as for published values

	control bool   // in grey, as what the others are compared with
	note    string // behind the name in the legend
}

// Mark is a value worth a line across a panel.
type Mark struct {
	Name  string
	Value float64
}

// Lines draws series against x, one panel for each facet, all panels on one
// scale. Lines differ in colour and dash, marks in colour and shape. The figure
// has an interactive form that tells all values at one x.
func Lines(data LinesData) (*Figure, error) {
	if err := data.check(); err != nil {
		return nil, err
	}
	var names, facetNames []string
	whole := true // x counts something, such as epochs
	for _, s := range data.Series {
		names, facetNames = append(names, s.Name), append(facetNames, s.Facet)
		for _, x := range s.X {
			whole = whole && x == math.Trunc(x)
		}
	}
	names, facetNames = facets(names), facets(facetNames)
	index, labels := map[string]int{}, map[string]string{}
	for i, n := range names {
		index[n] = i
	}
	for _, s := range data.Series {
		labels[s.Name] = strings.TrimSpace(s.Name + "  " + s.note)
	}

	columns := columnsFor(len(facetNames))
	rows := (len(facetNames) + columns - 1) / columns
	panels := make([]*plot.Plot, len(facetNames))
	thumbs := make([][]plot.Thumbnailer, len(names))
	for i, facet := range facetNames {
		p := newPlot(facet, data.XLabel, data.YLabel)
		p.X.Tick.Marker = roundTicks{n: 8, whole: whole}
		if columns > 1 {
			p.X.Tick.Marker, p.Y.Tick.Marker = roundTicks{n: 5, whole: whole}, roundTicks{n: 5}
		}
		if data.LogX {
			p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
		}
		if data.LogY {
			p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
		}
		p.Add(grid{y: true})
		for _, s := range data.Series {
			if s.Facet != facet {
				continue
			}
			k := index[s.Name]
			thumb := s.add(p, k)
			if thumbs[k] == nil {
				thumbs[k] = thumb
			}
		}
		for k, m := range data.Levels {
			addLevel(p, m, k)
		}
		panels[i] = p
	}
	sameRange(xAxis, 0, panels...)
	share := 0.03
	if data.LogY {
		share = 0
	}
	sameRange(yAxis, share, panels...)

	var legend []legendEntry
	for i, n := range names {
		if n != "" {
			legend = append(legend, legendEntry{labels[n], thumbs[i]})
		}
	}
	for k, m := range data.Levels {
		line := &plotter.Line{LineStyle: markStyle(k)}
		legend = append(legend, legendEntry{m.Name, []plot.Thumbnailer{line}})
	}
	height := 380
	if len(panels) > 1 {
		height = 60 + 230*rows
	}
	return &Figure{
		title: data.Title, caption: data.Caption, size: data.Size.or(720+80*min(columns-1, 1), height),
		body:   func(c draw.Canvas) { drawPanels(drawLegend(c, legend), panels, columns) },
		widget: hover(func(c draw.Canvas) hotSpots { return data.hot(drawLegend(c, legend), panels, facetNames, columns) }),
	}, nil
}

// hot are the panels as parts of an interactive figure: at each x that a line
// of the panel has, the y of all that have it.
func (data LinesData) hot(c draw.Canvas, panels []*plot.Plot, facets []string, columns int) hotSpots {
	var spots hotSpots
	for i, canvas := range panelCanvases(c, panels, columns) {
		at := map[float64][]string{}
		for _, s := range data.Series {
			if s.Facet != facets[i] {
				continue
			}
			for k, y := range s.Y {
				text := cmp.Or(s.Name, data.YLabel, "y") + ": " + number(y, 'g', 4)
				if s.Low != nil {
					text += fmt.Sprintf(" (%s … %s)", number(s.Low[k], 'g', 4), number(s.High[k], 'g', 4))
				}
				at[s.x(k)] = append(at[s.x(k)], text)
			}
		}
		box := hotBox{At: place(canvas.Rectangle), Row: i, Name: facets[i], Group: facets[i], Rows: 1, Columns: len(at)}
		trX, _ := panels[i].Transforms(&canvas)
		for _, x := range slices.Sorted(maps.Keys(at)) {
			box.Stops = append(box.Stops, float64((trX(x)-canvas.Min.X)/(canvas.Max.X-canvas.Min.X)))
			box.Texts = append(box.Texts, cmp.Or(data.XLabel, "x")+" "+number(x, 'g', 4)+"\n"+strings.Join(at[x], "\n"))
		}
		spots.Boxes = append(spots.Boxes, box)
	}
	return spots
}

// add draws the series with colour, dash and shape k.
func (s Series) add(p *plot.Plot, k int) []plot.Thumbnailer {
	xy := make(plotter.XYs, len(s.Y))
	for i, y := range s.Y {
		xy[i] = plotter.XY{X: s.x(i), Y: y}
	}
	colour := Tab10(k)
	if s.control {
		colour = muted
	}
	var thumbs []plot.Thumbnailer
	if s.Low != nil {
		var edge plotter.XYs
		for i, v := range s.High {
			edge = append(edge, plotter.XY{X: s.x(i), Y: v})
		}
		for i := len(s.Low) - 1; i >= 0; i-- {
			edge = append(edge, plotter.XY{X: s.x(i), Y: s.Low[i]})
		}
		band, err := plotter.NewPolygon(edge)
		if err == nil { // an empty series has no band
			band.Color, band.LineStyle.Width = colour.withAlpha(0.2), 0
			p.Add(band)
			thumbs = append(thumbs, band)
		}
	}
	if s.Marks {
		marks := &plotter.Scatter{XYs: xy, GlyphStyle: draw.GlyphStyle{Color: colour, Radius: 3, Shape: shapes[k%len(shapes)]}}
		p.Add(marks)
		return append(thumbs, marks)
	}
	line := &plotter.Line{XYs: xy, LineStyle: draw.LineStyle{Color: colour, Width: 1.4, Dashes: dashes[k%len(dashes)]}}
	p.Add(line)
	if len(xy) == 1 { // a line of one point is invisible
		p.Add(&plotter.Scatter{XYs: xy, GlyphStyle: draw.GlyphStyle{Color: colour, Radius: 2.5, Shape: draw.CircleGlyph{}}})
	}
	return append(thumbs, line)
}

func (s Series) x(i int) float64 {
	if s.X == nil {
		return float64(i + 1)
	}
	return s.X[i]
}

// markStyle is the look of the k-th line across a panel.
func markStyle(k int) draw.LineStyle {
	return draw.LineStyle{Color: muted, Width: 1, Dashes: dashes[1+k%(len(dashes)-1)]}
}

func addLevel(p *plot.Plot, m Mark, k int) {
	p.Y.Min, p.Y.Max = min(p.Y.Min, m.Value), max(p.Y.Max, m.Value)
	level := plotter.NewFunction(func(float64) float64 { return m.Value })
	level.LineStyle, level.Samples = markStyle(k), 2
	p.Add(level)
}

func (data LinesData) check() error {
	if len(data.Series) == 0 {
		return fmt.Errorf("plots: lines %q: no series; give at least one", data.Title)
	}
	for _, s := range data.Series {
		what := fmt.Sprintf("lines %q, series %q", data.Title, s.Name)
		if len(s.Y) == 0 {
			return fmt.Errorf("plots: %s: no values", what)
		}
		if s.X != nil && len(s.X) != len(s.Y) {
			return fmt.Errorf("plots: %s: %d x for %d y", what, len(s.X), len(s.Y))
		}
		if len(s.Low) != len(s.High) || s.Low != nil && len(s.Low) != len(s.Y) {
			return fmt.Errorf("plots: %s: a band of %d lower and %d upper edges for %d values", what, len(s.Low), len(s.High), len(s.Y))
		}
		for _, part := range []struct {
			name   string
			values []float64
			log    bool
		}{{"x", s.X, data.LogX}, {"y", s.Y, data.LogY}, {"low", s.Low, data.LogY}, {"high", s.High, data.LogY}} {
			if err := finite(what+", "+part.name, part.values); err != nil {
				return err
			}
			for i, v := range part.values {
				if part.log && v <= 0 {
					return fmt.Errorf("plots: %s: %s %d is %g, and a logarithmic axis shows only values > 0", what, part.name, i, v)
				}
			}
		}
	}
	for _, m := range data.Levels {
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) || data.LogY && m.Value <= 0 {
			return fmt.Errorf("plots: lines %q: level %q at %g cannot be drawn", data.Title, m.Name, m.Value)
		}
	}
	return data.Size.check()
}
