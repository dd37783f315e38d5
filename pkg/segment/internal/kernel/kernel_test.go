package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestExp(t *testing.T) {
	for x := 0.0; x > least; x -= 0.0137 {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-15*want {
			t.Fatalf("exp(%g): got %g, want %g", x, got, want)
		}
	}
	if got := exp(-1e30); got != exp(least) {
		t.Errorf("exp(-1e30): got %g, want that of %g", got, least)
	}
}

// TestVectorIsPlain holds the promise that both loops give the same bits,
// whatever the width leaves for the last lanes.
func TestVectorIsPlain(t *testing.T) {
	if !vector {
		t.Skip("built without vectors, or a processor without AVX2")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{1, 3, 4, 6, 13, 16} {
		const height, half, reach = 9, 7, 6
		size := 2.3 // a variable: constants are divided exactly
		planes := make([][]float64, 3)
		for c := range planes {
			planes[c] = make([]float64, height*width)
			for i := range planes[c] {
				planes[c][i] = float64(r.IntN(6)) // many equal distances
			}
		}
		p := NewPicture(planes, height, width, half, reach)
		for y := range height {
			p.densityPlain(y, -0.5/(size*size))
		}
		plain := slices.Clone(p.density)
		for y := range height {
			p.Density(y, size)
		}
		if !slices.Equal(p.density, plain) {
			t.Fatalf("width %d: densities differ", width)
		}
		for y := range height {
			for x := 0; x < width; x += Lanes {
				var gotBest, gotRank, wantBest, wantRank [Lanes]float64
				p.nearestVector(y, x, &gotBest, &gotRank)
				p.nearestPlain(y, x, &wantBest, &wantRank)
				n := min(Lanes, width-x)
				if !slices.Equal(gotBest[:n], wantBest[:n]) || !slices.Equal(gotRank[:n], wantRank[:n]) {
					t.Fatalf("width %d, row %d, column %d: got %v at %v, want %v at %v", width, y, x, gotBest, gotRank, wantBest, wantRank)
				}
			}
		}
	}
}
