// Package plots turns plain data into figures. It knows no study: callers hand
// it numbers, names and a caption.
//
// A figure function ([Lines], [Bars], [Images], [Confusion], [Scatter],
// [HeatMap], [Histogram], [Network]; for attributions [SignedImages],
// [Superpixels], [Waterfall], [Beeswarm], [Perturbation], [Agreement],
// [Randomisation]) checks its data and returns a [Figure]; it neither writes
// nor shows anything. What happens to the figure is a second call:
// [Figure.Save] writes a file, [Show] displays it in a notebook and
// [ShowInteractive] displays a scatter plot that can be brushed, a network
// whose rows can be chosen, or a figure that tells its values.
//
// The figures of one call share their scale, signed values are drawn around
// zero, and colour never stands alone: a shape, a dash or a label says the
// same. The same data give the same bytes.
package plots

import (
	"bytes"
	"cmp"
	"fmt"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/gojacard/jacard/pkg/artifact"
)

// Size is the size of a figure without its caption, in pixels of a screen at
// 96 per inch. A field that is 0 takes the default of the figure, at most
// 800 pixels wide.
type Size struct{ Width, Height int }

// or fills what s leaves open.
func (s Size) or(width, height int) Size {
	return Size{cmp.Or(s.Width, width), cmp.Or(s.Height, height)}
}

func (s Size) check() error {
	if s.Width < 0 || s.Height < 0 || s.Width > largestSide || s.Height > largestSide {
		return fmt.Errorf("plots: size %d × %d pixels is outside 0…%d", s.Width, s.Height, largestSide)
	}
	return nil
}

// largestSide bounds the memory of a picture: 10,000 × 10,000 pixels are 400 MB.
const largestSide = 10000

// Figure is a picture that knows how to draw itself at its size.
type Figure struct {
	title   string
	caption Caption
	size    Size
	body    func(draw.Canvas)
	widget  widget // what the interactive form is made of; nil for static figures
}

// Title returns the heading of the figure.
func (f *Figure) Title() string { return f.title }

// Caption returns the line below the figure.
func (f *Figure) Caption() string { return f.caption.String() }

// Size returns the size of the whole figure, caption included, in pixels.
func (f *Figure) Size() Size {
	w, h := f.extent()
	return Size{int(w.Dots(screenDPI) + 0.5), int(h.Dots(screenDPI) + 0.5)}
}

// screenDPI makes one pixel of a PNG one pixel of the page.
const screenDPI = 96

func pixels(n int) vg.Length { return vg.Length(n) * vg.Inch / screenDPI }

// extent is the size of the whole figure, a whole number of pixels.
func (f *Figure) extent() (w, h vg.Length) {
	w, h = pixels(f.size.Width), pixels(f.size.Height)
	if lines := f.captionLines(w); len(lines) > 0 {
		h += pixels(int(captionHeight(lines).Dots(screenDPI)) + 1)
	}
	return w, h
}

func (f *Figure) captionLines(width vg.Length) []string {
	return wrap(captionStyle(), f.Caption(), width-2*margin)
}

func captionHeight(lines []string) vg.Length {
	return vg.Length(len(lines))*lineHeight(captionStyle()) + margin
}

// draw fills c, which has the figure's extent.
func (f *Figure) draw(c draw.Canvas) {
	c.SetColor(paper)
	c.Fill(c.Rectangle.Path())
	if lines := f.captionLines(c.Max.X - c.Min.X); len(lines) > 0 {
		h := captionHeight(lines)
		y := c.Min.Y + h
		for _, line := range lines {
			c.FillText(captionStyle(), vg.Point{X: c.Min.X + margin, Y: y}, line)
			y -= lineHeight(captionStyle())
		}
		c = draw.Crop(c, 0, 0, h, 0)
	}
	f.drawPicture(c)
}

// drawPicture draws heading and body, without the caption.
func (f *Figure) drawPicture(c draw.Canvas) {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	style := titleStyle()
	for _, line := range wrap(style, f.title, c.Max.X-c.Min.X) {
		c.FillText(style, vg.Point{X: c.Center().X, Y: c.Max.Y}, line)
		c.Max.Y -= lineHeight(style)
	}
	if f.title != "" {
		c.Max.Y -= margin / 2
	}
	f.body(c)
}

// PNG writes the figure as a picture of [Figure.Size]. A figure so small that
// its labels leave no room for the drawing is an error that says which size
// would do; so it is in the other formats.
func (f *Figure) PNG(w io.Writer) error {
	width, height := f.extent()
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(screenDPI))
	if err := f.drawOn(outlined{c}); err != nil {
		return err
	}
	return png.Encode(w, c.Image())
}

// SVG writes the figure as vectors. Its text stays text, in Liberation Sans
// or what the reader has of the same widths (Arial, Helvetica).
func (f *Figure) SVG(w io.Writer) error {
	c := vgsvg.New(f.extent())
	if err := f.drawOn(c); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	// Pixels fill the place they were given, as in the other formats; SVG would
	// keep a picture's own shape and blend its pixels.
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte("<image "), []byte(`<image preserveAspectRatio="none" image-rendering="pixelated" `)))
	return err
}

// Save writes the figure to a file, whole or not at all. The ending chooses
// the format: .png, .svg, .pdf, or .html for the interactive form, if the
// figure has one, as one page without anything outside it. Missing folders are
// made.
func (f *Figure) Save(path string) error {
	write := map[string]func(io.Writer) error{
		".png": f.PNG, ".svg": f.SVG, ".pdf": f.PDF, ".html": f.page,
	}[strings.ToLower(filepath.Ext(path))]
	if write == nil {
		return fmt.Errorf("plots: %q: the name must end in .png, .svg, .pdf or .html", path)
	}
	return artifact.WriteFile(path, write)
}

// writeFile writes bytes that are made already, whole or not at all.
func writeFile(path string, content []byte) error {
	return artifact.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
