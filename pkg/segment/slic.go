package segment

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
)

// SLICConfig is what [SLIC] can be told. Its zero value is ready to use.
type SLICConfig struct {
	// Segments is about how many there should be. 0 means 100; 1 gives a
	// single segment.
	Segments int

	// Compactness is the weight of place against colour; larger, squarer
	// segments. 0 means 10.
	Compactness float64

	// Sigma is the width, in pixels, of a Gaussian that smooths the colours
	// before. 0 means none.
	Sigma float64

	// Iterations bounds the rounds of k-means. 0 means 10.
	Iterations int
}

func (c SLICConfig) withDefaults() (SLICConfig, error) {
	c.Segments = cmp.Or(c.Segments, 100)
	c.Compactness = cmp.Or(c.Compactness, 10)
	c.Iterations = cmp.Or(c.Iterations, 10)
	switch {
	case c.Segments < 0 || c.Iterations < 0 || !positive(c.Compactness):
		return c, fmt.Errorf("segment: Segments %d, Compactness %g, Iterations %d: want positive numbers, or 0 for the defaults", c.Segments, c.Compactness, c.Iterations)
	case !(c.Sigma >= 0) || math.IsInf(c.Sigma, 1):
		return c, fmt.Errorf("segment: Sigma %g: want 0 or more", c.Sigma)
	}
	return c, nil
}

// SLIC groups pixels by k-means in colour and place, each centre looking no
// farther than two grid steps (Achanta et al., 2012, "SLIC superpixels
// compared to state-of-the-art superpixel methods").
//
// Centres start on a regular grid of about the wanted number. A pixel goes to
// the centre with the smallest |difference in Lab|²/Compactness² + |difference
// in place|²/step², the first centre on ties. Values are stretched to 0…1
// before, so that compactness means the same in dim pictures; the first round
// looks at places alone. Finally parts that are not connected over the four
// neighbours are separated, those below half the mean size join a neighbour,
// those above three times it are cut. Segments are numbered by their first
// pixel.
//
// Errors: a picture that is not [3, h, w], [1, h, w] or [h, w] with values in
// [0, 1], NaN included; a negative or infinite setting.
func SLIC(picture *array.Array, cfg SLICConfig) (*Map, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := readColours(picture)
	if err != nil {
		return nil, err
	}
	p.stretch()
	p.toLab()
	p.blur(cfg.Sigma)
	for _, plane := range p.of {
		for i := range plane {
			plane[i] /= cfg.Compactness
		}
	}
	centres, step := p.grid(cfg.Segments)
	nearest := make([]int, p.height*p.width)
	distance := make([]float64, len(nearest))
	reachY, _, reachX, _ := gridSteps(p.height, p.width, len(centres))
	for range cfg.Iterations {
		p.assign(centres, nearest, distance, 2*reachY, 2*reachX, step)
		p.move(centres, nearest)
	}
	return connect(nearest, p.height, p.width, float64(len(nearest))/float64(len(centres))), nil
}

