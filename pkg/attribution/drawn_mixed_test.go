package attribution

import (
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
)

// along lists, for each place of the other axes, the places along one axis.
func along(shape []int, axis int) [][]int {
	inner := width(shape[axis+1:])
	groups := make([][]int, width(shape)/shape[axis])
	for i := range width(shape) {
		at := i/(inner*shape[axis])*inner + i%inner
		groups[at] = append(groups[at], i)
	}
	return groups
}

// drawAlong is a softmax, its logarithm, or a layer norm along an axis.
func drawAlong(rng *rand.Rand, shape []int) operation {
	axis := rng.IntN(len(shape))
	groups := along(shape, axis)
	switch rng.IntN(3) {
	case 0:
		return operation{name: "softmax",
			graph: func(x []*Node) *Node { return Softmax(x[0], axis+1) },
			tape:  func(t *tape, v []*taped) *taped { return t.softmax(v[0], groups, false) }}
	case 1:
		return operation{name: "log softmax",
			graph: func(x []*Node) *Node { return LogSoftmax(x[0], axis+1) },
			tape:  func(t *tape, v []*taped) *taped { return t.softmax(v[0], groups, true) }}
	}
	const epsilon = 0.1
	return operation{name: "layer norm",
		graph: func(x []*Node) *Node {
			centred := Sub(x[0], ReduceAndKeep(x[0], ReduceMean, axis+1))
			return Div(centred, Sqrt(AddScalar(ReduceAndKeep(Square(centred), ReduceMean, axis+1), epsilon)))
		},
		tape: func(t *tape, v []*taped) *taped {
			spread := func(v *taped) *taped { // the mean of its group in place of each
				return t.linear(v, shape, nil, func(yield func(to, from int, weight float64)) {
					for _, group := range groups {
						for _, to := range group {
							for _, from := range group {
								yield(to, from, 1/float64(len(group)))
							}
						}
					}
				})
			}
			centred := t.sum(1, v[0], -1, spread(v[0]))
			variance := spread(t.elementwise(centred, func(z float64) float64 { return z * z }))
			root := t.elementwise(variance, func(z float64) float64 { return math.Sqrt(z + epsilon) })
			return t.times(centred, t.elementwise(root, func(z float64) float64 { return 1 / z }))
		}}
}

// drawMixed is an operation of two values of one shape.
func drawMixed(rng *rand.Rand) operation {
	relu := func(z float64) float64 { return max(z, 0) }
	step := func(z float64) float64 {
		if z > 1e-12 { // not the rounding of two equal values
			return 1
		}
		return 0
	}
	return []operation{
		{name: "sum", graph: func(x []*Node) *Node { return Add(x[0], x[1]) },
			tape: func(t *tape, v []*taped) *taped { return t.sum(1, v[0], 1, v[1]) }},
		{name: "difference", graph: func(x []*Node) *Node { return Sub(x[0], x[1]) },
			tape: func(t *tape, v []*taped) *taped { return t.sum(1, v[0], -1, v[1]) }},
		{name: "product", graph: func(x []*Node) *Node { return Mul(x[0], x[1]) },
			tape: func(t *tape, v []*taped) *taped { return t.times(v[0], v[1]) }},
		{name: "quotient", graph: func(x []*Node) *Node { return Div(x[0], AddScalar(Softplus(x[1]), 0.5)) },
			tape: func(t *tape, v []*taped) *taped {
				below := t.elementwise(v[1], func(z float64) float64 { return softplus(z) + 0.5 })
				return t.times(v[0], t.elementwise(below, func(z float64) float64 { return 1 / z }))
			}},
		{name: "larger", graph: func(x []*Node) *Node { return Max(x[0], x[1]) },
			tape: func(t *tape, v []*taped) *taped {
				return t.sum(1, v[1], 1, t.elementwise(t.sum(1, v[0], -1, v[1]), relu))
			}},
		{name: "smaller", graph: func(x []*Node) *Node { return Min(x[0], x[1]) },
			tape: func(t *tape, v []*taped) *taped {
				return t.sum(1, v[1], -1, t.elementwise(t.sum(1, v[1], -1, v[0]), relu))
			}},
		{name: "where", graph: func(x []*Node) *Node { return Where(GreaterThan(x[0], x[1]), Tanh(x[0]), x[1]) },
			tape: func(t *tape, v []*taped) *taped {
				on := t.elementwise(t.sum(1, v[0], -1, v[1]), step)
				off := t.elementwise(on, func(z float64) float64 { return 1 - z })
				return t.sum(1, t.times(on, t.elementwise(v[0], math.Tanh)), 1, t.times(off, v[1]))
			}},
	}[rng.IntN(7)]
}

