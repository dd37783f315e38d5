package walk

import (
	"gonum.org/v1/gonum/integrate/quad"

	. "github.com/gomlx/gomlx/core/graph"
)

// normalised describes exp(u)/Σ exp(u), or at a Log log Σ exp(u), where the
// sum may leave out what a mask that does not depend on the input hides.
type normalised struct {
	u, total *Node // total is the sum in the shape of the operation
	mask     *Node // nil: all values count
}

// softmaxOf recognises what softmax divides.
func (w *walker) softmaxOf(p *Node) (found normalised, ok bool) {
	in := w.inputs(p)
	if p.Type() != NodeTypeDiv && p.Type() != NodeTypeLog || !w.dependsOnInput(in[len(in)-1]) {
		return found, false
	}
	found.total = in[len(in)-1]
	sum := found.total
	for sum.Type() == NodeTypeReshape {
		sum = w.inputs(sum)[0]
	}
	if sum.Type() != NodeTypeReduceSum {
		return found, false
	}
	exp := w.inputs(sum)[0]
	if found.total.Rank() != exp.Rank() || len(in) == 2 && in[0] != exp {
		return found, false
	}
	if exp.Type() == NodeTypeWhere { // where(mask, exp(u), 0)
		masked := w.inputs(exp)
		if w.dependsOnInput(masked[0]) || w.dependsOnInput(masked[2]) {
			return found, false
		}
		found.mask, exp = masked[0], masked[1]
	}
	if exp.Type() != NodeTypeExp {
		return found, false
	}
	found.u = w.inputs(exp)[0]
	return found, true
}

// softmax divides what softmaxOf recognises.
//
// Let k = Δp/Δlog p be the logarithmic mean of p_x and p_r, a number in
// [0, 1]. Because Σ Δp = 0, ΔL = Σ k·Δu / Σ k exactly for L = log Σ exp(u).
// Hence
//
//	logsumexp: M_u = M·k/Σk        softmax: M_u = k·(M − Σ M·k/Σk)
//
// Complete, invariant to shifts of u, the Jacobian in the limit x → r, and
// without the cancellation that the rules for exp, sum and quotient suffer.
// What is masked, by the mask or by u = −∞ on both sides, has k = 0.
func (w *walker) softmax(s *site, of normalised, m *Node) {
	sd := w.sites[of.total]
	dims := w.sites[of.u].split(of.u.Shape().Dimensions, w.n*w.k, w.m)
	sum, _ := w.values(sd)
	var axes []int // that the sum runs over, in pair space
	for i, d := range sum.Shape().Dimensions {
		if d == 1 && dims[i] > 1 && i != sd.axis && i != sd.axis+1 {
			axes = append(axes, i)
		}
	}
	total := func(v *Node) *Node {
		if len(axes) == 0 {
			return v
		}
		return ReduceAndKeep(v, ReduceSum, axes...)
	}
	if w.averaged {
		w.softmaxOnLine(s, of, m, axes, total)
		return
	}
	k := w.hide(of, w.logMeans(of))
	mp := w.pairs(m, s)
	if s.p.Type() == NodeTypeLog {
		w.pushPairs(of.u, Mul(mp, Div(k, total(k))))
	} else {
		w.pushPairs(of.u, Mul(k, Sub(mp, Div(total(Mul(mp, k)), total(k)))))
	}
}

// hide sets to 0 what the mask leaves out; v is in pair space.
func (w *walker) hide(of normalised, v *Node) *Node {
	if of.mask == nil {
		return v
	}
	return Where(expand(w.pairs(of.mask, w.sites[of.u]), v.Shape().Dimensions), v, ZerosLike(v))
}

// logMeans returns the logarithmic means of p_x and p_r.
func (w *walker) logMeans(of normalised) *Node {
	ux, ur := w.values(w.sites[of.u])
	sx, sr := w.values(w.sites[of.total])
	logX, logR := Sub(ux, Log(sx)), Sub(ur, Log(sr))
	return logMean(Exp(logX), Exp(logR), Sub(logX, logR))
}

// softmaxOnLine averages the Jacobian over the straight line from u_r to u_x,
// by Gauss and Legendre's rule.
func (w *walker) softmaxOnLine(s *site, of normalised, m *Node, axes []int, total func(*Node) *Node) {
	const points = 32
	at, weights := make([]float64, points), make([]float64, points)
	quad.Legendre{}.FixedLocations(at, weights, 0, 1)
	ux, ur := w.values(w.sites[of.u])
	mp := w.pairs(m, s)
	var sum *Node
	for i, t := range at {
		u := Add(MulScalar(ux, t), MulScalar(ur, 1-t))
		if len(axes) > 0 {
			u = Sub(u, ReduceAndKeep(u, ReduceMax, axes...))
		}
		p := w.hide(of, Exp(u))
		p = Div(p, total(p))
		back := Mul(mp, p)
		if s.p.Type() != NodeTypeLog {
			back = Mul(p, Sub(mp, total(back)))
		}
		sum = plus(sum, MulScalar(back, weights[i]))
	}
	w.pushPairs(of.u, sum)
}

// logMean is (p − q)/log(p/q). Below logClose the quotient of rounded
// differences gives way to ⅔·√(pq) + ⅓·(p+q)/2, whose relative error there,
// log(p/q)⁴/2880, is below float32's rounding. Of two zeros it is 0.
func logMean(p, q, logRatio *Node) *Node {
	const logClose = 0.1
	near := LessThan(Abs(logRatio), ConstAs(logRatio, logClose))
	polya := Add(MulScalar(Sqrt(Mul(p, q)), 2.0/3), MulScalar(Add(p, q), 1.0/6))
	mean := Where(near, polya, Div(Sub(p, q), Where(near, OnesLike(logRatio), logRatio)))
	return Where(isZero(Add(p, q)), ZerosLike(mean), mean)
}

// logarithm is reached only by a log Σ exp or a log that broadcasts.
func logarithm(w *walker, s *site, m *Node) {
	if of, ok := w.softmaxOf(s.p); ok {
		w.softmax(s, of, m)
		return
	}
	w.function(s, m)
}
