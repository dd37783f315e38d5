package plots

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
)

var nan = math.NaN()

var update = flag.Bool("update", false, "rewrite the golden figures")

// maxDifference is the share of the full range by which a channel of a pixel
// may differ, and maxShare the share of pixels that may differ by more:
// processors with fused multiply-add round the edges of shapes differently.
const (
	maxDifference = 8.0 / 255
	maxShare      = 0.002
)

// golden compares a figure with its picture under testdata/golden. The picture
// drawn and the difference are kept under testdata/failed if they disagree.
func golden(t *testing.T, name string, f *Figure, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var got, again bytes.Buffer
	if err := f.PNG(&got); err != nil {
		t.Fatal(err)
	}
	if err := f.PNG(&again); err != nil || !bytes.Equal(got.Bytes(), again.Bytes()) {
		t.Errorf("drawn twice, the bytes differ (error %v)", err)
	}
	path := filepath.Join("testdata", "golden", name+".png")
	if *update {
		if err := writeFile(path, got.Bytes()); err != nil {
			t.Fatal(err)
		}
		return
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the tests with -update and look at the picture", err)
	}
	want, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := png.Decode(&got)
	if err != nil {
		t.Fatal(err)
	}
	if share, diff := compare(drawn, want); share > maxShare {
		dir := filepath.Join("testdata", "failed")
		var b bytes.Buffer
		if err := png.Encode(&b, diff); err != nil {
			t.Fatal(err)
		}
		_ = writeFile(filepath.Join(dir, name+".png"), again.Bytes())
		_ = writeFile(filepath.Join(dir, name+".difference.png"), b.Bytes())
		t.Errorf("%s: %.2f %% of the pixels differ from the golden picture, at most %.2f %% may; see %s", name, 100*share, 100*maxShare, dir)
	}
}

// compare returns the share of pixels that differ by more than maxDifference
// and a picture of them: black on white.
func compare(a, b image.Image) (float64, image.Image) {
	r := a.Bounds().Union(b.Bounds())
	diff := image.NewGray(r)
	n := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			r1, g1, b1, a1 := a.At(x, y).RGBA()
			r2, g2, b2, a2 := b.At(x, y).RGBA()
			diff.SetGray(x, y, color.Gray{Y: 255})
			for _, d := range []int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2), int(a1) - int(a2)} {
				if float64(max(d, -d)) > maxDifference*0xffff {
					diff.SetGray(x, y, color.Gray{})
					n++
					break
				}
			}
		}
	}
	if a.Bounds() != b.Bounds() {
		return 1, diff
	}
	return float64(n) / float64(r.Dx()*r.Dy()), diff
}

// twoClouds makes n points of two classes, as in a map of zeros and ones.
func twoClouds(n int) (*array.Array, []int) {
	rng := rand.New(rand.NewPCG(1, 2))
	points, class := array.New(n, 2), make([]int, n)
	for i := range n {
		class[i] = i % 2
		side := float64(2*class[i] - 1)
		points.Data[2*i] = float32(38*side + 18*rng.NormFloat64())
		points.Data[2*i+1] = float32(25 * rng.NormFloat64())
	}
	return points, class
}

// somePictures are n small grey pictures: rings and bars.
func somePictures(n int) *array.Array {
	a := array.New(n, 28, 28)
	for i := range n {
		row := a.Row(i)
		for y := range 28 {
			for x := range 28 {
				dx, dy := float64(x)-13.5, float64(y)-13.5
				if r := dx*dx/1.4 + dy*dy; i%2 == 0 && r > 40 && r < 90 || i%2 == 1 && dx*dx < 6 && dy*dy < 100 {
					row[28*y+x] = 0.4 + 0.6*float32(i+1)/float32(n)
				}
			}
		}
	}
	return a
}

var caption = Caption{
	What: "Mean |φ| of all rows", Method: "rescale", Target: "P(digit = 1)", Gap: 2.1e-6, N: 14780, Seed: 42,
	Source: "3f9a12c4d5e6ffff", Note: "Σφ = f(x) − mean f(b)",
}

