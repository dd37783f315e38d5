package segment

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
)

// Boundaries marks the border between segments, two pixels wide: every pixel
// with a pixel of another segment among its four neighbours.
func (m *Map) Boundaries() Mask {
	return border(m.Height, m.Width, func(i, neighbour int) bool { return m.Labels[i] != m.Labels[neighbour] })
}

// Outline marks the outer border of the mask, one pixel wide: every pixel
// outside it with a pixel of the mask among its four neighbours.
func (m Mask) Outline() Mask {
	return border(m.Height, m.Width, func(i, neighbour int) bool { return !m.On[i] && m.On[neighbour] })
}

// border marks the pixels for which is holds with one of the four neighbours.
func border(height, width int, is func(i, neighbour int) bool) Mask {
	b := Mask{Height: height, Width: width, On: make([]bool, height*width)}
	for i := range b.On {
		y, x := i/width, i%width
		b.On[i] = y > 0 && is(i, i-width) || y < height-1 && is(i, i+width) ||
			x > 0 && is(i, i-1) || x < width-1 && is(i, i+1)
	}
	return b
}

// Yellow is the colour that borders are usually drawn in.
var Yellow = []float32{1, 1, 0}

// Paint returns a copy of the picture, [channels, height, width] or [height,
// width], in which the marked pixels have the given colour, one value for
// each channel. A grey picture painted in three values becomes one of red,
// green and blue. Another size than the mask's, and another number of values
// than the result has channels, are errors.
//
//	framed, err := mask.Outline().Paint(picture, segment.Yellow)
func (m Mask) Paint(picture *array.Array, colour []float32) (*array.Array, error) {
	return m.change(picture, colour, true)
}

// Hide returns a copy of the picture in which all pixels that are not marked
// have the given colour, as [Mask.Paint] does it for those that are.
func (m Mask) Hide(picture *array.Array, colour []float32) (*array.Array, error) {
	return m.change(picture, colour, false)
}

// change paints the pixels whose mark equals on.
func (m Mask) change(picture *array.Array, colour []float32, on bool) (*array.Array, error) {
	p, err := read(picture)
	if err != nil {
		return nil, err
	}
	if p.height != m.Height || p.width != m.Width {
		return nil, fmt.Errorf("segment: picture of shape %v does not fit a mask of %d×%d", picture.Shape, m.Height, m.Width)
	}
	if len(p.of) == 1 && len(colour) == 3 {
		p.of = append(p.of, p.of[0], p.of[0])
	}
	if len(colour) != len(p.of) {
		return nil, fmt.Errorf("segment: colour %v has %d values, picture of shape %v has %d channels", colour, len(colour), picture.Shape, len(p.of))
	}
	out := array.New(len(p.of), p.height, p.width)
	for c, plane := range p.of {
		row := out.Row(c)
		for i, v := range plane {
			if row[i] = float32(v); m.On[i] == on {
				row[i] = colour[c]
			}
		}
	}
	return out, nil
}
