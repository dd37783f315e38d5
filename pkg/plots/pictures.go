package plots

import (
	"fmt"
	"image"
	"math"

	"github.com/gojacard/jacard/pkg/array"
)

// pictures reads grey and RGB pictures, 0 dark … 1 bright, from an array of
// any layout that a network takes.
type pictures struct {
	*array.Array
	h, w     int
	channels int  // 1 grey, 3 RGB
	planes   bool // channels first
}

// newPictures refuses shapes that are not pictures.
func newPictures(what string, a *array.Array) (pictures, error) {
	if a == nil || a.Check() != nil {
		return pictures{}, fmt.Errorf("plots: %s: no images or a broken array", what)
	}
	if a.Rows() == 0 {
		return pictures{}, fmt.Errorf("plots: %s: no images", what)
	}
	p := pictures{Array: a, channels: 1}
	s := a.Shape
	switch {
	case len(s) == 2:
		side := int(math.Round(math.Sqrt(float64(s[1]))))
		if side*side == s[1] {
			p.h, p.w = side, side
		}
	case len(s) == 3:
		p.h, p.w = s[1], s[2]
	case len(s) == 4 && (s[3] == 1 || s[3] == 3):
		p.h, p.w, p.channels = s[1], s[2], s[3]
	case len(s) == 4 && (s[1] == 1 || s[1] == 3):
		p.h, p.w, p.channels, p.planes = s[2], s[3], s[1], true
	}
	if p.h*p.w == 0 {
		return pictures{}, fmt.Errorf("plots: %s: shape %v is none of [n, height, width], [n, height, width, 1 or 3], [n, 1 or 3, height, width], [n, side²]", what, s)
	}
	return p, nil
}

// onePicture reads a single picture, [height, width] or with channels first or
// last.
func onePicture(what string, a *array.Array) (pictures, error) {
	if a == nil || a.Check() != nil || len(a.Data) == 0 {
		return pictures{}, fmt.Errorf("plots: %s: no image or a broken array", what)
	}
	s := a.Shape
	ok := len(s) == 2 || len(s) == 3 && (s[0] == 1 || s[0] == 3 || s[2] == 1 || s[2] == 3)
	if !ok {
		return pictures{}, fmt.Errorf("plots: %s: shape %v is none of [height, width], [1 or 3, height, width], [height, width, 1 or 3]", what, s)
	}
	return newPictures(what, &array.Array{Shape: append([]int{1}, s...), Data: a.Data})
}

// colour is pixel k, row by row, of picture i. Values outside 0…1 are moved to
// the nearer end; a pixel with NaN is [NoValue].
func (p pictures) colour(i, k int) Colour {
	row := p.Row(i)
	part := func(channel int) float64 {
		at := k*p.channels + channel
		if p.planes {
			at = channel*p.h*p.w + k
		}
		return float64(min(max(row[at], 0), 1)) // NaN stays NaN
	}
	c := Colour{part(0), part(0), part(0), 1}
	if p.channels == 3 {
		c.G, c.B = part(1), part(2)
	}
	if math.IsNaN(c.R + c.G + c.B) {
		return NoValue
	}
	return c
}

// draw makes picture i, with over(k) laid over pixel k unless over is nil.
func (p pictures) draw(i int, over func(k int) Colour) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, p.w, p.h))
	for k := range p.h * p.w {
		c := p.colour(i, k)
		if over != nil {
			c = laidOver(c, over(k))
		}
		img.Set(k%p.w, k/p.w, c)
	}
	return img
}

// laidOver is what is seen of an opaque colour behind another.
func laidOver(under, over Colour) Colour { return mix(under, over.withAlpha(1), over.A) }

// perPixel returns values as [n, height · width], summed over their channels:
// the values of one picture for each of p, laid out as p's or in any other
// way that pictures may be. Infinite values are refused.
func (p pictures) perPixel(what string, values *array.Array) (*array.Array, error) {
	if values == nil || values.Check() != nil {
		return nil, fmt.Errorf("plots: %s: no values or a broken array", what)
	}
	channels, planes := 0, false
	switch s := values.Shape; {
	case len(s) == 0 || s[0] != p.Rows():
	case len(s) == 4 && s[1] == p.h && s[2] == p.w:
		channels = s[3]
	case len(s) == 4 && s[2] == p.h && s[3] == p.w:
		channels, planes = s[1], true
	case values.Width() == p.h*p.w:
		channels = 1
	case len(s) == 2 && values.Width() == p.Width():
		channels, planes = p.channels, p.planes
	}
	if channels == 0 {
		return nil, fmt.Errorf("plots: %s: values of shape %v for images of shape %v", what, values.Shape, p.Shape)
	}
	out := array.New(p.Rows(), p.h*p.w)
	for i := range p.Rows() {
		from, to := values.Row(i), out.Row(i)
		for k := range to {
			sum := 0.0
			for c := range channels {
				at := k*channels + c
				if planes {
					at = c*len(to) + k
				}
				sum += float64(from[at])
			}
			if math.IsInf(sum, 0) {
				return nil, fmt.Errorf("plots: %s: image %d, pixel %d is %g; leave out what cannot be drawn", what, i, k, sum)
			}
			to[k] = float32(sum)
		}
	}
	return out, nil
}
