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

// TestBrowserNetwork chooses rows of a network and asks units and edges.
func TestBrowserNetwork(t *testing.T) {
	data := iris(150)
	f, err := Network(data)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "network.html")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	b := open(t, (&url.URL{Scheme: "file", Path: path}).String())
	b.do(chromedp.Evaluate(`addEventListener("jacard-row", e => { globalThis.last = e.detail; })`, nil))
	b.shot("network-open")

	// status is what the page should say of a row.
	status := func(row int, share float64) string {
		data.Share = share
		p, err := Path(data, row)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, edges := range p.Edges {
			for _, e := range edges {
				if e.Path {
					n++
				}
			}
		}
		return fmt.Sprintf("row %d: %s · logit of %s %s · path of %d edges", row, data.RowNames[row], data.Layers[2].Units[p.Output], number(p.Logit, 'g', 3), n)
	}
	says := func(row int, share float64) {
		t.Helper()
		if got, want := b.status(), status(row, share); got != want {
			t.Errorf("status %q, want %q", got, want)
		}
	}
	says(2, 0.8)
	if k := eval[int](b, `document.querySelectorAll(".edge").length`); k != 4*12+12*3 {
		t.Errorf("%d edges, want 84", k)
	}

	// Rows, by button, list and keyboard.
	b.do(chromedp.Click(`[aria-label="Next row"]`))
	says(3, 0.8)
	if id := eval[int](b, `last.id`); id != 3 {
		t.Errorf("event of row %d, want 3", id)
	}
	choose := func(selector string, value any) {
		b.do(chromedp.Evaluate(fmt.Sprintf(`(e => { e.value = "%v"; e.dispatchEvent(new Event(e.type === "range" ? "input" : "change")); })(document.querySelector(%q))`, value, selector), nil))
	}
	for row := range 20 {
		choose(`[aria-label="Row"]`, row)
		says(row, 0.8)
	}
	b.do(chromedp.Focus(`[role=application]`), chromedp.KeyEvent(kb.PageDown))
	says(20, 0.8)

	// The share of the path, one connection, the path alone.
	choose(`[type=range]`, 50)
	says(20, 0.5)
	choose(`[type=range]`, 100)
	says(20, 1)
	choose(`[type=range]`, 80)
	b.do(chromedp.Click(`[type=checkbox]`))
	data.Share = 0.8
	p, _ := Path(data, 20)
	onPath := 0
	for _, e := range p.Edges[1] {
		if e.Path {
			onPath++
		}
	}
	choose(`[aria-label="Connection"]`, 1)
	if k := eval[int](b, `document.querySelectorAll(".edge").length`); k != onPath {
		t.Errorf("%d edges of the path in connection 1, want %d", k, onPath)
	}
	b.shot("network-path")
	choose(`[aria-label="Connection"]`, -1)
	b.do(chromedp.Click(`[type=checkbox]`))

	// Units, by keyboard: first the predicted output.
	tip := func() string { return eval[string](b, `document.querySelector(".tip").textContent`) }
	b.do(chromedp.Focus(`[role=application]`), chromedp.KeyEvent(kb.ArrowLeft))
	if want := fmt.Sprintf("%s: logit %s\n← relu1", data.Layers[2].Units[p.Output], number(p.Logit, 'g', 3)); !strings.HasPrefix(tip(), want) {
		t.Errorf("words %q, want %q…", tip(), want)
	}
	b.shot("network-keyboard")
	b.do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	if s := tip(); !strings.HasPrefix(s, "sepal ") && !strings.HasPrefix(s, "petal ") || !strings.Contains(s, "\n→ relu1") {
		t.Errorf("words %q, want those of an input", s)
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	if !eval[bool](b, `document.querySelector(".tip").hidden`) {
		t.Error("Escape leaves the words")
	}

	// Units and edges, by mouse.
	strong := p.Edges[1][0]
	place := func(l, k int) (float64, float64) {
		q := eval[[]float64](b, fmt.Sprintf(`(e => { const q = e.getBoundingClientRect(); return [q.left + q.width / 2, q.top + q.height / 2]; })(document.querySelectorAll(".stage .unit")[%d])`, []int{0, 4, 16}[l]+k))
		return q[0], q[1]
	}
	x0, y0 := place(1, 7)
	b.mouse(input.MouseMoved, x0, y0, false)
	if s := tip(); s != "relu1 7: activation 0, zero for all rows\n← petal length  +0" && !strings.HasPrefix(s, "relu1 7: activation 0, zero for all rows") {
		t.Errorf("words %q of the dead unit", s)
	}
	x0, y0 = place(1, strong.From)
	x1, y1 := place(2, strong.To)
	b.mouse(input.MouseMoved, x0+0.7*(x1-x0), y0+0.7*(y1-y0), false)
	want := fmt.Sprintf("relu1 %d → %s\nweight ", strong.From, data.Layers[2].Units[strong.To])
	if s := tip(); !strings.HasPrefix(s, want) || !strings.HasSuffix(s, "on the path") || !strings.Contains(s, fmt.Sprintf("w·a +%.3g", strong.Contribution)) {
		t.Errorf("words %q, want %q… of %+v", s, want, strong)
	}
	b.shot("network-edge")
	b.quiet()
}

// TestBrowserNetworkWide: forty thousand edges come as a few hundred.
func TestBrowserNetworkWide(t *testing.T) {
	f, err := Network(wide())
	if err != nil {
		t.Fatal(err)
	}
	page, err := f.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if len(page) > 700_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	path := filepath.Join(t.TempDir(), "wide.html")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	b := open(t, (&url.URL{Scheme: "file", Path: path}).String())
	if s := b.status(); !strings.HasSuffix(s, "path of 103 edges among the 240 of 43,100 drawn") {
		t.Errorf("status %q", s)
	}
	b.shot("network-wide")
	b.do(chromedp.Click(`[aria-label="Next row"]`))
	b.quiet()
}
