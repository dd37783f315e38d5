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

	"github.com/gojacard/jacard/pkg/array"
)

// BeeswarmData is what [Beeswarm] draws.
type BeeswarmData struct {
	Title   string
	XLabel  string       // what a value means, such as "φ of P(digit = 1)"
	Values  *array.Array // attributions [rows, features]
	Names   []string     // of the features; nil means F0, F1, F2, …
	Inputs  *array.Array // the features' own values, of the same shape, which colour the points; nil means none. NaN is grey
	IDs     []int        // of the rows, for the interactive form; nil means 0, 1, 2, …
	Max     int          // features with a line of their own; the others are summed row by row into one more. 0 means 12
	Caption Caption
	Size    Size
}

// Beeswarm draws the values of many rows: a line of points for each feature,
// the largest mean magnitude on top, equal ones by their place in the data.
// Points that would cover each other move up or down as far as the line has
// room; the caption counts those that lie under others nevertheless. Colour and
// shape say whether the feature's own value is low or high, between the 5 % and
// 95 % quantiles of the feature: ▽ in the lower third, △ in the upper one. The
// figure has an interactive form that tells a point and shows its row in all
// lines.
func Beeswarm(data BeeswarmData) (*Figure, error) {
	if err := data.check(); err != nil {
		return nil, err
	}
	s := newSwarm(data)
	p := newPlot("", data.XLabel, "")
	lines := 1
	ticks := make([]plot.Tick, len(s.lines))
	for k, line := range s.lines {
		label := shorten(p.Y.Tick.Label, line.name, 150, 2)
		if slices.Contains([]rune(label), '\n') {
			lines = 2
		}
		ticks[k] = plot.Tick{Value: -float64(k), Label: label}
		for _, v := range line.values {
			p.X.Min, p.X.Max = min(p.X.Min, v), max(p.X.Max, v)
		}
	}
	p.X.Min, p.X.Max = min(p.X.Min, 0), max(p.X.Max, 0)
	if p.X.Min == p.X.Max {
		p.X.Min, p.X.Max = -1, 1
	}
	sameRange(xAxis, 0.03, p)
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	p.Y.Min, p.Y.Max = 0.5-float64(len(ticks)), 0.5
	p.Add(grid{x: true}, s)

	inside := func(c draw.Canvas) draw.Canvas {
		if data.Inputs != nil {
			c.Max.X -= colourBarWidth
		}
		return c
	}
	const least, most = 28, 52 // pixels for a line: more where there are few
	line := max(least, min(most, 312/len(ticks)), 18+10*lines)
	size := data.Size.or(720, 70+len(ticks)*line)
	f := &Figure{
		title: data.Title, caption: data.Caption, size: size,
		body: func(c draw.Canvas) {
			p.Draw(inside(c))
			if data.Inputs != nil {
				bar := p.DataCanvas(inside(c))
				bar.Min.X, bar.Max.X = bar.Max.X+2*margin, c.Max.X
				drawScale(bar, lowHigh, linear(0, 1), "value of the feature", []plot.Tick{{Value: 1.0 / 6, Label: "low"}, {Value: 0.5, Label: "middle"}, {Value: 5.0 / 6, Label: "high"}})
				for k, shape := range thirds {
					at := vg.Point{X: bar.Min.X + 5.5, Y: bar.Min.Y + (bar.Max.Y-bar.Min.Y)*vg.Length(2*k+1)/6}
					bar.DrawGlyph(draw.GlyphStyle{Color: inkOn(lowHigh(float64(2*k+1) / 6)), Radius: 3, Shape: shape}, at)
				}
			}
		},
		widget: hover(func(c draw.Canvas) hotSpots { return s.hot(p, p.DataCanvas(inside(c))) }),
	}
	covered := 0
	f.probe(func(c draw.Canvas) { covered = s.covered(p.DataCanvas(inside(c)), p) })
	if covered > 0 {
		f.caption = f.caption.with(fmt.Sprintf("%s of %s points lie more than a third under others", thousands(covered), thousands(len(s.lines)*len(s.rows))))
	}
	return f, nil
}

// lowHigh colours the values of a feature: viridis without its palest yellow,
// which paper swallows.
func lowHigh(t float64) Colour { return Viridis(0.88 * min(max(t, 0), 1)) }

// swarm are the points of all lines.
type swarm struct {
	lines   []swarmLine
	rows    []string
	inputs  bool
	measure string
}

