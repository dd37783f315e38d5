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

// WaterfallData is what [Waterfall] draws.
type WaterfallData struct {
	Title      string
	XLabel     string    // the explained output, such as "P(digit = 1)"
	Base       float64   // where the values count from
	BaseName   string    // empty means "base value"
	Values     []float64 // attributions of one row
	Output     *float64  // f of the row; nil means unknown: the figure ends at Base + Σ Values and says so
	OutputName string    // empty means "output"
	Names      []string  // of the features; nil means F0, F1, F2, …
	Inputs     []float64 // the features' own values, written behind their names; nil means none
	Max        int       // features with an arrow of their own; the others are summed into one more. 0 means 10
	Caption    Caption
	Size       Size
}

// Waterfall draws how the values of one row lead from the base value to the
// output: arrows, positive ones red and to the right, negative ones blue and
// to the left, each from where the one below it ends, the largest on top, equal
// ones by their place in the data. What is left from Base + Σ Values to Output,
// if its number shows, is a last, grey arrow, "not explained", which the
// caption names: methods that are not complete leave it. The figure has an
// interactive form that tells the numbers of an arrow.
func Waterfall(data WaterfallData) (*Figure, error) {
	if err := data.check(); err != nil {
		return nil, err
	}
	steps := data.steps()
	low, high := data.Base, data.Base
	most := 0.0
	for _, s := range steps {
		low, high = min(low, s.to), max(high, s.to)
		most = max(most, math.Abs(s.to-s.from))
	}
	sum := steps[0].to
	end := Mark{cmp.Or(data.BaseName, "base value") + " + Σφ", sum}
	if data.Output != nil {
		end = Mark{cmp.Or(data.OutputName, "output"), *data.Output}
		low, high = min(low, end.Value), max(high, end.Value)
		most = max(most, math.Abs(end.Value-sum))
	}
	decimals := decimalsFor(cmp.Or(most, math.Abs(data.Base)))
	rest := ""
	if gap := end.Value - sum; math.Abs(gap) >= 0.5*math.Pow10(-decimals) {
		steps = slices.Insert(steps, 0, waterStep{label: "not explained", from: sum, to: end.Value, rest: true})
		rest = fmt.Sprintf("grey: not explained, %s − %s − Σφ = %s", end.Name, cmp.Or(data.BaseName, "base value"), signed(gap, 'f', decimals))
	}
	n := len(steps)
	w := waterfall{steps, []Mark{{cmp.Or(data.BaseName, "base value"), data.Base}, end}, decimals}

	p := newPlot("", data.XLabel, "")
	lines := 1
	ticks := make([]plot.Tick, n)
	for k, s := range steps {
		label := shorten(p.Y.Tick.Label, s.label, 150, 2)
		if slices.Contains([]rune(label), '\n') {
			lines = 2
		}
		ticks[k] = plot.Tick{Value: -float64(k), Label: label}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	if low == high { // nothing moves: any scale that holds the base value
		low, high = low-0.5, high+0.5
	}
	p.X.Min, p.X.Max = low, high
	p.Y.Min, p.Y.Max = 0.5-float64(n)-0.8, 0.5+0.8 // room for the names of the two ends
	p.Add(grid{x: true}, w)
	return &Figure{
		title: data.Title, caption: data.Caption.with(rest), size: data.Size.or(680, 110+(n+1)*(14+10*lines)),
		body:   p.Draw,
		widget: hover(func(c draw.Canvas) hotSpots { return w.hot(p, p.DataCanvas(c)) }),
	}, nil
}

// waterStep is one arrow.
type waterStep struct {
	label    string
	from, to float64
	rest     bool // not explained
}

// steps returns the arrows, the largest first and last to be added; the sum of
// the smallest stands at the end.
func (data WaterfallData) steps() []waterStep {
	order := make([]int, len(data.Values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(data.Values[b]), math.Abs(data.Values[a])) })
	shown := cmp.Or(data.Max, 10)
	if len(order) <= shown+1 { // a sum of one other feature is that feature
		shown = len(order)
	}
	var out []waterStep
	at := data.Base
	if rest := order[shown:]; len(rest) > 0 {
		sum := 0.0
		for _, i := range rest {
			sum += data.Values[i]
		}
		name := fmt.Sprintf("sum of %d others", len(rest))
		out = append(out, waterStep{label: name, from: at, to: at + sum})
		at += sum
	}
	for k := shown - 1; k >= 0; k-- {
		i := order[k]
		name := "F" + strconv.Itoa(i)
		if data.Names != nil {
			name = data.Names[i]
		}
		if data.Inputs != nil {
			input := "–" // missing
			if v := data.Inputs[i]; v == v {
				input = number(v, 'g', 4)
			}
			name += " = " + input
		}
		out = append(out, waterStep{label: name, from: at, to: at + data.Values[i]})
		at += data.Values[i]
	}
	slices.Reverse(out)
	return out
}