func TestGoldenLines(t *testing.T) {
	var ours, published, low, high []float64
	for i := range 60 {
		v := 0.045/(1+0.3*float64(i)) + 0.007
		ours, low, high = append(ours, v), append(low, 0.9*v), append(high, 1.12*v)
		published = append(published, v*1.04)
	}
	f, err := Lines(LinesData{
		Title: "Loss of the autoencoder", XLabel: "epoch", YLabel: "mean squared error per pixel", LogY: true,
		Series: []Series{
			{Name: "this run", Y: ours, Low: low, High: high},
			{Name: "published", X: []float64{1, 10, 20, 30, 40, 50, 60}, Y: []float64{published[0], published[9], published[19], published[29], published[39], published[49], published[59]}, Marks: true},
		},
		Caption: Caption{What: "Training loss after each epoch, band over three seeds", N: 12665, Seed: 42, Source: "0011aabbccdd"},
	})
	golden(t, "lines", f, err)

	var series []Series
	deltas := []float64{-1, -0.5, -0.25, -0.1, -0.05, -0.01, 0, 0.01, 0.05, 0.1, 0.25, 0.5, 1}
	for l, layer := range []string{"layer 0", "layer 2", "layer 5", "layer 8", "layer 11", "all layers"} {
		for m, mode := range []string{"important", "unimportant", "random"} {
			var y, lo, hi []float64
			for _, d := range deltas {
				v := 0.998 - d*d*float64(m+1)*float64(l+1)*0.02
				y, lo, hi = append(y, v), append(lo, v-0.01), append(hi, v+0.01)
			}
			series = append(series, Series{Name: mode, Facet: layer, X: deltas, Y: y, Low: lo, High: hi})
		}
	}
	f, err = Lines(LinesData{
		Title: "Accuracy after changing weights", XLabel: "δ", YLabel: "test accuracy", Series: series,
		Levels: []Mark{{"unchanged", 0.9986}}, Caption: caption,
	})
	golden(t, "lines-facets", f, err)
}

func TestGoldenBars(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := make([]float64, 30)
	for i := range values {
		values[i] = 0.05 * rng.NormFloat64()
	}
	f, err := Bars(BarsData{
		Title: "Attributions of row 1, a one", XLabel: "φ", Groups: []BarGroup{{Values: values}}, Max: 14, Caption: caption,
	})
	golden(t, "bars", f, err)

	var groups []BarGroup
	for _, name := range []string{"all rows", "class 0", "class 1"} {
		v := make([]float64, 100)
		for i := range v {
			v[i] = 0.08 * rng.Float64() * rng.Float64() * rng.Float64()
		}
		groups = append(groups, BarGroup{Name: name, Values: v})
	}
	f, err = Bars(BarsData{Title: "Mean |φ| of the inputs of layer 5", XLabel: "mean |φ|", Groups: groups, Max: 14, Caption: caption})
	golden(t, "bars-groups", f, err)
}

func TestGoldenImages(t *testing.T) {
	pictures := somePictures(16)
	blurred := pictures.Clone()
	for i := range blurred.Data {
		blurred.Data[i] = 0.8*pictures.Data[i] + 0.1*pictures.Data[max(i-1, 0)] + 0.1*pictures.Data[min(i+1, len(pictures.Data)-1)]
	}
	f, err := Images(ImagesData{
		Title: "Digits and their reconstructions", Columns: 4,
		Grids:   []ImageGrid{{Name: "original", Images: pictures}, {Name: "reconstruction", Images: blurred}},
		Caption: Caption{What: "First 16 test rows, domain 0…1", Seed: 42, Source: "0011aabbccdd"},
	})
	golden(t, "images", f, err)

	signed, few := pictures.Slice(0, 6).Clone(), pictures.Slice(0, 6)
	for i, v := range signed.Data {
		signed.Data[i] = v * float32(i%28-14) / 100
	}
	f, err = Images(ImagesData{
		Title: "Values over pictures", Columns: 3,
		Grids: []ImageGrid{{Name: "φ", Images: few, Signed: signed, Labels: []string{"id 0", "id 1", "id 2", "id 3", "id 4", "id 5"}}},
	})
	golden(t, "images-signed", f, err)
}

func TestGoldenConfusion(t *testing.T) {
	f, err := Confusion(ConfusionData{
		Title: "Test rows before and after the change", Classes: []string{"0", "1"},
		Matrices: []ConfusionMatrix{{"original", [][]int{{978, 2}, {1, 1134}}}, {"important, δ = 0.5", [][]int{{871, 109}, {40, 1095}}}},
		Caption:  caption,
	})
	golden(t, "confusion", f, err)

	ten := make([][]int, 10)
	var names []string
	for i := range ten {
		names = append(names, string(rune('0'+i)))
		ten[i] = make([]int, 10)
		for k := range ten[i] {
			ten[i][k] = (i*7 + k*3) % 9
		}
		ten[i][i] = 980
	}
	f, err = Confusion(ConfusionData{Title: "Ten classes", Classes: names, Matrices: []ConfusionMatrix{{Counts: ten}}})
	golden(t, "confusion-ten", f, err)
}

