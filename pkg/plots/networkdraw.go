package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// networkLayout is where units stand on a stage, y downwards.
type networkLayout struct {
	x      []float64   // of each layer
	y      [][]float64 // of each unit
	radius []float64   // of the units of each layer
}

// layout places the units on a stage of w × h with room for the names of
// inputs and outputs at its sides and of layers at its top.
func (n *diagram) layout(w, h, left, right, top float64) networkLayout {
	var out networkLayout
	for l, layer := range n.Layers {
		units := width(layer)
		step := min((h-top)/float64(units), 0.13*h)
		ys := make([]float64, units)
		for k := range ys {
			ys[k] = top + (h-top)/2 + (float64(k)-float64(units-1)/2)*step
		}
		out.x = append(out.x, left+(w-left-right)*float64(l)/float64(len(n.Layers)-1))
		out.y = append(out.y, ys)
		out.radius = append(out.radius, min(0.42*step, 0.022*h))
	}
	return out
}

// sides is the room for names and values of the inputs and outputs, in
// multiples of the size of their letters.
func (n *diagram) sides() (left, right float64) {
	style := textStyle(textSize, ink)
	room := func(l NetworkLayer) float64 {
		widest := vg.Length(0)
		for k := range width(l) {
			widest = max(widest, style.Width(l.unit(k)+"  −0.0000"))
		}
		return float64(widest/textSize) + 2.5
	}
	return room(n.Layers[0]), room(n.Layers[len(n.Layers)-1])
}

const (
	widestEdge = 6.0  // points
	faint      = 0.16 // opacity of edges beside the path
)

func edgeColour(contribution float64) Colour {
	switch {
	case contribution > 0:
		return positive
	case contribution < 0:
		return negative
	}
	return hairs
}

// draw fills c with the row's name, the legend and the network.
func (v *networkView) draw(c draw.Canvas) {
	style := textStyle(textSize, ink)
	style.XAlign, style.YAlign = draw.XCenter, draw.YTop
	last := len(v.Layers) - 1
	said := fmt.Sprintf("%s · logit of %s %s", v.rowName(v.row), v.path.explained(v.Layers[last]), number(v.path.Logit, 'g', 4))
	for _, line := range wrap(style, said, c.Max.X-c.Min.X) {
		c.FillText(style, vg.Point{X: c.Center().X, Y: c.Max.Y}, line)
		c.Max.Y -= lineHeight(style)
	}
	c.Max.Y -= margin / 2
	c = drawLegend(c, v.legend())

	w, h := float64(c.Max.X-c.Min.X), float64(c.Max.Y-c.Min.Y)
	left, right := v.sides()
	networkRoom.check(c, draw.Crop(c, vg.Length(left)*textSize, -vg.Length(right)*textSize, 0, -1.8*textSize).Rectangle)
	at := v.layout(w, h, left*textSize, right*textSize, 1.8*textSize)
	place := func(l, k int) vg.Point {
		return vg.Point{X: c.Min.X + vg.Length(at.x[l]), Y: c.Max.Y - vg.Length(at.y[l][k])}
	}
	for _, path := range []bool{false, true} { // the path over all others
		for l, edges := range v.edges {
			for _, e := range slices.Backward(edges) {
				if e.Path == path {
					c.StrokeLines(v.line(e), []vg.Point{place(l, e.From), place(l+1, e.To)})
				}
			}
		}
	}
	for l, layer := range v.Layers {
		c.FillText(style, vg.Point{X: c.Min.X + vg.Length(at.x[l]), Y: c.Max.Y}, fmt.Sprintf("%s (%s)", layer.Name, thousands(width(layer))))
		radius := vg.Length(at.radius[l])
		free := vg.Length(math.Inf(1)) // below this height a name covers no other
		for k, u := range v.units(l) {
			p := place(l, k)
			u.draw(&c, p, radius)
			name, side := fmt.Sprint(k), textStyle(min(textSize, max(1.6*radius, 6)), ink)
			side.YAlign = draw.YCenter
			switch {
			case l == 0 || l == last:
				name = layer.unit(k) + "  " + number(float64(layer.Activations.At(v.row, k)), 'g', 3)
				side.Font.Size = max(side.Font.Size, tickSize)
				p.X += radius + 4
				if l == 0 {
					side.XAlign = draw.XRight
					p.X -= 2 * (radius + 4)
				}
			case radius >= 6: // inside
				side.XAlign = draw.XCenter
				side.Color = inkOn(u.fill())
			case !u.path:
				continue
			default:
				p.X += radius + 2
			}
			if p.Y+side.Font.Size/2 <= free {
				c.FillText(side, p, name)
				free = p.Y - side.Font.Size/2
			}
		}
	}
}

