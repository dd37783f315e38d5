// Package segment cuts pictures into superpixels: connected or similar pixels
// that a method of attribution can show and hide as one player.
//
// A picture is an [array.Array] of shape [channels, height, width], or
// [height, width] for grey: one row of the [rows, channels, height, width]
// that networks take. [Quickshift] and [SLIC] compare colours in CIE Lab and
// want red, green, blue or one grey channel with values in [0, 1];
// [Felzenszwalb] takes any number of channels.
//
//	superpixels, err := segment.Quickshift(picture, segment.QuickshiftConfig{})
//	players, err := superpixels.Players(picture.Shape) // one number for each input
//
// All three give the label maps that scikit-image gives, up to rounding where
// two pixels tie. A picture of one colour is a picture without edges: every
// method may return a single segment ([Map.Count] 1), which is an answer and
// no error, but one that leaves nothing to compare.
package segment

import (
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// Map says for every pixel which segment it belongs to.
type Map struct {
	Height, Width int

	// Labels holds the segment, 0…Count−1, of each pixel, row by row. Every
	// segment has pixels.
	Labels []int

	// Count is the number of segments.
	Count int
}

// NewMap makes a map of given labels, row by row. Labels that leave numbers
// out, or are negative, are an error.
func NewMap(labels []int, height, width int) (*Map, error) {
	if height < 1 || width < 1 || len(labels) != height*width {
		return nil, fmt.Errorf("segment: %d labels for a picture of %d×%d", len(labels), height, width)
	}
	m := &Map{Height: height, Width: width, Labels: slices.Clone(labels), Count: slices.Max(labels) + 1}
	seen := make([]bool, max(m.Count, 0))
	for i, l := range labels {
		if l < 0 {
			return nil, fmt.Errorf("segment: label %d at row %d, column %d: labels start at 0", l, i/width, i%width)
		}
		seen[l] = true
	}
	if missing := slices.Index(seen, false); missing >= 0 {
		return nil, fmt.Errorf("segment: labels reach %d, but no pixel has %d", m.Count-1, missing)
	}
	return m, nil
}

// At returns the segment of a pixel.
func (m *Map) At(row, column int) int { return m.Labels[row*m.Width+column] }

// Sizes returns the number of pixels of each segment.
func (m *Map) Sizes() []int {
	sizes := make([]int, m.Count)
	for _, l := range m.Labels {
		sizes[l]++
	}
	return sizes
}

// Players returns the segment of every input of a row of the given shape,
// [channels, height, width] or [height, width], counted over all axes: all
// channels of a pixel belong to the pixel's segment. It is what
// attribution.Query.Groups takes.
func (m *Map) Players(shape []int) ([]int, error) {
	channels := 1
	switch {
	case len(shape) == 3 && shape[0] > 0 && slices.Equal(shape[1:], []int{m.Height, m.Width}):
		channels = shape[0]
	case len(shape) == 2 && slices.Equal(shape, []int{m.Height, m.Width}):
	default:
		return nil, fmt.Errorf("segment: shape %v of a row does not fit a map of %d×%d: want [channels, height, width] or [height, width]",
			shape, m.Height, m.Width)
	}
	players := make([]int, 0, channels*len(m.Labels))
	for range channels {
		players = append(players, m.Labels...)
	}
	return players, nil
}

// Mask marks the pixels of the given segments.
func (m *Map) Mask(segments ...int) (Mask, error) {
	shown := make([]bool, m.Count)
	for _, s := range segments {
		if s < 0 || s >= m.Count {
			return Mask{}, fmt.Errorf("segment: segment %d out of range: the map has 0…%d", s, m.Count-1)
		}
		shown[s] = true
	}
	mask := Mask{Height: m.Height, Width: m.Width, On: make([]bool, len(m.Labels))}
	for i, l := range m.Labels {
		mask.On[i] = shown[l]
	}
	return mask, nil
}

// Mask marks pixels of a picture, row by row.
type Mask struct {
	Height, Width int
	On            []bool
}

// Count returns the number of marked pixels.
func (m Mask) Count() int {
	n := 0
	for _, on := range m.On {
		if on {
			n++
		}
	}
	return n
}

// newMap numbers the segments by their first pixel in row-major order. Equal
// roots are one segment.
func newMap(roots []int, height, width int) *Map {
	m := &Map{Height: height, Width: width, Labels: make([]int, len(roots))}
	number := make(map[int]int)
	for i, r := range roots {
		l, ok := number[r]
		if !ok {
			l = len(number)
			number[r] = l
		}
		m.Labels[i] = l
	}
	m.Count = len(number)
	return m
}

// planes are the channels of a picture in float64, each row by row.
type planes struct {
	height, width int
	of            [][]float64
}

// read checks a picture and copies it. Channels gives the accepted numbers of
// channels; empty accepts any.
func read(picture *array.Array, channels ...int) (planes, error) {
	if picture == nil {
		return planes{}, fmt.Errorf("segment: no picture given")
	}
	if err := picture.Check(); err != nil {
		return planes{}, fmt.Errorf("segment: %w", err)
	}
	shape := picture.Shape
	if len(shape) == 2 {
		shape = []int{1, shape[0], shape[1]}
	}
	switch {
	case len(shape) != 3:
		return planes{}, fmt.Errorf("segment: picture of shape %v: want [channels, height, width] or [height, width]; one picture of several is Slice and a new shape", picture.Shape)
	case slices.Contains(shape, 0):
		return planes{}, fmt.Errorf("segment: picture of shape %v has no pixels", picture.Shape)
	case len(channels) > 0 && !slices.Contains(channels, shape[0]):
		return planes{}, fmt.Errorf("segment: picture of shape %v has %d channels, Lab colours need 3 (red, green, blue) or 1 (grey); axes are [channels, height, width]", picture.Shape, shape[0])
	}
	p := planes{height: shape[1], width: shape[2], of: make([][]float64, shape[0])}
	n := p.height * p.width
	for c := range p.of {
		p.of[c] = make([]float64, n)
		for i, v := range picture.Data[c*n : (c+1)*n] {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return planes{}, fmt.Errorf("segment: picture has %g in channel %d, row %d, column %d", v, c, i/p.width, i%p.width)
			}
			p.of[c][i] = float64(v)
		}
	}
	return p, nil
}
