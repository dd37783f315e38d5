package segment

import (
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// Lab converts a picture of sRGB colours in [0, 1] to CIE L*a*b* with white
// point D65 and the observer of 2 degrees: [3, height, width], L in 0…100. A
// grey picture has equal red, green and blue.
//
// Another number of channels, and values outside [0, 1], are errors.
func Lab(picture *array.Array) (*array.Array, error) {
	p, err := readLab(picture)
	if err != nil {
		return nil, err
	}
	out := array.New(3, p.height, p.width)
	for c, plane := range p.of {
		for i, v := range plane {
			out.Row(c)[i] = float32(v)
		}
	}
	return out, nil
}

// readLab reads a picture and converts it.
func readLab(picture *array.Array) (planes, error) {
	p, err := readColours(picture)
	if err != nil {
		return p, err
	}
	p.toLab()
	return p, nil
}

// readColours reads a picture with three channels in [0, 1]; grey becomes
// red, green and blue.
func readColours(picture *array.Array) (planes, error) {
	p, err := read(picture, 1, 3)
	if err != nil {
		return p, err
	}
	for c, plane := range p.of {
		for i, v := range plane {
			if v < 0 || v > 1 {
				return p, fmt.Errorf("segment: picture has %g in channel %d, row %d, column %d: Lab colours need values in [0, 1]; divide 0…255 by 255",
					v, c, i/p.width, i%p.width)
			}
		}
	}
	if len(p.of) == 1 {
		p.of = append(p.of, slices.Clone(p.of[0]), slices.Clone(p.of[0]))
	}
	return p, nil
}

// toLab converts in place: sRGB to linear light, to XYZ (ITU-R BT.709
// primaries, D65), to L*a*b* (CIE 15:2004, section 8.2.1).
func (p planes) toLab() {
	red, green, blue := p.of[0], p.of[1], p.of[2]
	for i := range red {
		r, g, b := linear(red[i]), linear(green[i]), linear(blue[i])
		x := labRoot((0.412453*r + 0.357580*g + 0.180423*b) / 0.95047)
		y := labRoot(0.212671*r + 0.715160*g + 0.072169*b)
		z := labRoot((0.019334*r + 0.119193*g + 0.950227*b) / 1.08883)
		red[i], green[i], blue[i] = 116*y-16, 500*(x-y), 200*(y-z)
	}
}

// linear undoes the gamma of sRGB.
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// labRoot is the cube root with a straight piece near 0.
func labRoot(t float64) float64 {
	if t <= 0.008856 {
		return 7.787*t + 16.0/116
	}
	return math.Cbrt(t)
}
