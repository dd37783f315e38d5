package plots

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// openFigure shows the interactive form as a page opened from a file.
func openFigure(t *testing.T, f *Figure, err error) *tab {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "figure.html")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	b := open(t, (&url.URL{Scheme: "file", Path: path}).String())
	if !eval[bool](b, `document.querySelector(".stage > img").naturalWidth > 100`) {
		t.Error("the picture for pages without scripts is gone")
	}
	return b
}

// at moves the pointer to a place in pixels of the figure.
func (b *tab) at(f *Figure, x, y float64) {
	b.Helper()
	box := eval[[]float64](b, `(q => [q.left, q.top, q.width, q.height])(document.querySelector(".stage").getBoundingClientRect())`)
	size := f.Size()
	b.mouse(input.MouseMoved, box[0]+x*box[2]/float64(size.Width), box[1]+y*box[3]/float64(size.Height), false)
}

// tells fails unless the status line holds all the texts.
func (b *tab) tells(when string, texts ...string) {
	b.Helper()
	status := b.status()
	for _, text := range texts {
		if !strings.Contains(status, text) {
			b.Errorf("%s: status %q, want %q", when, status, text)
		}
	}
}

func (b *tab) press(keys ...string) {
	b.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
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

// TestBrowserSignedImages: one pixel is told for all columns of its row, by
// pointer and by keyboard.
func TestBrowserSignedImages(t *testing.T) {
	a, c := waves(2, 28, 1, 0), waves(2, 28, 1, 0)
	a.Row(1)[28*3+5], c.Row(1)[28*3+5] = 0.25, -0.125
	a.Row(0)[0] = float32(nan)
	f, err := SignedImages(SignedImagesData{
		Title: "Maps <b>", Images: somePictures(2), Names: []string{"first", "second"},
		Columns: []SignedColumn{{Name: "one", Values: a}, {Name: "two", Values: c}}, Caption: caption,
	})
	b := openFigure(t, f, err)
	boxes := spotsOf(t, f).Boxes
	if len(boxes) != 6 {
		t.Fatalf("%d parts, want 6", len(boxes))
	}
	at := boxes[4].At // second image, first method
	b.at(f, at[0]+5.5/28*at[2], at[1]+3.5/28*at[3])
	b.tells("pointer", "second · row 3, column 5", "one: +0.25", "two: −0.125")
	b.shot("signed")
	b.do(chromedp.Focus(`[role=application]`))
	b.press(kb.Escape)
	b.tells("Escape", "Point at the figure")
	b.press(kb.ArrowDown)
	b.tells("first key", "first · row 0, column 0", "one: no value")
	b.press(kb.ArrowRight, kb.ArrowDown)
	b.tells("arrows", "first · row 1, column 1")
	b.quiet()
}

// TestBrowserLines: the values of all lines at one x.
func TestBrowserLines(t *testing.T) {
	f, err := Lines(LinesData{
		XLabel: "epoch", YLabel: "loss",
		Series: []Series{
			{Name: "ours", Facet: "layer 1", Y: []float64{4, 2, 1.5}, Low: []float64{3, 1, 1}, High: []float64{5, 3, 2}},
			{Name: "theirs", Facet: "layer 1", X: []float64{1, 3}, Y: []float64{5, 2.5}, Marks: true},
			{Name: "ours", Facet: "layer 2", Y: []float64{7, 6, 5}},
		},
	})
	b := openFigure(t, f, err)
	at := spotsOf(t, f).Boxes[0].At
	b.at(f, at[0]+0.98*at[2], at[1]+at[3]/2)
	b.tells("pointer", "layer 1", "epoch 3", "ours: 1.5 (1 … 2)", "theirs: 2.5")
	b.shot("lines")
	b.do(chromedp.Focus(`[role=application]`))
	b.press(kb.ArrowLeft)
	b.tells("left", "epoch 2", "ours: 2 (1 … 3)")
	b.press(kb.ArrowDown)
	b.tells("down", "layer 2", "epoch 2", "ours: 6")
	b.quiet()
}
