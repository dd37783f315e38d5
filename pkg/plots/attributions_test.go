package plots

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
)

var breast = []string{
	"mean radius", "mean texture", "worst perimeter of all cell nuclei seen in the image, in micrometres", "worst area", "mean smoothness",
	"mean compactness", "concave points error", "symmetry error", "fractal dimension", "worst concavity", "worst symmetry", "area error", "radius error", "texture error", "perimeter error",
}

func waterfallData() WaterfallData {
	return WaterfallData{
		Title: "From the base value to the output of row 12", XLabel: "P(malignant)", Base: 0.372, Names: breast, Max: 8,
		Values:  []float64{0.121, -0.084, 0.3, 0.052, -0.031, 0.002, 0.022, -0.013, 0.004, 0.011, -0.003, 0.002, 0.001, -0.002, 0.0005},
		Inputs:  []float64{17.99, 10.38, 184.6, 2019, 0.1184, 0.2776, 0.01587, nan, 0.07871, 0.7119, 0.4601, 153.4, 1.095, 0.9053, 8.589},
		Caption: caption,
	}
}

func TestGoldenWaterfall(t *testing.T) {
	d := waterfallData()
	sum := d.Base
	for _, v := range d.Values {
		sum += v
	}
	d.Output = new(sum + 1e-7) // rounding is no arrow
	f, err := Waterfall(d)
	golden(t, "waterfall", f, err)

	d.Title, d.Output, d.Max = "A method that is not complete", new(sum-0.07), 4
	d.Caption = Caption{Method: "LIME", Target: "P(malignant)", Source: caption.Source}
	f, err = Waterfall(d)
	golden(t, "waterfall-incomplete", f, err)
	if want := "grey: not explained, output − base value − Σφ = −0.070"; err == nil && !strings.HasSuffix(f.Caption(), want) {
		t.Errorf("caption %q does not end with %q", f.Caption(), want)
	}
	f, err = Waterfall(WaterfallData{Title: "One feature that does nothing", Base: 0.5, Values: []float64{0}, Size: Size{300, 150}})
	golden(t, "waterfall-zero", f, err)
}

// TestWaterfallSteps: arrows join, lead from the base value to the sum, and
// the smallest are summed.
func TestWaterfallSteps(t *testing.T) {
	d := WaterfallData{Base: 1, Values: []float64{0.5, -2, 0.25, 0.125, -0.5}, Max: 2}
	steps := d.steps()
	var names []string
	for k, s := range steps {
		names = append(names, s.label)
		if k+1 < len(steps) && s.from != steps[k+1].to {
			t.Errorf("arrow %d starts at %g, the one below ends at %g", k, s.from, steps[k+1].to)
		}
	}
	if got, want := strings.Join(names, "; "), "F1; F0; sum of 3 others"; got != want {
		t.Errorf("arrows %q, want %q", got, want)
	}
	if first, last := steps[len(steps)-1].from, steps[0].to; first != 1 || last != 1+0.5-2+0.25+0.125-0.5 {
		t.Errorf("from %g to %g", first, last)
	}
}

// beeswarmData are the values of a sum of features with weights that fall.
func beeswarmData(n int) BeeswarmData {
	rng := rand.New(rand.NewPCG(7, 8))
	width := len(breast)
	d := BeeswarmData{
		Title: "Values of all rows", XLabel: "φ of P(malignant)", Names: breast, Max: 9,
		Values: array.New(n, width), Inputs: array.New(n, width), Caption: caption,
	}
	for i := range n {
		for k := range width {
			x := rng.NormFloat64()
			if k == 3 { // a feature with two values
				x = math.Round(rng.Float64())
			}
			d.Inputs.Row(i)[k] = float32(x)
			d.Values.Row(i)[k] = float32(x*math.Pow(-0.75, float64(k))*0.1 + 0.01*rng.NormFloat64()*x)
		}
	}
	d.Inputs.Data[0] = float32(nan)
	return d
}

