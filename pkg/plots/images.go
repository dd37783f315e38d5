package plots

import (
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gojacard/jacard/pkg/array"
)

// ImagesData is what [Images] draws.
type ImagesData struct {
	Title   string
	Grids   []ImageGrid // drawn side by side
	Columns int         // pictures in a row of each grid; 0 means as near to a square as fits
	Caption Caption
	Size    Size
}

// ImageGrid is one block of pictures.
type ImageGrid struct {
	Name   string
	Images *array.Array // [n, height, width], [n, height, width, 1] or [n, side²]: grey, 0 black … 1 white
	Labels []string     // one below each picture; nil means none
	Signed *array.Array // values of the same shape laid over the pictures, red positive and blue negative; nil means none
}

// Images draws grey pictures in grids. The domain is always 0…1: values
// outside are drawn as black or white, and no picture is stretched to its own
// range. All overlays share one scale around zero, shown beside them.
func Images(data ImagesData) (*Figure, error) {
	if len(data.Grids) == 0 || data.Columns < 0 {
		return nil, fmt.Errorf("plots: images %q: %d grids in %d columns; give at least one grid and no negative number", data.Title, len(data.Grids), data.Columns)
	}
	if err := data.Size.check(); err != nil {
		return nil, err
	}
	limit, most, labelled, overlaid := 0.0, 0, false, false
	for _, g := range data.Grids {
		if err := g.check(data.Title); err != nil {
			return nil, err
		}
		most = max(most, g.Images.Rows())
		labelled = labelled || g.Labels != nil
		if g.Signed != nil {
			overlaid = true
			for _, v := range g.Signed.Data {
				limit = max(limit, math.Abs(float64(v)))
			}
		}
	}
	if limit == 0 {
		limit = 1 // an overlay of zeros is transparent on any scale
	}
	domain := aroundZero(-limit, limit)
	columns := data.Columns
	if columns == 0 {
		columns = int(math.Ceil(math.Sqrt(float64(most))))
	}
	rows := (most + columns - 1) / columns

	// Grids share the width; pictures are at most 72 pixels wide, with the
	// digits' 28 pixels as the smallest sensible size.
	width := min(800, 24+len(data.Grids)*max(24+columns*72, 180))
	if overlaid {
		width = min(800, width+100) // the colour bar
	}
	cell := min(72, (width-24)/len(data.Grids)/columns)
	label := 0
	if labelled {
		label = 14
	}
	size := data.Size.or(width, 64+rows*(cell+label))
	return &Figure{title: data.Title, caption: data.Caption, size: size, body: func(c draw.Canvas) {
		if overlaid {
			bar := c
			bar.Min.X = c.Max.X - colourBarWidth
			drawColourBar(draw.Crop(bar, 0, 0, margin, -margin), RedTransparentBlue, domain, "")
			c.Max.X -= colourBarWidth + margin
		}
		tiles := draw.Tiles{Rows: 1, Cols: len(data.Grids), PadX: 3 * margin}
		for i, g := range data.Grids {
			g.draw(tiles.At(c, i, 0), columns, rows, labelled, domain)
		}
	}}, nil
}

// draw fills c with the heading and the pictures of g.
func (g ImageGrid) draw(c draw.Canvas, columns, rows int, labelled bool, domain Domain) {
	heading := textStyle(textSize, ink)
	heading.XAlign, heading.YAlign = draw.XCenter, draw.YTop
	c.FillText(heading, vg.Point{X: c.Center().X, Y: c.Max.Y}, g.Name)
	c.Max.Y -= lineHeight(heading) + margin/2

	const gap = 2
	small := textStyle(7, ink)
	small.XAlign, small.YAlign = draw.XCenter, draw.YTop
	below := vg.Length(gap)
	if labelled {
		below += lineHeight(small)
	}
	side := min((c.Max.X-c.Min.X)/vg.Length(columns)-gap, (c.Max.Y-c.Min.Y)/vg.Length(rows)-below)
	left := c.Center().X - vg.Length(columns)*(side+gap)/2
	h, w := imageSides(g.Images)
	// Narrow pictures keep their shape inside the square cell.
	wide, high := side*vg.Length(min(1, float64(w)/float64(h))), side*vg.Length(min(1, float64(h)/float64(w)))
	for i := range g.Images.Rows() {
		x := left + vg.Length(i%columns)*(side+gap)
		y := c.Max.Y - vg.Length(i/columns)*(side+below) - high
		c.DrawImage(vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + wide, Y: y + high}}, g.picture(i, domain))
		if g.Labels != nil {
			c.FillText(small, vg.Point{X: x + wide/2, Y: y - 1}, g.Labels[i])
		}
	}
}

// picture is image i with its overlay.
func (g ImageGrid) picture(i int, domain Domain) image.Image {
	h, w := imageSides(g.Images)
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for k, v := range g.Images.Row(i) {
		grey := float64(min(max(v, 0), 1)) // NaN stays NaN
		colour := Colour{grey, grey, grey, 1}
		if math.IsNaN(grey) {
			colour = NoValue
		}
		if g.Signed != nil {
			over := RedTransparentBlue(domain.Position(float64(g.Signed.Row(i)[k])))
			colour = mix(colour, over.withAlpha(1), over.A)
		}
		img.Set(k%w, k/w, colour)
	}
	return enlarge(img, 6, 6)
}

// imageSides reads height and width off the shape; check has seen it.
func imageSides(a *array.Array) (h, w int) {
	if len(a.Shape) > 2 {
		return a.Shape[1], a.Shape[2]
	}
	side := int(math.Round(math.Sqrt(float64(a.Width()))))
	return side, side
}

// checkImages refuses shapes that are not grey pictures.
func checkImages(what string, a *array.Array) error {
	if a == nil || a.Check() != nil {
		return fmt.Errorf("plots: %s: no images or a broken array", what)
	}
	if len(a.Shape) == 3 || len(a.Shape) == 4 && a.Shape[3] == 1 {
		if a.Width() > 0 {
			return nil
		}
	} else if h, w := imageSides(a); len(a.Shape) == 2 && h*w == a.Width() && h > 0 {
		return nil
	}
	return fmt.Errorf("plots: %s: shape %v is none of [n, height, width], [n, height, width, 1], [n, side²]", what, a.Shape)
}

func (g ImageGrid) check(title string) error {
	what := fmt.Sprintf("images %q, grid %q", title, g.Name)
	if err := checkImages(what, g.Images); err != nil {
		return err
	}
	if g.Images.Rows() == 0 {
		return fmt.Errorf("plots: %s: no images", what)
	}
	if g.Labels != nil && len(g.Labels) != g.Images.Rows() {
		return fmt.Errorf("plots: %s: %d labels for %d images", what, len(g.Labels), g.Images.Rows())
	}
	if g.Signed != nil && (g.Signed.Check() != nil || g.Signed.Rows() != g.Images.Rows() || g.Signed.Width() != g.Images.Width()) {
		return fmt.Errorf("plots: %s: overlay of shape %v for images of shape %v", what, g.Signed.Shape, g.Images.Shape)
	}
	return nil
}
