package project

// The Hilbert curve visits the cells of a square so that cells next to each
// other on the curve are next to each other in the square, at every level of
// halving: points sorted by it form compact groups, and the cells of a
// quadtree are runs of them.
const (
	hilbertLevels = 16
	hilbertCells  = 1 << hilbertLevels
)

// hilbertStep holds, for each of the curve's four orientations and each nibble
// pair x, y, the eight bits of the code and the next orientation << 8.
var hilbertStep = func() (table [4][256]uint16) {
	// Quarter visited and orientation below it, by [orientation][x<<1|y].
	quarter := [4][4]uint16{{0, 1, 3, 2}, {0, 3, 1, 2}, {2, 3, 1, 0}, {2, 1, 3, 0}}
	below := [4][4]uint16{{1, 0, 3, 0}, {0, 2, 1, 1}, {2, 1, 2, 3}, {3, 3, 0, 2}}
	for start := range uint16(4) {
		for xy := range uint16(256) {
			orientation, code := start, uint16(0)
			for bit := 3; bit >= 0; bit-- {
				at := (xy>>(4+bit)&1)<<1 | xy>>bit&1
				code = code<<2 | quarter[orientation][at]
				orientation = below[orientation][at]
			}
			table[start][xy] = orientation<<8 | code
		}
	}
	return table
}()

// hilbert returns the place on the curve of cell x, y, both below
// hilbertCells; its 2·l highest bits name the cell's quadrant at level l.
func hilbert(x, y uint32) (code uint32) {
	orientation := uint16(0)
	for shift := hilbertLevels - 4; shift >= 0; shift -= 4 {
		step := hilbertStep[orientation][x>>shift&15<<4|y>>shift&15]
		code = code<<8 | uint32(step&255)
		orientation = step >> 8
	}
	return code
}

// radixSort sorts keys by their upper 32 bits, equal ones staying in order,
// and returns the sorted slice and the other one.
func radixSort(keys, spare []uint64) (sorted, other []uint64) {
	const bits = 11
	for shift := 32; shift < 64; shift += bits {
		var place [1<<bits + 1]int32
		for _, k := range keys {
			place[k>>shift&(1<<bits-1)+1]++
		}
		for i := range 1 << bits {
			place[i+1] += place[i]
		}
		for _, k := range keys {
			at := &place[k>>shift&(1<<bits-1)]
			spare[*at] = k
			*at++
		}
		keys, spare = spare, keys
	}
	return keys, spare
}
