//go:build goexperiment.simd && amd64

package kernel

import (
	"math"
	"simd/archsimd"
)

var vector = archsimd.X86.AVX2()

// Constants as vectors in memory: the registers do not hold them all, and a
// scalar computed among the vectors would cost hundreds of cycles, as the
// compiler's scalar instructions keep the upper halves of the registers.
var (
	leasts, log2es, rounds = four(least), four(log2e), four(round)
	ln2His, ln2Lows        = four(ln2Hi), four(ln2Low)
	taylors                = func() (t [len(taylor)][Lanes]float64) {
		for i, c := range taylor {
			t[i] = *four(c)
		}
		return t
	}()
)

func four(v float64) *[Lanes]float64 { return &[Lanes]float64{v, v, v, v} }

func (p *Picture) densityVector(y int, scale float64) {
	scales := four(scale)
	first, last := max(0, y-p.half), min(p.Height-1, y+p.half)
	squares := make([][Lanes]float64, 2*p.half+1) // of −half…half
	for k := range squares {
		squares[k] = *four(float64((k - p.half) * (k - p.half)))
	}
	for x := 0; x < p.Width; x += 2 * Lanes {
		at := y*p.stride + p.half + x
		c0, c1, c2 := p.colour[0][at:at+2*Lanes], p.colour[1][at:at+2*Lanes], p.colour[2][at:at+2*Lanes]
		var sum, sums archsimd.Float64x4
		for row := first; row <= last; row++ {
			from := row*p.stride + x
			to := from + len(squares) + 2*Lanes - 1
			w0, w1, w2 := p.colour[0][from:to], p.colour[1][from:to], p.colour[2][from:to]
			square := load(&squares[row-y+p.half])
			for k := range squares {
				plane := load(&squares[k]).Add(square)
				n0, n1, n2 := w0[k:k+2*Lanes], w1[k:k+2*Lanes], w2[k:k+2*Lanes]
				d0, d1, d2 := part(n0, 0).Sub(part(c0, 0)), part(n1, 0).Sub(part(c1, 0)), part(n2, 0).Sub(part(c2, 0))
				v := d0.Mul(d0).Add(d1.Mul(d1)).Add(d2.Mul(d2)).Add(plane).Mul(load(scales)).Max(load(leasts))
				d0, d1, d2 = part(n0, 1).Sub(part(c0, 1)), part(n1, 1).Sub(part(c1, 1)), part(n2, 1).Sub(part(c2, 1))
				w := d0.Mul(d0).Add(d1.Mul(d1)).Add(d2.Mul(d2)).Add(plane).Mul(load(scales)).Max(load(leasts))

				s, u := v.Mul(load(log2es)).Add(load(rounds)), w.Mul(load(log2es)).Add(load(rounds))
				n, m := s.Sub(load(rounds)), u.Sub(load(rounds))
				r := v.Sub(n.Mul(load(ln2His))).Sub(n.Mul(load(ln2Lows)))
				q := w.Sub(m.Mul(load(ln2His))).Sub(m.Mul(load(ln2Lows)))
				r2, q2 := r.Mul(r), q.Mul(q)
				t, o := load(&taylors[12]), load(&taylors[11])
				e, f, g, h := t.Mul(r2), t.Mul(q2), o.Mul(r2), o.Mul(q2)
				for i := 10; i > 2; i -= 2 {
					t, o = load(&taylors[i]), load(&taylors[i-1])
					e, f = e.Add(t).Mul(r2), f.Add(t).Mul(q2)
					g, h = g.Add(o).Mul(r2), h.Add(o).Mul(q2)
				}
				t = load(&taylors[2])
				e, f = e.Add(t).Mul(r2), f.Add(t).Mul(q2)
				t, o = load(&taylors[0]), load(&taylors[1])
				e, f = e.Add(t).Add(g.Add(o).Mul(r)), f.Add(t).Add(h.Add(o).Mul(q))
				sum = sum.Add(e.AsInt64x4().Add(s.AsInt64x4().ShiftAllLeft(52)).AsFloat64x4())
				sums = sums.Add(f.AsInt64x4().Add(u.AsInt64x4().ShiftAllLeft(52)).AsFloat64x4())
			}
		}
		sum.StoreSlice(p.density[at:])
		sums.StoreSlice(p.density[at+Lanes:])
	}
	archsimd.ClearAVXUpperBits()
}

func load(v *[Lanes]float64) archsimd.Float64x4 { return archsimd.LoadFloat64x4(v) }

// part returns the first or second four of eight values.
func part(v []float64, i int) archsimd.Float64x4 {
	return archsimd.LoadFloat64x4((*[Lanes]float64)(v[i*Lanes:]))
}

func (p *Picture) nearestVector(y, x int, best, rank *[Lanes]float64) {
	at := y*p.stride + p.half + x
	c0 := archsimd.LoadFloat64x4Slice(p.colour[0][at:])
	c1 := archsimd.LoadFloat64x4Slice(p.colour[1][at:])
	c2 := archsimd.LoadFloat64x4Slice(p.colour[2][at:])
	own := archsimd.LoadFloat64x4Slice(p.density[at:])
	b, r := archsimd.BroadcastFloat64x4(math.Inf(1)), archsimd.BroadcastFloat64x4(0)
	for _, o := range p.near {
		square := archsimd.BroadcastFloat64x4(o.square)
		if square.LessEqual(b).ToBits() == 0 {
			break
		}
		if row := y + o.row; row < 0 || row >= p.Height {
			continue
		}
		k := at + o.row*p.stride + o.column
		higher := archsimd.LoadFloat64x4Slice(p.density[k:]).Greater(own)
		if higher.ToBits() == 0 {
			continue
		}
		d0 := archsimd.LoadFloat64x4Slice(p.colour[0][k:]).Sub(c0)
		d1 := archsimd.LoadFloat64x4Slice(p.colour[1][k:]).Sub(c1)
		d2 := archsimd.LoadFloat64x4Slice(p.colour[2][k:]).Sub(c2)
		d := d0.Mul(d0).Add(d1.Mul(d1)).Add(d2.Mul(d2)).Add(square)
		ranks := archsimd.BroadcastFloat64x4(o.rank)
		nearer := d.Less(b).Or(d.Equal(b).And(ranks.Less(r))).And(higher)
		b, r = d.Merge(b, nearer), ranks.Merge(r, nearer)
	}
	b.Store(best)
	r.Store(rank)
	archsimd.ClearAVXUpperBits()
}
