package plots

import (
	"encoding/base64"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestShowKeepsFigures(t *testing.T) {
	t.Setenv(FiguresFolder, "")
	f := small(t)
	if err := Show(f); !errors.Is(err, ErrNotShown) {
		t.Errorf("outside a notebook: %v, want %v", err, ErrNotShown)
	}
	dir := filepath.Join(t.TempDir(), "figures")
	t.Setenv(FiguresFolder, dir)
	g := clouds(t, 20)
	changed := small(t)
	changed.caption.Seed = 43
	if err := Show(f, changed, f); err != nil {
		t.Fatal(err)
	}
	if err := ShowInteractive(g); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, file := range files {
		got = append(got, file.Name())
	}
	want := "01-loss-δ-of-11-layers.png 01-loss-δ-of-11-layers.svg 02-loss-δ-of-11-layers.png 02-loss-δ-of-11-layers.svg " +
		"03-map-of-script-b-attributions-b-more.png 03-map-of-script-b-attributions-b-more.svg"
	if strings.Join(got, " ") != want {
		t.Errorf("kept %q, want %q", got, want)
	}
	if err := ShowInteractive(static(t)); !errors.Is(err, ErrStatic) {
		t.Errorf("a static figure: %v, want %v", err, ErrStatic)
	}
}

func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"":                             "figure",
		"../../etc/passwd":             "etc-passwd",
		"Mean |φ|":                     "mean-φ",
		strings.Repeat("word ", 40):    strings.TrimRight(strings.Repeat("word-", 12), "-"),
		strings.Repeat("ö", 100):       strings.Repeat("ö", 60),
		"  Layer 11: before / after  ": "layer-11-before-after",
	} {
		if got := slug(title); got != want {
			t.Errorf("%q: got %q, want %q", title, got, want)
		}
	}
}

func TestServerFolder(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "notebooks", "deep")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for server, want := range map[string]string{
		"": "", root: "notebooks/deep", dir: ".", filepath.Join(root, "elsewhere"): "",
	} {
		if got := serverFolder(server); got != want {
			t.Errorf("root %q: got %q, want %q", server, got, want)
		}
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(filepath.Join(root, "notebooks"), link); err != nil {
		t.Skip(err)
	}
	if got := serverFolder(link); got != "deep" {
		t.Errorf("through a link: got %q, want deep", got)
	}
}

// TestHTML: nothing in the data can end the script, the same figure gives the
// same bytes, and nothing is loaded from elsewhere.
func TestHTML(t *testing.T) {
	f := clouds(t, 300)
	page, err := f.HTML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.HTML()
	if err != nil || page != again {
		t.Errorf("twice the same figure, the bytes differ (error %v)", err)
	}
	if n := strings.Count(page, "</script>"); n != 1 {
		t.Errorf("%d ends of a script, want 1", n)
	}
	for _, s := range []string{"http://", "https://", "src=\"//", "@import", "<b>"} {
		if at := strings.Index(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), s); at >= 0 {
			t.Errorf("%q in the page: …%.60q…", s, page[max(at-10, 0):])
		}
	}
	if !strings.Contains(page, `alt="Figure: Map of &lt;/script&gt;&lt;b&gt;&#34;attributions`) {
		t.Error("the picture has no text that stands for it")
	}
	scatterOf(f).Name = "../evil"
	if _, err := f.HTML(); err == nil || !strings.Contains(err.Error(), "../evil") {
		t.Errorf("a name that leaves the folder: %v", err)
	}
}

// TestSprite reads pictures back from the sheet.
func TestSprite(t *testing.T) {
	images := somePictures(200)
	src, err := sprite(images, 28, 128)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(strings.TrimPrefix(src, "data:image/png;base64,"))))
	if err != nil {
		t.Fatal(err)
	}
	if d := img.Bounds().Size(); d.X != 128*28 || d.Y != 2*28 {
		t.Fatalf("sheet of %v", d)
	}
	for _, i := range []int{0, 1, 127, 128, 199} {
		for k, v := range images.Row(i) {
			r, _, _, _ := img.At(i%128*28+k%28, i/128*28+k/28).RGBA()
			if d := float64(r)/0xffff - float64(v); d > 1.0/30+0.003 || d < -1.0/30-0.003 { // half a step of 16 greys
				t.Fatalf("picture %d, pixel %d: got %.3f, want %.3f", i, k, float64(r)/0xffff, v)
			}
		}
	}
}
