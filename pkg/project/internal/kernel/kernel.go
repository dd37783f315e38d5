// Package kernel holds the three inner loops that package project spends its
// time in: squared distances between rows, repulsion between a group of map
// points and a list of masses, and attraction of one point to its neighbours.
//
// Each loop exists twice: in plain Go, and with 8-wide vectors where the
// program was built with GOEXPERIMENT=simd for a processor that has AVX2. Both
// do the same float32 operations in the same order, without fused
// multiply-adds, so a map does not depend on how the program was built.
package kernel

// Lanes is the number of values that go through a loop side by side.
const Lanes = 8

// TileWidth is the number of rows that share one tile of [Tiles].
const TileWidth = 2 * Lanes

// GroupSize is the number of map points whose repulsion is summed at once.
const GroupSize = 2 * Lanes

// QuadRows is the number of rows that [Tiles.Quad] compares at once.
const QuadRows = 4

// Tiles holds rows for comparison with others: TileWidth rows a tile, feature
// by feature, so that one vector holds one feature of eight rows.
type Tiles struct {
	Rows, Width int
	data        []float32 // [tile, feature, TileWidth]
}

// Pack copies row-major rows into tiles. Places that no row fills hold zeros.
func Pack(rows []float32, n, width int) Tiles {
	t := Tiles{Rows: n, Width: width, data: make([]float32, (n+TileWidth-1)/TileWidth*TileWidth*width)}
	for i := range n {
		tile := t.data[i/TileWidth*TileWidth*width:]
		for k, v := range rows[i*width : (i+1)*width] {
			tile[k*TileWidth+i%TileWidth] = v
		}
	}
	return t
}

// Padded returns Rows rounded up to full tiles.
func (t Tiles) Padded() int { return (t.Rows + TileWidth - 1) / TileWidth * TileWidth }

// Quad writes Σ_k (a_k − b_k)² to dst for the four rows a in quad (row-major)
// and every row b of t: dst[r*Padded()+j] belongs to row r and row j. Sums run
// in order of k. What stands in places without a row means nothing.
func (t Tiles) Quad(dst, quad []float32) {
	stride, w := t.Padded(), t.Width
	dst, quad = dst[:QuadRows*stride], quad[:QuadRows*w]
	if vector {
		quadVector(dst, quad, t.data, stride, w)
		return
	}
	quadPlain(dst, quad, t.data, stride, w)
}

// Group is a group of map points and the sums over the masses it has met.
type Group struct {
	X, Y   [GroupSize]float32 // positions
	FX, FY [GroupSize]float32 // Σ m q² (x − x_m), the same for y
	Z      [GroupSize]float32 // Σ m q
}

// Repel adds the effect of masses m at (x, y) to the sums of the group's
// points: with q = 1/(1 + d²) of point and mass, m q to Z and m q² times the
// difference of positions to the force. Masses come in order.
func (g *Group) Repel(x, y, m []float32) {
	x, y = x[:len(m)], y[:len(m)]
	if vector {
		repelVector(g, x, y, m)
		return
	}
	repelPlain(g, x, y, m)
}

// Attract returns Σ p q (x0 − x) and the same for y over neighbours at (x, y),
// q = 1/(1 + d²). The number of neighbours must be a multiple of Lanes; p = 0
// fills up. Lane l sums the neighbours l, l+8, l+16, …; the lanes are then
// added in order.
func Attract(x0, y0 float32, x, y, p []float32) (fx, fy float32) {
	x, y = x[:len(p)], y[:len(p)]
	if vector {
		return attractVector(x0, y0, x, y, p)
	}
	return attractPlain(x0, y0, x, y, p)
}

func sumLanes(v *[Lanes]float32) float32 {
	s := v[0]
	for _, x := range v[1:] {
		s += x
	}
	return s
}
