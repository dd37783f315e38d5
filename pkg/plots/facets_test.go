package plots

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gojacard/jacard/pkg/array"
)

// layers is n rows of ten classes in four maps, ever better separated.
func layers(n int) ScatterData {
	rng := rand.New(rand.NewPCG(7, 8))
	class, names := make([]int, n), make([]string, 10)
	for k := range names {
		names[k] = fmt.Sprint(k)
	}
	data := ScatterData{
		Title: "Test rows as each layer sees them", Classes: class, ClassNames: names, Images: somePictures(n), Name: "rows",
		Caption: Caption{What: "t-SNE, perplexity 3", Note: "trustworthiness 0.99, 0.98, 0.98, 0.97", N: n, Seed: 42, Source: "0011aabbccddeeff"},
	}
	for l, name := range []string{"pixels", "relu1", "relu3", "logits"} {
		points := array.New(n, 2)
		for i := range n {
			class[i] = i * 7 % 10
			far := 10 * float64(l+1)
			points.Data[2*i] = float32(far*float64(class[i]%4) + 12*rng.NormFloat64())
			points.Data[2*i+1] = float32(far*float64(class[i]/4) + 12*rng.NormFloat64())
		}
		data.Facets = append(data.Facets, Facet{name, points})
	}
	return data
}

func TestGoldenFacets(t *testing.T) {
	f, err := Scatter(layers(600))
	golden(t, "facets", f, err)

	data := layers(300)
	data.Facets, data.Columns, data.XLabel = data.Facets[:3], 2, "x"
	data.Classes, data.ClassNames, data.ValueName, data.Values = nil, nil, "P(digit = 1)", make([]float64, 300)
	for i := range data.Values {
		data.Values[i] = float64(i) / 300
	}
	f, err = Scatter(data)
	golden(t, "facets-values", f, err)
}

