package kernel

// The conversions float32(a*b) keep compilers from fusing a product with the
// sum around it, which would change bits on some processors.

func quadPlain(dst, quad, tiles []float32, stride, w int) {
	for r := range QuadRows {
		a, out := quad[r*w:(r+1)*w], dst[r*stride:(r+1)*stride]
		for j := 0; j < stride; j += 4 {
			tile := tiles[j/TileWidth*TileWidth*w+j%TileWidth:]
			var s0, s1, s2, s3 float32
			for k, v := range a {
				b := tile[k*TileWidth : k*TileWidth+4]
				d0, d1, d2, d3 := v-b[0], v-b[1], v-b[2], v-b[3]
				s0 += float32(d0 * d0)
				s1 += float32(d1 * d1)
				s2 += float32(d2 * d2)
				s3 += float32(d3 * d3)
			}
			out[j], out[j+1], out[j+2], out[j+3] = s0, s1, s2, s3
		}
	}
}

func repelPlain(g *Group, x, y, m []float32) {
	for i := range g.X {
		px, py := g.X[i], g.Y[i]
		fx, fy, z := g.FX[i], g.FY[i], g.Z[i]
		for j, mj := range m {
			dx, dy := px-x[j], py-y[j]
			q := 1 / (1 + (float32(dx*dx) + float32(dy*dy)))
			mq := float32(mj * q)
			z += mq
			mq2 := float32(mq * q)
			fx += float32(mq2 * dx)
			fy += float32(mq2 * dy)
		}
		g.FX[i], g.FY[i], g.Z[i] = fx, fy, z
	}
}

func attractPlain(x0, y0 float32, x, y, p []float32) (fx, fy float32) {
	var sx, sy [Lanes]float32
	for ; len(p) >= Lanes; x, y, p = x[Lanes:], y[Lanes:], p[Lanes:] {
		xs, ys, ps := (*[Lanes]float32)(x), (*[Lanes]float32)(y), (*[Lanes]float32)(p)
		for l := range Lanes {
			dx, dy := x0-xs[l], y0-ys[l]
			pq := float32(ps[l] * (1 / (1 + (float32(dx*dx) + float32(dy*dy)))))
			sx[l] += float32(pq * dx)
			sy[l] += float32(pq * dy)
		}
	}
	return sumLanes(&sx), sumLanes(&sy)
}
