package plots

import (
	"cmp"
	"image"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// mapGrid lays small pictures out in rows and columns with their names, what
// is said below each, and one colour bar.
type mapGrid struct {
	rows, columns []string // nil means no names
	cells         []mapCell
	wide          int // pictures in a row
	side          int // pixels of the longer side of a picture, at most, unless the caller makes room

	// The colour bar; a domain without extent means none.
	domain  Domain
	barName string
}

// mapCell is one picture.
type mapCell struct {
	picture *image.NRGBA
	label   string    // below the picture
	edges   *labelMap // outlined; nil means nothing

	// For the interactive form.
	name   string
	values []float32 // one for each pixel; nil means none
	texts  []string  // in place of values, by label of edges
}

const (
	mapGap     = 5                 // points between pictures
	mapLargest = 120               // pixels of a side, unless the caller makes room
	nameWidth  = 84 * vg.Length(1) // at most, for the names of rows, in points
)

// mapLayout is where the parts of a grid lie, measured from the top left.
type mapLayout struct {
	left, top  vg.Length // of the first picture
	wide, high vg.Length // of a picture's place
	stepX      vg.Length
	stepY      vg.Length
	heading    draw.TextStyle
	names      [][]string // lines of each column's name
	labelLines int
}

func (g mapGrid) rowCount() int { return (len(g.cells) + g.wide - 1) / g.wide }

func (g mapGrid) hasBar() bool { return g.domain.High > g.domain.Low }

// aspect is height / width of a picture's place: that of the tallest picture,
// but at most eight to one, so that a row of numbers is a strip and not a line.
func (g mapGrid) aspect() vg.Length {
	a := 0.125
	for _, c := range g.cells {
		a = max(a, float64(c.picture.Rect.Dy())/float64(c.picture.Rect.Dx()))
	}
	return vg.Length(min(a, 8))
}

func mapNameStyle() (s, small draw.TextStyle) {
	s, small = textStyle(textSize, ink), textStyle(tickSize, ink)
	s.XAlign, s.YAlign = draw.XCenter, draw.YTop
	small.XAlign, small.YAlign = draw.XCenter, draw.YTop
	return s, small
}

// layout divides a place of the given size.
func (g mapGrid) layout(width, height vg.Length) mapLayout {
	heading, small := mapNameStyle()
	var l mapLayout
	for _, n := range g.rows {
		for _, line := range wrap(heading, n, nameWidth) {
			l.left = max(l.left, heading.Width(line)+margin)
		}
	}
	if g.hasBar() {
		width -= colourBarWidth + margin
	}
	fit := func() {
		l.top, l.labelLines, l.names = 0, 0, nil
		l.heading = narrowed(heading, g.columns, l.wide+mapGap/2)
		for _, n := range g.columns {
			lines := wrap(l.heading, n, l.wide+mapGap/2)
			l.names = append(l.names, lines)
			l.top = max(l.top, vg.Length(len(lines))*lineHeight(l.heading)+2)
		}
		for _, c := range g.cells {
			l.labelLines = max(l.labelLines, len(wrap(small, c.label, l.wide+mapGap/2)))
		}
		l.high = l.wide * g.aspect()
		l.stepX = l.wide + mapGap
		l.stepY = l.high + mapGap + vg.Length(l.labelLines)*lineHeight(small)
	}
	l.wide = max((width-l.left)/vg.Length(g.wide)-mapGap, 1)
	fit()
	for range 3 { // narrower names need more lines, which leaves less for the pictures
		free := (height-l.top)/vg.Length(g.rowCount()) - (l.stepY - l.high)
		if free >= l.high*0.999 {
			break
		}
		l.wide = max(free/g.aspect(), 1)
		fit()
	}
	return l
}

// size is the default size of a figure of the grid alone.
func (g mapGrid) size() Size {
	const most = 800
	a := max(float64(g.aspect()), 1)
	l := g.layout(pixels(most)-2*margin, math.MaxFloat32)
	side := min(float64(g.side)/a, l.wide.Dots(screenDPI))
	for _, c := range g.cells {
		if side >= float64(c.picture.Rect.Dx()) { // whole pixels of the screen for each pixel
			side -= math.Mod(side+1e-6, float64(c.picture.Rect.Dx()))
			break
		}
	}
	width := max(most-int((l.wide.Dots(screenDPI)-side)*float64(g.wide)), 300)
	l = g.layout(pixels(width)-2*margin, math.MaxFloat32)
	high := (l.top + vg.Length(g.rowCount())*l.stepY + 2*margin).Dots(screenDPI)
	return Size{width, max(int(high)+28, 150)} // the heading of the figure
}

// at is the place of picture k on a canvas, on whole pixels of a screen where
// a pixel of the picture has room for them, so that edges are sharp.
func (g mapGrid) at(c draw.Canvas, l mapLayout, k int) vg.Rectangle {
	dot := pixels(1)
	snap := func(v vg.Length) vg.Length { return vg.Length(math.Round(float64(v/dot))) * dot }
	b := g.cells[k].picture.Rect
	wide, high := l.wide, l.wide*vg.Length(min(max(float64(b.Dy())/float64(b.Dx()), 0.125), 8))
	if high > l.high {
		wide, high = wide*l.high/high, l.high
	}
	whole := func(v vg.Length, n int) vg.Length {
		if each := math.Floor(float64(v/dot)/float64(n) + 1e-6); each >= 1 {
			return vg.Length(each) * vg.Length(n) * dot
		}
		return v
	}
	wide, high = whole(wide, b.Dx()), whole(high, b.Dy())
	x := snap(c.Min.X + l.left + vg.Length(k%g.wide)*l.stepX + (l.wide-wide)/2)
	y := snap(c.Max.Y - l.top - vg.Length(k/g.wide)*l.stepY)
	return vg.Rectangle{Min: vg.Point{X: x, Y: y - high}, Max: vg.Point{X: x + wide, Y: y}}
}

// draw fills c, centred.
func (g mapGrid) draw(c draw.Canvas) {
	c, l := g.centred(c)
	heading, small := mapNameStyle()
	for k, lines := range l.names {
		x := c.Min.X + l.left + vg.Length(k)*l.stepX + l.wide/2
		y := c.Max.Y - l.top + 2 + vg.Length(len(lines))*lineHeight(l.heading)
		c.FillText(l.heading, vg.Point{X: x, Y: y}, strings.Join(lines, "\n"))
	}
	side := heading
	side.XAlign, side.YAlign = draw.XRight, draw.YCenter
	for r, n := range g.rows {
		y := c.Max.Y - l.top - vg.Length(r)*l.stepY - l.high/2
		c.FillText(side, vg.Point{X: c.Min.X + l.left - margin, Y: y}, strings.Join(wrap(heading, n, nameWidth), "\n"))
	}
	for k, cell := range g.cells {
		r := g.at(c, l, k)
		b := cell.picture.Rect
		times := func(v vg.Length, n int) int { return min(max(int(math.Round(v.Dots(screenDPI)/float64(n))), 1), 400) }
		tx, ty := times(r.Max.X-r.Min.X, b.Dx()), times(r.Max.Y-r.Min.Y, b.Dy())
		pictureRoom.check(c, r)
		c.DrawImage(r, enlarge(cell.picture, tx, ty))
		if cell.edges != nil {
			cell.edges.outline(c, r)
		} else {
			c.StrokeLines(draw.LineStyle{Color: rgb(0xbbbbbb), Width: 0.5}, corners(r))
		}
		c.FillText(small, vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: r.Min.Y - 1.5}, strings.Join(wrap(small, cell.label, l.wide+mapGap/2), "\n"))
	}
	if g.hasBar() {
		bar := c
		bar.Min.X = c.Max.X - colourBarWidth
		bar.Max.Y -= l.top
		bar.Min.Y = bar.Max.Y - max(vg.Length(g.rowCount())*l.stepY-(l.stepY-l.high), 60)
		if high := bar.Max.Y - bar.Min.Y; high > 260 {
			bar.Max.Y, bar.Min.Y = bar.Max.Y-(high-260)/2, bar.Min.Y+(high-260)/2
		}
		drawColourBar(bar, RedTransparentBlue, g.domain, g.barName)
	}
}

