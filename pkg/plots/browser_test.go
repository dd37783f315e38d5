package plots

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a page of a headless browser that notes what a page must not do.
type tab struct {
	*testing.T
	ctx      context.Context
	mu       sync.Mutex
	requests []string // to anything but the page itself
	errors   []string // messages and exceptions on the console
}

// open shows a page; the test is skipped where there is no browser.
func open(t *testing.T, address string) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser; not in short tests")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no chromium, chromium-browser, google-chrome or chrome found: the interactive figure is not tested")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1000, 900), chromedp.Flag("disable-background-networking", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; u != address && !strings.HasPrefix(u, "data:") {
				b.requests = append(b.requests, e.Request.Method+" "+u)
			}
		case *runtime.EventConsoleAPICalled:
			b.errors = append(b.errors, fmt.Sprint(e.Type, " ", len(e.Args)))
		case *runtime.EventExceptionThrown:
			b.errors = append(b.errors, e.ExceptionDetails.Error())
		}
	})
	b.do(network.Enable(), chromedp.Navigate(address), chromedp.WaitVisible(`[role=application]`))
	return b
}

func (b *tab) do(actions ...chromedp.Action) {
	b.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// eval returns the value of an expression on the page.
func eval[V any](b *tab, expression string) (v V) {
	b.Helper()
	b.do(chromedp.Evaluate(expression, &v))
	return v
}

func (b *tab) status() string {
	b.Helper()
	return eval[string](b, `document.querySelector("[role=status]").textContent`)
}

func (b *tab) click(button string) {
	b.Helper()
	b.do(chromedp.Click(fmt.Sprintf(`//button[text()=%q]`, button)))
}

// shot keeps a picture of the page where JACARD_SHOTS names a folder.
func (b *tab) shot(name string) {
	dir := os.Getenv("JACARD_SHOTS")
	if dir == "" {
		return
	}
	var png []byte
	b.do(chromedp.FullScreenshot(&png, 100))
	if err := writeFile(filepath.Join(dir, name+".png"), png); err != nil {
		b.Fatal(err)
	}
}

// quiet fails if the page has asked for anything or complained.
func (b *tab) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) > 0 || len(b.errors) > 0 {
		b.Errorf("the page sent requests %q and complained %q", b.requests, b.errors)
	}
}

