package segment

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// FelzenszwalbConfig is what [Felzenszwalb] can be told. Its zero value is
// ready to use.
type FelzenszwalbConfig struct {
	// Scale sets how different pixels of one segment may be; larger, larger
	// segments. It is divided by 255, as for pictures with values 0…255.
	// 0 means 1.
	Scale float64

	// Sigma is the width, in pixels, of a Gaussian that smooths the picture
	// before. 0 means 0.8; below 0.125 nothing is smoothed.
	Sigma float64

	// MinSize is the smallest number of pixels of a segment. 0 means 20.
	MinSize int
}

func (c FelzenszwalbConfig) withDefaults() (FelzenszwalbConfig, error) {
	c.Scale = cmp.Or(c.Scale, 1)
	c.Sigma = cmp.Or(c.Sigma, 0.8)
	c.MinSize = cmp.Or(c.MinSize, 20)
	if !positive(c.Scale) || !positive(c.Sigma) || c.MinSize < 0 {
		return c, fmt.Errorf("segment: Scale %g, Sigma %g, MinSize %d: want positive numbers, or 0 for the defaults", c.Scale, c.Sigma, c.MinSize)
	}
	return c, nil
}

// Felzenszwalb joins pixels along the edges between neighbours, lightest
// first (Felzenszwalb & Huttenlocher, 2004, "Efficient graph-based image
// segmentation").
//
// The weight of an edge between two of the eight neighbours is the Euclidean
// distance of their smoothed colours. Two segments become one if the edge is
// lighter than min(I₁ + s/n₁, I₂ + s/n₂), I the heaviest edge joined inside, n
// the number of pixels, s = Scale/255. Then segments below MinSize join the
// neighbour of the lightest edge. Equal weights keep the order right, down,
// right-down, right-up, each row by row. Segments are numbered by their first
// pixel; all of them are connected over the eight neighbours.
//
// The picture may have any number of channels and, as colours are not
// converted, any values. Errors: NaN or infinite values, a shape that is not
// [channels, h, w] or [h, w], a negative setting.
func Felzenszwalb(picture *array.Array, cfg FelzenszwalbConfig) (*Map, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := read(picture)
	if err != nil {
		return nil, err
	}
	p.blur(cfg.Sigma)
	edges := p.edges()
	slices.SortFunc(edges, func(a, b edge) int {
		switch {
		case a.weight < b.weight:
			return -1
		case a.weight > b.weight:
			return 1
		}
		return a.order - b.order
	})

	f := newForest(p.height * p.width)
	inner := make([]float64, p.height*p.width) // heaviest edge inside, by root
	scale := cfg.Scale / 255
	for _, e := range edges {
		a, b := f.root(e.from), f.root(e.to)
		if a != b && e.weight < min(inner[a]+scale/float64(f.size[a]), inner[b]+scale/float64(f.size[b])) {
			inner[f.join(a, b)] = e.weight
		}
	}
	for _, e := range edges {
		a, b := f.root(e.from), f.root(e.to)
		if a != b && min(f.size[a], f.size[b]) < cfg.MinSize {
			f.join(a, b)
		}
	}
	roots := make([]int, p.height*p.width)
	for i := range roots {
		roots[i] = f.root(i)
	}
	return newMap(roots, p.height, p.width), nil
}

// edge joins two neighbouring pixels.
type edge struct {
	weight          float64
	from, to, order int
}

// edges returns the edges between all eight neighbours.
func (p planes) edges() []edge {
	all := make([]edge, 0, 4*p.height*p.width)
	for _, step := range [][2]int{{0, 1}, {1, 0}, {1, 1}, {-1, 1}} {
		for y := max(0, -step[0]); y < min(p.height, p.height-step[0]); y++ {
			for x := range p.width - step[1] {
				from := y*p.width + x
				to := from + step[0]*p.width + step[1]
				square := 0.0
				for _, plane := range p.of {
					d := plane[to] - plane[from]
					square += d * d
				}
				all = append(all, edge{math.Sqrt(square), from, to, len(all)})
			}
		}
	}
	return all
}

// forest holds disjoint sets of pixels.
type forest struct {
	parent, size []int
}

func newForest(n int) forest {
	f := forest{make([]int, n), make([]int, n)}
	for i := range n {
		f.parent[i], f.size[i] = i, 1
	}
	return f
}

func (f forest) root(i int) int {
	for f.parent[i] != i {
		f.parent[i] = f.parent[f.parent[i]]
		i = f.parent[i]
	}
	return i
}

// join makes the sets of two roots one and returns its root, that of the
// larger.
func (f forest) join(a, b int) int {
	if f.size[a] < f.size[b] {
		a, b = b, a
	}
	f.parent[b] = a
	f.size[a] += f.size[b]
	return a
}
