package attribution

import (
	"math"
	"slices"
)

// A tape is the slow twin of the rescale rule for one row x and one background
// row r: float64, plain loops, from the papers (Shrikumar et al., 2017,
// sections 3.2 and 3.5.1, for linear and elementwise operations). Each
// operation computes its values for both rows and notes how its multipliers
// become those of its operands; attributions come from playing the notes
// backwards. Every linear operation is a list of weights here, whether it is
// a convolution or a transpose.
type tape struct{ notes []func() }

// taped is a value for both rows and its multipliers.
type taped struct {
	shape   []int
	x, r, m []float64
}

func newTaped(shape []int) *taped {
	n := width(shape)
	return &taped{shape, make([]float64, n), make([]float64, n), make([]float64, n)}
}

func (v *taped) delta(i int) float64 { return v.x[i] - v.r[i] }

// attributions of the input to unit 0 of the output.
func (t *tape) attributions(input, output *taped) []float64 {
	output.m[0] = 1
	for _, note := range slices.Backward(t.notes) {
		note()
	}
	phi := make([]float64, len(input.x))
	for i := range phi {
		phi[i] = input.m[i] * input.delta(i)
	}
	return phi
}

// linear: y[to] = bias[to] + Σ weight·v[from] over the listed weights.
func (t *tape) linear(v *taped, shape []int, bias []float64, list func(yield func(to, from int, weight float64))) *taped {
	y := newTaped(shape)
	copy(y.x, bias)
	copy(y.r, bias)
	list(func(to, from int, w float64) {
		y.x[to] += w * v.x[from]
		y.r[to] += w * v.r[from]
	})
	t.notes = append(t.notes, func() {
		list(func(to, from int, w float64) { v.m[from] += w * y.m[to] })
	})
	return y
}

// elementwise: the multiplier is Δf/Δz, and f′ where Δz is 0.
func (t *tape) elementwise(v *taped, f func(float64) float64) *taped {
	y := newTaped(v.shape)
	for i := range y.x {
		y.x[i], y.r[i] = f(v.x[i]), f(v.r[i])
	}
	t.notes = append(t.notes, func() {
		for i := range y.x {
			slope := (f(v.x[i]+1e-6) - f(v.x[i]-1e-6)) / 2e-6
			if d := v.delta(i); d != 0 {
				slope = y.delta(i) / d
			}
			v.m[i] += slope * y.m[i]
		}
	})
	return y
}

// sum: a·va + b·vb.
func (t *tape) sum(a float64, va *taped, b float64, vb *taped) *taped {
	y := newTaped(va.shape)
	for i := range y.x {
		y.x[i], y.r[i] = a*va.x[i]+b*vb.x[i], a*va.r[i]+b*vb.r[i]
	}
	t.notes = append(t.notes, func() {
		for i, m := range y.m {
			va.m[i] += a * m
			vb.m[i] += b * m
		}
	})
	return y
}

// product sums over products of pairs: y[to] = Σ a[i]·b[k]. Each factor moves
// by its change times the other's mean, which are its two Shapley terms.
func (t *tape) product(a, b *taped, shape []int, list func(yield func(to, i, k int))) *taped {
	y := newTaped(shape)
	list(func(to, i, k int) {
		y.x[to] += a.x[i] * b.x[k]
		y.r[to] += a.r[i] * b.r[k]
	})
	t.notes = append(t.notes, func() {
		list(func(to, i, k int) {
			a.m[i] += y.m[to] * (b.x[k] + b.r[k]) / 2
			b.m[k] += y.m[to] * (a.x[i] + a.r[i]) / 2
		})
	})
	return y
}

// times is the elementwise product.
func (t *tape) times(a, b *taped) *taped {
	return t.product(a, b, a.shape, func(yield func(to, i, k int)) {
		for i := range a.x {
			yield(i, i, i)
		}
	})
}

// largest: the maximum of each group. A rise goes to the winner of x, a fall
// to that of r (the first, if several are equal).
func (t *tape) largest(v *taped, shape []int, groups [][]int) *taped {
	y := newTaped(shape)
	winner := func(values []float64, group []int) int {
		best := group[0]
		for _, i := range group {
			if values[i] > values[best] {
				best = i
			}
		}
		return best
	}
	for to, group := range groups {
		y.x[to], y.r[to] = v.x[winner(v.x, group)], v.r[winner(v.r, group)]
	}
	t.notes = append(t.notes, func() {
		for to, group := range groups {
			at := winner(v.x, group)
			if y.delta(to) < 0 {
				at = winner(v.r, group)
			}
			if d := v.delta(at); d != 0 {
				v.m[at] += y.m[to] * y.delta(to) / d
			}
		}
	})
	return y
}

// softmax within each group; its logarithm if asked. With the logarithmic
// mean k of p_x and p_r, Δp = k·(Δu − ΔL) and ΔL = Σ k·Δu/Σ k.
func (t *tape) softmax(v *taped, groups [][]int, logarithm bool) *taped {
	y := newTaped(v.shape)
	for _, group := range groups {
		for _, ends := range [][2][]float64{{v.x, y.x}, {v.r, y.r}} {
			most, total := math.Inf(-1), 0.0
			for _, i := range group {
				most = max(most, ends[0][i])
			}
			for _, i := range group {
				total += math.Exp(ends[0][i] - most)
			}
			for _, i := range group {
				ends[1][i] = ends[0][i] - most - math.Log(total)
				if !logarithm {
					ends[1][i] = math.Exp(ends[1][i])
				}
			}
		}
	}
	t.notes = append(t.notes, func() {
		for _, group := range groups {
			k, m := make([]float64, len(group)), make([]float64, len(group))
			var sumK, sumM float64
			for j, i := range group {
				p, q := y.x[i], y.r[i]
				if logarithm {
					p, q = math.Exp(p), math.Exp(q)
				}
				k[j], m[j] = p, y.m[i]
				if p != q {
					k[j] = (p - q) / (math.Log(p) - math.Log(q))
				}
				sumK += k[j]
				if logarithm {
					sumM += m[j]
				} else {
					sumM += m[j] * k[j]
				}
			}
			for j, i := range group {
				if logarithm {
					v.m[i] += m[j] - k[j]/sumK*sumM
				} else {
					v.m[i] += k[j] * (m[j] - sumM/sumK)
				}
			}
		}
	})
	return y
}
