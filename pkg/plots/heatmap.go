package plots

import (
	"cmp"
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gojacard/jacard/pkg/array"
)

// HeatMapData is what [HeatMap] draws.
type HeatMapData struct {
	Title         string
	Values        *array.Array // [rows, columns], drawn in this order, row 0 at the top; NaN is grey
	ValueName     string       // what a colour means
	Signed        bool         // blue and orange around zero instead of viridis
	Colours       ColourMap    // other colours, such as [Grey] for a picture; nil means those said above
	Low, High     float64      // ends of the scale; both 0 means those of the values
	Rows, Columns HeatAxis
	Numbers       bool // write the value into each cell
	Bare          bool // no axes, as for a picture, which is then 250 pixels wide
	Square        bool // cells are square however long the matrix is; else only up to 4 : 1
	Caption       Caption
	Size          Size
}

// HeatAxis describes the rows or the columns of a heat map.
type HeatAxis struct {
	Label  string
	Names  []string // one for each row or column; nil means their numbers
	Blocks []Block  // neighbours that belong together, from the first on; nil means none
}

// Block is a run of rows or columns with a name, such as the neurons of one
// layer.
type Block struct {
	Name  string
	Count int
}

// HeatMap draws a matrix as colours with their scale beside it, and lines
// between blocks. The figure has an interactive form that tells the value of a
// cell.
func HeatMap(data HeatMapData) (*Figure, error) {
	domain, err := data.check()
	if err != nil {
		return nil, err
	}
	rows, columns := data.Values.Shape[0], data.Values.Shape[1]
	colours := ColourMap(Viridis)
	if data.Signed {
		colours = BlueOrange
	}
	if data.Colours != nil {
		colours = data.Colours
	}

	p := newPanel("", data.Columns.Label, data.Rows.Label)
	p.X.Padding, p.Y.Padding = 0, 0
	p.X.Tick.Length, p.Y.Tick.Length = 3, 3
	p.X.Min, p.X.Max = -0.5, float64(columns)-0.5
	p.Y.Min, p.Y.Max = 0.5-float64(rows), 0.5
	columnTicks := data.Columns.ticks(columns, +1)
	p.X.Tick.Marker, p.Y.Tick.Marker = columnTicks, data.Rows.ticks(rows, -1)
	p.Add(heatPlotter{data, colours, domain})

	side, aside, above := 520, 200, 100
	if data.Bare {
		p.HideAxes()
		p.Add(frame{})
		side, aside, above = 250, 132, 46
	}
	high := side
	if !data.stretched() {
		high = min(max(side*rows/columns, 90), 700)
	}
	size := data.Size.or(side+aside, high+above)
	if room := pixels(size.Width - 220); data.Columns.crowded(room) {
		for i := range columnTicks {
			columnTicks[i].Label += " " // upright names keep off the axis
		}
		p.X.Tick.Label.Rotation = math.Pi / 2
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	}
	// places returns the canvas of the plot and that of its cells.
	places := func(c draw.Canvas) (whole, inside draw.Canvas) {
		c.Max.X -= colourBarWidth + 2*margin
		inside = p.DataCanvas(c)
		if !data.stretched() { // square cells
			w, h := inside.Max.X-inside.Min.X, inside.Max.Y-inside.Min.Y
			cell := min(w/vg.Length(columns), h/vg.Length(rows))
			spareX, spareY := w-cell*vg.Length(columns), h-cell*vg.Length(rows)
			c = draw.Crop(c, spareX/2, -spareX/2, spareY/2, -spareY/2)
			inside = p.DataCanvas(c)
		}
		return c, inside
	}
	body := func(c draw.Canvas) {
		c, inside := places(c)
		p.Draw(c)
		bar := inside
		bar.Min.X = inside.Max.X + 2*margin
		drawColourBar(bar, colours, domain, data.ValueName)
	}
	hot := func(c draw.Canvas) hotSpots {
		_, inside := places(c)
		return hotSpots{Boxes: []hotBox{{
			At: place(inside.Rectangle), Name: data.ValueName, Rows: rows, Columns: columns, Values: float32s(data.Values.Data),
			RowNames: data.Rows.all(rows, "row"), ColumnNames: data.Columns.all(columns, "column"),
		}}}
	}
	return &Figure{title: data.Title, caption: data.Caption, size: size, body: body, widget: hover(hot)}, nil
}

// all names every row or column.
func (a HeatAxis) all(n int, kind string) []string {
	if a.Names != nil {
		return a.Names
	}
	names := make([]string, 0, n)
	for _, b := range a.Blocks {
		for i := range b.Count {
			names = append(names, fmt.Sprintf("%s %d", b.Name, i))
		}
	}
	for i := len(names); i < n; i++ {
		names = append(names, fmt.Sprintf("%s %d", cmp.Or(a.Label, kind), i))
	}
	return names
}

// stretched tells whether the matrix is too long for square cells.
func (data HeatMapData) stretched() bool {
	r, c := data.Values.Shape[0], data.Values.Shape[1]
	return !data.Square && (r > 4*c || c > 4*r)
}

