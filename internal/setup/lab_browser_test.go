package setup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gojacard/jacard/pkg/project"
)

// TestLabInBrowser does what a reader does: opens a notebook in JupyterLab,
// runs a cell, draws a rectangle on its map, saves the selection and runs the
// cell that reads it.
func TestLabInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts JupyterLab and a browser; not in short tests")
	}
	chromium := findBrowser(t)
	s := scratchLab(t)
	ctx, cancel := context.WithTimeout(t.Context(), 170*time.Second)
	defer cancel()
	address, stop := startLab(t, ctx, s, "my study/brush.ipynb")
	b := openLab(t, ctx, s, chromium, address)

	b.runCell(0)
	b.wait("the map", `document.querySelector(".jp-CodeCell [role=application]") !== null`)
	b.brush()
	b.do(chromedp.Click(`//button[text()="Save to notebook"]`))
	b.wait("the selection to be saved", `document.querySelector(".jp-CodeCell [role=status]").textContent.startsWith("saved ")`)
	b.shot("saved")

	got, err := project.ReadSelection(s.Project.Path("notebooks", "my study", "selections", "rim.json"), 500)
	if err != nil {
		t.Fatal(err)
	}
	want := gridPoints(got.Rectangle)
	if got.Name != "rim" || !slices.Equal(got.IDs, want) || len(want) < 50 || len(want) > 450 {
		t.Errorf("saved %+v, want the ids %v of its rectangle, some and not all", got, want)
	}
	if text, want := b.eval(`document.querySelector(".jp-CodeCell [role=status]").textContent`), fmt.Sprintf("saved selections/rim.json (%d points)", len(want)); text != want {
		t.Errorf("the map says %q, want %q", text, want)
	}

	b.runCell(1)
	b.shot("read")
	text := b.eval(`document.querySelectorAll(".jp-CodeCell")[1].querySelector(".jp-OutputArea").innerText`)
	if want := fmt.Sprint(got.Name, " ", got.IDs); strings.TrimSpace(text) != want {
		t.Errorf("the next cell wrote %q, want %q", text, want)
	}
	b.quiet()
	b.close()
	stop()
	noProcesses(t, s.Project.Root)
}

// gridPoints are the points of brush.ipynb inside [x0, x1, y0, y1].
func gridPoints(r []float64) (ids []int) {
	for id := range 500 {
		if x, y := float64(id%25), float64(id/25); len(r) == 4 && r[0] <= x && x <= r[1] && r[2] <= y && y <= r[3] {
			ids = append(ids, id)
		}
	}
	return ids
}

func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium, chromium-browser, google-chrome or chrome found: JupyterLab is not tested")
	return ""
}

// scratchLab borrows this checkout's JupyterLab and kernels, which come with
// it, for a folder of notebooks of its own: the reader's notebooks,
// selections and window layout stay as they are.
func scratchLab(t *testing.T) *Setup {
	t.Helper()
	here := New(repo(t), nil)
	if !here.venvReady() {
		t.Skip("no JupyterLab: run `go run ./cmd/jacard setup --lab` first")
	}
	if _, err := os.Stat(here.Project.Private("bin", "gonb")); err != nil {
		t.Skip("no gonb: run `go run ./cmd/jacard setup --lab` first")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := New(Project{Root: root}, nil)
	raw, err := os.ReadFile("testdata/brush.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.Project.Path("notebooks", "my study", "brush.ipynb"), string(raw))
	write(t, s.Project.Path("tmp", "README"), "for all that forgets to clean up")
	t.Setenv("TMPDIR", s.Project.Path("tmp"))
	if err := os.Mkdir(s.Project.Private(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(here.Project.Private("venv"), s.Project.Private("venv")); err != nil {
		t.Fatal(err)
	}
	return s
}

// startLab returns once the server answers.
func startLab(t *testing.T, ctx context.Context, s *Setup, notebook string) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	started, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- s.Lab(ctx, LabConfig{Notebook: notebook, NoBrowser: true, Started: func(a string) { started <- a }})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	select {
	case address = <-started:
	case err := <-ended:
		ended <- nil // for stop
		t.Fatalf("JupyterLab did not start: %v", err)
	}
	return address, stop
}

// labTab is JupyterLab in a headless browser.
type labTab struct {
	*testing.T
	ctx    context.Context
	log    string
	close  func()
	mu     sync.Mutex
	errors []string // on the console
}

func openLab(t *testing.T, ctx context.Context, s *Setup, chromium, address string) *labTab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1280, 1000), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	b := &labTab{T: t, ctx: ctx, log: s.Project.Private("jupyter", "lab.log"), close: func() { closeTab(); cancel() }}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError {
				var words []string
				for _, a := range e.Args {
					words = append(words, string(a.Value)+a.Description)
				}
				b.errors = append(b.errors, strings.Join(words, " "))
			}
		case *runtime.EventExceptionThrown:
			b.errors = append(b.errors, e.ExceptionDetails.Error())
		}
	})
	b.do(chromedp.Navigate(address))
	return b
}

