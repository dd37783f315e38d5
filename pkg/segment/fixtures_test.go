package segment_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/segment"
)

// method is a method with settings of a fixture.
type method struct {
	Function    string
	KernelSize  float64 `json:"kernel_size"`
	MaxDist     float64 `json:"max_dist"`
	Ratio       float64
	Sigma       float64
	Scale       float64
	MinSize     int     `json:"min_size"`
	NSegments   int     `json:"n_segments"`
	Compactness float64 // absent: the default
}

func (m method) segment(t *testing.T, picture *array.Array) *segment.Map {
	t.Helper()
	var out *segment.Map
	var err error
	switch m.Function {
	case "quickshift":
		out, err = segment.Quickshift(picture, segment.QuickshiftConfig{KernelSize: m.KernelSize, MaxDistance: m.MaxDist, Ratio: m.Ratio, Sigma: m.Sigma})
	case "felzenszwalb":
		out, err = segment.Felzenszwalb(picture, segment.FelzenszwalbConfig{Scale: m.Scale, Sigma: m.Sigma, MinSize: m.MinSize})
	case "slic":
		out, err = segment.SLIC(picture, segment.SLICConfig{Segments: m.NSegments, Compactness: m.Compactness, Sigma: m.Sigma})
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestScikitImage compares every label map with scikit-image's. Quickshift's
// must be equal. The others may differ where the fixture says: equal edges
// are taken in another order, rounding moves border pixels.
func TestScikitImage(t *testing.T) {
	f := fixture.Load(t, "segmentation")
	var parameters struct{ Methods map[string]method }
	f.JSON("parameters", &parameters)
	for _, name := range []string{"astronaut", "coffee", "smooth", "chelsea"} {
		picture := channelsFirst(f.Ints(name + ".image"))
		for key, m := range parameters.Methods {
			want, _ := f.Ints(name + "." + key)
			got := m.segment(t, picture)
			if m.Function == "quickshift" && !slices.Equal(got.Labels, want) {
				t.Errorf("%s %s: labels differ from scikit-image's", name, key)
			}
			allowed := map[string]float64{"felzenszwalb": 0.01, "slic": 0.05}[m.Function]
			if share := difference(got.Labels, want); share > allowed {
				t.Errorf("%s %s: %.3f of the pixels differ, want at most %g", name, key, share, allowed)
			}
		}
	}
}

// TestLab compares colours with scikit-image's, at the tolerances of the fixtures.
func TestLab(t *testing.T) {
	check := func(name string, got *array.Array, err error, want []float32, tolerance float64) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		n := len(want) / 3
		for i, w := range want {
			if g := got.Data[i%3*n+i/3]; math.Abs(float64(g-w)) > tolerance {
				t.Errorf("%s: pixel %d: got %g in channel %d, want %g", name, i/3, g, i%3, w)
			}
		}
	}
	colours, pictures := fixture.Load(t, "colour"), fixture.Load(t, "segmentation")
	rgb, shape := colours.Ints("rgb")
	got, err := segment.Lab(channelsFirst(rgb, []int{1, shape[0], 3}))
	check("colours", got, err, colours.Array("lab").Data, 2e-4)
	for _, name := range []string{"astronaut", "coffee", "smooth"} {
		got, err := segment.Lab(channelsFirst(pictures.Ints(name + ".image")))
		check(name, got, err, pictures.Array(name+".lab").Data, 1e-4)
	}
}

// TestOutline compares the border of LIME's masks with the documented meaning,
// and the picture with all else hidden.
func TestOutline(t *testing.T) {
	f := fixture.Load(t, "lime-image")
	for _, name := range []string{"astronaut", "coffee", "smooth"} {
		mask := mark(f.Ints(name + ".mask_top5_positive"))
		if got, want := mask.Outline(), mark(f.Ints(name+".boundary_outer")); !slices.Equal(got.On, want.On) {
			t.Errorf("%s: outline has %d pixels, want %d", name, got.Count(), want.Count())
		}
		picture := channelsFirst(f.Ints(name + ".image"))
		want := channelsFirst(f.Ints(name + ".image_top5_positive"))
		if got, err := mask.Hide(picture, []float32{0, 0, 0}); err != nil || !got.Equal(want) {
			t.Errorf("%s: hidden picture differs (%v)", name, err)
		}
	}
}

func mark(values, shape []int) segment.Mask {
	m := segment.Mask{Height: shape[0], Width: shape[1], On: make([]bool, len(values))}
	for i, v := range values {
		m.On[i] = v == 1
	}
	return m
}

// channelsFirst turns bytes [height, width, channels] into a picture.
func channelsFirst(values, shape []int) *array.Array {
	h, w, n := shape[0], shape[1], shape[2]
	out := array.New(n, h, w)
	for i, v := range values {
		out.Row(i % n)[i/n] = float32(v) / 255
	}
	return out
}

// difference returns the share of pixels that differ after each segment of a
// was matched with the one of b that it shares most pixels with. Equal
// partitions, however numbered, differ by 0.
func difference(a, b []int) float64 {
	return math.Max(unmatched(a, b), unmatched(b, a))
}

func unmatched(a, b []int) float64 {
	common := map[[2]int]int{}
	most := map[int]int{}
	for i := range a {
		pair := [2]int{a[i], b[i]}
		common[pair]++
		most[a[i]] = max(most[a[i]], common[pair])
	}
	matched := 0
	for _, n := range most {
		matched += n
	}
	return 1 - float64(matched)/float64(len(a))
}