// drawAttention lets each token of [tokens, d] look at the others.
func drawAttention(rng *rand.Rand, shape []int) operation {
	tokens, d := shape[0], shape[1]
	var parts [3]operation // queries, keys, values
	for i := range parts {
		parts[i] = drawDense(rng, shape, d)
	}
	scale := 1 / math.Sqrt(float64(d))
	square := []int{tokens, tokens}
	return operation{name: "attention",
		graph: func(x []*Node) *Node {
			scores := Einsum("bid,bjd->bij", parts[0].graph(x), parts[1].graph(x))
			return Einsum("bij,bjd->bid", Softmax(MulScalar(scores, scale), -1), parts[2].graph(x))
		},
		tape: func(t *tape, v []*taped) *taped {
			scores := t.product(parts[0].tape(t, v), parts[1].tape(t, v), square, func(yield func(to, i, k int)) {
				for i := range tokens {
					for j := range tokens {
						for c := range d {
							yield(i*tokens+j, i*d+c, j*d+c)
						}
					}
				}
			})
			scaled := t.linear(scores, square, nil, func(yield func(to, from int, weight float64)) {
				for i := range tokens * tokens {
					yield(i, i, scale)
				}
			})
			return t.product(t.softmax(scaled, along(square, 1), false), parts[2].tape(t, v), shape, func(yield func(to, i, k int)) {
				for i := range tokens {
					for j := range tokens {
						for c := range d {
							yield(i*d+c, i*tokens+j, j*d+c)
						}
					}
				}
			})
		}}
}

// drawMoved turns a shape into another without new values: to a vector, with
// axes exchanged, or to the mean or maximum along an axis.
func drawMoved(rng *rand.Rand, shape []int) (operation, []int) {
	axis := rng.IntN(len(shape))
	groups := along(shape, axis)
	rest := append(append([]int{}, shape[:axis]...), shape[axis+1:]...)
	kind := rng.IntN(4)
	if len(shape) == 1 {
		kind = 0
	}
	switch kind {
	case 1:
		return operation{name: "mean", graph: func(x []*Node) *Node { return ReduceMean(x[0], axis+1) },
			tape: func(t *tape, v []*taped) *taped {
				return t.linear(v[0], rest, nil, func(yield func(to, from int, weight float64)) {
					for to, group := range groups {
						for _, from := range group {
							yield(to, from, 1/float64(len(group)))
						}
					}
				})
			}}, rest
	case 2:
		return operation{name: "max", graph: func(x []*Node) *Node { return ReduceMax(x[0], axis+1) },
			tape: func(t *tape, v []*taped) *taped { return t.largest(v[0], rest, groups) }}, rest
	case 3: // rows excepted, axes in reverse
		order, to := []int{0}, []int{}
		for a := len(shape); a > 0; a-- {
			order, to = append(order, a), append(to, shape[a-1])
		}
		return operation{name: "transpose", graph: func(x []*Node) *Node { return TransposeAllAxes(x[0], order...) },
			tape: func(t *tape, v []*taped) *taped {
				return t.linear(v[0], to, nil, func(yield func(to, from int, weight float64)) {
					for from := range width(shape) {
						at, left := 0, from
						for a := len(shape) - 1; a >= 0; a-- { // last axis becomes the first
							at = at*shape[a] + left%shape[a]
							left /= shape[a]
						}
						yield(at, from, 1)
					}
				})
			}}, to
	}
	to := []int{width(shape)}
	return operation{name: "flatten", graph: func(x []*Node) *Node { return Reshape(x[0], x[0].Shape().Dim(0), -1) },
		tape: func(t *tape, v []*taped) *taped {
			return t.linear(v[0], to, nil, func(yield func(to, from int, weight float64)) {
				for i := range to[0] {
					yield(i, i, 1)
				}
			})
		}}, to
}
