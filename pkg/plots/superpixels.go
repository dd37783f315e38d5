package plots

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gojacard/jacard/pkg/array"
)

// SuperpixelsData is what [Superpixels] draws.
type SuperpixelsData struct {
	Title     string
	Panels    []SuperpixelPanel
	Columns   int     // panels in a row; 0 means at most four
	ValueName string  // what a colour means, such as "weight"
	Limit     float64 // the scale reaches from −Limit to Limit; 0 means the largest magnitude of the figure
	Caption   Caption
	Size      Size
}

// SuperpixelPanel is one image divided into segments.
type SuperpixelPanel struct {
	Name     string       // below the image
	Image    *array.Array // [height, width], [1 or 3, height, width] or [height, width, 1 or 3]: 0 dark … 1 bright
	Segments []int        // label of each pixel, row by row, 0…
	Weights  []float64    // fills the segment of each label; NaN leaves it; nil means outlines only
	Label    string       // behind the name, such as R²
}

// Superpixels draws images with the outlines of their segments, one pixel
// wide, filled by the segments' weights, red positive and blue negative, on
// one scale around zero for all panels. The figure has an interactive form
// that tells label, weight and size of a segment.
func Superpixels(data SuperpixelsData) (*Figure, error) {
	if len(data.Panels) == 0 || data.Columns < 0 || !(data.Limit >= 0) || math.IsInf(data.Limit, 0) {
		return nil, fmt.Errorf("plots: superpixels %q: %d panels in %d columns, limit %g; give at least one panel and nothing negative",
			data.Title, len(data.Panels), data.Columns, data.Limit)
	}
	if err := data.Size.check(); err != nil {
		return nil, err
	}
	limit, weighted := 0.0, false
	panels := make([]pictures, len(data.Panels))
	for i, p := range data.Panels {
		var err error
		if panels[i], err = p.check(data.Title); err != nil {
			return nil, err
		}
		weighted = weighted || p.Weights != nil
		for _, w := range p.Weights {
			if w == w {
				limit = max(limit, math.Abs(w))
			}
		}
	}
	domain := zeroDomain(cmp.Or(data.Limit, limit))
	note := ""
	g := mapGrid{side: 200, wide: cmp.Or(data.Columns, min(len(panels), 4))}
	if weighted {
		g.domain, g.barName = domain, data.ValueName
		note = fmt.Sprintf("scale ±%.3g", domain.High)
	}
	for i, p := range data.Panels {
		label := p.Name
		if p.Label != "" {
			label = strings.TrimPrefix(label+" · "+p.Label, " · ")
		}
		picture := p.picture(panels[i], domain)
		g.cells = append(g.cells, mapCell{
			picture: picture, label: label, edges: &labelMap{p.Segments, picture}, name: p.Name, texts: p.texts(data.ValueName),
		})
	}
	size := g.size()
	return &Figure{
		title: data.Title, caption: data.Caption.with(note), size: data.Size.or(size.Width, size.Height),
		body: g.draw, widget: hover(g.hot),
	}, nil
}

// picture is the image with filled segments.
func (p SuperpixelPanel) picture(img pictures, d Domain) *image.NRGBA {
	const opacity = 0.75 // of the strongest weight: the image stays visible
	var over func(int) Colour
	if p.Weights != nil {
		over = func(k int) Colour {
			c := RedTransparentBlue(d.Position(p.Weights[p.Segments[k]]))
			return c.withAlpha(opacity * c.A)
		}
	}
	return img.draw(0, over)
}

// texts tell about each label.
func (p SuperpixelPanel) texts(valueName string) []string {
	var size []int
	for _, s := range p.Segments {
		for len(size) <= s {
			size = append(size, 0)
		}
		size[s]++
	}
	out := make([]string, len(size))
	for s, n := range size {
		out[s] = fmt.Sprintf("segment %d, %s pixels", s, thousands(n))
		if p.Weights == nil {
			continue
		}
		weight := "–" // none
		if w := p.Weights[s]; w == w {
			weight = signed(w, 'g', 3)
		}
		out[s] += "\n" + cmp.Or(valueName, "weight") + " " + weight
	}
	return out
}

