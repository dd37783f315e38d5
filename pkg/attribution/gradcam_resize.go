package attribution

import (
	"math"

	"github.com/gojacard/jacard/pkg/array"
)

// resize brings maps [rows, ...places] to another size, axis by axis: linear
// between the centres of places, beyond the outermost the outermost (PyTorch's
// interpolate with align_corners off), or the nearest place (rounded down,
// PyTorch's "nearest").
func resize(maps *array.Array, size []int, nearest bool) *array.Array {
	for axis, n := range size {
		maps = resizeAxis(maps, axis+1, n, nearest)
	}
	return maps
}

func resizeAxis(a *array.Array, axis, n int, nearest bool) *array.Array {
	old := a.Shape[axis]
	shape := append([]int{}, a.Shape...)
	shape[axis] = n
	out := array.New(shape...)
	after := width(shape[axis+1:])
	for before := range width(shape[:axis]) {
		for i := range n {
			at := (float64(i)+0.5)*float64(old)/float64(n) - 0.5
			if nearest {
				at = math.Floor(float64(i) * float64(old) / float64(n))
			}
			at = min(max(at, 0), float64(old-1))
			low := int(at)
			high := min(low+1, old-1)
			share := float32(at - float64(low))
			to := out.Data[(before*n+i)*after:][:after]
			first, second := a.Data[(before*old+low)*after:][:after], a.Data[(before*old+high)*after:][:after]
			for k := range to {
				to[k] = first[k]*(1-share) + second[k]*share
			}
		}
	}
	return out
}
