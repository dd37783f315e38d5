package plots

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hoverCase is what one figure is asked on a page.
type hoverCase struct {
	name   string
	figure *Figure
	err    error
	steps  []hoverStep
}

// hoverStep moves the pointer or presses a key, and knows what the status line
// says then.
type hoverStep struct {
	box  int        // the pointer goes to this part, unless keys is set
	at   [2]float64 // place in the part as shares of its width and height
	keys string
	want []string
}

// TestBrowserHover puts all kinds of figures that tell their values on one
// page, opened from a file, and asks each by pointer and by keyboard.
func TestBrowserHover(t *testing.T) {
	a, c := waves(2, 28, 1, 0), waves(2, 28, 1, 0)
	a.Row(1)[28*3+5], c.Row(1)[28*3+5] = 0.25, -0.125
	a.Row(0)[0] = float32(nan)
	signed, err1 := SignedImages(SignedImagesData{
		Title: "Maps </script><b>", Images: somePictures(2), Names: []string{"first", "second"},
		Columns: []SignedColumn{{Name: "one", Values: a}, {Name: "two", Values: c}}, Caption: caption,
	})
	lines, err2 := Lines(LinesData{
		XLabel: "epoch", YLabel: "loss",
		Series: []Series{
			{Name: "ours", Facet: "layer 1", Y: []float64{4, 2, 1.5}, Low: []float64{3, 1, 1}, High: []float64{5, 3, 2}},
			{Name: "theirs", Facet: "layer 1", X: []float64{1, 3}, Y: []float64{5, 2.5}, Marks: true},
			{Name: "ours", Facet: "layer 2", Y: []float64{7, 6, 5}},
		},
	})
	water, err3 := Waterfall(waterfallData())
	agreement, err4 := Agreement(AgreementData{Measure: "ρ", Methods: []string{"one", "two"}, Values: [][]float64{{1, -0.5}, {-0.5, 1}}})
	segments := make([]int, 28*28)
	for k := 14 * 28; k < len(segments); k++ {
		segments[k] = 1
	}
	super, err5 := Superpixels(SuperpixelsData{Panels: []SuperpixelPanel{{Name: "LIME", Image: somePictures(1), Segments: segments, Weights: []float64{0.5, -0.25}}}})
	random, err6 := Randomisation(randomisationData())
	cases := []hoverCase{
		{"signed", signed, err1, []hoverStep{
			{box: 4, at: [2]float64{5.5 / 28, 3.5 / 28}, want: []string{"second · row 3, column 5", "one: +0.25", "two: −0.125"}},
			{keys: kb.Escape, want: []string{"Point at the figure"}},
			{keys: kb.ArrowDown, want: []string{"first · row 0, column 0", "one: no value"}},
			{keys: kb.ArrowRight + kb.ArrowDown, want: []string{"first · row 1, column 1"}},
		}},
		{"lines", lines, err2, []hoverStep{
			{at: [2]float64{0.98, 0.5}, want: []string{"layer 1", "epoch 3", "ours: 1.5 (1 … 2)", "theirs: 2.5"}},
			{keys: kb.ArrowLeft, want: []string{"epoch 2", "ours: 2 (1 … 3)"}},
			{keys: kb.ArrowDown, want: []string{"layer 2", "epoch 2", "ours: 6"}},
		}},
		{"waterfall", water, err3, []hoverStep{
			{at: [2]float64{0.5, 0.5}, want: []string{breast[2] + " = 184.6", "+0.3, from 0.4545 to 0.7545"}},
			{keys: kb.ArrowDown, want: []string{"mean radius = 17.99", "+0.121"}},
		}},
		{"agreement", agreement, err4, []hoverStep{
			{at: [2]float64{0.75, 0.25}, want: []string{"one · two · ρ: −0.5"}},
			{keys: kb.ArrowLeft, want: []string{"one · one · ρ: +1"}},
		}},
		{"superpixels", super, err5, []hoverStep{
			{at: [2]float64{0.5, 0.9}, want: []string{"segment 1, 392 pixels", "weight −0.25"}},
		}},
		{"randomisation", random, err6, []hoverStep{
			{box: 6, at: [2]float64{0.5, 0.5}, want: []string{"guided backprop · row 14, column 14", "trained: ", "conv1: "}},
			{box: 12, at: [2]float64{0.01, 0.5}, want: []string{"stage 0", "rescale: 1", "guided backprop: 1"}},
		}},
	}
	var page strings.Builder
	page.WriteString(`<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">`)
	for _, k := range cases {
		if k.err != nil {
			t.Fatal(k.err)
		}
		fragment, err := k.figure.HTML()
		if err != nil {
			t.Fatal(err)
		}
		page.WriteString(fragment)
	}
	b := openPage(t, page.String())
	for k, test := range cases {
		spots := spotsOf(t, test.figure)
		for i, step := range test.steps {
			if step.keys != "" {
				b.do(chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll("[role=application]")[%d].focus()`, k), nil))
				for _, key := range step.keys {
					b.do(chromedp.KeyEvent(string(key)))
				}
			} else {
				at := spots.Boxes[step.box].At
				b.point(test.figure, k, at[0]+step.at[0]*at[2], at[1]+step.at[1]*at[3])
			}
			b.tells(fmt.Sprintf("%s, step %d", test.name, i), k, step.want...)
			if i == 0 {
				b.shot("hover-" + test.name)
			}
		}
	}
	if n := eval[int](b, `[...document.querySelectorAll(".stage > img")].filter(i => i.naturalWidth > 100).length`); n != len(cases) {
		t.Errorf("%d pictures are left, want those of %d figures", n, len(cases))
	}
	b.quiet()
}

// TestBrowserBeeswarm: a point tells itself and rings its row in all lines.
func TestBrowserBeeswarm(t *testing.T) {
	data := beeswarmData(60)
	f, err := Beeswarm(data)
	if err != nil {
		t.Fatal(err)
	}
	fragment, err := f.HTML()
	if err != nil {
		t.Fatal(err)
	}
	b := openPage(t, `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">`+fragment)
	b.do(chromedp.Focus(`[role=application]`), chromedp.KeyEvent(kb.ArrowRight)) // the smallest value of the first line
	smallest := 0
	for i := range 60 {
		if data.Values.At(i, 0) < data.Values.At(smallest, 0) {
			smallest = i
		}
	}
	b.tells("first key", 0, fmt.Sprintf("row %d · mean radius · φ of P(malignant): −", smallest), "value of the feature: ")
	if n := eval[int](b, `document.querySelectorAll(".mark.dot:not([hidden])").length`); n != 10 {
		t.Errorf("%d points are ringed, want that of the row in each of 10 lines", n)
	}
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	b.tells("down", 0, fmt.Sprintf("row %d · mean texture", smallest))
	b.shot("hover-beeswarm")
	at := eval[[]float64](b, `(m => [parseFloat(m.style.left), parseFloat(m.style.top)])(document.querySelector(".mark.dot"))`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.tells("Escape", 0, "Point at the figure")
	size := f.Size()
	b.point(f, 0, at[0]/100*float64(size.Width), at[1]/100*float64(size.Height))
	b.tells("pointer", 0, fmt.Sprintf("row %d · mean texture", smallest))
	b.quiet()
}

// openPage shows a page from a file.
func openPage(t *testing.T, html string) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "figures.html")
	if err := writeFile(path, []byte(html)); err != nil {
		t.Fatal(err)
	}
	return open(t, (&url.URL{Scheme: "file", Path: path}).String())
}

// point moves the pointer to a place in pixels of the k-th figure.
func (b *tab) point(f *Figure, k int, x, y float64) {
	b.Helper()
	box := eval[[]float64](b, fmt.Sprintf(`(s => { s.scrollIntoView({block: "center", behavior: "instant"}); const q = s.getBoundingClientRect(); return [q.left, q.top, q.width, q.height]; })(document.querySelectorAll(".stage")[%d])`, k))
	size := f.Size()
	b.mouse(input.MouseMoved, box[0]+x*box[2]/float64(size.Width), box[1]+y*box[3]/float64(size.Height), false)
}

// tells fails unless the k-th status line holds all the texts.
func (b *tab) tells(when string, k int, texts ...string) {
	b.Helper()
	status := eval[string](b, fmt.Sprintf(`document.querySelectorAll("[role=status]")[%d].textContent`, k))
	for _, text := range texts {
		if !strings.Contains(status, text) {
			b.Errorf("%s: status %q, want %q", when, status, text)
		}
	}
}

// spotsOf are the parts of an interactive figure.
func spotsOf(t *testing.T, f *Figure) hoverPage {
	t.Helper()
	data, err := f.widget.data(f, "")
	if err != nil {
		t.Fatal(err)
	}
	return data.(hoverPage)
}
