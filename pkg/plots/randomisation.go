package plots

import (
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot/vg/draw"

	"github.com/gojacard/jacard/pkg/array"
)

// RandomisationData is what [Randomisation] draws.
type RandomisationData struct {
	Title   string
	Methods []string
	Stages  []string         // "trained", then what was drawn anew
	Values  [][]*array.Array // [method][stage]: [rows, …] in the shapes of [ImageGrid]'s images; summed over channels
	Row     int              // the row that is drawn
	Image   *array.Array     // the rows as images, as [ImageGrid] takes them, beside the maps; nil means none

	// Similarity of the maps with those of the first stage, [method][stage],
	// written below them and drawn against the stages. NaN (nothing to
	// compare) is left out. nil means none.
	Similarity [][]float64
	Measure    string // what the similarity is, such as "rank correlation"

	// PerMap gives every map a scale of its own. The default is one for each
	// method: methods measure different things.
	PerMap bool

	ValueName string // what a colour means, such as "φ"
	Caption   Caption
	Size      Size
}

// Randomisation draws the check of Adebayo et al., 2018: a row of signed maps
// for each method, the first of the trained network, each further one after
// more of its layers have lost what they had learned, and below the similarity
// with the first against the stages. Maps that stay as they are do not depend
// on what the network has learned. The figure has an interactive form that
// tells the values.
func Randomisation(data RandomisationData) (*Figure, error) {
	grid, err := data.grid()
	if err != nil {
		return nil, err
	}
	note := "each method has a scale of its own"
	if data.PerMap {
		note = "each map has a scale of its own"
	}
	size := grid.size()
	f := &Figure{title: data.Title, caption: data.Caption.with(note), size: data.Size.or(size.Width, size.Height), body: grid.draw, widget: hover(grid.hot)}
	if data.Similarity == nil {
		return f, nil
	}
	chart, err := data.chart()
	if err != nil || chart == nil {
		return f, err
	}
	const chartHeight = 250
	f.size = data.Size.or(size.Width, size.Height+chartHeight)
	split := func(c draw.Canvas) (above, below draw.Canvas) {
		at := min(pixels(chartHeight), (c.Max.Y-c.Min.Y)/2)
		return draw.Crop(c, 0, 0, at, 0), draw.Crop(c, 0, 0, 0, at-(c.Max.Y-c.Min.Y))
	}
	f.body = func(c draw.Canvas) {
		above, below := split(c)
		grid.draw(above)
		chart.body(below)
	}
	f.widget = hover(func(c draw.Canvas) hotSpots {
		above, below := split(c)
		spots := grid.hot(above)
		for _, box := range chart.widget.(hover)(below).Boxes {
			box.Row += len(data.Methods)
			spots.Boxes = append(spots.Boxes, box)
		}
		return spots
	})
	return f, nil
}

// grid checks everything but the size and lays out the maps.
func (data RandomisationData) grid() (mapGrid, error) {
	fail := func(format string, args ...any) (mapGrid, error) {
		return mapGrid{}, fmt.Errorf("plots: randomisation %q: "+format, append([]any{data.Title}, args...)...)
	}
	methods, stages := len(data.Methods), len(data.Stages)
	if methods == 0 || stages == 0 || len(data.Values) != methods {
		return fail("values of %d methods for %d methods and %d stages; give at least one of each", len(data.Values), methods, stages)
	}
	if data.Similarity != nil && len(data.Similarity) != methods {
		return fail("similarities of %d methods for %d", len(data.Similarity), methods)
	}
	if err := data.Size.check(); err != nil {
		return mapGrid{}, err
	}
	g := mapGrid{rows: data.Methods, wide: stages, side: 110, domain: Domain{-1, 0, 1}, barName: data.ValueName + " / scale of the method"}
	if data.PerMap {
		g.barName = data.ValueName + " / scale of the map"
	}
	var beside *image.NRGBA
	if data.Image != nil {
		p, err := newPictures(fmt.Sprintf("randomisation %q", data.Title), data.Image)
		if err != nil {
			return g, err
		}
		if data.Row < 0 || data.Row >= p.Rows() {
			return fail("row %d of %d images", data.Row, p.Rows())
		}
		beside = p.draw(data.Row, nil)
		g.wide, g.columns = stages+1, []string{"input"}
	}
	for s, name := range data.Stages {
		g.columns = append(g.columns, fmt.Sprintf("%d %s", s, name))
	}
	for m, name := range data.Methods {
		if len(data.Values[m]) != stages || data.Similarity != nil && len(data.Similarity[m]) != stages {
			return fail("method %q: values of %d stages for %d", name, len(data.Values[m]), stages)
		}
		if beside != nil {
			g.cells = append(g.cells, mapCell{picture: beside})
		}
		maps := make([]pictures, stages)
		limit := 0.0
		for s, a := range data.Values[m] {
			what := fmt.Sprintf("randomisation %q, method %q, stage %q", data.Title, name, data.Stages[s])
			p, err := newPictures(what, a)
			if err != nil {
				return g, err
			}
			if data.Row < 0 || data.Row >= p.Rows() {
				return fail("method %q, stage %q: row %d of %d", name, data.Stages[s], data.Row, p.Rows())
			}
			if p.Array, err = p.perPixel(what, a); err != nil {
				return g, err
			}
			maps[s] = p
			limit = max(limit, largest(p.Row(data.Row)))
		}
		for s, p := range maps {
			values := p.Row(data.Row)
			domain := zeroDomain(limit)
			if data.PerMap {
				domain = zeroDomain(largest(values))
			}
			cell := mapCell{picture: signedPicture(p, data.Row, values, domain, 0), name: data.Stages[s], values: values}
			if data.Similarity != nil {
				cell.label = similarityText(data.Similarity[m][s])
			}
			g.cells = append(g.cells, cell)
		}
	}
	return g, nil
}

// chart is the similarity against the stages, nil if there is nothing to draw.
func (data RandomisationData) chart() (*Figure, error) {
	lines := LinesData{XLabel: "stage", YLabel: data.Measure}
	for m, name := range data.Methods {
		s := Series{Name: name}
		for k, v := range data.Similarity[m] {
			if !math.IsNaN(v) {
				s.X, s.Y = append(s.X, float64(k)), append(s.Y, v)
			}
		}
		if s.Y != nil {
			lines.Series = append(lines.Series, s)
		}
	}
	if lines.Series == nil {
		return nil, nil
	}
	lines.Levels = []Mark{{"nothing in common", 0}}
	f, err := Lines(lines)
	if err != nil {
		return nil, fmt.Errorf("plots: randomisation %q: %w", data.Title, err)
	}
	return f, nil
}

func similarityText(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return number(v, 'f', 2)
}
