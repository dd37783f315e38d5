package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
)

// SignedImagesData is what [SignedImages] draws.
type SignedImagesData struct {
	Title   string
	Images  *array.Array // grey or RGB, as [ImageGrid] takes them; one row of the figure each
	Names   []string     // of the images, at their left; nil means none
	Labels  []string     // below the images; nil means none
	Columns []SignedColumn

	ValueName string  // what a colour means, such as "φ"
	Limit     float64 // the scale reaches from −Limit to Limit; 0 means the largest magnitude, or Share

	// Share sets the scale so that this share of the magnitudes lies on it and
	// the few larger ones are drawn as its end. 0 means 1: all.
	Share float64

	// PerColumn gives each column a scale of its own, written into its heading:
	// for methods that measure different things.
	PerColumn bool

	// Overlay is the opacity of a grey copy of the image under the values,
	// such as 0.15. 0 means none: zero is white.
	Overlay float64

	Caption Caption
	Size    Size
}

// SignedColumn is a column of signed maps, such as those of one method.
type SignedColumn struct {
	Name   string
	Values *array.Array // for the same images, in any of their shapes; summed over channels; NaN is grey
	Labels []string     // below the maps, such as class or gap; nil means none
}

// SignedImages draws images with one or several maps of signed values beside
// each, red positive and blue negative, all on one scale around zero; a scale
// of nothing but zeros reaches from −1 to 1. Pixels are never blended. The
// figure has an interactive form that tells the values of all columns at one
// pixel.
func SignedImages(data SignedImagesData) (*Figure, error) {
	what := fmt.Sprintf("signed images %q", data.Title)
	fail := func(format string, args ...any) (*Figure, error) {
		return nil, fmt.Errorf("plots: "+what+": "+format, args...)
	}
	p, err := newPictures(what, data.Images)
	if err != nil {
		return nil, err
	}
	n := p.Rows()
	switch {
	case len(data.Columns) == 0:
		return fail("no columns of values; give at least one")
	case data.Names != nil && len(data.Names) != n, data.Labels != nil && len(data.Labels) != n:
		return fail("%d names and %d labels for %d images", len(data.Names), len(data.Labels), n)
	case !(data.Limit >= 0) || math.IsInf(data.Limit, 0):
		return fail("limit %g of the scale is not a finite number from 0 on", data.Limit)
	case !(data.Share >= 0 && data.Share <= 1), !(data.Overlay >= 0 && data.Overlay <= 1):
		return fail("share %g or overlay %g is outside 0…1", data.Share, data.Overlay)
	}
	if err := data.Size.check(); err != nil {
		return nil, err
	}

	values := make([]*array.Array, len(data.Columns))
	var all []*array.Array
	for k, column := range data.Columns {
		if values[k], err = p.perPixel(fmt.Sprintf("%s, column %q", what, column.Name), column.Values); err != nil {
			return nil, err
		}
		if column.Labels != nil && len(column.Labels) != n {
			return fail("column %q: %d labels for %d images", column.Name, len(column.Labels), n)
		}
		all = append(all, values[k])
	}
	shared := zeroDomain(data.scale(all...))
	g := mapGrid{rows: data.Names, columns: []string{""}, wide: 1 + len(values), side: 120, domain: shared, barName: data.ValueName}
	domains := make([]Domain, len(values))
	for k, column := range data.Columns {
		domains[k] = shared
		name := column.Name
		if data.PerColumn {
			domains[k] = zeroDomain(data.scale(values[k]))
			name += fmt.Sprintf(" ±%.3g", domains[k].High)
		}
		g.columns = append(g.columns, name)
	}
	note := fmt.Sprintf("scale ±%.3g", shared.High)
	if data.PerColumn {
		g.domain = Domain{-1, 0, 1}
		g.barName = strings.TrimSpace(g.barName + " / scale of its column")
		note = "each column has a scale of its own"
	}
	if data.Share > 0 && data.Share < 1 && data.Limit == 0 {
		note += fmt.Sprintf(" with %.4g %% of the values", 100*data.Share)
	}
	for i := range n {
		image := mapCell{picture: p.draw(i, nil)}
		if data.Labels != nil {
			image.label = data.Labels[i]
		}
		g.cells = append(g.cells, image)
		for k, column := range data.Columns {
			v := values[k].Row(i)
			cell := mapCell{picture: signedPicture(p, i, v, domains[k], data.Overlay), name: column.Name, values: v}
			if column.Labels != nil {
				cell.label = column.Labels[i]
			}
			g.cells = append(g.cells, cell)
		}
	}
	size := g.size()
	return &Figure{
		title: data.Title, caption: data.Caption.with(note), size: data.Size.or(size.Width, size.Height),
		body: g.draw, widget: hover(g.hot),
	}, nil
}

// scale is the largest magnitude that has a colour of its own.
func (data SignedImagesData) scale(values ...*array.Array) float64 {
	if data.Limit > 0 {
		return data.Limit
	}
	var sizes []float64
	for _, a := range values {
		for _, v := range a.Data {
			if v == v {
				sizes = append(sizes, math.Abs(float64(v)))
			}
		}
	}
	if len(sizes) == 0 { // nothing but NaN
		return 0
	}
	slices.Sort(sizes)
	if data.Share == 0 {
		return sizes[len(sizes)-1]
	}
	return sizes[max(int(math.Ceil(data.Share*float64(len(sizes))))-1, 0)]
}
