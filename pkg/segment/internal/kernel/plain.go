package kernel

import "math"

// The exponential of x in [least, 0] is 2ⁿ e^r with n the integer nearest to
// x/ln 2 and |r| ≤ ln 2/2; e^r by its Taylor polynomial of degree 12, whose
// remainder is below 2e-16 there, even and odd powers apart: two short chains
// of operations take less time than a long one.
const (
	least  = -700.0 // e^least adds nothing to a density, which is at least 1
	log2e  = 1 / math.Ln2
	round  = 3 << 51 // adding it rounds to an integer, held in the low bits
	ln2Hi  = 6.93147180369123816490e-01
	ln2Low = 1.90821492927058770002e-10
)

var taylor = func() (c [13]float64) {
	factorial := 1.0
	for i := range c {
		factorial *= float64(max(i, 1))
		c[i] = 1 / factorial
	}
	return c
}()

// exp returns e^x for x ≤ 0; for x below least, e^least. Conversions to
// float64 keep compilers from fusing products and sums.
func exp(x float64) float64 {
	x = max(x, least)
	shifted := float64(x*log2e) + round
	n := shifted - round
	r := x - float64(n*ln2Hi) - float64(n*ln2Low)
	r2 := float64(r * r)
	even, odd := taylor[12], taylor[11]
	for i := 10; i > 0; i -= 2 {
		even = float64(even*r2) + taylor[i]
		odd = float64(odd*r2) + taylor[i-1]
	}
	e := float64(even*r2) + taylor[0] + float64(odd*r)
	return math.Float64frombits(math.Float64bits(e) + math.Float64bits(shifted)<<52)
}

func (p *Picture) densityPlain(y int, scale float64) {
	first, last := max(0, y-p.half), min(p.Height-1, y+p.half)
	for x := range p.Width {
		at := y*p.stride + p.half + x
		c0, c1, c2 := p.colour[0][at], p.colour[1][at], p.colour[2][at]
		sum := 0.0
		for row := first; row <= last; row++ {
			from := row*p.stride + x
			square := float64((row - y) * (row - y))
			for k := range 2*p.half + 1 {
				d0, d1, d2 := p.colour[0][from+k]-c0, p.colour[1][from+k]-c1, p.colour[2][from+k]-c2
				column := float64(k - p.half)
				d := float64(d0*d0) + float64(d1*d1) + float64(d2*d2) + (square + float64(column*column))
				sum += exp(float64(d * scale))
			}
		}
		p.density[at] = sum
	}
}

func (p *Picture) nearestPlain(y, x int, best, rank *[Lanes]float64) {
	for l := range Lanes {
		at := y*p.stride + p.half + x + l
		c0, c1, c2, own := p.colour[0][at], p.colour[1][at], p.colour[2][at], p.density[at]
		b, r := math.Inf(1), 0.0
		for _, o := range p.near {
			if o.square > b {
				break
			}
			if row := y + o.row; row < 0 || row >= p.Height {
				continue
			}
			k := at + o.row*p.stride + o.column
			if p.density[k] <= own {
				continue
			}
			d0, d1, d2 := p.colour[0][k]-c0, p.colour[1][k]-c1, p.colour[2][k]-c2
			d := float64(d0*d0) + float64(d1*d1) + float64(d2*d2) + o.square
			if d < b || d == b && o.rank < r {
				b, r = d, o.rank
			}
		}
		best[l], rank[l] = b, r
	}
}