// centred returns the part of c that the grid takes.
func (g mapGrid) centred(c draw.Canvas) (draw.Canvas, mapLayout) {
	l := g.layout(c.Max.X-c.Min.X, c.Max.Y-c.Min.Y)
	need := l.left + vg.Length(g.wide)*l.stepX
	if g.hasBar() {
		need += colourBarWidth + margin
	}
	if spare := c.Max.X - c.Min.X - need; spare > 0 {
		c = draw.Crop(c, spare/2, -spare/2, 0, 0)
	}
	return c, l
}

// hot are the pictures as parts of an interactive figure; those of one row
// show the same pixel.
func (g mapGrid) hot(c draw.Canvas) hotSpots {
	c, l := g.centred(c)
	var spots hotSpots
	for k, cell := range g.cells {
		b := cell.picture.Rect
		box := hotBox{
			At: place(g.at(c, l, k)), Row: k / g.wide, Column: k % g.wide, Name: cell.name,
			Rows: b.Dy(), Columns: b.Dx(), Places: cell.texts == nil, Texts: cell.texts,
		}
		if g.rows != nil {
			box.Group = g.rows[k/g.wide]
		}
		if cell.texts != nil {
			box.Which = int32s(cell.edges.of)
		} else if cell.values != nil {
			box.Values = float32s(cell.values)
		}
		spots.Boxes = append(spots.Boxes, box)
	}
	return spots
}

// corners are those of r as a closed line.
func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}, r.Min}
}

// signedPicture draws values as colours around zero: over white, or over a
// grey copy of a picture that shows through with the given opacity.
func signedPicture(p pictures, i int, values []float32, d Domain, opacity float64) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, p.w, p.h))
	for k, v := range values {
		under := paper
		if opacity > 0 {
			l := p.colour(i, k).luminance()
			under = mix(paper, Colour{l, l, l, 1}, opacity)
		}
		colour := NoValue
		if v == v {
			colour = laidOver(under, RedTransparentBlue(d.Position(float64(v))))
		}
		img.Set(k%p.w, k/p.w, colour)
	}
	return img
}

// zeroDomain is the scale of values around zero that reaches to limit; 1 if
// all are 0.
func zeroDomain(limit float64) Domain { return aroundZero(0, cmp.Or(limit, 1)) }