// swarmLine is one feature, or the sum of several.
type swarmLine struct {
	name   string
	values []float64 // one for each row
	inputs []float64 // nil for a sum
	shade  []float64 // position of each input between low and high
}

func newSwarm(data BeeswarmData) swarm {
	n, width := data.Values.Rows(), data.Values.Width()
	size := make([]float64, width)
	order := make([]int, width)
	for k := range width {
		order[k] = k
		for i := range n {
			size[k] += math.Abs(float64(data.Values.At(i, k)))
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(size[b], size[a]) })
	shown := cmp.Or(data.Max, 12)
	if width <= shown+1 { // a sum of one other feature is that feature
		shown = width
	}
	s := swarm{inputs: data.Inputs != nil, measure: cmp.Or(data.XLabel, "value")}
	for i := range n {
		id := i
		if data.IDs != nil {
			id = data.IDs[i]
		}
		s.rows = append(s.rows, "row "+strconv.Itoa(id))
	}
	for _, k := range order[:shown] {
		line := swarmLine{name: "F" + strconv.Itoa(k)}
		if data.Names != nil {
			line.name = data.Names[k]
		}
		for i := range n {
			line.values = append(line.values, float64(data.Values.At(i, k)))
			if data.Inputs != nil {
				line.inputs = append(line.inputs, float64(data.Inputs.At(i, k)))
			}
		}
		line.shade = shades(line.inputs)
		s.lines = append(s.lines, line)
	}
	if rest := order[shown:]; len(rest) > 0 {
		line := swarmLine{name: fmt.Sprintf("sum of %d others", len(rest)), values: make([]float64, n)}
		for i := range n {
			for _, k := range rest {
				line.values[i] += float64(data.Values.At(i, k))
			}
		}
		s.lines = append(s.lines, line)
	}
	return s
}

// shades are the positions of inputs between their 5 % and 95 % quantiles, or
// between the extremes if those are one; 1/2 if all are alike.
func shades(inputs []float64) []float64 {
	var sorted []float64
	for _, v := range inputs {
		if v == v {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	low, high := 0.0, 0.0
	if n := len(sorted); n > 0 {
		low, high = sorted[(n-1)*5/100], sorted[((n-1)*95+99)/100]
		if low == high {
			low, high = sorted[0], sorted[n-1]
		}
	}
	out := make([]float64, len(inputs))
	for i, v := range inputs {
		out[i] = 0.5
		if low < high || v != v {
			out[i] = min(max((v-low)/(high-low), 0), 1)
		}
	}
	return out
}

// swarmPoint is a point of a line on a canvas.
type swarmPoint struct {
	row int
	at  vg.Point
}

// radius of a point: smaller where there are many.
func (s swarm) radius() vg.Length {
	switch n := len(s.rows); {
	case n <= 100:
		return 2.4
	case n <= 1000:
		return 1.7
	}
	return 1.3
}

// points places the points of line k from left to right, each in that lane
// nearest to the middle of the line where it covers no other, or, if all are
// taken, where it covers least.
func (s swarm) points(k int, c draw.Canvas, p *plot.Plot) []swarmPoint {
	trX, trY := p.Transforms(&c)
	line, wide := s.lines[k], 1.8*s.radius()
	order := make([]int, len(line.values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(line.values[a], line.values[b]) })
	room := max(0, 0.42*(trY(0)-trY(-1)))
	lanes := make([]vg.Length, 1+2*int(room/wide)) // where the last point of each lies: the middle, above, below, further above …
	for l := range lanes {
		lanes[l] = c.Min.X - 2*wide
	}
	points := make([]swarmPoint, len(order))
	for n, i := range order {
		x, lane := trX(line.values[i]), 0
		for l, last := range lanes {
			if x-last >= wide {
				lane = l
				break
			}
			if last < lanes[lane] {
				lane = l
			}
		}
		lanes[lane] = x
		up := vg.Length((lane + 1) / 2)
		if lane%2 == 0 {
			up = -up
		}
		points[n] = swarmPoint{i, vg.Point{X: x, Y: trY(-float64(k)) + up*wide}}
	}
	return points
}

// covered counts points of which a point drawn later hides more than a third:
// one whose middle is nearer than a radius, where two discs share 2/3 − √3/2π
// of each, 39 %.
func (s swarm) covered(c draw.Canvas, p *plot.Plot) int {
	n, r := 0, s.radius()
	for k := range s.lines {
		points := s.points(k, c, p) // from left to right, and drawn so
		for i, q := range points {
			for _, later := range points[i+1:] {
				if later.at.X-q.at.X >= r {
					break
				}
				if math.Hypot(float64(later.at.X-q.at.X), float64(later.at.Y-q.at.Y)) < float64(r) {
					n++
					break
				}
			}
		}
	}
	return n
}

// Plot implements [plot.Plotter].
func (s swarm) Plot(c draw.Canvas, p *plot.Plot) {
	trX, _ := p.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: muted, Width: 0.75}, trX(0), c.Min.Y, trX(0), c.Max.Y)
	r := s.radius()
	for k, line := range s.lines {
		for _, q := range s.points(k, c, p) {
			glyph := draw.GlyphStyle{Color: rgb(0x999999), Radius: r, Shape: draw.CircleGlyph{}}
			if line.inputs != nil && line.shade[q.row] == line.shade[q.row] {
				t := line.shade[q.row]
				glyph.Color = lowHigh(t)
				glyph.Shape = thirds[min(int(3*t), 2)]
			}
			c.DrawGlyph(glyph, q.at)
		}
	}
}

