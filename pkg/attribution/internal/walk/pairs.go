package walk

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Pair space: the axis of rows split in two (three, if it holds several
// values for each row): [before..., n·k, m, (per), after...]. Values of x lie
// there as [..., n·k, 1, ...], values of r as [..., 1, m, ...], so that pairs
// of them exist only inside an operation.

// split returns dims with the axis of rows of s replaced by n, m: numbers of
// rows and of background rows.
func (s *site) split(dims []int, n, m int) []int {
	out := append([]int{}, dims[:s.axis]...)
	out = append(out, n, m)
	if s.per > 1 {
		out = append(out, s.per)
	}
	return append(out, dims[s.axis+1:]...)
}

// pairs lifts a value of the template into pair space: a multiplier, or an
// operand that does not depend on the input (then its axis of rows may be 1).
func (w *walker) pairs(v *Node, s *site) *Node {
	if v.IsScalar() {
		return v
	}
	dims := v.Shape().Dimensions
	if len(dims) != s.p.Rank() {
		unsupported(s.p, "operands of different rank")
	}
	if dims[s.axis] != 1 {
		return Reshape(v, s.split(dims, w.n*w.k, w.m)...)
	}
	out := s.split(dims, 1, 1)
	if s.per > 1 {
		out[s.axis+2] = 1
	}
	return Reshape(v, out...)
}

// flat brings a value from pair space back to the template's shape of s,
// broadcast where needed.
func (w *walker) flat(v *Node, s *site) *Node {
	dims := s.p.Shape().Dimensions
	return Reshape(expand(v, s.split(dims, w.n*w.k, w.m)), dims...)
}

// expand broadcasts v where it has not the dims yet.
func expand(v *Node, dims []int) *Node {
	if slices.Equal(v.Shape().Dimensions, dims) {
		return v
	}
	return BroadcastToDims(v, dims...)
}

// pushPairs adds multiplier c, in pair space, to that of node in. Axes that
// the operation had broadcast are summed.
func (w *walker) pushPairs(in, c *Node) {
	s := w.sites[in]
	w.push(in, w.flat(sumTo(c, s.split(in.Shape().Dimensions, w.n*w.k, w.m)), s))
}

// values returns x [..., n·k, 1, ...] and r [..., 1, m, ...] as floats;
// comparisons count as 0 and 1.
func (w *walker) values(s *site) (x, r *Node) {
	if s.pairX == nil {
		s.pairX, s.pairR = w.rowPairs(s, float(s.x)), w.backPairs(s, float(s.r))
	}
	return s.pairX, s.pairR
}

// rowPairs lifts a value in the shape of s.x, the same for all targets of a
// row; backPairs one in that of s.r.
func (w *walker) rowPairs(s *site, v *Node) *Node {
	dims := s.x.Shape().Dimensions
	if w.k > 1 {
		rows := slices.Concat(dims[:s.axis], []int{w.n, 1, s.per}, dims[s.axis+1:])
		v = Reshape(v, rows...)
		rows[s.axis+1] = w.k
		v = BroadcastToDims(v, rows...)
	}
	return Reshape(v, s.split(dims, w.n*w.k, 1)...)
}

func (w *walker) backPairs(s *site, v *Node) *Node {
	return Reshape(v, s.split(s.r.Shape().Dimensions, 1, w.m)...)
}

func (w *walker) delta(s *site) *Node {
	x, r := w.values(s)
	return Sub(x, r)
}

func (w *walker) mean(s *site) *Node {
	x, r := w.values(s)
	return MulScalar(Add(x, r), 0.5)
}

// average is the mean of an operand over the two ends, in the type of m: of
// its values if it depends on the input, else itself. Pair space of s.
func (w *walker) average(in *Node, s *site, m *Node) *Node {
	if w.dependsOnInput(in) {
		return like(m, w.mean(w.sites[in]))
	}
	return like(m, w.pairs(in, s))
}

// like returns v in m's type.
func like(m, v *Node) *Node { return ConvertDType(v, m.DType()) }

func float(v *Node) *Node {
	if v.DType().IsFloat() {
		return v
	}
	return ConvertDType(v, dtypes.Float32)
}

// ratio is num/den, and num where den is 0, or ∞ − ∞ (of masked values).
func ratio(num, den *Node) *Node {
	moved := GreaterThan(Abs(den), ScalarZero(den.Graph(), den.DType()))
	return Div(num, Where(moved, den, OnesLike(den)))
}

func isZero(v *Node) *Node { return Equal(v, ScalarZero(v.Graph(), v.DType())) }
