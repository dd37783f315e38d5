package plots

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"regexp"

	xdraw "golang.org/x/image/draw"

	"github.com/gojacard/jacard/pkg/array"
)

var (
	//go:embed scatter.js
	scatterJS string
	//go:embed scatter.css
	scatterCSS string
)

// code implements [widget].
func (s *scatter) code() (js, css string) { return scatterJS, scatterCSS }

// scatterPage is the data that scatter.js draws.
type scatterPage struct {
	Name    string      `json:"name"`
	Title   string      `json:"title"`
	Caption string      `json:"caption"`
	Source  string      `json:"source"`
	Folder  string      `json:"folder"`
	Width   int         `json:"width"`  // of one panel
	Height  int         `json:"height"` // of one panel
	Columns int         `json:"columns"`
	Bare    bool        `json:"bare"` // frames without ticks
	Radius  float64     `json:"radius"`
	XLabel  string      `json:"xlabel"`
	YLabel  string      `json:"ylabel"`
	Panels  []pagePanel `json:"panels"`

	// Little-endian arrays in base64.
	IDs     []byte `json:"ids,omitempty"`     // int32; none: 0…n−1
	Classes []byte `json:"classes,omitempty"` // one byte each
	Shades  []byte `json:"shades,omitempty"`  // index into Colours where values colour the points
	Values  []byte `json:"values,omitempty"`  // float32

	Names   []string    `json:"names"`
	Colours []string    `json:"colours"`
	Scale   *pageScale  `json:"scale,omitempty"`
	Groups  []pageGroup `json:"groups"`
	Sprite  *pageSprite `json:"sprite,omitempty"`
}

type pagePanel struct {
	Name   string     `json:"name"`
	Range  [4]float64 `json:"range"`
	XTicks [][2]any   `json:"xticks"`
	YTicks [][2]any   `json:"yticks"`
	X      []byte     `json:"x"` // little-endian float32
	Y      []byte     `json:"y"`
}

type pageScale struct {
	Name string `json:"name"`
	Low  string `json:"low"`
	High string `json:"high"`
}

type pageGroup struct {
	Name   string `json:"name"`
	Colour string `json:"colour"`
	Points []int  `json:"points"`
}

type pageSprite struct {
	Src     string `json:"src"`
	Columns int    `json:"columns"`
	Zoom    int    `json:"zoom"` // side of a picture on the page
}

// fileName is what the name of a selection may look like: it becomes part of
// a path.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// data implements [widget].
func (s *scatter) data(f *Figure, folder string) (any, error) {
	high := f.size.Height
	if s.Facets != nil {
		high -= 40 // the legend has a place of its own on the page
	}
	w := &scatterPage{
		Name: cmp.Or(s.Name, "selection"), Title: s.Title, Caption: f.Caption(), Source: f.caption.Source, Folder: folder,
		Width: f.size.Width / s.columns, Height: max(high/s.rows(), 80), Columns: s.columns, Bare: s.bare(),
		Radius: 1.5 * s.radius(), XLabel: s.XLabel, YLabel: s.YLabel, Names: s.ClassNames, Groups: []pageGroup{},
	}
	for _, p := range s.panels {
		page := pagePanel{Name: p.Name, Range: [4]float64{p.x0, p.x1, p.y0, p.y1}, XTicks: [][2]any{}, YTicks: [][2]any{}}
		if !s.bare() {
			page.XTicks, page.YTicks = labelled(p.x0, p.x1), labelled(p.y0, p.y1)
		}
		for i := range s.ids {
			page.X = binary.LittleEndian.AppendUint32(page.X, math.Float32bits(p.Points.At(i, 0)))
			page.Y = binary.LittleEndian.AppendUint32(page.Y, math.Float32bits(p.Points.At(i, 1)))
		}
		w.Panels = append(w.Panels, page)
	}
	if !fileName.MatchString(w.Name) {
		return nil, fmt.Errorf("plots: selection name %q: a file name needs letters, digits, dots, dashes or underscores", w.Name)
	}
	if w.Names == nil {
		w.Names = []string{}
	}
	counted := true
	for i, id := range s.ids {
		w.IDs = binary.LittleEndian.AppendUint32(w.IDs, uint32(int32(id)))
		counted = counted && id == i
		if s.Classes != nil {
			w.Classes = append(w.Classes, byte(s.Classes[i]))
		}
	}
	if counted {
		w.IDs = nil
	}
	if s.Values == nil {
		for k := range max(len(s.ClassNames), 1) {
			w.Colours = append(w.Colours, Tab10(k).Hex())
		}
	} else {
		const steps = 255 // the last of 256 colours is for NaN
		for k := range steps {
			w.Colours = append(w.Colours, s.colours(float64(k)/(steps-1)).Hex())
		}
		w.Colours = append(w.Colours, NoValue.Hex())
		for _, v := range s.Values {
			shade := byte(steps)
			if v == v {
				shade = byte(math.Round(s.domain.Position(v) * (steps - 1)))
			}
			w.Shades = append(w.Shades, shade)
			w.Values = binary.LittleEndian.AppendUint32(w.Values, math.Float32bits(float32(v)))
		}
		w.Scale = &pageScale{s.ValueName, number(s.domain.Low, 'g', 3), number(s.domain.High, 'g', 3)}
	}
	for k, g := range s.Groups {
		points := make([]int, len(g.IDs))
		for i, id := range g.IDs {
			points[i] = s.place[id]
		}
		w.Groups = append(w.Groups, pageGroup{g.Name, groupColour(k).Hex(), points})
	}
	if s.Images != nil {
		const columns = 128
		src, err := sprite(s.Images, cmp.Or(s.Pixels, 14), columns)
		if err != nil {
			return nil, err
		}
		w.Sprite = &pageSprite{src, columns, 56}
	}
	return w, nil
}

// labelled is the ticks of an axis as value and label.
func labelled(low, high float64) [][2]any {
	ticks := [][2]any{}
	for _, t := range (roundTicks{n: 7}).Ticks(low, high) {
		ticks = append(ticks, [2]any{t.Value, t.Label})
	}
	return ticks
}

// sprite puts all pictures into one PNG of 16 greys, side × side pixels each,
// row by row. 14,780 digits of 14 × 14 take about half a megabyte.
func sprite(images *array.Array, side, columns int) (string, error) {
	greys := make(color.Palette, 16)
	for i := range greys {
		greys[i] = color.Gray{Y: uint8(i * 17)}
	}
	n := images.Rows()
	p, err := newPictures("pictures of the points", images)
	if err != nil {
		return "", err
	}
	out := image.NewPaletted(image.Rect(0, 0, columns*side, (n+columns-1)/columns*side), greys)
	from, to := image.NewGray(image.Rect(0, 0, p.w, p.h)), image.NewGray(image.Rect(0, 0, side, side))
	for i := range n {
		for k, v := range images.Row(i) {
			from.Pix[k] = uint8(min(max(v, 0), 1)*255 + 0.5)
		}
		xdraw.BiLinear.Scale(to, to.Rect, from, from.Rect, xdraw.Src, nil)
		for k, v := range to.Pix {
			out.SetColorIndex(i%columns*side+k%side, i/columns*side+k/side, uint8((int(v)+8)/17))
		}
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, out); err != nil {
		return "", fmt.Errorf("plots: pictures of the points: %w", err)
	}
	return dataURI(b.Bytes()), nil
}