// thirds are the shapes of low, middle and high values.
var thirds = [3]draw.GlyphDrawer{wedge(-1), draw.CircleGlyph{}, wedge(1)}

// wedge is a filled triangle, its tip up for 1 and down for −1.
type wedge float64

// DrawGlyph implements [draw.GlyphDrawer].
func (w wedge) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	r, up := 1.15*style.Radius, vg.Length(w)
	c.FillPolygon(style.Color, []vg.Point{{X: at.X - r, Y: at.Y - 0.8*r*up}, {X: at.X + r, Y: at.Y - 0.8*r*up}, {X: at.X, Y: at.Y + r*up}})
}

// hot are the points as parts of an interactive figure.
func (s swarm) hot(p *plot.Plot, c draw.Canvas) hotSpots {
	dots := &hotDots{Rows: s.rows, Values: s.measure, Inputs: "value of the feature"}
	var x, y, v, f []float64
	var of, in []int
	for k, line := range s.lines {
		dots.Series = append(dots.Series, line.name)
		for _, q := range s.points(k, c, p) {
			x, y = append(x, q.at.X.Dots(screenDPI)), append(y, q.at.Y.Dots(screenDPI))
			of, in = append(of, k), append(in, q.row)
			v = append(v, line.values[q.row])
			if line.inputs != nil {
				f = append(f, line.inputs[q.row])
			} else {
				f = append(f, math.NaN())
			}
		}
	}
	dots.X, dots.Y, dots.V, dots.Of, dots.In = float32s(x), float32s(y), float32s(v), int32s(of), int32s(in)
	if s.inputs {
		dots.F = float32s(f)
	}
	return hotSpots{Dots: dots}
}

func (data BeeswarmData) check() error {
	what := fmt.Sprintf("beeswarm %q", data.Title)
	a := data.Values
	if a == nil || a.Check() != nil || len(a.Shape) != 2 || len(a.Data) == 0 || data.Max < 0 {
		return fmt.Errorf("plots: %s: needs values [rows, features], at least one, and no negative number of lines (%d)", what, data.Max)
	}
	if data.Names != nil && len(data.Names) != a.Width() {
		return fmt.Errorf("plots: %s: %d names for %d features", what, len(data.Names), a.Width())
	}
	if data.IDs != nil && len(data.IDs) != a.Rows() {
		return fmt.Errorf("plots: %s: %d ids for %d rows", what, len(data.IDs), a.Rows())
	}
	if b := data.Inputs; b != nil && (b.Check() != nil || !slices.Equal(b.Shape, a.Shape)) {
		return fmt.Errorf("plots: %s: inputs of shape %v for values of shape %v", what, b.Shape, a.Shape)
	}
	for i, v := range a.Data {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("plots: %s: row %d, feature %d is %g; leave out what cannot be drawn", what, i/a.Width(), i%a.Width(), f)
		}
	}
	if data.Inputs != nil {
		for i, v := range data.Inputs.Data {
			if math.IsInf(float64(v), 0) {
				return fmt.Errorf("plots: %s: input of row %d, feature %d is %g; NaN stands for missing ones", what, i/a.Width(), i%a.Width(), v)
			}
		}
	}
	return data.Size.check()
}