func TestGoldenBeeswarm(t *testing.T) {
	f, err := Beeswarm(beeswarmData(300))
	golden(t, "beeswarm", f, err)
	f, err = Beeswarm(BeeswarmData{Title: "One row, no inputs", Values: array.New(1, 1), Size: Size{300, 150}})
	golden(t, "beeswarm-one", f, err)
}

// TestBeeswarmCovered: points cover nothing while the line has a free lane; those that
// lie under the last point of each of thirteen lanes are counted.
func TestBeeswarmCovered(t *testing.T) {
	for _, c := range []struct {
		values []float32
		want   string
	}{
		{[]float32{0, 1, 2, 3}, "n = 4"},
		{[]float32{0, 1, 1, 3}, "n = 4"},
		{make([]float32, 80), "n = 4 · 67 of 80 points lie more than a third under others"},
	} {
		f, err := Beeswarm(BeeswarmData{Values: &array.Array{Shape: []int{len(c.values), 1}, Data: c.values}, Caption: Caption{N: 4}})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Caption(); got != c.want {
			t.Errorf("%v: caption %q, want %q", c.values, got, c.want)
		}
	}
}

func TestShades(t *testing.T) {
	for _, c := range []struct{ in, want []float64 }{
		{[]float64{3, 3}, []float64{0.5, 0.5}},
		{[]float64{0, 10, nan, 5}, []float64{0, 1, nan, 0.5}},
		{[]float64{nan}, []float64{nan}},
		{nil, []float64{}},
	} {
		if got := shades(c.in); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("shades of %v: %v, want %v", c.in, got, c.want)
		}
	}
}

func perturbationData() PerturbationData {
	curve := func(k float64, rise bool) (y []float64) {
		for i := range 21 {
			v := 1 - math.Exp(-k*float64(i)/20)
			if !rise {
				v = 1 - v
			}
			y = append(y, v)
		}
		return y
	}
	std := make([]float64, 21)
	for i := range std {
		std[i] = 0.08 * math.Sin(float64(i)/20*math.Pi)
	}
	d := PerturbationData{Title: "What moves the output", YLabel: "P(digit = 1)", Caption: caption}
	for _, name := range []string{"insertion", "deletion"} {
		rise := name == "insertion"
		d.Panels = append(d.Panels, PerturbationPanel{
			Name: name,
			Curves: []PerturbationCurve{
				{Name: "integrated gradients", Y: curve(9, rise)}, {Name: "rescale", Y: curve(7, rise)}, {Name: "occlusion", Y: curve(4, rise)},
			},
			RandomMean: curve(2, rise), RandomStd: std,
		})
	}
	return d
}

func TestGoldenPerturbation(t *testing.T) {
	f, err := Perturbation(perturbationData())
	golden(t, "perturbation", f, err)
}

func TestArea(t *testing.T) {
	if got := area([]float64{0, 0.25, 1}, []float64{0, 1, 2}); math.Abs(got-(0.125+1.125)) > 1e-12 {
		t.Errorf("area %g, want 1.25", got)
	}
}

func TestGoldenAgreement(t *testing.T) {
	f, err := Agreement(AgreementData{
		Title: "Do the methods agree?", Measure: "Spearman's ρ", Methods: []string{"rescale", "integrated gradients", "sampled Shapley", "Grad-CAM"},
		Values:  [][]float64{{1, 0.91, 0.88, -0.2}, {0.91, 1, 0.93, 0.1}, {0.88, 0.93, 1, nan}, {-0.2, 0.1, nan, 1}},
		Caption: caption,
	})
	golden(t, "agreement", f, err)
}

func randomisationData() RandomisationData {
	d := RandomisationData{
		Title: "What is left when the network forgets", Methods: []string{"rescale", "guided backprop"},
		Stages: []string{"trained", "fc3", "fc2", "conv2", "conv1"}, Image: somePictures(2), Row: 1, Measure: "rank correlation", ValueName: "φ",
		Similarity: [][]float64{{1, 0.4, 0.15, 0.02, nan}, {1, 0.98, 0.97, 0.9, 0.85}}, Caption: caption,
	}
	for m := range d.Methods {
		var maps []*array.Array
		for s := range d.Stages {
			maps = append(maps, waves(2, 28, []float64{0.2, 5}[m]/float64(1+s*(1-m)), float64(s*(2-2*m))))
		}
		d.Values = append(d.Values, maps)
	}
	return d
}