// line is how an edge looks.
func (v *networkView) line(e Edge) draw.LineStyle {
	line := draw.LineStyle{Color: edgeColour(e.Contribution).withAlpha(faint), Width: 0.4}
	if e.Contribution == 0 {
		line.Color = hairs
		return line
	}
	line.Width = vg.Length(max(0.5, widestEdge*math.Abs(e.Contribution)/v.widest))
	if e.Contribution < 0 {
		line.Dashes = []vg.Length{5, 2.5}
	}
	if e.Path {
		line.Color = edgeColour(e.Contribution).withAlpha(0.9)
	}
	return line
}

// unitMark is how a unit looks.
type unitMark struct {
	value float64 // share of the largest |activation| of the layer for this row
	dead  bool    // zero for every row
	path  bool    // at an end of an edge of the path
}

func (v *networkView) units(l int) []unitMark {
	row := v.Layers[l].Activations.Row(v.row)
	largest := 0.0
	for _, a := range row {
		largest = max(largest, math.Abs(float64(a)))
	}
	marks := make([]unitMark, len(row))
	for k, a := range row {
		marks[k] = unitMark{float64(a) / cmp.Or(largest, 1), v.dead[l][k], false}
	}
	for connection, edges := range v.edges {
		for _, e := range edges {
			if e.Path && connection == l {
				marks[e.From].path = true
			}
			if e.Path && connection+1 == l {
				marks[e.To].path = true
			}
		}
	}
	return marks
}

// fill goes from paper to the colour of the sign.
func (u unitMark) fill() Colour {
	if u.dead {
		return NoValue
	}
	return mix(paper, edgeColour(u.value), 0.85*math.Abs(u.value))
}

func (u unitMark) draw(c *draw.Canvas, at vg.Point, radius vg.Length) {
	disc := func(r vg.Length) (p vg.Path) {
		p.Move(vg.Point{X: at.X + r, Y: at.Y})
		p.Arc(at, r, 0, 2*math.Pi)
		p.Close()
		return p
	}
	c.SetColor(u.fill())
	c.Fill(disc(radius))
	line := draw.LineStyle{Color: muted, Width: min(0.7, radius/4)}
	if u.path {
		line = draw.LineStyle{Color: ink, Width: min(1.6, radius/2)}
	}
	c.SetLineStyle(line)
	c.Stroke(disc(radius))
	if u.dead {
		d := radius * 0.7
		c.StrokeLine2(line, at.X-d, at.Y-d, at.X+d, at.Y+d)
		c.StrokeLine2(line, at.X-d, at.Y+d, at.X+d, at.Y-d)
	}
}

// Thumbnail implements [plot.Thumbnailer].
func (u unitMark) Thumbnail(c *draw.Canvas) { u.draw(c, c.Center(), 4.5) }

func (v *networkView) legend() []legendEntry {
	line := func(contribution float64, path bool, width vg.Length) plot.Thumbnailer {
		style := v.line(Edge{Contribution: contribution, Path: path})
		style.Width = width
		return &plotter.Line{LineStyle: style}
	}
	entries := []legendEntry{
		{"w·a > 0", []plot.Thumbnailer{line(1, true, 1.5)}},
		{"w·a < 0", []plot.Thumbnailer{line(-1, true, 1.5)}},
		{"beside the path", []plot.Thumbnailer{line(1, false, 3)}},
		{"on the path", []plot.Thumbnailer{unitMark{0.6, false, true}}},
		{"zero for this row", []plot.Thumbnailer{unitMark{}}},
	}
	for _, dead := range v.dead {
		if slices.Contains(dead, true) {
			return append(entries, legendEntry{fmt.Sprintf("zero for all %s rows", thousands(v.rows)), []plot.Thumbnailer{unitMark{dead: true}}})
		}
	}
	return entries
}
