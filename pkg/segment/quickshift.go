package segment

import (
	"cmp"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/segment/internal/kernel"
)

// QuickshiftConfig is what [Quickshift] can be told. Its zero value is
// ready to use.
type QuickshiftConfig struct {
	// KernelSize is the width of the kernel, in pixels, that densities are
	// estimated with; windows reach three times as far. 0 means 5.
	KernelSize float64

	// MaxDistance bounds the step from a pixel to its parent, in pixels and
	// units of colour. Larger, fewer segments. 0 means 10.
	MaxDistance float64

	// Ratio is the weight of colour against place. 0 means 1.
	Ratio float64

	// Sigma is the width, in pixels, of a Gaussian that smooths the colours
	// before. 0 means none.
	Sigma float64

	// Threads bounds the processors used; 0 means all. The map does not
	// depend on it.
	Threads int
}

func (c QuickshiftConfig) withDefaults() (QuickshiftConfig, error) {
	c.KernelSize = cmp.Or(c.KernelSize, 5)
	c.MaxDistance = cmp.Or(c.MaxDistance, 10)
	c.Ratio = cmp.Or(c.Ratio, 1)
	switch {
	case !positive(c.KernelSize) || !positive(c.MaxDistance) || !positive(c.Ratio):
		return c, fmt.Errorf("segment: KernelSize %g, MaxDistance %g, Ratio %g: want positive numbers, or 0 for the defaults", c.KernelSize, c.MaxDistance, c.Ratio)
	case !(c.Sigma >= 0) || math.IsInf(c.Sigma, 1):
		return c, fmt.Errorf("segment: Sigma %g: want 0 or more", c.Sigma)
	case c.Threads < 0:
		return c, fmt.Errorf("segment: %d threads: want at least 1, or 0 for all", c.Threads)
	}
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	return c, nil
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

// Quickshift climbs from each pixel to the nearest one of higher density;
// a tree of such steps is a segment (Vedaldi & Soatto, 2008, "Quick shift and
// kernel methods for mode seeking").
//
// Pixels are compared by D² = ratio² · |difference in Lab|² + |difference in
// place|². The density of a pixel is Σ exp(−D²/2k²) over the window of
// ⌈3k⌉ pixels in each direction, k the kernel size. The parent is the pixel of the
// window nearest by D with a higher density, the first in row-major order if
// several are as near; without one, or with one farther than MaxDistance, the
// pixel is a root. Segments are numbered by their roots in row-major order.
//
// Pixels of equal density never climb to each other: in a picture of one
// colour, every pixel whose window does not reach the border is a root.
// scikit-image adds seeded noise of 1e-5 there; this function does not.
//
// Errors: a picture that is not [3, h, w], [1, h, w] or [h, w] with values in
// [0, 1], NaN included; a negative or infinite setting.
func Quickshift(picture *array.Array, cfg QuickshiftConfig) (*Map, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := readLab(picture)
	if err != nil {
		return nil, err
	}
	p.blur(cfg.Sigma)
	for _, plane := range p.of {
		for i := range plane {
			plane[i] *= cfg.Ratio
		}
	}
	// A window larger than the picture sees no more than one of its size.
	half := int(min(math.Ceil(3*cfg.KernelSize), float64(max(p.height, p.width))))
	k := kernel.NewPicture(p.of, p.height, p.width, half, cfg.MaxDistance)
	parents := make([]int, p.height*p.width)
	rows(p.height, cfg.Threads, func(y int) { k.Density(y, cfg.KernelSize) })
	rows(p.height, cfg.Threads, func(y int) { k.Parents(parents[y*p.width:(y+1)*p.width], y, cfg.MaxDistance) })
	return newTree(parents, p.height, p.width), nil
}

// newTree makes a map of the trees that the parents form.
func newTree(parents []int, height, width int) *Map {
	m := &Map{Height: height, Width: width, Labels: make([]int, len(parents))}
	label := make([]int, len(parents)) // of each root
	for i, parent := range parents {
		if parent == i {
			label[i] = m.Count
			m.Count++
		}
	}
	for i := range parents {
		root := i
		for parents[root] != root {
			root = parents[root]
		}
		for at := i; at != root; { // shorten the way for those who follow
			at, parents[at] = parents[at], root
		}
		m.Labels[i] = label[root]
	}
	return m
}

// rows calls f for each row, on several threads. Every call writes to its row
// alone.
func rows(n, threads int, f func(y int)) {
	var group errgroup.Group
	group.SetLimit(threads)
	for y := range n {
		group.Go(func() error {
			f(y)
			return nil
		})
	}
	group.Wait() // no row fails
}