// waterfall draws arrows at y = 0, −1, −2, …
type waterfall struct {
	steps    []waterStep
	ends     []Mark // base value and output
	decimals int
}

// Plot implements [plot.Plotter].
func (w waterfall) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	half := 0.36 * (trY(0) - trY(-1))
	thin := draw.LineStyle{Color: muted, Width: 0.6, Dashes: dashes[2]}
	for k, s := range w.steps {
		y, from, to := trY(-float64(k)), trX(s.from), trX(s.to)
		colour, style := positive, textStyle(tickSize, ink)
		style.YAlign = draw.YCenter
		at, tip := to+barGap, min(0.6*half, (to-from)/2)
		if s.to < s.from {
			colour, at, style.XAlign = negative, to-barGap, draw.XRight
			tip = max(-0.6*half, (to-from)/2)
		}
		if s.rest {
			colour = muted
		}
		c.FillPolygon(colour, []vg.Point{{X: from, Y: y - half}, {X: to - tip, Y: y - half}, {X: to, Y: y}, {X: to - tip, Y: y + half}, {X: from, Y: y + half}})
		if s.from == s.to { // an arrow without length is a stroke
			c.StrokeLine2(draw.LineStyle{Color: muted, Width: 1}, from, y-half, from, y+half)
		}
		if k+1 < len(w.steps) { // from where the one below ends
			c.StrokeLine2(thin, from, y-half, from, trY(-float64(k+1))+half)
		}
		c.FillText(style, vg.Point{X: at, Y: y + textDrop}, signed(s.to-s.from, 'f', w.decimals))
	}
	// The ends, named where no arrow is.
	last := trY(-float64(len(w.steps) - 1))
	for k, m := range w.ends {
		x := trX(m.Value)
		style := textStyle(tickSize, ink)
		style.XAlign = draw.XCenter
		label := m.Name + " " + number(m.Value, 'f', w.decimals)
		room := style.Width(label) / 2
		at := vg.Point{X: min(max(x, c.Min.X+room), c.Max.X-room), Y: c.Min.Y}
		y0, y1 := last-half, c.Min.Y+lineHeight(style)
		if k == 1 {
			style.YAlign = draw.YTop
			at.Y, y0, y1 = c.Max.Y, trY(0)+half, c.Max.Y-lineHeight(style)
		}
		c.FillText(style, at, label)
		c.StrokeLine2(draw.LineStyle{Color: muted, Width: 0.8}, x, y0, x, y1)
	}
}

// GlyphBoxes implements [plot.GlyphBoxer]: it keeps room for the numbers.
func (w waterfall) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	style := textStyle(tickSize, ink)
	boxes := make([]plot.GlyphBox, len(w.steps))
	for k, s := range w.steps {
		wide := style.Width(signed(s.to-s.from, 'f', w.decimals)) + 2*barGap
		boxes[k] = plot.GlyphBox{X: p.X.Norm(s.to), Y: p.Y.Norm(-float64(k)), Rectangle: vg.Rectangle{Max: vg.Point{X: wide}}}
		if s.to < s.from {
			boxes[k].Rectangle = vg.Rectangle{Min: vg.Point{X: -wide}}
		}
	}
	return boxes
}

// hot are the rows of arrows as parts of an interactive figure.
func (w waterfall) hot(p *plot.Plot, c draw.Canvas) hotSpots {
	_, trY := p.Transforms(&c)
	var spots hotSpots
	for k, s := range w.steps {
		r := vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: trY(-float64(k) - 0.5)}, Max: vg.Point{X: c.Max.X, Y: trY(0.5 - float64(k))}}
		spots.Boxes = append(spots.Boxes, hotBox{
			At: place(r), Row: k, Rows: 1, Columns: 1,
			Texts: []string{fmt.Sprintf("%s\n%s, from %s to %s", s.label, signed(s.to-s.from, 'g', 4), number(s.from, 'g', 4), number(s.to, 'g', 4))},
		})
	}
	return spots
}

func (data WaterfallData) check() error {
	what := fmt.Sprintf("waterfall %q", data.Title)
	if len(data.Values) == 0 || data.Max < 0 {
		return fmt.Errorf("plots: %s: %d values, at most %d arrows; give at least one value and no negative number", what, len(data.Values), data.Max)
	}
	if data.Names != nil && len(data.Names) != len(data.Values) || data.Inputs != nil && len(data.Inputs) != len(data.Values) {
		return fmt.Errorf("plots: %s: %d names and %d inputs for %d values", what, len(data.Names), len(data.Inputs), len(data.Values))
	}
	if err := finite(what+", values", data.Values); err != nil {
		return err
	}
	if err := finite(what+", base value", []float64{data.Base}); err != nil {
		return err
	}
	if data.Output != nil {
		if err := finite(what+", output", []float64{*data.Output}); err != nil {
			return err
		}
	}
	return data.Size.check()
}
