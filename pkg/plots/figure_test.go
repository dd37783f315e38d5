package plots

import (
	"bytes"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"github.com/gojacard/jacard/pkg/array"
)

func small(t *testing.T) *Figure {
	t.Helper()
	f, err := Lines(LinesData{Title: "Loss δ of 11 <layers>", Series: []Series{{Name: "a", Y: []float64{3, 2, 1}}}, Caption: caption, Size: Size{300, 200}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// static has no interactive form.
func static(t *testing.T) *Figure {
	t.Helper()
	f, err := Bars(BarsData{Title: "Bars", Groups: []BarGroup{{Values: []float64{1, -2}}}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSave(t *testing.T) {
	f, dir := small(t), filepath.Join(t.TempDir(), "new", "folder")
	for ending, head := range map[string]string{".png": "\x89PNG", ".svg": "<?xml", ".pdf": "%PDF", ".PNG": "\x89PNG"} {
		path := filepath.Join(dir, "loss"+ending)
		if err := f.Save(path); err != nil {
			t.Fatal(err)
		}
		first, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(first), head) {
			t.Errorf("%s: starts with %.8q, error %v", ending, first, err)
		}
		if err := f.Save(path); err != nil {
			t.Fatal(err)
		}
		if again, _ := os.ReadFile(path); !bytes.Equal(first, again) {
			t.Errorf("%s: saved twice, the bytes differ", ending)
		}
		if ending == ".svg" && !strings.Contains(string(first), "Loss δ of 11 &lt;layers&gt;") {
			t.Error("the title is not in the SVG")
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, ".figure-*")); len(files) > 0 {
		t.Errorf("left behind: %q", files)
	}
	if err := f.Save(filepath.Join(dir, "loss.gif")); err == nil || !strings.Contains(err.Error(), ".png") {
		t.Errorf("an unknown ending: %v", err)
	}
	if err := static(t).Save(filepath.Join(dir, "loss.html")); !errors.Is(err, ErrStatic) {
		t.Errorf("a static figure as .html: %v, want %v", err, ErrStatic)
	}
}

// TestSVGImages: pictures in an SVG take the shape of their place, not their own.
func TestSVGImages(t *testing.T) {
	f, err := Images(ImagesData{Title: "An <image > in a title", Grids: []ImageGrid{{Images: somePictures(2)}}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.SVG(&b); err != nil {
		t.Fatal(err)
	}
	if n, k := strings.Count(b.String(), "<image "), strings.Count(b.String(), `<image preserveAspectRatio="none"`); n != 2 || k != 2 {
		t.Errorf("%d pictures, %d of them fill their place, want 2 and 2", n, k)
	}
}

// TestSize: the picture has the size that the figure tells, and the caption
// comes on top of the size asked for.
func TestSize(t *testing.T) {
	f := small(t)
	var b bytes.Buffer
	if err := f.PNG(&b); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Size()
	if d := img.Bounds().Size(); d.X != s.Width || d.Y != s.Height {
		t.Errorf("picture of %v, figure of %+v", d, s)
	}
	if s.Width != 300 || s.Height <= 200 {
		t.Errorf("size %+v, want 300 wide and more than 200 high", s)
	}
	f.caption = Caption{}
	if s := f.Size(); s != (Size{300, 200}) {
		t.Errorf("size %+v without caption, want 300 × 200", s)
	}
}

func TestCaption(t *testing.T) {
	for _, c := range []struct {
		caption Caption
		want    string
	}{
		{Caption{}, ""},
		{caption, "Mean |φ| of all rows · method rescale · target P(digit = 1) · gap 2.1e-06 · n = 14,780 · seed 42 · source 3f9a12c4d5e6 · Σφ = f(x) − mean f(b)"},
		{Caption{Gap: math.NaN(), N: 999}, "n = 999"},
		{Caption{N: 1234567, Source: "abc"}, "n = 1,234,567 · source abc"},
	} {
		if got := c.caption.String(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	if thousands(-14780) != "−14,780" {
		t.Errorf("thousands(-14780) = %s", thousands(-14780))
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v                    float64
		format               byte
		precision            int
		plain, withPlusMinus string
	}{
		{1.25, 'f', 2, "1.25", "+1.25"},
		{-1.25, 'f', 2, "−1.25", "−1.25"},
		{-0.001, 'f', 2, "0.00", "+0.00"},
		{0, 'g', 3, "0", "+0"},
		{-1e-7, 'g', 3, "−1e-07", "−1e-07"},
		{math.Inf(1), 'g', 3, "+Inf", "+Inf"},
	} {
		if got := number(c.v, c.format, c.precision); got != c.plain {
			t.Errorf("number %g is written %q, want %q", c.v, got, c.plain)
		}
		if got := signed(c.v, c.format, c.precision); got != c.withPlusMinus {
			t.Errorf("signed %g is written %q, want %q", c.v, got, c.withPlusMinus)
		}
	}
}

// TestNarrowed: letters shrink until the longest word fits, but stay readable.
func TestNarrowed(t *testing.T) {
	style := textStyle(textSize, ink)
	names := []string{"LRP", "SmoothGrad of squares"}
	need := style.Width("SmoothGrad")
	for _, room := range []vg.Length{1.2, 0.97, 0.9, 0.2} {
		got := narrowed(style, names, room*need)
		size := got.Font.Size.Points()
		if fits := got.Width("SmoothGrad") <= room*need; fits == (room < 0.5) || size > textSize || size < 6.8 || room >= 1 && size != textSize {
			t.Errorf("room for %g of the word: letters of %g points, fits: %t", room, size, fits)
		}
	}
}

// TestWrap: no line is too wide and no letter is lost.
func TestWrap(t *testing.T) {
	style := captionStyle()
	for _, text := range []string{"", "word", "several words of one line", strings.Repeat("long", 60), "a " + strings.Repeat("Σφ", 80) + " z"} {
		lines := wrap(style, text, 150)
		for _, l := range lines {
			if style.Width(l) > 150 {
				t.Errorf("line %q is %v points wide", l, style.Width(l))
			}
		}
		if got := strings.ReplaceAll(strings.Join(lines, ""), " ", ""); got != strings.ReplaceAll(text, " ", "") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestRoundTicks(t *testing.T) {
	labels := func(low, high float64, whole bool) string {
		var out []string
		for _, tick := range (roundTicks{n: 5, whole: whole}).Ticks(low, high) {
			out = append(out, tick.Label)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		low, high float64
		whole     bool
		want      string
	}{
		{0, 1, false, "0 0.2 0.4 0.6 0.8 1.0"},
		{-0.07, 0.11, false, "−0.05 0 0.05 0.10"},
		{0, 3, true, "0 1 2 3"},
		{0, 14780, false, "0 5000 10,000"},
		{0, 3e-7, false, "0 1e-7 2e-7 3e-7"},
		{1, 1, false, ""},
		{0, math.Inf(1), false, ""},
	} {
		if got := labels(c.low, c.high, c.whole); got != c.want {
			t.Errorf("%g…%g: got %q, want %q", c.low, c.high, got, c.want)
		}
	}
}

func TestBarsSum(t *testing.T) {
	g := BarGroup{Values: []float64{1, -4, 2, 0.5, -2}}
	bars := g.bars(2, false)
	want := []bar{{"F1", -4}, {"F2", 2}, {"sum of 3 others", -0.5}} // F2 before F4: equal size, earlier place
	for i, b := range want {
		if i >= len(bars) || bars[i] != b {
			t.Fatalf("got %v, want %v", bars, want)
		}
	}
	total, sum := 0.0, 0.0
	for _, v := range g.Values {
		total += v
	}
	for _, b := range bars {
		sum += b.value
	}
	if total != sum {
		t.Errorf("bars sum to %g, values to %g", sum, total)
	}
	if got := g.bars(4, false); len(got) != 5 || got[4].name != "F3" {
		t.Errorf("one bar too many is shown by name: got %v", got)
	}
	if got := g.bars(0, true); got[0].name != "F0" || len(got) != 5 {
		t.Errorf("in order: got %v", got)
	}
}

func TestCountBins(t *testing.T) {
	got := countBins([]float64{0, 0.9, 1, 2.5, 4}, 0, 4, 4)
	for i, want := range []float64{2, 1, 1, 1} {
		if got[i] != want {
			t.Errorf("bins %v: bin %d is %g, want %g", got, i, got[i], want)
		}
	}
}

// TestBadInput: every figure refuses what it cannot draw, and says why.
func TestBadInput(t *testing.T) {
	two := array.New(2, 2)
	for _, c := range []struct {
		name string
		make func() (*Figure, error)
		says string
	}{
		{"no series", func() (*Figure, error) { return Lines(LinesData{}) }, "no series"},
		{"lengths", func() (*Figure, error) {
			return Lines(LinesData{Series: []Series{{X: []float64{1}, Y: []float64{1, 2}}}})
		}, "1 x for 2 y"},
		{"band", func() (*Figure, error) {
			return Lines(LinesData{Series: []Series{{Y: []float64{1}, Low: []float64{1}}}})
		}, "band"},
		{"NaN", func() (*Figure, error) { return Lines(LinesData{Series: []Series{{Y: []float64{nan}}}}) }, "NaN"},
		{"log", func() (*Figure, error) {
			return Lines(LinesData{LogY: true, Series: []Series{{Name: "loss", Y: []float64{1, 0}}}})
		}, `series "loss": y 1 is 0`},
		{"log level", func() (*Figure, error) {
			return Lines(LinesData{LogY: true, Series: []Series{{Y: []float64{1}}}, Levels: []Mark{{"chance", -1}}})
		}, `level "chance" at -1`},
		{"size", func() (*Figure, error) {
			return Lines(LinesData{Series: []Series{{Y: []float64{1}}}, Size: Size{-1, 0}})
		}, "-1 × 0"},
		{"no groups", func() (*Figure, error) { return Bars(BarsData{}) }, "0 groups"},
		{"empty group", func() (*Figure, error) { return Bars(BarsData{Groups: []BarGroup{{Name: "g"}}}) }, `"g": no values`},
		{"bar names", func() (*Figure, error) {
			return Bars(BarsData{Groups: []BarGroup{{Names: []string{"a"}, Values: []float64{1, 2}}}})
		}, "1 names for 2 values"},
		{"bar NaN", func() (*Figure, error) { return Bars(BarsData{Groups: []BarGroup{{Values: []float64{1, nan}}}}) }, "value 1 is NaN"},
		{"no grid", func() (*Figure, error) { return Images(ImagesData{}) }, "0 grids"},
		{"image shape", func() (*Figure, error) { return Images(ImagesData{Grids: []ImageGrid{{Images: array.New(2, 30)}}}) }, "[2 30]"},
		{"image labels", func() (*Figure, error) {
			return Images(ImagesData{Grids: []ImageGrid{{Images: array.New(2, 4), Labels: []string{"a"}}}})
		}, "1 labels for 2"},
		{"overlay", func() (*Figure, error) {
			return Images(ImagesData{Grids: []ImageGrid{{Images: array.New(2, 4), Signed: array.New(1, 4)}}})
		}, "overlay"},
		{"nil images", func() (*Figure, error) { return Images(ImagesData{Grids: []ImageGrid{{}}}) }, "no images"},
		{"no classes", func() (*Figure, error) { return Confusion(ConfusionData{}) }, "0 classes"},
		{"not square", func() (*Figure, error) {
			return Confusion(ConfusionData{Classes: []string{"0", "1"}, Matrices: []ConfusionMatrix{{"m", [][]int{{1, 2}, {3}}}}})
		}, "row 1 has 1 counts"},
		{"negative count", func() (*Figure, error) {
			return Confusion(ConfusionData{Classes: []string{"0"}, Matrices: []ConfusionMatrix{{"m", [][]int{{-1}}}}})
		}, "-1"},
		{"no points", func() (*Figure, error) { return Scatter(ScatterData{Points: array.New(0, 2)}) }, "no points"},
		{"three columns", func() (*Figure, error) { return Scatter(ScatterData{Points: array.New(2, 3)}) }, "[n, 2]"},
		{"class", func() (*Figure, error) {
			return Scatter(ScatterData{Points: two, Classes: []int{0, 2}, ClassNames: []string{"a", "b"}})
		}, "class 2 of point 1"},
		{"ids", func() (*Figure, error) { return Scatter(ScatterData{Points: two, IDs: []int{7, 7}}) }, "share the id 7"},
		{"group", func() (*Figure, error) { return Scatter(ScatterData{Points: two, Groups: []Group{{"g", []int{2}}}}) }, "id 2"},
		{"values", func() (*Figure, error) { return Scatter(ScatterData{Points: two, Values: []float64{1}}) }, "1 values for 2"},
		{"pictures", func() (*Figure, error) { return Scatter(ScatterData{Points: two, Images: array.New(3, 4)}) }, "3 pictures for 2"},
		{"infinite point", func() (*Figure, error) {
			return Scatter(ScatterData{Points: &array.Array{Shape: []int{1, 2}, Data: []float32{0, float32(math.Inf(1))}}})
		}, "+Inf"},
		{"no matrix", func() (*Figure, error) { return HeatMap(HeatMapData{}) }, "needs a matrix"},
		{"heat names", func() (*Figure, error) {
			return HeatMap(HeatMapData{Values: two, Rows: HeatAxis{Names: []string{"a"}}})
		}, "1 names for 2 rows"},
		{"blocks", func() (*Figure, error) {
			return HeatMap(HeatMapData{Values: two, Columns: HeatAxis{Blocks: []Block{{"b", 1}}}})
		}, "blocks of 1 columns for 2"},
		{"scale", func() (*Figure, error) { return HeatMap(HeatMapData{Values: two, Low: 2, High: 1}) }, "scale from 2 to 1"},
		{"no samples", func() (*Figure, error) { return Histogram(HistogramData{}) }, "0 samples"},
		{"sample", func() (*Figure, error) { return Histogram(HistogramData{Samples: []Sample{{Name: "s"}}}) }, `"s": no values`},
		{"mark", func() (*Figure, error) {
			return Histogram(HistogramData{Samples: []Sample{{Values: []float64{1}}}, Marks: []Mark{{"m", nan}}})
		}, `mark "m"`},
		{"nothing beside", func() (*Figure, error) { return Beside("", Caption{}, 0) }, "0 figures"},
		{"nil beside", func() (*Figure, error) { return Beside("", Caption{}, 0, nil) }, "figure 0 is nil"},
	} {
		f, err := c.make()
		if f != nil || err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "plots: ") {
			t.Errorf("%s: got %v, want an error of plots with %q", c.name, err, c.says)
		}
	}
}

// TestDegenerate: data without any spread are drawn all the same.
func TestDegenerate(t *testing.T) {
	one := &array.Array{Shape: []int{1, 1}, Data: []float32{0.3}}
	nothing := &array.Array{Shape: []int{1, 1}, Data: []float32{float32(nan)}}
	for i, build := range []func() (*Figure, error){
		func() (*Figure, error) { return Lines(LinesData{Series: []Series{{Y: []float64{2}}}}) },
		func() (*Figure, error) {
			return Lines(LinesData{LogX: true, LogY: true, Series: []Series{{Y: []float64{2}}}})
		},
		func() (*Figure, error) { return Bars(BarsData{Groups: []BarGroup{{Values: []float64{0, 0}}}}) },
		func() (*Figure, error) { return Bars(BarsData{Groups: []BarGroup{{Values: []float64{-1}}}}) },
		func() (*Figure, error) { return Images(ImagesData{Grids: []ImageGrid{{Images: one, Signed: one}}}) },
		func() (*Figure, error) {
			return Images(ImagesData{Grids: []ImageGrid{{Images: nothing}}})
		},
		func() (*Figure, error) {
			return Confusion(ConfusionData{Classes: []string{"a"}, Matrices: []ConfusionMatrix{{"m", [][]int{{0}}}}})
		},
		func() (*Figure, error) { return Scatter(ScatterData{Points: array.New(1, 2)}) },
		func() (*Figure, error) { return Scatter(ScatterData{Points: array.New(1, 2), Values: []float64{nan}}) },
		func() (*Figure, error) { return HeatMap(HeatMapData{Values: one}) },
		func() (*Figure, error) { return HeatMap(HeatMapData{Values: nothing, Signed: true, Numbers: true}) },
		func() (*Figure, error) { return HeatMap(HeatMapData{Values: array.New(2, 60)}) },
		func() (*Figure, error) { return Histogram(HistogramData{Samples: []Sample{{Values: []float64{5}}}}) },
	} {
		f, err := build()
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		if err := f.PNG(&bytes.Buffer{}); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}
