//go:build goexperiment.simd && amd64

package kernel

import "simd/archsimd"

var vector = archsimd.X86.AVX2()

func quadVector(dst, quad, tiles []float32, stride, w int) {
	a0, a1, a2, a3 := quad[:w], quad[w:2*w], quad[2*w:3*w], quad[3*w:4*w]
	for j := 0; j < stride; j += TileWidth {
		tile := tiles[j*w : (j+TileWidth)*w]
		var s00, s01, s10, s11, s20, s21, s30, s31 archsimd.Float32x8
		for k := range w {
			b := (*[TileWidth]float32)(tile[k*TileWidth:])
			lo, hi := archsimd.LoadFloat32x8((*[Lanes]float32)(b[:Lanes])), archsimd.LoadFloat32x8((*[Lanes]float32)(b[Lanes:]))
			v := archsimd.BroadcastFloat32x8(a0[k])
			d, e := v.Sub(lo), v.Sub(hi)
			s00, s01 = s00.Add(d.Mul(d)), s01.Add(e.Mul(e))
			v = archsimd.BroadcastFloat32x8(a1[k])
			d, e = v.Sub(lo), v.Sub(hi)
			s10, s11 = s10.Add(d.Mul(d)), s11.Add(e.Mul(e))
			v = archsimd.BroadcastFloat32x8(a2[k])
			d, e = v.Sub(lo), v.Sub(hi)
			s20, s21 = s20.Add(d.Mul(d)), s21.Add(e.Mul(e))
			v = archsimd.BroadcastFloat32x8(a3[k])
			d, e = v.Sub(lo), v.Sub(hi)
			s30, s31 = s30.Add(d.Mul(d)), s31.Add(e.Mul(e))
		}
		s00.StoreSlice(dst[j:])
		s01.StoreSlice(dst[j+Lanes:])
		s10.StoreSlice(dst[stride+j:])
		s11.StoreSlice(dst[stride+j+Lanes:])
		s20.StoreSlice(dst[2*stride+j:])
		s21.StoreSlice(dst[2*stride+j+Lanes:])
		s30.StoreSlice(dst[3*stride+j:])
		s31.StoreSlice(dst[3*stride+j+Lanes:])
	}
	archsimd.ClearAVXUpperBits()
}

func repelVector(g *Group, x, y, m []float32) {
	one := archsimd.BroadcastFloat32x8(1)
	x0, x1 := archsimd.LoadFloat32x8Slice(g.X[:]), archsimd.LoadFloat32x8Slice(g.X[Lanes:])
	y0, y1 := archsimd.LoadFloat32x8Slice(g.Y[:]), archsimd.LoadFloat32x8Slice(g.Y[Lanes:])
	fx0, fx1 := archsimd.LoadFloat32x8Slice(g.FX[:]), archsimd.LoadFloat32x8Slice(g.FX[Lanes:])
	fy0, fy1 := archsimd.LoadFloat32x8Slice(g.FY[:]), archsimd.LoadFloat32x8Slice(g.FY[Lanes:])
	z0, z1 := archsimd.LoadFloat32x8Slice(g.Z[:]), archsimd.LoadFloat32x8Slice(g.Z[Lanes:])
	for j, mass := range m {
		mx, my, mj := archsimd.BroadcastFloat32x8(x[j]), archsimd.BroadcastFloat32x8(y[j]), archsimd.BroadcastFloat32x8(mass)
		dx, dy := x0.Sub(mx), y0.Sub(my)
		ex, ey := x1.Sub(mx), y1.Sub(my)
		q := one.Div(one.Add(dx.Mul(dx).Add(dy.Mul(dy))))
		r := one.Div(one.Add(ex.Mul(ex).Add(ey.Mul(ey))))
		mq, mr := mj.Mul(q), mj.Mul(r)
		z0, z1 = z0.Add(mq), z1.Add(mr)
		mq, mr = mq.Mul(q), mr.Mul(r)
		fx0, fx1 = fx0.Add(mq.Mul(dx)), fx1.Add(mr.Mul(ex))
		fy0, fy1 = fy0.Add(mq.Mul(dy)), fy1.Add(mr.Mul(ey))
	}
	fx0.StoreSlice(g.FX[:])
	fx1.StoreSlice(g.FX[Lanes:])
	fy0.StoreSlice(g.FY[:])
	fy1.StoreSlice(g.FY[Lanes:])
	z0.StoreSlice(g.Z[:])
	z1.StoreSlice(g.Z[Lanes:])
	archsimd.ClearAVXUpperBits()
}

func attractVector(x0, y0 float32, x, y, p []float32) (fx, fy float32) {
	one := archsimd.BroadcastFloat32x8(1)
	px, py := archsimd.BroadcastFloat32x8(x0), archsimd.BroadcastFloat32x8(y0)
	var sx, sy archsimd.Float32x8
	for j := 0; j+Lanes <= len(p); j += Lanes {
		dx, dy := px.Sub(archsimd.LoadFloat32x8Slice(x[j:])), py.Sub(archsimd.LoadFloat32x8Slice(y[j:]))
		q := one.Div(one.Add(dx.Mul(dx).Add(dy.Mul(dy))))
		pq := archsimd.LoadFloat32x8Slice(p[j:]).Mul(q)
		sx, sy = sx.Add(pq.Mul(dx)), sy.Add(pq.Mul(dy))
	}
	var lx, ly [Lanes]float32
	sx.Store(&lx)
	sy.Store(&ly)
	archsimd.ClearAVXUpperBits()
	return sumLanes(&lx), sumLanes(&ly)
}
