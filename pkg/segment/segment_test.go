package segment_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/segment"
)

// random is a picture of smooth blobs and some noise.
func random(seed uint64, channels, height, width int) *array.Array {
	r := rand.New(rand.NewPCG(seed, 0))
	out := array.New(channels, height, width)
	for c := range channels {
		fy, fx, at := 4*r.Float64(), 4*r.Float64(), 6*r.Float64()
		for i := range out.Row(c) {
			y, x := float64(i/width)/float64(height), float64(i%width)/float64(width)
			out.Row(c)[i] = float32(0.5 + 0.4*math.Sin(fy*y*4+fx*x*4+at) + 0.1*(r.Float64()-0.5))
		}
	}
	return out
}

// TestQuickshiftTwin compares with the definition, pixel by pixel.
func TestQuickshiftTwin(t *testing.T) {
	for i, c := range []struct {
		height, width int
		cfg           segment.QuickshiftConfig
	}{
		{17, 22, segment.QuickshiftConfig{}},
		{1, 9, segment.QuickshiftConfig{KernelSize: 2, MaxDistance: 4}},
		{13, 1, segment.QuickshiftConfig{KernelSize: 0.3, MaxDistance: 20}},
		{12, 15, segment.QuickshiftConfig{KernelSize: 1.2, MaxDistance: 6, Ratio: 0.4}},
		{10, 11, segment.QuickshiftConfig{KernelSize: 50, MaxDistance: 1e9, Ratio: 0.1}},
	} {
		picture := random(uint64(i), 3, c.height, c.width)
		got, err := segment.Quickshift(picture, c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if want := quickshiftTwin(t, picture, c.cfg); !slices.Equal(got.Labels, want) {
			t.Errorf("%d×%d %+v: labels differ:\n%v\n%v", c.height, c.width, c.cfg, got.Labels, want)
		}
	}
}

// quickshiftTwin follows Vedaldi & Soatto (2008) with plain loops.
func quickshiftTwin(t *testing.T, picture *array.Array, cfg segment.QuickshiftConfig) []int {
	lab, err := segment.Lab(picture)
	if err != nil {
		t.Fatal(err)
	}
	size, reach, ratio := cfg.KernelSize, cfg.MaxDistance, cfg.Ratio
	for setting, value := range map[*float64]float64{&size: 5, &reach: 10, &ratio: 1} {
		if *setting == 0 {
			*setting = value
		}
	}
	h, w := picture.Shape[1], picture.Shape[2]
	window := func(i, j int) bool {
		half := int(math.Ceil(3 * size))
		return max(i/w-j/w, j/w-i/w, i%w-j%w, j%w-i%w) <= half
	}
	square := func(i, j int) float64 {
		sum := float64((i/w-j/w)*(i/w-j/w) + (i%w-j%w)*(i%w-j%w))
		for c := range 3 {
			d := ratio * float64(lab.Row(c)[i]-lab.Row(c)[j])
			sum += d * d
		}
		return sum
	}
	density := make([]float64, h*w)
	for i := range density {
		for j := range density {
			if window(i, j) {
				density[i] += math.Exp(-square(i, j) / (2 * size * size))
			}
		}
	}
	root := make([]int, h*w)
	for i := range root {
		best := math.Inf(1)
		root[i] = i
		for j := range density {
			if d := square(i, j); window(i, j) && density[j] > density[i] && d < best && math.Sqrt(d) <= reach {
				best, root[i] = d, j
			}
		}
	}
	for range root {
		for i, r := range root {
			root[i] = root[r]
		}
	}
	roots := slices.Clone(root)
	slices.Sort(roots)
	roots = slices.Compact(roots)
	for i, r := range root {
		root[i], _ = slices.BinarySearch(roots, r)
	}
	return root
}

// TestThreads holds the law: the same map for any number of threads.
func TestThreads(t *testing.T) {
	picture := random(7, 3, 40, 50)
	one, err := segment.Quickshift(picture, segment.QuickshiftConfig{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{0, 2, 7, 64} {
		if got, err := segment.Quickshift(picture, segment.QuickshiftConfig{Threads: threads}); err != nil || !slices.Equal(got.Labels, one.Labels) {
			t.Errorf("%d threads: another map than with one (%v)", threads, err)
		}
	}
}

// TestLaws puts every method through what maps promise.
func TestLaws(t *testing.T) {
	methods := map[string]func(*array.Array) (*segment.Map, error){
		"quickshift": func(p *array.Array) (*segment.Map, error) { return segment.Quickshift(p, segment.QuickshiftConfig{}) },
		"felzenszwalb": func(p *array.Array) (*segment.Map, error) {
			return segment.Felzenszwalb(p, segment.FelzenszwalbConfig{Scale: 100})
		},
		"slic": func(p *array.Array) (*segment.Map, error) { return segment.SLIC(p, segment.SLICConfig{Segments: 12}) },
	}
	pictures := map[string]*array.Array{
		"picture": random(1, 3, 23, 31), "grey": random(2, 1, 20, 20), "wide": random(3, 3, 2, 40), "tall": random(4, 3, 40, 2), "pixel": random(5, 3, 1, 1),
	}
	for name, method := range methods {
		for kind, picture := range pictures {
			m, err := method(picture)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, kind, err)
			}
			if _, err := segment.NewMap(m.Labels, picture.Shape[1], picture.Shape[2]); err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			again, err := method(picture.Clone())
			if err != nil || !slices.Equal(m.Labels, again.Labels) {
				t.Errorf("%s, %s: another map at the second call (%v)", name, kind, err)
			}
		}
		grey := pictures["grey"]
		flat, _ := array.From(grey.Data, grey.Shape[1:]...)
		a, _ := method(grey)
		if b, err := method(flat); err != nil || !slices.Equal(a.Labels, b.Labels) {
			t.Errorf("%s: [h, w] and [1, h, w] differ (%v)", name, err)
		}
	}
}

// TestOneColour states what a picture without edges gives: a root at each
// pixel that sees no border, one component, a grid.
func TestOneColour(t *testing.T) {
	picture := array.New(3, 24, 24)
	quick, err := segment.Quickshift(picture, segment.QuickshiftConfig{KernelSize: 3})
	if err != nil || quick.Count != 6*6 {
		t.Errorf("quickshift: %+v, %v: want the 6×6 pixels that are 9 from the border", quick, err)
	}
	felzenszwalb, err := segment.Felzenszwalb(picture, segment.FelzenszwalbConfig{})
	if err != nil || felzenszwalb.Count != 1 {
		t.Errorf("Felzenszwalb: %+v, %v: want one segment", felzenszwalb, err)
	}
	slic, err := segment.SLIC(picture, segment.SLICConfig{Segments: 9})
	if err != nil || slic.Count != 9 {
		t.Errorf("SLIC: %+v, %v: want 9 squares", slic, err)
	}
	one, err := segment.SLIC(random(1, 3, 24, 24), segment.SLICConfig{Segments: 1})
	if err != nil || one.Count != 1 {
		t.Errorf("SLIC with one segment: %+v, %v", one, err)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	good := random(1, 3, 6, 6)
	with := func(v float32) *array.Array {
		p := good.Clone()
		p.Data[40] = v
		return p
	}
	quickshift := func(p *array.Array, c segment.QuickshiftConfig) error { return second(segment.Quickshift(p, c)) }
	slic := func(c segment.SLICConfig) error { return second(segment.SLIC(good, c)) }
	felzenszwalb := func(p *array.Array, c segment.FelzenszwalbConfig) error { return second(segment.Felzenszwalb(p, c)) }
	nan := math.NaN()
	m, err := segment.NewMap([]int{0, 1, 1, 0}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	mask, _ := m.Mask(1)
	for _, c := range []struct {
		err  error
		want string
	}{
		{quickshift(nil, segment.QuickshiftConfig{}), "no picture given"},
		{quickshift(&array.Array{Shape: []int{3, 2, 2}}, segment.QuickshiftConfig{}), "holds 12 values, got 0"},
		{quickshift(array.New(5), segment.QuickshiftConfig{}), "shape [5]: want [channels, height, width]"},
		{quickshift(array.New(2, 3, 6, 6), segment.QuickshiftConfig{}), "shape [2 3 6 6]: want [channels, height, width]"},
		{quickshift(array.New(3, 0, 6), segment.QuickshiftConfig{}), "shape [3 0 6] has no pixels"},
		{quickshift(array.New(6, 6, 3), segment.QuickshiftConfig{}), "has 6 channels, Lab colours need 3"},
		{quickshift(with(float32(nan)), segment.QuickshiftConfig{}), "NaN in channel 1, row 0, column 4"},
		{felzenszwalb(with(float32(math.Inf(1))), segment.FelzenszwalbConfig{}), "+Inf in channel 1, row 0, column 4"},
		{quickshift(with(127), segment.QuickshiftConfig{}), "has 127 in channel 1, row 0, column 4: Lab colours need values in [0, 1]"},
		{quickshift(good, segment.QuickshiftConfig{KernelSize: -5}), "KernelSize -5"},
		{quickshift(good, segment.QuickshiftConfig{MaxDistance: nan}), "MaxDistance NaN"},
		{quickshift(good, segment.QuickshiftConfig{Sigma: -1}), "Sigma -1"},
		{quickshift(good, segment.QuickshiftConfig{Threads: -1}), "-1 threads"},
		{slic(segment.SLICConfig{Segments: -1}), "Segments -1"},
		{slic(segment.SLICConfig{Compactness: math.Inf(1)}), "Compactness +Inf"},
		{slic(segment.SLICConfig{Sigma: -1}), "Sigma -1"},
		{felzenszwalb(good, segment.FelzenszwalbConfig{Scale: -3}), "Scale -3"},
		{felzenszwalb(good, segment.FelzenszwalbConfig{MinSize: -3}), "MinSize -3"},
		{second(segment.NewMap([]int{0, 2}, 1, 2)), "labels reach 2, but no pixel has 1"},
		{second(segment.NewMap([]int{0, -2}, 1, 2)), "label -2 at row 0, column 1"},
		{second(segment.NewMap([]int{0}, 1, 2)), "1 labels for a picture of 1×2"},
		{second(m.Players([]int{3, 2, 3})), "shape [3 2 3] of a row does not fit a map of 2×2"},
		{second(m.Mask(2)), "segment 2 out of range: the map has 0…1"},
		{second(mask.Paint(good, segment.Yellow)), "shape [3 6 6] does not fit a mask of 2×2"},
		{second(mask.Paint(array.New(3, 2, 2), []float32{1})), "colour [1] has 1 values, picture of shape [3 2 2] has 3 channels"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want %q", c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func ExampleMap_Players() {
	m, _ := segment.NewMap([]int{
		0, 0, 1,
		0, 1, 1,
	}, 2, 3)
	players, _ := m.Players([]int{2, 2, 3}) // two channels
	fmt.Println(players)
	// Output: [0 0 1 0 1 1 0 0 1 0 1 1]
}

func ExampleFelzenszwalb() {
	picture, _ := array.From([]float32{
		0, 0, 1, 1,
		0, 0, 1, 1,
		0, 0, 0, 1,
	}, 3, 4)
	m, err := segment.Felzenszwalb(picture, segment.FelzenszwalbConfig{Scale: 100, Sigma: 0.1, MinSize: 1})
	fmt.Println(m.Count, m.Labels, err)
	// Output: 2 [0 0 1 1 0 0 1 1 0 0 0 1] <nil>
}

func ExampleMask_Outline() {
	m, _ := segment.NewMap([]int{
		0, 0, 0, 0,
		0, 1, 1, 0,
		0, 0, 0, 0,
	}, 3, 4)
	mask, _ := m.Mask(1)
	picture, _ := mask.Outline().Paint(array.New(3, 4), []float32{1})
	for y := range 3 {
		fmt.Println(picture.Data[4*y : 4*y+4])
	}
	// Output:
	// [0 1 1 0]
	// [1 0 0 1]
	// [0 1 1 0]
}