func TestGoldenRandomisation(t *testing.T) {
	f, err := Randomisation(randomisationData())
	golden(t, "randomisation", f, err)
	d := randomisationData()
	d.Similarity, d.Image, d.PerMap = nil, nil, true
	f, err = Randomisation(d)
	golden(t, "randomisation-maps", f, err)
}

// TestAttributionFiguresRefuse: what cannot be drawn is named.
func TestAttributionFiguresRefuse(t *testing.T) {
	inf := math.Inf(1)
	pictures := somePictures(2)
	bees := func(change func(*BeeswarmData)) error {
		d := beeswarmData(5)
		change(&d)
		_, err := Beeswarm(d)
		return err
	}
	water := func(change func(*WaterfallData)) error {
		d := waterfallData()
		change(&d)
		_, err := Waterfall(d)
		return err
	}
	signed := func(change func(*SignedImagesData)) error {
		d := SignedImagesData{Images: pictures, Columns: []SignedColumn{{Name: "one", Values: waves(2, 28, 1, 0)}}}
		change(&d)
		_, err := SignedImages(d)
		return err
	}
	super := func(change func(*SuperpixelPanel)) error {
		p := SuperpixelPanel{Name: "p", Image: pictures.Slice(0, 1), Segments: make([]int, 784), Weights: []float64{1}}
		change(&p)
		_, err := Superpixels(SuperpixelsData{Panels: []SuperpixelPanel{p}})
		return err
	}
	curves := func(change func(*PerturbationPanel)) error {
		d := perturbationData()
		change(&d.Panels[1])
		_, err := Perturbation(d)
		return err
	}
	agree := func(values ...[]float64) error {
		_, err := Agreement(AgreementData{Methods: []string{"a", "b"}, Values: values})
		return err
	}
	random := func(change func(*RandomisationData)) error {
		d := randomisationData()
		change(&d)
		_, err := Randomisation(d)
		return err
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{bees(func(d *BeeswarmData) { d.Values = nil }), "needs values [rows, features]"},
		{bees(func(d *BeeswarmData) { d.Values = array.New(0, 15) }), "at least one"},
		{bees(func(d *BeeswarmData) { d.Values.Data[16] = float32(nan) }), "row 1, feature 1 is NaN"},
		{bees(func(d *BeeswarmData) { d.Inputs.Data[2] = float32(inf) }), "input of row 0, feature 2 is +Inf"},
		{bees(func(d *BeeswarmData) { d.Inputs = array.New(5, 3) }), "inputs of shape [5 3]"},
		{bees(func(d *BeeswarmData) { d.Names = d.Names[1:] }), "14 names for 15 features"},
		{bees(func(d *BeeswarmData) { d.IDs = []int{1} }), "1 ids for 5 rows"},
		{water(func(d *WaterfallData) { d.Values = nil }), "0 values"},
		{water(func(d *WaterfallData) { d.Values[3] = nan }), "value 3 is NaN"},
		{water(func(d *WaterfallData) { d.Base = inf }), "base value: value 0 is +Inf"},
		{water(func(d *WaterfallData) { d.Inputs = d.Inputs[1:] }), "14 inputs for 15 values"},
		{signed(func(d *SignedImagesData) { d.Columns = nil }), "no columns"},
		{signed(func(d *SignedImagesData) { d.Images = array.New(2, 5) }), "shape [2 5] is none of"},
		{signed(func(d *SignedImagesData) { d.Columns[0].Values = array.New(2, 27, 28) }), "values of shape [2 27 28] for images of shape [2 28 28]"},
		{signed(func(d *SignedImagesData) { d.Columns[0].Values.Data[784] = float32(inf) }), "image 1, pixel 0 is +Inf"},
		{signed(func(d *SignedImagesData) { d.Columns[0].Labels = []string{"a"} }), "1 labels for 2 images"},
		{signed(func(d *SignedImagesData) { d.Limit = nan }), "limit NaN"},
		{signed(func(d *SignedImagesData) { d.Share = 1.5 }), "share 1.5"},
		{signed(func(d *SignedImagesData) { d.Size.Width = -1 }), "size -1"},
		{super(func(p *SuperpixelPanel) { p.Image = pictures }), "shape [2 28 28] is none of"},
		{super(func(p *SuperpixelPanel) { p.Segments = p.Segments[1:] }), "783 pixels for an image of 28 × 28"},
		{super(func(p *SuperpixelPanel) { p.Segments[7] = 1 }), "pixel 7 has label 1"},
		{super(func(p *SuperpixelPanel) { p.Weights[0] = inf }), "weight 0 is +Inf"},
		{curves(func(p *PerturbationPanel) { p.Name = "insertion" }), "two panels"},
		{curves(func(p *PerturbationPanel) { p.Curves = nil }), "no curves"},
		{curves(func(p *PerturbationPanel) { p.Curves[1].Name = p.Curves[0].Name }), "a name of its own"},
		{curves(func(p *PerturbationPanel) { p.Curves[0].Name = "" }), "a name of its own"},
		{curves(func(p *PerturbationPanel) { p.Curves[0].Name = "random order" }), "a name of its own"},
		{curves(func(p *PerturbationPanel) { p.Curves[1].Y = p.Curves[1].Y[1:] }), "20 values for 21 shares"},
		{curves(func(p *PerturbationPanel) { p.Shares = []float64{0, 0.5, 0.5} }), "share 2 is 0.5"},
		{curves(func(p *PerturbationPanel) { p.RandomStd = nil }), "0 standard deviations"},
		{agree([]float64{1, 2}, []float64{2, 1}), "agree by 2"},
		{agree([]float64{1, 0.5}, []float64{0.4, 1}), "the other way round by 0.4"},
		{agree([]float64{1, 0.5}), "1 rows of values for 2 methods"},
		{random(func(d *RandomisationData) { d.Values = d.Values[1:] }), "values of 1 methods for 2"},
		{random(func(d *RandomisationData) { d.Similarity[1] = nil }), `method "guided backprop"`},
		{random(func(d *RandomisationData) { d.Row = 2 }), "row 2 of 2"},
		{random(func(d *RandomisationData) { d.Values[1][2] = nil }), `stage "fc2"`},
	} {
		if c.err == nil || !strings.HasPrefix(c.err.Error(), "plots: ") || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want one with %q", c.err, c.want)
		}
	}
}