func TestGoldenScatter(t *testing.T) {
	points, class := twoClouds(1200)
	data := ScatterData{
		Title: "Map of the attributions", Points: points, Classes: class, ClassNames: []string{"zero", "one"},
		Groups:  []Group{{"cluster 0", []int{1, 3, 5, 7, 9, 11}}, {"cluster 1", []int{0, 2, 4, 6, 8}}},
		Caption: Caption{What: "t-SNE of φ, cosine distance", Note: "10-NN label accuracy 0.9989, silhouette 0.39, trustworthiness 0.97", N: 1200, Seed: 42, Source: "0011aabbccdd"},
	}
	f, err := Scatter(data)
	golden(t, "scatter", f, err)

	values := make([]float64, 1200)
	for i := range values {
		values[i] = float64(points.At(i, 1)) / 100
	}
	values[0] = nan
	data = ScatterData{Title: "Neurons by class association", Points: points, Values: values, ValueName: "class association", Size: Size{480, 400}}
	f, err = Scatter(data)
	golden(t, "scatter-values", f, err)

	data.Signed, data.Title = true, "Signed"
	g, err := Scatter(data)
	if err != nil {
		t.Fatal(err)
	}
	f, err = Beside("Two maps of the same neurons", caption, 0, f, g)
	golden(t, "beside", f, err)
}

func TestGoldenHeatMap(t *testing.T) {
	n := 100
	a := array.New(n, n)
	for i := range n {
		for k := range n {
			a.Data[n*i+k] = 1 / (1 + float32((i-k)*(i-k))/60)
			if i/20 == k/20 {
				a.Data[n*i+k] = (a.Data[n*i+k] + 1) / 2
			}
		}
	}
	blocks := []Block{{"relu1", 20}, {"relu3", 20}, {"relu6", 20}, {"relu9", 20}, {"relu12", 20}}
	f, err := HeatMap(HeatMapData{
		Title: "Jaccard similarity of all neurons", Values: a, ValueName: "Jaccard similarity", High: 1,
		Rows: HeatAxis{Label: "neuron", Blocks: blocks}, Columns: HeatAxis{Label: "neuron", Blocks: blocks}, Caption: caption,
	})
	golden(t, "heatmap", f, err)

	small := array.New(3, 5)
	for i := range small.Data {
		small.Data[i] = float32(i-6) / 10
	}
	small.Data[4] = float32(nan)
	f, err = HeatMap(HeatMapData{
		Title: "Difference from chance", Values: small, ValueName: "difference", Signed: true, Numbers: true,
		Rows: HeatAxis{Names: []string{"relu1", "relu3", "relu6"}}, Columns: HeatAxis{Names: []string{"relu1", "relu3", "relu6", "relu9", "relu12"}},
	})
	golden(t, "heatmap-signed", f, err)

	picture := array.New(28, 28)
	for i := range picture.Data {
		picture.Data[i] = float32(i) / 3 // bottom rows are lighter
	}
	picture.Data[3*28+5] = float32(nan)
	f, err = HeatMap(HeatMapData{Title: "A picture", Values: picture, ValueName: "pixel", Colours: Grey, High: 255, Bare: true, Caption: caption})
	golden(t, "heatmap-picture", f, err)
}

func TestGoldenHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var a, b []float64
	for range 3000 {
		a, b = append(a, 0.1+0.1*rng.ExpFloat64()), append(b, 0.35+0.1*rng.NormFloat64())
	}
	f, err := Histogram(HistogramData{
		Title: "Mean activation of the neurons", XLabel: "mean activation of the top set",
		Samples: []Sample{{Name: "layer 0", Values: a}, {Name: "layer 2", Values: b}}, Marks: []Mark{{"threshold 0.2", 0.2}}, Caption: caption,
	})
	golden(t, "histogram", f, err)
	f, err = Histogram(HistogramData{
		Title: "Probabilities before and after", XLabel: "P(digit = 1)", LogY: true,
		Samples: []Sample{{"before", "layer 0", a}, {"after", "layer 0", b}, {"before", "layer 2", b}, {"after", "layer 2", a}},
	})
	golden(t, "histogram-facets", f, err)
}

// TestGoldenCaption draws a caption and a title that need several lines.
func TestGoldenCaption(t *testing.T) {
	c := caption
	c.Note = "A long note that says what the figure does not show, which control it is compared with, how many seeds were run, and a_word_without_any_space_" +
		"that_is_longer_than_one_line_of_the_whole_figure_and_must_be_broken_somewhere_in_its_middle_so_that_nothing_is_clipped"
	f, err := Lines(LinesData{
		Title:  "A title that is much too long for one line of a figure of this width and therefore takes two",
		Series: []Series{{Y: []float64{1, 2, 4, 3}}}, Size: Size{420, 260}, Caption: c,
	})
	golden(t, "caption", f, err)
}