func (p SuperpixelPanel) check(title string) (pictures, error) {
	what := fmt.Sprintf("superpixels %q, panel %q", title, p.Name)
	img, err := onePicture(what, p.Image)
	if err != nil {
		return img, err
	}
	if len(p.Segments) != img.h*img.w {
		return img, fmt.Errorf("plots: %s: labels of %d pixels for an image of %d × %d", what, len(p.Segments), img.h, img.w)
	}
	for k, s := range p.Segments {
		if s < 0 || s >= len(p.Segments) || p.Weights != nil && s >= len(p.Weights) {
			return img, fmt.Errorf("plots: %s: pixel %d has label %d; labels count from 0 and there are %d pixels and %d weights", what, k, s, len(p.Segments), len(p.Weights))
		}
	}
	for s, w := range p.Weights {
		if math.IsInf(w, 0) {
			return img, fmt.Errorf("plots: %s: weight %d is %g; leave out what cannot be drawn", what, s, w)
		}
	}
	return img, nil
}

// labelMap is a division of a picture into segments.
type labelMap struct {
	of      []int // label of each pixel, row by row
	picture *image.NRGBA
}

// outline draws the borders between segments, and around all, as bars one
// pixel of a screen wide, on whole pixels where r lies on whole pixels. They
// are light on the dark parts of the picture and dark on the light ones.
func (m labelMap) outline(c draw.Canvas, r vg.Rectangle) {
	w, h := m.picture.Rect.Dx(), m.picture.Rect.Dy()
	dx, dy, dot := (r.Max.X-r.Min.X)/vg.Length(w), (r.Max.Y-r.Min.Y)/vg.Length(h), pixels(1)
	for _, light := range []bool{false, true} {
		colour := ink
		if light {
			colour = paper
		}
		c.SetColor(colour)
		fill := func(x0, y0, x1, y1 vg.Length) {
			c.Fill(vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}.Path())
		}
		// Neighbouring pieces of a border are one bar: fewer shapes, no seams.
		for x := 0; x <= w; x++ {
			at := min(r.Min.X+vg.Length(x)*dx, r.Max.X-dot)
			runs(h, func(y int) bool { return m.border(x-1, y, x, y, light) }, func(from, to int) {
				fill(at, r.Max.Y-vg.Length(to)*dy, at+dot, r.Max.Y-vg.Length(from)*dy)
			})
		}
		for y := 0; y <= h; y++ {
			at := max(r.Max.Y-vg.Length(y)*dy, r.Min.Y+dot)
			runs(w, func(x int) bool { return m.border(x, y-1, x, y, light) }, func(from, to int) {
				fill(r.Min.X+vg.Length(from)*dx, at-dot, r.Min.X+vg.Length(to)*dx, at)
			})
		}
	}
}

// border tells whether a border of the given kind divides two neighbouring
// pixels, of which one may lie outside the picture.
func (m labelMap) border(x0, y0, x1, y1 int, light bool) bool {
	a, b := image.Pt(x0, y0), image.Pt(x1, y1)
	if !a.In(m.picture.Rect) {
		a = b
	} else if !b.In(m.picture.Rect) {
		b = a
	} else if w := m.picture.Rect.Dx(); m.of[a.Y*w+a.X] == m.of[b.Y*w+b.X] {
		return false
	}
	brightness := func(p image.Point) int {
		return int(color.GrayModel.Convert(m.picture.At(p.X, p.Y)).(color.Gray).Y)
	}
	return light == (brightness(a)+brightness(b) < 256)
}

// runs calls found with each longest run of 0…n−1 for which is holds.
func runs(n int, is func(int) bool, found func(from, to int)) {
	for from := 0; from < n; from++ {
		to := from
		for to < n && is(to) {
			to++
		}
		if to > from {
			found(from, to)
			from = to
		}
	}
}
