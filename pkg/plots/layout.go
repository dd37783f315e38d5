package plots

import (
	"cmp"
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// legendEntry names a series, a class or a mark.
type legendEntry struct {
	name   string
	thumbs []plot.Thumbnailer
}

// drawLegend writes the entries in centred rows along the top of c and
// returns what is left below: a legend never covers data.
func drawLegend(c draw.Canvas, entries []legendEntry) draw.Canvas {
	if len(entries) == 0 {
		return c
	}
	const gap = 14
	width := c.Max.X - c.Min.X
	cells := make([]plot.Legend, len(entries))
	wide := make([]vg.Length, len(entries))
	for i, e := range entries {
		l := plot.NewLegend()
		l.Top, l.Left = true, true
		l.ThumbnailWidth = 18
		l.YPosition = draw.PosCenter
		l.TextStyle.Font = font.From(fontOf, textSize)
		l.TextStyle.Color = ink
		l.Add(e.name, e.thumbs...)
		r := l.Rectangle(c)
		cells[i], wide[i] = l, r.Max.X-r.Min.X+gap
	}
	for from := 0; from < len(cells); {
		to, total := from+1, wide[from]
		for to < len(cells) && total+wide[to] <= width {
			total += wide[to]
			to++
		}
		x := c.Min.X + max(0, (width-total+gap)/2)
		for ; from < to; from++ {
			at := c
			at.Min.X = x
			cells[from].Draw(at)
			x += wide[from]
		}
		c.Max.Y -= 1.5 * textSize
	}
	c.Max.Y -= margin / 2
	return c
}

// columnsFor is how many panels stand side by side.
func columnsFor(panels int) int {
	if panels == 4 {
		return 2
	}
	return min(max(panels, 1), 3)
}

// drawPanels draws plots row by row in equal tiles with aligned axes.
func drawPanels(c draw.Canvas, plots []*plot.Plot, columns int) {
	canvases := alignPanels(c, plots, columns)
	for i, p := range plots {
		p.Draw(canvases[i/columns][i%columns])
	}
}

// alignPanels returns the place of each plot, by row and column.
func alignPanels(c draw.Canvas, plots []*plot.Plot, columns int) [][]draw.Canvas {
	rows := (len(plots) + columns - 1) / columns
	table := make([][]*plot.Plot, rows)
	for r := range table {
		table[r] = make([]*plot.Plot, columns)
		copy(table[r], plots[r*columns:min((r+1)*columns, len(plots))])
	}
	return plot.Align(table, draw.Tiles{Rows: rows, Cols: columns, PadX: 2 * margin, PadY: 2 * margin}, c)
}

// sameRange gives all panels the range that holds the data of each, so that
// they can be compared, and room for a share of it at both ends.
func sameRange(axis func(*plot.Plot) *plot.Axis, share float64, plots ...*plot.Plot) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range plots {
		low, high = min(low, axis(p).Min), max(high, axis(p).Max)
	}
	if low > high {
		return
	}
	room := share * (high - low)
	if low == high { // a range around the one value
		room = cmp.Or(0.1*math.Abs(low), 1)
	}
	for _, p := range plots {
		axis(p).Min, axis(p).Max = low-room, high+room
	}
}

func xAxis(p *plot.Plot) *plot.Axis { return &p.X }
func yAxis(p *plot.Plot) *plot.Axis { return &p.Y }

// facets lists distinct names in the order of their first appearance.
func facets(names []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}

// colourBarWidth is the strip that drawColourBar needs at the right.
const colourBarWidth = 66

// drawColourBar draws the scale of a map along the left of c, as high as c,
// with its ticks and name to the right.
func drawColourBar(c draw.Canvas, m ColourMap, d Domain, name string) {
	drawScale(c, m, d, name, (roundTicks{n: 6}).Ticks(d.Low, d.High))
}

// drawScale is drawColourBar with ticks of its own.
func drawScale(c draw.Canvas, m ColourMap, d Domain, name string, ticks []plot.Tick) {
	const wide, steps = 11, 256
	img := image.NewNRGBA(image.Rect(0, 0, 1, steps))
	for i := range steps {
		v := d.Low + (d.High-d.Low)*(float64(i)+0.5)/steps
		img.Set(0, steps-1-i, m(d.Position(v)))
	}
	p := newPanel("", "", "")
	p.HideAxes()
	p.X.Padding, p.Y.Padding = 0, 0
	p.Add(plotter.NewImage(enlarge(img, 8, 2), 0, d.Low, 1, d.High))
	bar := c
	bar.Max.X = c.Min.X + wide
	p.Draw(bar)

	line := draw.LineStyle{Color: muted, Width: 0.5}
	frame{}.Plot(bar, nil)
	style := textStyle(tickSize, ink)
	style.YAlign = draw.YCenter
	var widest vg.Length
	for _, t := range ticks {
		y := c.Min.Y + vg.Length((t.Value-d.Low)/(d.High-d.Low))*(c.Max.Y-c.Min.Y)
		c.StrokeLine2(line, bar.Max.X, y, bar.Max.X+3, y)
		c.FillText(style, vg.Point{X: bar.Max.X + 5, Y: y}, t.Label)
		widest = max(widest, style.Width(t.Label))
	}
	side := textStyle(textSize, ink)
	side.Rotation = math.Pi / 2
	side.XAlign, side.YAlign = draw.XCenter, draw.YTop
	c.FillText(side, vg.Point{X: bar.Max.X + 8 + widest, Y: c.Center().Y}, name)
}

// enlarge repeats each pixel, so that a canvas which blends neighbours keeps
// the edges of cells sharp.
func enlarge(img *image.NRGBA, timesX, timesY int) *image.NRGBA {
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx()*timesX, b.Dy()*timesY))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.SetNRGBA(x, y, img.NRGBAAt(x/timesX, y/timesY))
		}
	}
	return out
}

// Beside joins figures into one, row by row with the given number of columns
// (0 means all in one row), in tiles as high as the tallest of them: a figure
// wider than its column shrinks to it, but not below 220 pixels of height. Each
// keeps its heading; the captions of the parts are replaced by the one given.
func Beside(title string, caption Caption, columns int, figures ...*Figure) (*Figure, error) {
	if len(figures) == 0 || columns < 0 {
		return nil, fmt.Errorf("plots: Beside got %d figures for %d columns; give at least one figure and no negative number", len(figures), columns)
	}
	for i, f := range figures {
		if f == nil {
			return nil, fmt.Errorf("plots: Beside: figure %d is nil", i)
		}
	}
	if columns == 0 {
		columns = len(figures)
	}
	rows := (len(figures) + columns - 1) / columns
	const width = 800
	tallest := 0
	for _, f := range figures {
		h := f.size.Height
		if f.size.Width > width/columns {
			h = max(h*(width/columns)/f.size.Width, min(h, 220)) // letters do not shrink
		}
		tallest = max(tallest, h)
	}
	heading := 0
	if title != "" {
		heading = 30
	}
	out := &Figure{title: title, caption: caption, size: Size{width, rows*tallest + heading}}
	out.body = func(c draw.Canvas) {
		tiles := draw.Tiles{Rows: rows, Cols: columns}
		for i, f := range figures {
			f.drawPicture(tiles.At(c, i%columns, i/columns))
		}
	}
	return out, nil
}
