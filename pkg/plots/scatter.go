package plots

import (
	"cmp"
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gojacard/jacard/pkg/array"
)

// ScatterData is what [Scatter] draws: points coloured either by class or by
// a value, or all alike.
type ScatterData struct {
	Title          string
	XLabel, YLabel string
	Points         *array.Array // [n, 2]; nil with Facets
	Facets         []Facet      // other maps of the same rows, drawn side by side
	Columns        int          // facets side by side; 0 means all up to 4
	IDs            []int        // row id of each point; nil means 0…n−1

	Classes    []int    // class of each point, an index into ClassNames; nil means one class
	ClassNames []string // nil with Classes nil

	Values    []float64 // colour of each point instead of a class; NaN is grey
	ValueName string    // what a colour means
	Signed    bool      // blue and orange around zero instead of viridis

	Groups []Group // points to outline, such as clusters
	Radius float64 // of a point, in points; 0 means smaller the more points there are

	// For the interactive form.
	Name   string       // name of the selection and its file; "" means "selection"
	Images *array.Array // picture of each point, as in [ImageGrid]; nil means none
	Pixels int          // side of the pictures sent to the page; 0 means 14

	Caption Caption
	Size    Size
}

// Facet is one of several maps of the same rows, such as that of one layer.
// Each has axes of its own range: places in two maps mean nothing to each
// other, only the rows do.
type Facet struct {
	Name   string
	Points *array.Array // [n, 2]
}

// Group is a named set of rows, by id.
type Group struct {
	Name string
	IDs  []int
}

// Scatter draws points in a plane, or in one plane for each facet. Classes
// differ in colour and shape; groups are outlined. Facets without axis labels
// have no ticks. The figure has an interactive form, in which a point or a
// rectangle of points chosen in one facet lights up in the others: see
// [Figure.HTML] and [ShowInteractive].
func Scatter(data ScatterData) (*Figure, error) {
	s, err := newScatter(data)
	if err != nil {
		return nil, err
	}
	var plots []*plot.Plot
	for _, m := range s.panels {
		p := newPlot(m.Name, data.XLabel, data.YLabel)
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = m.x0, m.x1, m.y0, m.y1
		if s.bare() {
			p.HideAxes()
			p.X.Padding, p.Y.Padding = 0, 0
			p.Add(frame{})
		} else {
			p.Add(grid{true, true})
		}
		p.Add(m)
		plots = append(plots, p)
	}
	legend := s.legend()
	width, height := 640, 560
	if data.Facets != nil {
		width = min(800, 360*s.columns)
		height = 60 + s.rows()*(width/s.columns+20)
	}
	if data.Values != nil {
		width = min(800, width+80)
	}
	return &Figure{
		title: data.Title, caption: data.Caption, size: data.Size.or(width, height), widget: s,
		body: func(c draw.Canvas) {
			c = drawLegend(c, legend)
			if data.Values != nil {
				bar := c
				c.Max.X -= colourBarWidth + margin
				inside := plots[0].DataCanvas(c)
				if data.Facets != nil {
					inside.Rectangle = c.Rectangle
				}
				bar.Min = vg.Point{X: c.Max.X + margin, Y: inside.Min.Y}
				bar.Max.Y = inside.Max.Y
				drawColourBar(bar, s.colours, s.domain, data.ValueName)
			}
			drawPanels(c, plots, s.columns)
		},
	}, nil
}

// scatter is ScatterData that has been checked, with what both forms of the
// figure need.
type scatter struct {
	ScatterData
	ids     []int
	place   map[int]int // id to index
	panels  []scatterPanel
	columns int
	colours ColourMap
	domain  Domain
}

// scatterPanel is one map of the points, drawn over the range of its axes.
type scatterPanel struct {
	Facet
	x0, x1, y0, y1 float64
	*scatter
}

func newScatter(data ScatterData) (*scatter, error) {
	s := &scatter{ScatterData: data, ids: data.IDs, place: map[int]int{}, colours: Viridis}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("plots: scatter %q: %w", data.Title, err)
	}
	s.columns = min(cmp.Or(s.Columns, 4), len(s.panels))
	for k := range s.panels {
		p := &s.panels[k]
		p.x0, p.x1 = spread(p.Points, 0)
		p.y0, p.y1 = spread(p.Points, 1)
		p.scatter = s
	}
	if s.Values != nil {
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range s.Values {
			if v == v {
				low, high = min(low, v), max(high, v)
			}
		}
		if low > high {
			low, high = 0, 1
		}
		if low == high {
			low, high = low-0.5, high+0.5
		}
		s.domain = linear(low, high)
		if s.Signed {
			s.colours, s.domain = BlueOrange, aroundZero(low, high)
		}
	}
	return s, nil
}