// TestPictures: every layout of the same pixels is the same picture, and
// channels are summed.
func TestPictures(t *testing.T) {
	first := rgbPictures(2, 4)
	last, flat := array.New(2, 4, 4, 3), array.New(2, 48)
	for i := range 2 {
		for k := range 16 {
			for c := range 3 {
				last.Row(i)[3*k+c] = first.Row(i)[16*c+k]
			}
		}
		copy(flat.Row(i), first.Row(i))
	}
	p, err := newPictures("a", first)
	if err != nil {
		t.Fatal(err)
	}
	q, err := newPictures("b", last)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 16 {
		if p.colour(1, k) != q.colour(1, k) {
			t.Errorf("pixel %d: %v with channels first, %v with channels last", k, p.colour(1, k), q.colour(1, k))
		}
	}
	want, err := p.perPixel("a", first)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string]*array.Array{"last": last, "flat": flat, "summed": want} {
		if got, err := p.perPixel(name, values); err != nil || !got.Equal(want) {
			t.Errorf("%s: values %v, error %v", name, got, err)
		}
	}
	if got := want.At(1, 5); math.Abs(float64(got-first.At(1, 5)-first.At(1, 21)-first.At(1, 37))) > 1e-6 {
		t.Errorf("sum of the channels of pixel 5: %g", got)
	}
}
