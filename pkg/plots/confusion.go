package plots

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ConfusionData is what [Confusion] draws.
type ConfusionData struct {
	Title    string
	Classes  []string
	Matrices []ConfusionMatrix // drawn side by side, such as before and after
	Caption  Caption
	Size     Size
}

// ConfusionMatrix counts rows: Counts[true class][predicted class].
type ConfusionMatrix struct {
	Name   string
	Counts [][]int
}

// Confusion draws counts of true against predicted classes. A cell is the
// darker the larger its share of the true class, and says count and share.
func Confusion(data ConfusionData) (*Figure, error) {
	n := len(data.Classes)
	if n == 0 || len(data.Matrices) == 0 {
		return nil, fmt.Errorf("plots: confusion %q: %d classes, %d matrices; give at least one of each", data.Title, n, len(data.Matrices))
	}
	if err := data.Size.check(); err != nil {
		return nil, err
	}
	panels := make([]*plot.Plot, len(data.Matrices))
	for i, m := range data.Matrices {
		if err := m.check(data.Title, n); err != nil {
			return nil, err
		}
		p := newPlot(m.Name, "predicted", "true")
		var xs, ys []plot.Tick
		for k, name := range data.Classes {
			xs = append(xs, plot.Tick{Value: float64(k), Label: name})
			ys = append(ys, plot.Tick{Value: -float64(k), Label: name})
		}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(xs), plot.ConstantTicks(ys)
		for _, a := range []*plot.Axis{&p.X, &p.Y} {
			a.Padding, a.LineStyle.Width, a.Tick.LineStyle.Width, a.Tick.Length = 0, 0, 0, 3
		}
		p.X.Min, p.X.Max = -0.5, float64(n)-0.5
		p.Y.Min, p.Y.Max = 0.5-float64(n), 0.5
		p.Add(confusionPlotter(m))
		panels[i] = p
	}
	columns := columnsFor(len(panels))
	rows := (len(panels) + columns - 1) / columns
	cell := min(110, 700/columns/n)
	cell = max(cell, 34)
	return &Figure{
		title: data.Title, caption: data.Caption,
		size: data.Size.or(min(800, 60+columns*(n*cell+60)), 40+rows*(n*cell*4/5+60)),
		body: func(c draw.Canvas) { drawPanels(c, panels, columns) },
	}, nil
}

type confusionPlotter ConfusionMatrix

// Plot implements [plot.Plotter].
func (m confusionPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for row, counts := range m.Counts {
		total := 0
		for _, v := range counts {
			total += v
		}
		for col, v := range counts {
			share := math.NaN()
			colour := NoValue // a class without rows has no shares
			if total > 0 {
				share = float64(v) / float64(total)
				colour = mix(rgb(0xf3f7fb), rgb(0x134b85), math.Sqrt(share)) // the root keeps few errors visible
			}
			x0, x1 := trX(float64(col)-0.5), trX(float64(col)+0.5)
			y0, y1 := trY(-float64(row)-0.5), trY(-float64(row)+0.5)
			c.FillPolygon(colour, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
			big, small := textStyle(12, inkOn(colour)), textStyle(tickSize, inkOn(colour))
			big.XAlign, small.XAlign = draw.XCenter, draw.XCenter
			big.YAlign, small.YAlign = draw.YBottom, draw.YTop
			middle := vg.Point{X: (x0 + x1) / 2, Y: (y0 + y1) / 2}
			if x1-x0 < 36 || y1-y0 < 30 { // too small for two lines
				small.YAlign = draw.YCenter
				c.FillText(small, middle, thousands(v))
				continue
			}
			c.FillText(big, middle, thousands(v))
			if total > 0 {
				c.FillText(small, middle, fmt.Sprintf("%.2f %%", 100*share))
			}
		}
	}
	line := draw.LineStyle{Color: paper, Width: 1}
	for k := range len(m.Counts) + 1 {
		at := float64(k) - 0.5
		c.StrokeLine2(line, trX(at), c.Min.Y, trX(at), c.Max.Y)
		c.StrokeLine2(line, c.Min.X, trY(-at), c.Max.X, trY(-at))
	}
}

// inkOn is a text colour that can be read on c.
func inkOn(c Colour) Colour {
	if c.luminance() < 0.55 {
		return paper
	}
	return ink
}

func (m ConfusionMatrix) check(title string, n int) error {
	if len(m.Counts) != n {
		return fmt.Errorf("plots: confusion %q, matrix %q: %d rows for %d classes", title, m.Name, len(m.Counts), n)
	}
	for i, row := range m.Counts {
		if len(row) != n {
			return fmt.Errorf("plots: confusion %q, matrix %q: row %d has %d counts for %d classes", title, m.Name, i, len(row), n)
		}
		for k, v := range row {
			if v < 0 {
				return fmt.Errorf("plots: confusion %q, matrix %q: count %d in row %d, column %d is negative", title, m.Name, v, i, k)
			}
		}
	}
	return nil
}
