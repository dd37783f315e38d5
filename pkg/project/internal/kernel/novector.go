//go:build !(goexperiment.simd && amd64)

package kernel

const vector = false

func quadVector(dst, quad, tiles []float32, stride, w int) { quadPlain(dst, quad, tiles, stride, w) }

func repelVector(g *Group, x, y, m []float32) { repelPlain(g, x, y, m) }

func attractVector(x0, y0 float32, x, y, p []float32) (fx, fy float32) {
	return attractPlain(x0, y0, x, y, p)
}