func (b *labTab) do(actions ...chromedp.Action) {
	b.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// wait polls the page; if in vain it tells what the page shows.
func (b *labTab) wait(what, expression string) {
	b.Helper()
	const patience = 80 * time.Second // the first cell may compile on a busy machine
	err := chromedp.Run(b.ctx, chromedp.Poll(expression, nil, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err == nil {
		return
	}
	b.shot("failed")
	log, _ := os.ReadFile(b.log)
	page := b.eval("document.body.innerText") // before the lock, which the page's events need
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Fatalf("waited for %s: %v; the page shows\n%s\nits console says\n%s\nand the server's log ends\n%s",
		what, err, page, strings.Join(b.errors, "\n"), log[max(0, len(log)-2000):])
}

// eval returns a text of the page.
func (b *labTab) eval(expression string) (text string) {
	b.Helper()
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(expression, &text)); err != nil {
		b.Error(err)
	}
	return text
}

// runCell clicks into the k-th cell and presses Shift+Enter until JupyterLab
// takes it: before the kernel is there it ignores the keys, and GoNB tells no
// state before its first cell.
func (b *labTab) runCell(k int) {
	b.Helper()
	cell := fmt.Sprintf(`document.querySelectorAll(".jp-CodeCell")[%d]`, k)
	b.wait("the cell", cell+`?.querySelector(".cm-content") != null`)
	taken := cell + `.querySelector(".jp-InputPrompt").textContent !== "[ ]:"`
	for range 20 {
		x, y, w, h := b.box(cell + `.querySelector(".cm-content")`)
		b.do(chromedp.MouseClickXY(x+w/2, y+h/2), chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(input.ModifierShift)))
		if chromedp.Run(b.ctx, chromedp.Poll(taken, nil, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(3*time.Second))) == nil {
			break
		}
	}
	b.wait("the cell to end", `/^\[\d+\]:$/.test(`+cell+`.querySelector(".jp-InputPrompt").textContent)`)
}

// box scrolls an element into view and returns where it is.
func (b *labTab) box(element string) (x, y, w, h float64) {
	b.Helper()
	var q []float64
	b.do(chromedp.Evaluate(`(e => {
		e.scrollIntoView({block: "center"});
		const q = e.getBoundingClientRect();
		return [q.left, q.top, q.width, q.height];
	})(`+element+`)`, &q))
	return q[0], q[1], q[2], q[3]
}

// brush drags the mouse from one quarter of the map to three quarters.
func (b *labTab) brush() {
	b.Helper()
	left, top, w, h := b.box(`document.querySelector(".jp-CodeCell [role=application]")`)
	event := func(kind input.MouseType, part float64) chromedp.Action {
		return input.DispatchMouseEvent(kind, left+part*w, top+part*h).WithButton(input.Left).WithButtons(1).WithClickCount(1)
	}
	b.do(event(input.MousePressed, 0.25), event(input.MouseMoved, 0.5), event(input.MouseMoved, 0.75), event(input.MouseReleased, 0.75))
}

// shot keeps a picture of the window where JACARD_SHOTS names a folder.
func (b *labTab) shot(name string) {
	dir := os.Getenv("JACARD_SHOTS")
	if dir == "" {
		return
	}
	var png []byte
	if err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		b.Error(err)
		return
	}
	write(b.T, filepath.Join(dir, "lab-"+name+".png"), string(png))
}

func (b *labTab) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.errors) > 0 {
		b.Errorf("the console shows\n%s", strings.Join(b.errors, "\n"))
	}
}

// noProcesses waits until nothing runs that got root in its environment.
func noProcesses(t *testing.T, root string) {
	t.Helper()
	var left []string
	for range 100 {
		left = nil
		files, _ := filepath.Glob("/proc/[0-9]*/environ") // none but on Linux
		for _, file := range files {
			env, err := os.ReadFile(file)
			if err == nil && strings.Contains(string(env), root) && filepath.Dir(file) != fmt.Sprintf("/proc/%d", os.Getpid()) {
				words, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
				left = append(left, strings.ReplaceAll(string(words), "\x00", " "))
			}
		}
		if left == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("still running:\n%s", strings.Join(left, "\n"))
}
