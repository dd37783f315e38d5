//go:build !(goexperiment.simd && amd64)

package kernel

const vector = false

func (p *Picture) densityVector(y int, scale float64) { p.densityPlain(y, scale) }

func (p *Picture) nearestVector(y, x int, best, rank *[Lanes]float64) {
	p.nearestPlain(y, x, best, rank)
}
