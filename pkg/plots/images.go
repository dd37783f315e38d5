package plots

import (
	"fmt"
	"image"
	"math"
	"slices"

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
	Images *array.Array // [n, height, width], [n, height, width, 1 or 3], [n, 1 or 3, height, width] or [n, side²]: 0 dark … 1 bright
	Labels []string     // one below each picture; nil means none
	Signed *array.Array // values for the same pictures, summed over channels, laid over them, red positive and blue negative; nil means none

	pictures pictures
	over     *array.Array // [n, height · width], of Signed
}

// Images draws grey and RGB pictures in grids. The domain is always 0…1: values
// outside are drawn as black or white, and no picture is stretched to its own
// range. All overlays share one scale around zero, shown beside them and told in the
// caption.
func Images(data ImagesData) (*Figure, error) {
	if len(data.Grids) == 0 || data.Columns < 0 {
		return nil, fmt.Errorf("plots: images %q: %d grids in %d columns; give at least one grid and no negative number", data.Title, len(data.Grids), data.Columns)
	}
	if err := data.Size.check(); err != nil {
		return nil, err
	}
	limit, most, labelled, overlaid := 0.0, 0, false, false
	grids := slices.Clone(data.Grids)
	for k := range grids {
		g := &grids[k]
		if err := g.check(data.Title); err != nil {
			return nil, err
		}
		most = max(most, g.Images.Rows())
		labelled = labelled || g.Labels != nil
		if g.Signed != nil {
			overlaid = true
			limit = max(limit, largest(g.over.Data))
		}
	}
	if limit == 0 {
		limit = 1 // an overlay of zeros is transparent on any scale
	}
	domain := aroundZero(-limit, limit)
	note := ""
	if overlaid {
		note = fmt.Sprintf("scale ±%.3g", limit)
	}
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
	return &Figure{title: data.Title, caption: data.Caption.with(note), size: size, body: func(c draw.Canvas) {
		if overlaid {
			bar := c
			bar.Min.X = c.Max.X - colourBarWidth
			drawColourBar(draw.Crop(bar, 0, 0, margin, -margin), RedTransparentBlue, domain, "")
			c.Max.X -= colourBarWidth + margin
		}
		tiles := draw.Tiles{Rows: 1, Cols: len(data.Grids), PadX: 3 * margin}
		for i, g := range grids {
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
	h, w := g.pictures.h, g.pictures.w
	// Narrow pictures keep their shape inside the square cell.
	wide, high := side*vg.Length(min(1, float64(w)/float64(h))), side*vg.Length(min(1, float64(h)/float64(w)))
	for i := range g.Images.Rows() {
		x := left + vg.Length(i%columns)*(side+gap)
		y := c.Max.Y - vg.Length(i/columns)*(side+below) - high
		place := vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + wide, Y: y + high}}
		pictureRoom.check(c, place)
		c.DrawImage(place, g.picture(i, domain))
		if g.Labels != nil {
			c.FillText(small, vg.Point{X: x + wide/2, Y: y - 1}, g.Labels[i])
		}
	}
}

// picture is image i with its overlay.
func (g ImageGrid) picture(i int, domain Domain) image.Image {
	if g.over == nil {
		return enlarge(g.pictures.draw(i, nil), 6, 6)
	}
	values := g.over.Row(i)
	return enlarge(g.pictures.draw(i, func(k int) Colour { return RedTransparentBlue(domain.Position(float64(values[k]))) }), 6, 6)
}

func (g *ImageGrid) check(title string) (err error) {
	what := fmt.Sprintf("images %q, grid %q", title, g.Name)
	if g.pictures, err = newPictures(what, g.Images); err != nil {
		return err
	}
	if g.Labels != nil && len(g.Labels) != g.Images.Rows() {
		return fmt.Errorf("plots: %s: %d labels for %d images", what, len(g.Labels), g.Images.Rows())
	}
	if g.Signed != nil {
		g.over, err = g.pictures.perPixel(what+", overlay", g.Signed)
	}
	return err
}

// largest is the largest magnitude that is not NaN, 0 if there is none.
func largest(values []float32) float64 {
	m := 0.0
	for _, v := range values {
		if a := math.Abs(float64(v)); a > m {
			m = a
		}
	}
	return m
}
