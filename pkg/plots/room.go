package plots

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// guarded is the canvas that every figure is drawn on. Where labels leave no
// room, gonum gives the drawing a place turned inside out or one at NaN, on
// which a rasteriser can loop for ever: guarded lets nothing of that through
// and remembers that it happened.
type guarded struct {
	vg.Canvas
	whole   vg.Rectangle // the figure
	cramped bool
}

// farOff is farther, in points, than anything on a figure of the largest size.
const farOff = 1e5

// onPaper tells whether p can be drawn.
func onPaper(p vg.Point) bool {
	return math.Abs(float64(p.X)) <= farOff && math.Abs(float64(p.Y)) <= farOff // false for NaN
}

// pass tells whether something may be drawn whose points are fine or not.
func (g *guarded) pass(fine bool) bool {
	g.cramped = g.cramped || !fine
	return !g.cramped
}

func (g *guarded) passPath(path vg.Path) bool {
	fine := true
	for _, part := range path {
		fine = fine && onPaper(part.Pos) && math.Abs(float64(part.Radius)) <= farOff
		for _, p := range part.Control {
			fine = fine && onPaper(p)
		}
	}
	return g.pass(fine)
}

// Stroke implements [vg.Canvas].
func (g *guarded) Stroke(path vg.Path) {
	if g.passPath(path) {
		g.Canvas.Stroke(path)
	}
}

// Fill implements [vg.Canvas].
func (g *guarded) Fill(path vg.Path) {
	if g.passPath(path) {
		g.Canvas.Fill(path)
	}
}

// FillString implements [vg.Canvas].
func (g *guarded) FillString(face font.Face, at vg.Point, s string) {
	if g.pass(onPaper(at)) {
		g.Canvas.FillString(face, at, s)
	}
}

// DrawImage implements [vg.Canvas].
func (g *guarded) DrawImage(r vg.Rectangle, img image.Image) {
	if g.pass(onPaper(r.Min) && onPaper(r.Max) && r.Min.X < r.Max.X && r.Min.Y < r.Max.Y) {
		g.Canvas.DrawImage(r, img)
	}
}

// probe draws nothing but tells body the canvas of the figure's body.
func (f *Figure) probe(body func(draw.Canvas)) {
	g := *f
	g.body = body
	w, h := g.extent()
	g.draw(draw.NewCanvas(nowhere{}, w, h))
}

// nowhere is a canvas that draws nothing.
type nowhere struct{}

func (nowhere) SetLineWidth(vg.Length)                 {}
func (nowhere) SetLineDash([]vg.Length, vg.Length)     {}
func (nowhere) SetColor(color.Color)                   {}
func (nowhere) Rotate(float64)                         {}
func (nowhere) Translate(vg.Point)                     {}
func (nowhere) Scale(float64, float64)                 {}
func (nowhere) Push()                                  {}
func (nowhere) Pop()                                   {}
func (nowhere) Stroke(vg.Path)                         {}
func (nowhere) Fill(vg.Path)                           {}
func (nowhere) FillString(font.Face, vg.Point, string) {}
func (nowhere) DrawImage(vg.Rectangle, image.Image)    {}

// room is the side, in points, that the data of a plot need at least. It
// draws nothing.
type room vg.Length

// Plot implements [plot.Plotter].
func (r room) Plot(c draw.Canvas, _ *plot.Plot) { r.check(c, c.Rectangle) }

// check stops the drawing on c if a side of the place is too short or it
// reaches over the edge of the figure.
func (r room) check(c draw.Canvas, place vg.Rectangle) {
	below := c.Canvas
	for {
		switch c := below.(type) {
		case draw.Canvas: // gonum crops by wrapping
			below = c.Canvas
			continue
		case *guarded:
			size := place.Size()
			inside := place.Min.X >= c.whole.Min.X && place.Min.Y >= c.whole.Min.Y && place.Max.X <= c.whole.Max.X && place.Max.Y <= c.whole.Max.Y
			c.pass(inside && size.X >= vg.Length(r) && size.Y >= vg.Length(r)) // false for NaN
		}
		return
	}
}

const (
	plotRoom    = room(24) // between axes
	networkRoom = room(60) // between the names of inputs and outputs
	pictureRoom = room(2)  // one of several pictures, which may be thin strips
)

// drawOn draws the figure on a canvas of its extent, or says that it has no
// room.
func (f *Figure) drawOn(c vg.Canvas) error {
	if f.fits(c) {
		return nil
	}
	does := func(s Size) bool {
		g := *f
		g.size = s
		return g.fits(nowhere{})
	}
	// Twice as large until it does, then half of what was added too much, then
	// less of one side.
	few, enough := f.size, f.size
	for enough.Width < largestSide || enough.Height < largestSide {
		few, enough = enough, Size{tens(2 * enough.Width), tens(2 * enough.Height)}
		if does(enough) {
			break
		}
	}
	for range 4 {
		if middle := (Size{tens((few.Width + enough.Width) / 2), tens((few.Height + enough.Height) / 2)}); does(middle) {
			enough = middle
		} else {
			few = middle
		}
	}
	for _, less := range []Size{{enough.Width, f.size.Height}, {f.size.Width, enough.Height}} {
		if does(less) {
			enough = less
			break
		}
	}
	return fmt.Errorf("plots: figure %q: %d × %d pixels leave no room for the drawing beside its labels; about %d × %d would do: give it a larger Size, or shorter names",
		f.title, f.size.Width, f.size.Height, enough.Width, enough.Height)
}

// tens rounds up pixels of a side to tens.
func tens(n int) int { return min((n+9)/10*10, largestSide) }

// fits draws the figure on c and tells whether everything had its place.
func (f *Figure) fits(c vg.Canvas) bool {
	w, h := f.extent()
	g := &guarded{Canvas: c, whole: vg.Rectangle{Max: vg.Point{X: w, Y: h}}}
	f.draw(draw.NewCanvas(g, w, h))
	return !g.cramped
}
