package plots

import (
	"math"
	"slices"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
)

// rgbPictures are n RGB pictures [n, 3, side, side]: discs before a gradient.
func rgbPictures(n, side int) *array.Array {
	a := array.New(n, 3, side, side)
	for i := range n {
		for y := range side {
			for x := range side {
				dx, dy := float64(x)-float64(side)/2, float64(y)-float64(side)/2+float64(i)
				c := [3]float64{0.3 + 0.5*float64(y)/float64(side), 0.7, 0.95}
				if dx*dx+dy*dy < float64(side*side)/9 {
					c = [3]float64{0.85, 0.25 + 0.2*float64(i), 0.1}
				}
				for k, v := range c {
					a.Row(i)[k*side*side+y*side+x] = float32(v)
				}
			}
		}
	}
	return a
}

// waves are values around zero for n pictures.
func waves(n, side int, size, phase float64) *array.Array {
	a := array.New(n, side, side)
	for i := range n {
		for y := range side {
			for x := range side {
				dx, dy := (float64(x)-float64(side)/2)/float64(side), (float64(y)-float64(side)/2)/float64(side)
				a.Row(i)[y*side+x] = float32(size * math.Exp(-9*(dx*dx+dy*dy)) * math.Sin(phase+float64(i)+14*dx))
			}
		}
	}
	return a
}

func TestGoldenSignedImages(t *testing.T) {
	digits := somePictures(3)
	rescale := waves(3, 28, 0.02, 0)
	rescale.Data[28*14+5] = float32(nan)
	f, err := SignedImages(SignedImagesData{
		Title: "Three digits and what speaks for a one", Images: digits, Names: []string{"id 7", "id 12", "id 4711"}, ValueName: "φ",
		Columns: []SignedColumn{
			{Name: "rescale", Values: rescale, Labels: []string{"gap 1e-6", "gap 3e-6", "gap 2e-6"}},
			{Name: "integrated gradients", Values: waves(3, 28, 0.018, 0.3)},
			{Name: "sampled Shapley", Values: waves(3, 28, 0.012, 0.6)},
			{Name: "nothing", Values: array.New(3, 28, 28)},
		},
		Caption: caption,
	})
	golden(t, "signed", f, err)

	f, err = SignedImages(SignedImagesData{
		Title: "RGB", Images: rgbPictures(2, 32), Labels: []string{"a disc", "another disc"}, ValueName: "value", PerColumn: true, Overlay: 0.3, Share: 0.999,
		Columns: []SignedColumn{{Name: "rescale", Values: waves(2, 32, 0.3, 0)}, {Name: "Grad-CAM", Values: waves(2, 32, 15, 2)}},
	})
	golden(t, "signed-rgb", f, err)
}

func TestGoldenSuperpixels(t *testing.T) {
	rgb := rgbPictures(2, 32)
	img := func(i int) *array.Array { return &array.Array{Shape: []int{3, 32, 32}, Data: rgb.Row(i)} }
	blocks, stripes := make([]int, 32*32), make([]int, 32*32)
	for k := range blocks {
		x, y := k%32, k/32
		blocks[k] = (x+y/5)/9 + 5*(y/11)
		stripes[k] = 0
		if dx, dy := x-16, y-16; dx*dx+dy*dy < 120 {
			stripes[k] = 1 + x/16
		}
	}
	weights := make([]float64, 15)
	for i := range weights {
		weights[i] = 0.3 * math.Sin(float64(i))
	}
	weights[3] = nan
	dark := &array.Array{Shape: []int{28, 28}, Data: somePictures(1).Data}
	f, err := Superpixels(SuperpixelsData{
		Title: "LIME on superpixels", ValueName: "weight",
		Panels: []SuperpixelPanel{
			{Name: "quickshift", Image: img(0), Segments: blocks},
			{Name: "weights", Label: "R² 0.81", Image: img(0), Segments: blocks, Weights: weights},
			{Name: "halves", Image: img(1), Segments: stripes},
			{Name: "digit", Image: dark, Segments: make([]int, 784), Weights: []float64{0.1}},
		},
		Caption: caption,
	})
	golden(t, "superpixels", f, err)
}

func TestSuperpixelTexts(t *testing.T) {
	p := SuperpixelPanel{Segments: []int{0, 1, 1, 2}, Weights: []float64{0.25, nan, -1}}
	want := []string{"segment 0, 1 pixels\nweight +0.25", "segment 1, 2 pixels\nweight –", "segment 2, 1 pixels\nweight −1"}
	if got := p.texts(""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
