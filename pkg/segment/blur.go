package segment

import "math"

// blur smooths every plane with a Gaussian of standard deviation sigma in
// pixels, cut at 4 sigma, first along columns, then along rows. Beyond the
// border the picture is mirrored with its edge pixels repeated: d c b a | a b
// c d | d c b a. Zero leaves the planes as they are.
func (p planes) blur(sigma float64) {
	weights := gaussian(sigma)
	if len(weights) < 2 {
		return
	}
	line := make([]float64, max(p.height, p.width))
	for _, plane := range p.of {
		for x := range p.width {
			smooth(plane[x:], p.width, line[:p.height], weights)
		}
		for y := range p.height {
			smooth(plane[y*p.width:], 1, line[:p.width], weights)
		}
	}
}

// gaussian returns the weights at distance 0, 1, … of a kernel that sums to 1.
func gaussian(sigma float64) []float64 {
	if sigma == 0 {
		return nil
	}
	weights := make([]float64, int(4*sigma+0.5)+1)
	sum := 0.0
	for i := range weights {
		weights[i] = math.Exp(-0.5 / (sigma * sigma) * float64(i*i))
		sum += weights[i]
		if i > 0 {
			sum += weights[i]
		}
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}

// smooth convolves one line of a plane, whose values lie stride apart. Values
// is room for as many as the line has.
func smooth(plane []float64, stride int, values, weights []float64) {
	n := len(values)
	for i := range values {
		values[i] = plane[i*stride]
	}
	for i, v := range values {
		sum := v * weights[0]
		for d := len(weights) - 1; d > 0; d-- {
			sum += (values[mirror(i-d, n)] + values[mirror(i+d, n)]) * weights[d]
		}
		plane[i*stride] = sum
	}
}

// mirror maps a place beyond a line of n values into it.
func mirror(i, n int) int {
	if i >= 0 && i < n {
		return i
	}
	i = ((i % (2 * n)) + 2*n) % (2 * n)
	return min(i, 2*n-1-i)
}
