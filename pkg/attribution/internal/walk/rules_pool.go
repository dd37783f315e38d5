package walk

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Maxima over several values follow the winners: if y rises, the winners of x
// get the credit; if it falls, those of r lose it:
//
//	M_i = (M·max(Δy,0)·win_x,i + M·min(Δy,0)·win_r,i) / Δz_i
//
// Winners differ between x and r, or Δz_i = Δy; either way Δz_i is not 0
// where credit goes, and the products M_i·Δz_i add up to M·Δy.

// reduceMax shares credit equally among ties.
func reduceMax(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)[0]
	from := w.sites[in]
	reduced := ints(param(s.p, "axes"))
	y := &site{
		p: Reshape(s.p, keptDims(s.p, in)...), x: Reshape(s.x, keptDims(s.p, from.x)...), r: Reshape(s.r, keptDims(s.p, from.r)...),
		axis: from.axis, per: from.per,
	}
	axes := make([]int, len(reduced)) // in pair space
	for i, a := range reduced {
		axes[i] = a
		if a > from.axis {
			axes[i] += len(from.split(in.Shape().Dimensions, 1, 1)) - in.Rank()
		}
	}
	share := func(z, y *Node) *Node {
		wins := indicator(Equal(z, y), z)
		return Div(wins, ReduceAndKeep(wins, ReduceSum, axes...))
	}
	up, down := w.riseAndFall(y, m, s.p.Type() == NodeTypeReduceMin)
	zx, zr := w.values(from)
	yx, yr := w.values(y)
	credit := Add(Mul(up, share(zx, yx)), Mul(down, share(zr, yr)))
	w.pushPairs(in, ratio(credit, w.delta(from)))
}

// riseAndFall returns M·Δy where the winners of x (up) and where those of r
// (down) answer for it, in pair space.
func (w *walker) riseAndFall(y *site, m *Node, lowest bool) (up, down *Node) {
	mp, dy := w.pairs(Reshape(m, y.p.Shape().Dimensions...), y), w.delta(y)
	zero := ScalarZero(dy.Graph(), dy.DType())
	up, down = Mul(mp, Max(dy, zero)), Mul(mp, Min(dy, zero))
	if lowest {
		return down, up
	}
	return up, down
}

// pool serves sums and maxima over windows. GoMLX's own gradients cannot:
// that of the maximum needs an operation that the Go backend lacks, that of
// the sum crashes it. Both are written as one strided slice for each offset
// in the window, with the first winner taking all.
func pool(w *walker, s *site, m *Node) {
	in := w.inputs(s.p)[0]
	win := newWindow(s, in)
	worst, ok := winnerOf(s.p)
	if !ok {
		w.push(in, win.scatter(m, func([]int) *Node { return m }))
		return
	}
	from := w.sites[in]
	up, down := w.riseAndFall(s, m, math.IsInf(worst, 1))
	winsX, winsR := win.winners(from.x, s.x, worst), win.winners(from.r, s.r, worst)
	credit := win.scatter(m, func(offset []int) *Node {
		x, r := w.rowPairs(s, winsX(offset)), w.backPairs(s, winsR(offset))
		return w.flat(Add(Mul(up, x), Mul(down, r)), s)
	})
	w.pushPairs(in, ratio(w.pairs(credit, from), w.delta(from)))
}

// window is the geometry of a ReduceWindow.
type window struct {
	size, stride, dilation []int

	padding []PadAxis
	in, out []int // template's shapes, in without padding
}

func newWindow(s *site, in *Node) window {
	p, rank := s.p, s.p.Rank()
	win := window{
		size: ints(param(p, "windowDimensions")), in: in.Shape().Dimensions, out: p.Shape().Dimensions,
		padding: make([]PadAxis, rank),
	}
	win.stride = win.size
	if v := param(p, "strides"); v.Len() > 0 {
		win.stride = ints(v)
	}
	win.dilation = intsOr(param(p, "windowDilations"), rank, 1)
	if size(intsOr(param(p, "inputDilations"), rank, 1)) > 1 {
		unsupported(p, "windows over a dilated input")
	}
	if win.size[s.axis] != 1 || win.stride[s.axis] != 1 {
		unsupported(p, "it mixes rows: its window spans several")
	}
	for i, pads := range intPairs(param(p, "paddings"), rank) {
		win.padding[i] = PadAxis{Start: pads[0], End: pads[1]}
	}
	return win
}

// scatter adds, for each offset in the window, what each output gives to its
// input at that offset.
func (win window) scatter(m *Node, part func(offset []int) *Node) *Node {
	zero := ScalarZero(m.Graph(), m.DType())
	var sum *Node
	for offset := range win.offsets() {
		spread := make([]PadAxis, len(win.in))
		for i, o := range offset {
			padded := win.in[i] + win.padding[i].Start + win.padding[i].End
			spread[i] = PadAxis{Start: o, Interior: win.stride[i] - 1, End: padded - o - (win.out[i]-1)*win.stride[i] - 1}
		}
		sum = plus(sum, Pad(part(offset), zero, spread...))
	}
	inner := make([]SliceAxisSpec, len(win.in))
	for i, p := range win.padding {
		inner[i] = AxisRange(p.Start, p.Start+win.in[i])
	}
	return Slice(sum, inner...)
}

// winners returns a function that, asked for each offset in turn, marks the
// outputs of y whose first winner among z lies there.
func (win window) winners(z, y *Node, worst float64) func(offset []int) *Node {
	padded := Pad(z, ConstAs(z, worst), win.padding...)
	var found *Node
	return func(offset []int) *Node {
		hit := Equal(win.at(offset, padded, y), y)
		if found == nil {
			found = hit
		} else {
			hit, found = LogicalAnd(hit, LogicalNot(found)), LogicalOr(found, hit)
		}
		return ConvertDType(hit, dtypes.Float32)
	}
}

// at returns, in the shape of the windows' result y, what each window has at an
// offset.
func (win window) at(offset []int, padded, y *Node) *Node {
	spec := make([]SliceAxisSpec, len(offset))
	for i, o := range offset {
		spec[i] = AxisRange(o, o+(y.Shape().Dim(i)-1)*win.stride[i]+1).Stride(win.stride[i])
	}
	return Slice(padded, spec...)
}

// offsets runs through all positions in the window, last axis fastest, as
// distances from its start.
func (win window) offsets() func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		offset := make([]int, len(win.size))
		for {
			if !yield(offset) {
				return
			}
			i := len(offset) - 1
			for ; i >= 0; i-- {
				if offset[i] += win.dilation[i]; offset[i] < win.size[i]*win.dilation[i] {
					break
				}
				offset[i] = 0
			}
			if i < 0 {
				return
			}
		}
	}
}