// clouds is a full-size map with awkward names.
func clouds(t *testing.T, n int) *Figure {
	t.Helper()
	points, class := twoClouds(n)
	f, err := Scatter(ScatterData{
		Title: `Map of </script><b>"attributions"</b> & more`, Points: points, Classes: class, ClassNames: []string{"zero", "one"},
		Groups: []Group{{"cluster 0", []int{1, 3, 5, 7, 9, 11}}}, Images: somePictures(n), Name: "cluster7",
		Caption: Caption{What: "t-SNE of φ", N: n, Seed: 42, Source: "0011aabbccddeeff"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func scatterOf(f *Figure) *scatter { return f.widget.(*scatter) }

// onStage turns a place in data into a place on the window.
func (b *tab) onStage(f *Figure, x, y float64) (float64, float64) {
	b.Helper()
	box := eval[[]float64](b, `(q => [q.left, q.top, q.width, q.height])(document.querySelector(".stage").getBoundingClientRect())`)
	s, w, h := scatterOf(f).panels[0], float64(f.size.Width), float64(f.size.Height)
	px := 54 + (x-s.x0)/(s.x1-s.x0)*(w-54-12)
	py := h - 24 - (y-s.y0)/(s.y1-s.y0)*(h-8-24)
	return box[0] + px*box[2]/w, box[1] + py*box[3]/h
}

func (b *tab) mouse(kind input.MouseType, x, y float64, pressed bool) {
	b.Helper()
	e := input.DispatchMouseEvent(kind, x, y)
	if kind != input.MouseMoved {
		e = e.WithButton(input.Left).WithClickCount(1)
	}
	if pressed {
		e = e.WithButton(input.Left).WithButtons(1)
	}
	b.do(e)
}

func (b *tab) drag(x0, y0, x1, y1 float64, steps int) {
	b.Helper()
	b.mouse(input.MousePressed, x0, y0, true)
	for k := 1; k <= steps; k++ {
		at := float64(k) / float64(steps)
		b.mouse(input.MouseMoved, x0+(x1-x0)*at, y0+(y1-y0)*at, true)
	}
	b.mouse(input.MouseReleased, x1, y1, false)
}

// inside lists the ids of the points in a rectangle.
func inside(f *Figure, x0, x1, y0, y1 float64) (ids []int, byClass map[string]int) {
	byClass = map[string]int{}
	s := scatterOf(f)
	for i, id := range s.ids {
		x, y := float64(s.Points.At(i, 0)), float64(s.Points.At(i, 1))
		if x >= x0 && x <= x1 && y >= y0 && y <= y1 {
			ids = append(ids, id)
			byClass[s.ClassNames[s.class(i)]]++
		}
	}
	return ids, byClass
}

// selection is what the page saves.
type selection struct {
	Name      string
	IDs       []int
	Rectangle []float64
	Source    string
	Classes   map[string]int
}

// agree compares a selection with the points inside its own rectangle.
func (s selection) agree(t *testing.T, f *Figure) {
	t.Helper()
	if len(s.Rectangle) != 4 || s.Name != "cluster7" || s.Source != "0011aabbccddeeff" {
		t.Fatalf("selection %+v", s)
	}
	ids, byClass := inside(f, s.Rectangle[0], s.Rectangle[1], s.Rectangle[2], s.Rectangle[3])
	if fmt.Sprint(ids) != fmt.Sprint(s.IDs) || fmt.Sprint(byClass) != fmt.Sprint(s.Classes) {
		t.Errorf("selected %d points %v, want the %d points %v of rectangle %v", len(s.IDs), s.Classes, len(ids), byClass, s.Rectangle)
	}
}

// TestBrowserPage brushes the page as it is opened from a file.
func TestBrowserPage(t *testing.T) {
	const n = 14780
	f := clouds(t, n)
	dir := t.TempDir()
	path := filepath.Join(dir, "map.html")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, (&url.URL{Scheme: "file", Path: path}).String())
	b.shot("open")
	if got := eval[string](b, `document.querySelector(".title").textContent`); got != f.Title() {
		t.Errorf("title %q, want %q", got, f.Title())
	}
	if eval[bool](b, `document.querySelector(".jacard-figure > img") !== null`) {
		t.Error("the picture for pages without scripts is still there")
	}
	b.do(chromedp.Evaluate(`addEventListener("jacard-select", e => { globalThis.last = e.detail; })`, nil))

	// Brush by mouse, and what an event costs.
	x0, y0 := b.onStage(f, -70, 30)
	x1, y1 := b.onStage(f, 75, -40)
	before := b.taskTime()
	b.drag(x0, y0, x1, y1, 60)
	cost := (b.taskTime() - before) / 62 * 1000
	t.Logf("page of %d kB; %d points: %.1f ms of the page's thread for each mouse event of a brush", info.Size()/1000, n, cost)
	got := eval[selection](b, `last`)
	got.agree(t, f)
	if len(got.IDs) < 1000 {
		t.Errorf("only %d points selected", len(got.IDs))
	}
	want := fmt.Sprintf("%s of 14,780 selected: zero %s, one %s", thousands(len(got.IDs)), thousands(got.Classes["zero"]), thousands(got.Classes["one"]))
	if s := b.status(); s != want {
		t.Errorf("status %q, want %q", s, want)
	}
	if dim := eval[string](b, `document.querySelector(".stage canvas").style.opacity`); dim != "0.15" {
		t.Errorf("the points not selected have opacity %q, want 0.15", dim)
	}
	b.shot("brush")

	// A class that is switched off cannot be selected.
	b.do(chromedp.Click(`.legend label:nth-child(2) input`))
	if s := b.status(); strings.Contains(s, "one") || !strings.Contains(s, "zero "+thousands(got.Classes["zero"])) {
		t.Errorf("status %q after hiding class one", s)
	}
	b.shot("hidden")
	b.do(chromedp.Click(`.legend label:nth-child(2) input`))

	// Save the ids.
	b.do(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir))
	b.click("Save ids")
	var saved selection
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		raw, err := os.ReadFile(filepath.Join(dir, "cluster7.json"))
		if err == nil && json.Unmarshal(raw, &saved) == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no cluster7.json arrived: %v, status %q", err, b.status())
		}
	}
	saved.agree(t, f)

	// Copy the ids.
	b.do(chromedp.Evaluate(`navigator.clipboard.writeText = async text => { globalThis.copied = text; }`, nil))
	b.click("Copy ids")
	if s := eval[string](b, `copied`); s != strings.ReplaceAll(strings.Trim(fmt.Sprint(got.IDs), "[]"), " ", ", ") {
		t.Errorf("copied %.60q…", s)
	}

	// Brush by keyboard.
	b.click("Clear")
	b.click("Save ids")
	if s := b.status(); s != "Nothing is selected." {
		t.Errorf("status %q after saving nothing", s)
	}
	b.do(chromedp.Focus(`[role=application]`))
	b.do(chromedp.KeyEvent(kb.ArrowRight)) // the first key makes a brush in the middle
	first := b.status()
	b.do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(input.ModifierShift)))
	b.do(chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(input.ModifierShift)), chromedp.KeyEvent(kb.Enter))
	got = eval[selection](b, `last`)
	got.agree(t, f)
	if b.status() == first || len(got.IDs) == 0 {
		t.Errorf("the keys changed nothing: %q", first)
	}
	b.shot("keyboard")
	b.do(chromedp.KeyEvent(kb.Escape))
	if s := b.status(); s != "Drag a rectangle to select points." {
		t.Errorf("status %q after Escape", s)
	}

	// Hover.
	id := 4321
	hx, hy := b.onStage(f, float64(scatterOf(f).Points.At(id, 0)), float64(scatterOf(f).Points.At(id, 1)))
	b.mouse(input.MouseMoved, hx, hy, false)
	tip := eval[string](b, `document.querySelector(".tip").textContent`)
	if !strings.Contains(tip, "id 4321") || !strings.Contains(tip, "one") {
		t.Errorf("tooltip %q, want id 4321 of class one", tip)
	}
	if p := eval[string](b, `document.querySelector(".digit").style.backgroundPosition`); p != fmt.Sprintf("-%dpx -%dpx", id%128*56, id/128*56) {
		t.Errorf("the picture of point %d is at %q", id, p)
	}
	b.shot("hover")
	b.quiet()
}