// stretch maps the values of all planes to 0…1. Equal values become 0.
func (p planes) stretch() {
	low, high := math.Inf(1), math.Inf(-1)
	for _, plane := range p.of {
		for _, v := range plane {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, plane := range p.of {
		for i := range plane {
			if plane[i] -= low; high > low {
				plane[i] /= high - low
			}
		}
	}
}

// centre is a centre of k-means: place and colour.
type centre struct {
	y, x   float64
	colour [3]float64
}

// grid returns centres on a regular grid, about as many as wanted, and the
// larger distance between two of them.
func (p planes) grid(wanted int) ([]centre, float64) {
	stepY, startY, stepX, startX := gridSteps(p.height, p.width, wanted)
	var centres []centre
	for y := startY; y < p.height; y += stepY {
		for x := startX; x < p.width; x += stepX {
			centres = append(centres, centre{y: float64(y), x: float64(x)})
		}
	}
	return centres, float64(max(stepY, stepX))
}

// gridSteps returns the steps and starts of a grid with about the wanted
// number of points. A side shorter than the step gets one point, and the
// other side all the rest.
func gridSteps(height, width, wanted int) (stepY, startY, stepX, startX int) {
	if height*width <= wanted {
		return 1, 0, 1, 0
	}
	square := math.Sqrt(float64(height*width) / float64(wanted))
	sides := [2]float64{square, square}
	if short := float64(min(height, width)); short < square {
		sides = [2]float64{short, float64(max(height, width)) / float64(wanted)}
	}
	if height > width {
		sides[0], sides[1] = sides[1], sides[0]
	}
	step := func(side float64) int { return int(math.RoundToEven(side)) }
	return step(sides[0]), int(sides[0] / 2), step(sides[1]), int(sides[1] / 2)
}

// assign finds the nearest centre of each pixel among those within reach.
// A pixel that none reaches keeps the one it had.
func (p planes) assign(centres []centre, nearest []int, distance []float64, reachY, reachX int, step float64) {
	for i := range distance {
		distance[i] = math.Inf(1)
	}
	weight := 1 / (step * step)
	for k, c := range centres {
		top, bottom := int(max(c.y-float64(reachY), 0)), int(min(c.y+float64(reachY)+1, float64(p.height)))
		left, right := int(max(c.x-float64(reachX), 0)), int(min(c.x+float64(reachX)+1, float64(p.width)))
		for y := top; y < bottom; y++ {
			from, to := y*p.width+left, y*p.width+right
			near, best := nearest[from:to], distance[from:to]
			l, a, b := p.of[0][from:to], p.of[1][from:to], p.of[2][from:to]
			dy := (c.y - float64(y)) * (c.y - float64(y))
			for x := range best {
				dx := c.x - float64(left+x)
				dl, da, db := l[x]-c.colour[0], a[x]-c.colour[1], b[x]-c.colour[2]
				if d := (dy+dx*dx)*weight + dl*dl + da*da + db*db; d < best[x] {
					near[x], best[x] = k, d
				}
			}
		}
	}
}

// move sets every centre to the mean of its pixels. One without pixels stays.
func (p planes) move(centres []centre, nearest []int) {
	sums, sizes := make([]centre, len(centres)), make([]float64, len(centres))
	for i, k := range nearest {
		s := &sums[k]
		s.y += float64(i / p.width)
		s.x += float64(i % p.width)
		for channel := range s.colour {
			s.colour[channel] += p.of[channel][i]
		}
		sizes[k]++
	}
	for k, n := range sizes {
		if n == 0 {
			continue
		}
		s := sums[k]
		centres[k] = centre{s.y / n, s.x / n, [3]float64{s.colour[0] / n, s.colour[1] / n, s.colour[2] / n}}
	}
}

// connect separates what is not connected over the four neighbours. A part
// below half the mean size takes the number of a part met before, or of the
// next if it is the first; one above three times it is cut where the search
// reached that size.
func connect(nearest []int, height, width int, mean float64) *Map {
	const open = -1
	least, most := int(0.5*mean), int(3*mean)
	part := make([]int, len(nearest))
	for i := range part {
		part[i] = open
	}
	next := 0
	for start, k := range nearest {
		if part[start] != open {
			continue
		}
		part[start] = next
		queue, neighbour := []int{start}, next
		for head := 0; head < len(queue) && len(queue) < most; head++ {
			y, x := queue[head]/width, queue[head]%width
			for _, step := range [][2]int{{0, 1}, {0, -1}, {1, 0}, {-1, 0}} {
				r, c := y+step[0], x+step[1]
				if r < 0 || r >= height || c < 0 || c >= width {
					continue
				}
				i := r*width + c
				switch {
				case nearest[i] == k && part[i] == open:
					part[i] = next
					queue = append(queue, i)
				case part[i] != open && part[i] != next:
					neighbour = part[i]
				}
				if len(queue) >= most {
					break
				}
			}
		}
		if len(queue) >= least {
			next++
			continue
		}
		for _, i := range queue {
			part[i] = neighbour
		}
	}
	return newMap(part, height, width)
}
