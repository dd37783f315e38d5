package project

import (
	"context"
	"slices"

	"github.com/gojacard/jacard/pkg/project/internal/kernel"
)

// tree sums the repulsion between all points of a map, far cells standing in
// for their points (Barnes & Hut, 1986; van der Maaten, 2014).
//
// Points are sorted along a Hilbert curve, so every cell of the quadtree is a
// run of them, and so is every crowd of crowdSize neighbours. A crowd walks the
// tree once: a cell serves as one mass if its side is less than angle times the
// distance from its centre of mass to the crowd's bounding box, which is
// stricter than asking each point. What the walk meets becomes a list, and the
// kernel does the arithmetic.
type tree struct {
	angle   float32
	workers int

	keys, spare []uint64  // Hilbert code << 32 | id, sorted by code
	x, y        []float32 // positions in that order
	cells       []cell    // depth first
	lists       []masses  // one a worker
	z           []float64 // [crowds]
}

type cell struct {
	x, y, mass float32 // centre of mass, number of points
	side2      float32 // squared side
	skip       int32   // the next cell outside this one
	from, to   int32   // the points of a leaf; to = 0 marks an inner cell
}

// masses is what a crowd of points meets: far cells as single masses, near
// points as runs along the curve.
type masses struct {
	x, y, m []float32
	runs    []run
}

type run struct{ from, to int }

// Measured at 14,780 points: larger crowds walk less often but meet more, and
// larger leaves make walks shorter and runs longer.
const (
	crowdSize = 2 * kernel.GroupSize
	leafSize  = 8 // points up to which a cell is not divided
)

// ones are the masses of single points. Its length bounds the points whose Z
// is summed in float32 before float64 takes over.
var ones = func() (v [512]float32) {
	for i := range v {
		v[i] = 1
	}
	return v
}()

func newTree(n int, angle float64, workers int) *tree {
	return &tree{
		angle: float32(angle), workers: workers,
		keys: make([]uint64, n), spare: make([]uint64, n),
		x: make([]float32, n), y: make([]float32, n),
		lists: make([]masses, workers), z: make([]float64, (n+crowdSize-1)/crowdSize),
	}
}

// id returns the point at place i of the curve.
func (t *tree) id(i int) int { return int(uint32(t.keys[i])) }

// build sorts the points and divides their bounding square.
func (t *tree) build(ctx context.Context, x, y []float32) error {
	n := len(x)
	x0, x1, y0, y1 := slices.Min(x), slices.Max(x), slices.Min(y), slices.Max(y)
	side := max(x1-x0, y1-y0)
	scale := float32(0)
	if side > 0 {
		scale = hilbertCells / side
	}
	place := func(v, v0 float32) uint32 { return min(uint32((v-v0)*scale), hilbertCells-1) }
	err := parallel(ctx, n, 1024, t.workers, func(_, from, to int) {
		for i := from; i < to; i++ {
			t.keys[i] = uint64(hilbert(place(x[i], x0), place(y[i], y0)))<<32 | uint64(i)
		}
	})
	if err != nil {
		return err
	}
	t.keys, t.spare = radixSort(t.keys, t.spare)
	for i, k := range t.keys {
		t.x[i], t.y[i] = x[uint32(k)], y[uint32(k)]
	}
	t.cells = t.cells[:0]
	t.divide(0, n, hilbertLevels-1, side)
	return nil
}

// divide appends the cell of points from…to−1 and those below it, and returns
// the sums of their positions. level counts the halvings left.
func (t *tree) divide(from, to, level int, side float32) (sumX, sumY float32) {
	at := len(t.cells)
	t.cells = append(t.cells, cell{mass: float32(to - from), side2: side * side})
	if to-from <= leafSize || level < 0 {
		for i := from; i < to; i++ {
			sumX += t.x[i]
			sumY += t.y[i]
		}
		t.cells[at].from, t.cells[at].to = int32(from), int32(to)
	} else {
		shift := 32 + 2*level
		for from < to {
			quarter, end := t.keys[from]>>shift, from+1
			for end < to && t.keys[end]>>shift == quarter {
				end++
			}
			x, y := t.divide(from, end, level-1, side/2)
			sumX, sumY = sumX+x, sumY+y
			from = end
		}
	}
	c := &t.cells[at]
	c.x, c.y, c.skip = sumX/c.mass, sumY/c.mass, int32(len(t.cells))
	return sumX, sumY
}