func TestFacetsRefused(t *testing.T) {
	for want, spoil := range map[string]func(*ScatterData){
		"points beside 4 facets":                              func(d *ScatterData) { d.Points = d.Facets[0].Points },
		"points beside 0 facets":                              func(d *ScatterData) { d.Facets = []Facet{} },
		`facet "relu3": 9 points, and 20 in the facet before`: func(d *ScatterData) { d.Facets[2].Points = array.New(9, 2) },
		`facet "relu1": points must be an array [n, 2]`:       func(d *ScatterData) { d.Facets[1].Points = nil },
		`facet "logits": point 3 at (NaN, `:                   func(d *ScatterData) { d.Facets[3].Points.Data[6] = float32(nan) },
		"negative Pixels 0, Radius 0 or Columns -1":           func(d *ScatterData) { d.Columns = -1 },
	} {
		data := layers(20)
		spoil(&data)
		if _, err := Scatter(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestBrowserFacets brushes one map and looks at the others.
func TestBrowserFacets(t *testing.T) {
	const n = 1500
	data := layers(n)
	f, err := Scatter(data)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "facets.html")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	b := open(t, (&url.URL{Scheme: "file", Path: path}).String())
	b.do(chromedp.Evaluate(`addEventListener("jacard-select", e => { globalThis.last = e.detail; })`, nil))
	b.shot("facets-open")

	// at is where row i lies in the k-th map of the window.
	at := func(k, i int) (float64, float64) {
		box := eval[[]float64](b, fmt.Sprintf(`(q => [q.left, q.top, q.width, q.height])(document.querySelectorAll(".stage")[%d].getBoundingClientRect())`, k))
		p := scatterOf(f).panels[k]
		x := 4 + (float64(p.Facet.Points.At(i, 0))-p.x0)/(p.x1-p.x0)*(float64(f.size.Width)/4-8)
		high := float64(f.size.Height - 40)
		y := high - 4 - (float64(p.Facet.Points.At(i, 1))-p.y0)/(p.y1-p.y0)*(high-28)
		return box[0] + x*box[2]/(float64(f.size.Width)/4), box[1] + y*box[3]/high
	}
	inks := func(k int) int { // pixels that the layer of selected points has in map k
		return eval[int](b, fmt.Sprintf(`(c => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.filter((v, i) => i %% 4 === 3 && v).length)(document.querySelectorAll(".stage")[%d].querySelectorAll("canvas")[1])`, k))
	}

	// Hover: a ring in each map, at the place of the row, and its picture.
	x, y := at(2, 1377)
	b.mouse(input.MouseMoved, x, y, false)
	if k := eval[int](b, `[...document.querySelectorAll(".ring")].filter(e => !e.hidden).length`); k != 4 {
		t.Errorf("%d rings, want 4", k)
	}
	tips := eval[[]string](b, `[...document.querySelectorAll(".tip")].filter(e => !e.hidden).map(e => e.textContent)`)
	if len(tips) != 1 || !strings.HasPrefix(tips[0], "id ") {
		t.Fatalf("words %q, want those of one row", tips)
	}
	var id int
	fmt.Sscanf(tips[0], "id %d", &id)
	for k := range 4 {
		ring := eval[[]float64](b, fmt.Sprintf(`(q => [q.left, q.top])(document.querySelectorAll(".ring")[%d].getBoundingClientRect())`, k))
		if x, y := at(k, id); x-ring[0] > 1 || ring[0]-x > 1 || y-ring[1] > 1 || ring[1]-y > 1 {
			t.Errorf("map %d: ring at %v, row %d at (%g, %g)", k, ring, id, x, y)
		}
	}
	if p := eval[string](b, `document.querySelectorAll(".tip .digit")[2].style.backgroundPosition`); p != fmt.Sprintf("-%dpx -%dpx", id%128*56, id/128*56) {
		t.Errorf("the picture of row %d is at %q", id, p)
	}
	b.shot("facets-hover")

	// Brush in the last map.
	x0, y0 := at(3, 5)
	before := b.taskTime()
	b.drag(x0-25, y0-25, x0+30, y0+20, 40)
	t.Logf("%d rows in 4 maps: %.1f ms of the page's thread for each mouse event of a brush", n, (b.taskTime()-before)/42*1000)
	got := eval[struct {
		IDs       []int
		Facet     string
		Rectangle []float64
	}](b, `last`)
	var want []int
	for i := range n {
		x, y := float64(data.Facets[3].Points.At(i, 0)), float64(data.Facets[3].Points.At(i, 1))
		if r := got.Rectangle; x >= r[0] && x <= r[1] && y >= r[2] && y <= r[3] {
			want = append(want, i)
		}
	}
	if got.Facet != "logits" || len(want) < 10 || fmt.Sprint(got.IDs) != fmt.Sprint(want) {
		t.Errorf("facet %q: selected %d rows, want the %d of its rectangle", got.Facet, len(got.IDs), len(want))
	}
	for k := range 4 {
		if inks(k) == 0 {
			t.Errorf("nothing lights up in map %d", k)
		}
	}
	if frames := eval[int](b, `[...document.querySelectorAll(".brush")].filter(e => !e.hidden).length`); frames != 1 {
		t.Errorf("%d rectangles, want 1", frames)
	}
	if k := eval[int](b, `[...document.querySelectorAll(".below .digit")].filter(e => !e.hidden).length`); k != 12 {
		t.Errorf("%d pictures of selected rows, want the first 12", k)
	}
	b.shot("facets-brush")

	// The keyboard goes from map to map; the brush follows.
	b.do(chromedp.Focus(`.stage [role=application]`), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	if s := eval[string](b, `last.facet`); s != "relu1" {
		t.Errorf("brushed facet %q, want relu1", s)
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	for k := range 4 {
		if inks(k) != 0 {
			t.Errorf("map %d still shows selected points", k)
		}
	}
	b.quiet()
}
