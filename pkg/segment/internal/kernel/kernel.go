// Package kernel holds the two inner loops of quickshift: the density of each
// pixel, and the nearest pixel of higher density.
//
// Each loop exists twice: in plain Go, and with 4-wide vectors where the
// program was built with GOEXPERIMENT=simd for a processor that has AVX2. Both
// do the same float64 operations in the same order, without fused
// multiply-adds, so a label map does not depend on how the program was built.
package kernel

import (
	"cmp"
	"math"
	"slices"
)

// Lanes is the number of neighbouring pixels that go through a loop together.
const Lanes = 4

// far is the colour of the margin: so far from any other that its density
// counts nothing.
const far = 1e8

// Picture is a picture of three channels with a margin left and right of
// every row, so that a window can be read without looking where it ends.
type Picture struct {
	Height, Width int
	half          int // of the window
	stride        int
	colour        [3][]float64 // [height, stride]
	density       []float64    // [height, stride], 0 in the margin
	near          []offset     // the window by distance in the plane
}

// offset is a place in the window.
type offset struct {
	row, column int
	square      float64 // row² + column²
	rank        float64 // in row-major order
}

// NewPicture copies three planes, row by row. Windows reach half pixels in
// every direction; parents are sought no farther than reach.
func NewPicture(planes [][]float64, height, width, half int, reach float64) *Picture {
	p := &Picture{Height: height, Width: width, half: half}
	p.stride = (width+2*Lanes-1)/(2*Lanes)*2*Lanes + 2*half
	for c := range p.colour {
		p.colour[c] = slices.Repeat([]float64{far}, height*p.stride)
		for y := range height {
			copy(p.colour[c][y*p.stride+half:], planes[c][y*width:(y+1)*width])
		}
	}
	p.density = make([]float64, height*p.stride)
	for row := -half; row <= half; row++ {
		for column := -half; column <= half; column++ {
			square := float64(row*row + column*column)
			if square > 0 && math.Sqrt(square) <= reach {
				p.near = append(p.near, offset{row, column, square, float64((row+half)*(2*half+1) + column)})
			}
		}
	}
	slices.SortFunc(p.near, func(a, b offset) int {
		return cmp.Or(cmp.Compare(a.square, b.square), cmp.Compare(a.rank, b.rank))
	})
	return p
}

// Density computes row y of Σ exp(−d²/2size²), summed over the window in
// row-major order, the pixel itself included. d² is the squared distance in
// colour and place. Different rows may be computed at the same time.
func (p *Picture) Density(y int, size float64) {
	scale := -0.5 / (size * size)
	if vector {
		p.densityVector(y, scale)
	} else {
		p.densityPlain(y, scale)
	}
	// What the last lanes computed belongs to no pixel: no parent lies there.
	clear(p.density[y*p.stride+p.half+p.Width : (y+1)*p.stride])
}

// Parents writes, for each pixel of row y, the row-major number of the pixel
// in the window that is nearest in colour and place among those of higher
// density, the first in row-major order if several are; the pixel's own
// number if none is within reach. Densities of the whole picture come first.
// Different rows may be computed at the same time.
func (p *Picture) Parents(parents []int, y int, reach float64) {
	var best, rank [Lanes]float64
	for x := 0; x < p.Width; x += Lanes {
		if vector {
			p.nearestVector(y, x, &best, &rank)
		} else {
			p.nearestPlain(y, x, &best, &rank)
		}
		for l := range min(Lanes, p.Width-x) {
			own := y*p.Width + x + l
			if math.Sqrt(best[l]) <= reach {
				// The rank was counted from the window's row and from its middle column.
				side := 2*p.half + 1
				row := int(math.Floor((rank[l] + float64(p.half)) / float64(side)))
				own += (row-p.half)*p.Width + int(rank[l]) - row*side
			}
			parents[x+l] = own
		}
	}
}
