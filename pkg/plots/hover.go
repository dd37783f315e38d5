package plots

import (
	_ "embed"
	"encoding/binary"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	//go:embed hover.js
	hoverJS string
	//go:embed hover.css
	hoverCSS string
)

// hover is the interactive form of a figure whose parts tell their values when
// the pointer or a key of the keyboard reaches them. It says where on c, the
// canvas of the figure's body, its parts lie.
type hover func(c draw.Canvas) hotSpots

// hotSpots are the parts of a figure: boxes or dots.
type hotSpots struct {
	Boxes []hotBox `json:"boxes,omitempty"`
	Dots  *hotDots `json:"dots,omitempty"`
}

// hotBox is a part divided into cells.
type hotBox struct {
	At     [4]float64 `json:"at"`     // left, top, width and height in pixels of the figure
	Row    int        `json:"row"`    // place among the boxes, for the arrow keys
	Column int        `json:"column"` // boxes of one row show the same cell
	Name   string     `json:"name"`
	Group  string     `json:"group,omitempty"` // heads what is told; that of the first box of the row counts

	// Cells, row by row.
	Rows    int       `json:"rows"`
	Columns int       `json:"columns"`
	Stops   []float64 `json:"stops,omitempty"` // middles of uneven columns as shares of the width; nil means even ones

	// What a cell tells: its text if there are any, else its value, else nothing.
	Texts       []string `json:"texts,omitempty"`
	Which       []byte   `json:"which,omitempty"`  // little-endian int32: text of each cell; nil means that it has its own
	Values      []byte   `json:"values,omitempty"` // little-endian float32
	RowNames    []string `json:"rowNames,omitempty"`
	ColumnNames []string `json:"columnNames,omitempty"`
	Places      bool     `json:"places,omitempty"` // cells are pixels: tell row and column
}

// hotDots are points of several series, each in ascending order of X.
type hotDots struct {
	Series []string `json:"series"`
	Rows   []string `json:"rows"` // name of each row; points of a row are ringed together
	Values string   `json:"values"`
	Inputs string   `json:"inputs"`

	// One for each point, little-endian.
	X  []byte `json:"x"`           // float32, pixels of the figure, from the left
	Y  []byte `json:"y"`           // float32, the same, upwards
	Of []byte `json:"of"`          // int32: series
	In []byte `json:"in"`          // int32: row
	V  []byte `json:"v"`           // float32: value
	F  []byte `json:"f,omitempty"` // float32: input, NaN where there is none
}

// hoverPage is the data that hover.js draws.
type hoverPage struct {
	Title   string `json:"title"` // the picture has both already
	Caption string `json:"caption"`
	Label   string `json:"label"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	hotSpots
}

// code implements [widget].
func (hover) code() (js, css string) { return hoverJS, hoverCSS }

// data implements [widget].
func (h hover) data(f *Figure, _ string) (any, error) {
	size := f.Size()
	page := hoverPage{Label: f.text(), Width: size.Width, Height: size.Height}
	f.probe(func(c draw.Canvas) { page.hotSpots = h(c) })
	flip := float64(size.Height) // the page counts from the top
	for i := range page.Boxes {
		page.Boxes[i].At[1] = flip - page.Boxes[i].At[1]
	}
	return page, nil
}

// place is a rectangle of the canvas as hotBox.At, its second number still
// counted upwards.
func place(r vg.Rectangle) [4]float64 {
	in := func(v vg.Length) float64 { return math.Round(100*v.Dots(screenDPI)) / 100 }
	return [4]float64{in(r.Min.X), in(r.Max.Y), in(r.Max.X - r.Min.X), in(r.Max.Y - r.Min.Y)}
}

// panelCanvases returns where each panel of drawPanels has its data.
func panelCanvases(c draw.Canvas, plots []*plot.Plot, columns int) []draw.Canvas {
	aligned := alignPanels(c, plots, columns)
	out := make([]draw.Canvas, len(plots))
	for i, p := range plots {
		out[i] = p.DataCanvas(aligned[i/columns][i%columns])
	}
	return out
}

func float32s[V float32 | float64](values []V) []byte {
	out := make([]byte, 0, 4*len(values))
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
	}
	return out
}

func int32s(values []int) []byte {
	out := make([]byte, 0, 4*len(values))
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, uint32(int32(v)))
	}
	return out
}