// spread is the range of coordinate k with 3 % of room at both ends.
func spread(points *array.Array, k int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range points.Rows() {
		v := float64(points.At(i, k))
		low, high = min(low, v), max(high, v)
	}
	room := 0.03 * (high - low)
	if room == 0 {
		room = 1
	}
	return low - room, high + room
}

// bare tells whether the panels have frames in the place of axes.
func (s *scatter) bare() bool { return s.Facets != nil && s.XLabel == "" && s.YLabel == "" }

func (s *scatter) rows() int { return (len(s.panels) + s.columns - 1) / s.columns }

// class is the class of point i; without classes all points are class 0.
func (s *scatter) class(i int) int {
	if s.Classes == nil {
		return 0
	}
	return s.Classes[i]
}

func (s *scatter) radius() float64 {
	switch n := len(s.ids); {
	case s.Radius > 0:
		return s.Radius
	case n > 5000:
		return 1.2
	case n > 500:
		return 2
	}
	return 3
}

func (s *scatter) glyph(i int) draw.GlyphStyle {
	g := draw.GlyphStyle{Radius: vg.Length(s.radius()), Shape: shapes[0]}
	if s.Values != nil {
		g.Color = s.colours(s.domain.Position(s.Values[i]))
		return g
	}
	g.Color, g.Shape = Tab10(s.class(i)), shapes[s.class(i)%len(shapes)]
	return g
}

// outline is the mark of group k: a hollow shape in a colour that no class of
// a small figure has.
func (s *scatter) outline(k int) draw.GlyphStyle {
	corners := []int{32, 4, 3}
	return draw.GlyphStyle{Color: groupColour(k), Radius: vg.Length(s.radius() + 2), Shape: hollow(corners[k%len(corners)])}
}

// hollow is the outline of a regular polygon, stronger than gonum's hollow
// glyphs so that it is seen among thousands of points.
type hollow int

// DrawGlyph implements [draw.GlyphDrawer].
func (h hollow) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: style.Color, Width: 1.2})
	var path vg.Path
	for k := range int(h) {
		sin, cos := math.Sincos(math.Pi/2 + (2*float64(k)+1)*math.Pi/float64(h))
		p := vg.Point{X: at.X + style.Radius*vg.Length(cos), Y: at.Y + style.Radius*vg.Length(sin)}
		if k == 0 {
			path.Move(p)
		} else {
			path.Line(p)
		}
	}
	path.Close()
	c.Stroke(path)
}

func groupColour(k int) Colour { return Tab10([]int{3, 4, 2, 6, 5}[k%5]) }

// Plot implements [plot.Plotter].
func (s scatterPanel) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	at := func(i int) vg.Point {
		return vg.Point{X: trX(float64(s.Facet.Points.At(i, 0))), Y: trY(float64(s.Facet.Points.At(i, 1)))}
	}
	for i := range s.ids {
		c.DrawGlyph(s.glyph(i), at(i))
	}
	for k, g := range s.Groups {
		for _, id := range g.IDs {
			c.DrawGlyph(s.outline(k), at(s.place[id]))
		}
	}
}

func (s *scatter) legend() (entries []legendEntry) {
	if s.Values == nil && s.ClassNames != nil {
		count := s.counts()
		for k, name := range s.ClassNames {
			style := draw.GlyphStyle{Color: Tab10(k), Radius: 3.5, Shape: shapes[k%len(shapes)]}
			entries = append(entries, legendEntry{fmt.Sprintf("%s (%s)", name, thousands(count[k])), []plot.Thumbnailer{glyphThumb(style)}})
		}
	}
	for k, g := range s.Groups {
		style := s.outline(k)
		style.Radius = 4
		entries = append(entries, legendEntry{fmt.Sprintf("%s (%s)", g.Name, thousands(len(g.IDs))), []plot.Thumbnailer{glyphThumb(style)}})
	}
	return entries
}

// counts is the number of points of each class.
func (s *scatter) counts() []int {
	count := make([]int, max(len(s.ClassNames), 1))
	for i := range s.ids {
		count[s.class(i)]++
	}
	return count
}