// ticks names blocks in their middle, else every row or column by name, else
// round numbers. sign is −1 for rows, which run downwards.
func (a HeatAxis) ticks(n int, sign float64) plot.ConstantTicks {
	var ticks []plot.Tick
	switch {
	case a.Blocks != nil:
		from := 0
		for _, b := range a.Blocks {
			if b.Name != "" { // one without a name needs no tick
				ticks = append(ticks, plot.Tick{Value: sign * (float64(from) + float64(b.Count-1)/2), Label: b.Name})
			}
			from += b.Count
		}
	case a.Names != nil:
		for i, name := range a.Names {
			label := shorten(textStyle(tickSize, ink), name, 150, 1) // the interactive form tells it all
			ticks = append(ticks, plot.Tick{Value: sign * float64(i), Label: label})
		}
	default:
		for _, t := range (roundTicks{n: 8, whole: true}).Ticks(0, float64(n)) {
			if t.Value < float64(n) {
				ticks = append(ticks, plot.Tick{Value: sign * t.Value, Label: t.Label})
			}
		}
	}
	return plot.ConstantTicks(ticks)
}

// crowded tells whether the names do not fit side by side.
func (a HeatAxis) crowded(room vg.Length) bool {
	style := textStyle(tickSize, ink)
	var widest vg.Length
	names := a.Names
	if a.Blocks != nil {
		names = nil
		for _, b := range a.Blocks {
			names = append(names, b.Name)
		}
	}
	for _, n := range names {
		widest = max(widest, style.Width(n)+4)
	}
	return widest*vg.Length(len(names)) > room
}

type heatPlotter struct {
	HeatMapData
	colours ColourMap
	domain  Domain
}

// Plot implements [plot.Plotter].
func (h heatPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	rows, columns := h.Values.Shape[0], h.Values.Shape[1]
	img := image.NewNRGBA(image.Rect(0, 0, columns, rows))
	for r := range rows {
		for k, v := range h.Values.Row(r) {
			img.Set(k, r, h.colours(h.domain.Position(float64(v))))
		}
	}
	img = enlarge(img, 1+1000/columns, 1+1000/rows)
	plotter.NewImage(img, -0.5, 0.5-float64(rows), float64(columns)-0.5, 0.5).Plot(c, p)

	trX, trY := p.Transforms(&c)
	if h.Numbers {
		decimals := min(decimalsFor(max(math.Abs(h.domain.Low), math.Abs(h.domain.High))), 3)
		for r := range rows {
			for k, v := range h.Values.Row(r) {
				label := "–"
				if v == v {
					label = number(float64(v), 'f', decimals)
				}
				style := textStyle(tickSize, inkOn(h.colours(h.domain.Position(float64(v)))))
				style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
				c.FillText(style, vg.Point{X: trX(float64(k)), Y: trY(-float64(r))}, label)
			}
		}
	}
	// A dark line between two light ones is seen on every colour of a map.
	for _, line := range []draw.LineStyle{{Color: paper, Width: 1.6}, {Color: ink, Width: 0.6}} {
		at := 0
		for _, b := range h.Columns.Blocks[:max(len(h.Columns.Blocks)-1, 0)] {
			at += b.Count
			c.StrokeLine2(line, trX(float64(at)-0.5), c.Min.Y, trX(float64(at)-0.5), c.Max.Y)
		}
		at = 0
		for _, b := range h.Rows.Blocks[:max(len(h.Rows.Blocks)-1, 0)] {
			at += b.Count
			c.StrokeLine2(line, c.Min.X, trY(0.5-float64(at)), c.Max.X, trY(0.5-float64(at)))
		}
	}
}

// check returns the domain of the colours.
func (data HeatMapData) check() (Domain, error) {
	fail := func(format string, args ...any) (Domain, error) {
		return Domain{}, fmt.Errorf("plots: heat map %q: "+format, append([]any{data.Title}, args...)...)
	}
	a := data.Values
	if a == nil || a.Check() != nil || len(a.Shape) != 2 || len(a.Data) == 0 {
		return fail("needs a matrix [rows, columns] with at least one value")
	}
	for k, axis := range []HeatAxis{data.Rows, data.Columns} {
		what := []string{"rows", "columns"}[k]
		if axis.Names != nil && len(axis.Names) != a.Shape[k] {
			return fail("%d names for %d %s", len(axis.Names), a.Shape[k], what)
		}
		sum := 0
		for _, b := range axis.Blocks {
			if b.Count <= 0 {
				return fail("block %q of %s counts %d", b.Name, what, b.Count)
			}
			sum += b.Count
		}
		if axis.Blocks != nil && sum != a.Shape[k] {
			return fail("blocks of %d %s for %d", sum, what, a.Shape[k])
		}
	}
	low, high := data.Low, data.High
	if low == 0 && high == 0 {
		low, high = math.Inf(1), math.Inf(-1)
		for _, v := range a.Data {
			if v == v {
				low, high = min(low, float64(v)), max(high, float64(v))
			}
		}
		if low > high { // nothing but NaN
			low, high = 0, 1
		}
		if low == high { // one value: any scale that holds it
			low, high = low-0.5, high+0.5
		}
	}
	if !(low < high) || math.IsInf(high-low, 0) {
		return fail("scale from %g to %g", low, high)
	}
	if err := data.Size.check(); err != nil {
		return Domain{}, err
	}
	if data.Signed {
		return aroundZero(low, high), nil
	}
	return linear(low, high), nil
}
