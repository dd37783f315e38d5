package plots

import (
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// outlined is a canvas that fills the outlines of its text: letters stand at
// fractions of a pixel, evenly spaced (Liberation's kerning joins "11"), and
// every character of the font can be drawn.
type outlined struct{ vg.Canvas }

// FillString draws s with its base line starting at pt.
func (o outlined) FillString(face font.Face, pt vg.Point, s string) {
	const em = 1000 // units per em of the outlines: finer than any printer
	scale := face.Font.Size / em
	at := func(p fixed.Point26_6, x vg.Length) vg.Point {
		return vg.Point{X: x + scale*vg.Length(p.X)/64, Y: pt.Y - scale*vg.Length(p.Y)/64}
	}
	var buf sfnt.Buffer
	x := pt.X
	for _, r := range s {
		glyph, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		segments, err := face.Face.LoadGlyph(&buf, glyph, fixed.I(em), nil)
		if err != nil {
			continue
		}
		var path vg.Path
		for _, seg := range segments {
			a, b, c := at(seg.Args[0], x), at(seg.Args[1], x), at(seg.Args[2], x)
			switch seg.Op {
			case sfnt.SegmentOpMoveTo:
				path.Move(a)
			case sfnt.SegmentOpLineTo:
				path.Line(a)
			case sfnt.SegmentOpQuadTo:
				path.QuadTo(a, b)
			case sfnt.SegmentOpCubeTo:
				path.CubeTo(a, b, c)
			}
		}
		if len(path) > 0 {
			path.Close()
			o.Fill(path)
		}
		advance, err := face.Face.GlyphAdvance(&buf, glyph, fixed.I(em), 0)
		if err == nil {
			x += scale * vg.Length(advance) / 64
		}
	}
}