// taskTime is the seconds that the page's main thread has been busy.
func (b *tab) taskTime() float64 {
	b.Helper()
	var seconds float64
	b.do(performance.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		metrics, err := performance.GetMetrics().Do(ctx)
		for _, m := range metrics {
			if m.Name == "TaskDuration" {
				seconds = m.Value
			}
		}
		return err
	}))
	return seconds
}

// jupyter is the part of a Jupyter server that the page uses.
type jupyter struct {
	mu    sync.Mutex
	put   []string
	file  selection
	fails bool
}

func (j *jupyter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	var model struct{ Type, Format, Content string }
	if r.Method != http.MethodPut || r.Header.Get("X-XSRFToken") != "2|ab" || r.Header.Get("Authorization") != "token secret" || json.Unmarshal(raw, &model) != nil {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	j.put = append(j.put, model.Type+" "+r.URL.Path)
	if j.fails {
		http.Error(w, "no", http.StatusInternalServerError)
		return
	}
	if model.Type == "file" {
		if err := json.Unmarshal([]byte(model.Content), &j.file); err != nil || model.Format != "text" {
			http.Error(w, "bad content", http.StatusBadRequest)
			return
		}
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, "{}")
}

// TestBrowserNotebook puts several figures on a page like JupyterLab's, next
// to a loader that listens for define(), and saves a selection.
func TestBrowserNotebook(t *testing.T) {
	f := clouds(t, 500)
	g, err := Scatter(ScatterData{
		Title: "Neurons", Points: scatterOf(f).Points, Values: make([]float64, 500), ValueName: "association", Size: Size{400, 300},
	})
	if err != nil {
		t.Fatal(err)
	}
	fragment, err := f.html("notebooks/my study")
	if err != nil {
		t.Fatal(err)
	}
	other, err := g.HTML()
	if err != nil {
		t.Fatal(err)
	}
	j := &jupyter{}
	mux := http.NewServeMux()
	mux.Handle("/base/api/contents/", j)
	mux.HandleFunc("/base/lab", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "_xsrf", Value: "2|ab"})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><body style="background:#111;color:#eee">
<script id="jupyter-config-data" type="application/json">{"baseUrl":"/base/","token":"secret"}</script>
<script>globalThis.define = () => { throw new Error("Mismatched anonymous define()"); }; define.amd = {};</script>
%s%s%s`, fragment, other, fragment) // a cell shown twice: one fragment on two places
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	b := open(t, server.URL+"/base/lab")
	if k := eval[int](b, `document.querySelectorAll("[role=application]").length`); k != 3 {
		t.Fatalf("%d figures are alive, want 3", k)
	}
	b.quiet()
	x0, y0 := b.onStage(f, -70, 30)
	x1, y1 := b.onStage(f, 20, -40)
	b.drag(x0, y0, x1, y1, 5)
	b.click("Save to notebook")
	b.do(chromedp.Poll(`document.querySelector("[role=status]").textContent.startsWith("saved")`, nil))
	b.shot("notebook")
	j.mu.Lock()
	j.file.agree(t, f)
	want := []string{"directory /base/api/contents/notebooks/my study/selections", "file /base/api/contents/notebooks/my study/selections/cluster7.json"}
	if fmt.Sprint(j.put) != fmt.Sprint(want) {
		t.Errorf("saved by %q, want %q", j.put, want)
	}
	if s := fmt.Sprintf("saved selections/cluster7.json (%d points)", len(j.file.IDs)); b.status() != s {
		t.Errorf("status %q, want %q", b.status(), s)
	}
	j.fails = true
	j.mu.Unlock()
	b.click("Save to notebook")
	b.do(chromedp.Poll(`document.querySelector("[role=status]").textContent.startsWith("not saved: Jupyter answers 500")`, nil))
}
