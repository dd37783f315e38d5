package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// softmaxOf recognises exp(u)/Σ exp(u), and at a Log log Σ exp(u). It returns
// u and the node of the sum in the shape of the operation, or nil.
func (w *walker) softmaxOf(p *Node) (u, total *Node) {
	in := w.inputs(p)
	if p.Type() != NodeTypeDiv && p.Type() != NodeTypeLog || !w.dependsOnInput(in[len(in)-1]) {
		return nil, nil
	}
	total = in[len(in)-1]
	sum := total
	for sum.Type() == NodeTypeReshape {
		sum = w.inputs(sum)[0]
	}
	if sum.Type() != NodeTypeReduceSum {
		return nil, nil
	}
	exp := w.inputs(sum)[0]
	if exp.Type() != NodeTypeExp || total.Rank() != exp.Rank() || len(in) == 2 && in[0] != exp {
		return nil, nil
	}
	return w.inputs(exp)[0], total
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
func (w *walker) softmax(s *site, u, sum, m *Node) {
	sd := w.sites[sum]
	ux, ur := w.values(w.sites[u])
	dx, dr := w.values(sd)
	logX, logR := Sub(ux, Log(dx)), Sub(ur, Log(dr))
	k := logMean(Exp(logX), Exp(logR), Sub(logX, logR))

	var axes []int // that the sum runs over, in pair space
	for i, d := range dx.Shape().Dimensions {
		if d == 1 && k.Shape().Dim(i) > 1 && i != sd.axis && i != sd.axis+1 {
			axes = append(axes, i)
		}
	}
	total := func(v *Node) *Node {
		if len(axes) == 0 {
			return v
		}
		return ReduceAndKeep(v, ReduceSum, axes...)
	}
	mp := w.pairs(m, s)
	if s.p.Type() == NodeTypeLog {
		w.pushPairs(u, Mul(mp, Div(k, total(k))))
	} else {
		w.pushPairs(u, Mul(k, Sub(mp, Div(total(Mul(mp, k)), total(k)))))
	}
}

// logMean is (p − q)/log(p/q). Below logClose the quotient of rounded
// differences gives way to ⅔·√(pq) + ⅓·(p+q)/2, whose relative error there,
// log(p/q)⁴/2880, is below float32's rounding.
func logMean(p, q, logRatio *Node) *Node {
	const logClose = 0.1
	near := LessThan(Abs(logRatio), ConstAs(logRatio, logClose))
	polya := Add(MulScalar(Sqrt(Mul(p, q)), 2.0/3), MulScalar(Add(p, q), 1.0/6))
	return Where(near, polya, Div(Sub(p, q), Where(near, OnesLike(logRatio), logRatio)))
}

// logarithm is reached only by a log Σ exp or a log that broadcasts.
func logarithm(w *walker, s *site, m *Node) {
	if u, sum := w.softmaxOf(s.p); u != nil {
		w.softmax(s, u, sum, m)
		return
	}
	w.function(s, m)
}