// glyphThumb shows one mark in a legend.
type glyphThumb draw.GlyphStyle

// Thumbnail implements [plot.Thumbnailer].
func (g glyphThumb) Thumbnail(c *draw.Canvas) { c.DrawGlyphNoClip(draw.GlyphStyle(g), c.Center()) }

// prefix names the facet in errors.
func (f Facet) prefix() string {
	if f.Name == "" {
		return ""
	}
	return fmt.Sprintf("facet %q: ", f.Name)
}

// frame is four thin lines around a panel without axes.
type frame struct{}

// Plot implements [plot.Plotter].
func (frame) Plot(c draw.Canvas, _ *plot.Plot) {
	r := c.Rectangle
	c.StrokeLines(draw.LineStyle{Color: muted, Width: 0.5}, []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}, r.Min})
}

// check also fills ids, place and the points of the panels.
func (s *scatter) check() error {
	maps := s.Facets
	if maps == nil {
		maps = []Facet{{Points: s.Points}}
	} else if s.Points != nil || len(maps) == 0 {
		return fmt.Errorf("points beside %d facets; give one or the other", len(maps))
	}
	n := 0
	for k, m := range maps {
		if m.Points == nil || m.Points.Check() != nil || len(m.Points.Shape) != 2 || m.Points.Shape[1] != 2 {
			return fmt.Errorf("%spoints must be an array [n, 2]", m.prefix())
		}
		if k == 0 {
			n = m.Points.Rows()
		}
		if m.Points.Rows() != n {
			return fmt.Errorf("%s%d points, and %d in the facet before", m.prefix(), m.Points.Rows(), n)
		}
		for i := range n {
			x, y := float64(m.Points.At(i, 0)), float64(m.Points.At(i, 1))
			if math.IsNaN(x-x) || math.IsNaN(y-y) { // NaN or infinite
				return fmt.Errorf("%spoint %d at (%g, %g) cannot be drawn", m.prefix(), i, x, y)
			}
		}
		s.panels = append(s.panels, scatterPanel{Facet: m})
	}
	if n == 0 {
		return fmt.Errorf("no points")
	}
	if s.ids == nil {
		s.ids = make([]int, n)
		for i := range s.ids {
			s.ids[i] = i
		}
	}
	for _, part := range []struct {
		name string
		len  int
		nil  bool
	}{{"ids", len(s.ids), false}, {"classes", len(s.Classes), s.Classes == nil}, {"values", len(s.Values), s.Values == nil}} {
		if !part.nil && part.len != n {
			return fmt.Errorf("%d %s for %d points", part.len, part.name, n)
		}
	}
	for i, id := range s.ids {
		if other, ok := s.place[id]; ok {
			return fmt.Errorf("points %d and %d share the id %d", other, i, id)
		}
		if id < math.MinInt32 || id > math.MaxInt32 {
			return fmt.Errorf("id %d of point %d does not fit 32 bits", id, i)
		}
		s.place[id] = i
	}
	for i, v := range s.Values {
		if math.IsInf(v, 0) {
			return fmt.Errorf("value %g of point %d is infinite", v, i)
		}
	}
	if len(s.ClassNames) > 200 || s.Classes != nil && len(s.ClassNames) == 0 {
		return fmt.Errorf("%d class names; give 1…200 beside the classes", len(s.ClassNames))
	}
	for i, c := range s.Classes {
		if c < 0 || c >= len(s.ClassNames) {
			return fmt.Errorf("class %d of point %d is outside 0…%d", c, i, len(s.ClassNames)-1)
		}
	}
	for _, g := range s.Groups {
		for _, id := range g.IDs {
			if _, ok := s.place[id]; !ok {
				return fmt.Errorf("group %q holds id %d, which no point has", g.Name, id)
			}
		}
	}
	if s.Images != nil {
		p, err := newPictures("pictures", s.Images)
		if err != nil {
			return err
		}
		if p.channels != 1 {
			return fmt.Errorf("pictures of shape %v: the pictures of points are grey", s.Images.Shape)
		}
		if s.Images.Rows() != n {
			return fmt.Errorf("%d pictures for %d points", s.Images.Rows(), n)
		}
	}
	if s.Pixels < 0 || s.Radius < 0 || s.Columns < 0 {
		return fmt.Errorf("negative Pixels %d, Radius %g or Columns %d", s.Pixels, s.Radius, s.Columns)
	}
	return s.Size.check()
}