// repel writes to fx and fy, by point, Σ_j q_ij² (y_i − y_j), and returns
// Z = Σ_{i≠j} q_ij, q = 1/(1 + distance²). With exact all pairs are summed.
func (t *tree) repel(ctx context.Context, fx, fy []float32, exact bool) (float64, error) {
	err := parallel(ctx, len(t.z), 4, t.workers, func(worker, from, to int) {
		for g := from; g < to; g++ {
			first := g * crowdSize
			last := min(first+crowdSize, len(t.x))
			list := &t.lists[worker]
			if exact {
				*list = masses{runs: []run{{0, len(t.x)}}}
			} else {
				t.walk(first, last, list)
			}
			t.z[g] = 0
			for ; first < last; first += kernel.GroupSize {
				t.z[g] += t.meet(first, min(first+kernel.GroupSize, last), list, fx, fy)
			}
		}
	})
	sum := 0.0
	for _, z := range t.z {
		sum += z
	}
	return sum, err
}

// walk lists what the points first…last−1 meet. Leaves too near to be one mass
// follow each other along the curve, so few runs hold their points.
func (t *tree) walk(first, last int, list *masses) {
	if cap(list.x) < len(t.cells) {
		size := 2 * len(t.cells)
		list.x, list.y, list.m = make([]float32, size), make([]float32, size), make([]float32, size)
	}
	x, y, m := list.x[:len(t.cells)], list.y[:len(t.cells)], list.m[:len(t.cells)]
	list.runs = list.runs[:0]
	x0, x1 := slices.Min(t.x[first:last]), slices.Max(t.x[first:last])
	y0, y1 := slices.Min(t.y[first:last]), slices.Max(t.y[first:last])
	angle2 := t.angle * t.angle
	far, near := 0, run{}
	for i := 0; i < len(t.cells); {
		c := &t.cells[i]
		dx, dy := max(x0-c.x, c.x-x1, 0), max(y0-c.y, c.y-y1, 0)
		if c.side2 < angle2*(float32(dx*dx)+float32(dy*dy)) {
			x[far], y[far], m[far] = c.x, c.y, c.mass
			far++
			i = int(c.skip)
			continue
		}
		i++
		if c.to == 0 {
			continue
		}
		if int(c.from) != near.to {
			if near.to > 0 {
				list.runs = append(list.runs, near)
			}
			near.from = int(c.from)
		}
		near.to = int(c.to)
	}
	if near.to > 0 {
		list.runs = append(list.runs, near)
	}
	list.x, list.y, list.m = x[:far], y[:far], m[:far]
}

// meet brings the points first…last−1 together with the list.
func (t *tree) meet(first, last int, list *masses, fx, fy []float32) float64 {
	var group kernel.Group
	for i := range kernel.GroupSize { // the last group repeats its last point
		p := min(first+i, last-1)
		group.X[i], group.Y[i] = t.x[p], t.y[p]
	}
	group.Repel(list.x, list.y, list.m)
	z := takeZ(&group, last-first) - float64(last-first) // each point meets itself with q = 1
	for _, r := range list.runs {
		for from := r.from; from < r.to; from += len(ones) {
			to := min(from+len(ones), r.to)
			group.Repel(t.x[from:to], t.y[from:to], ones[:to-from])
			z += takeZ(&group, last-first)
		}
	}
	for i := range last - first {
		id := t.id(first + i)
		fx[id], fy[id] = group.FX[i], group.FY[i]
	}
	return z
}

// takeZ empties the Z of a group into float64.
func takeZ(group *kernel.Group, size int) (z float64) {
	for i := range size {
		z += float64(group.Z[i])
	}
	group.Z = [kernel.GroupSize]float32{}
	return z
}
