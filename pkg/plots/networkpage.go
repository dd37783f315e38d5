package plots

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

var (
	//go:embed network.js
	networkJS string
	//go:embed network.css
	networkCSS string
)

// code implements [widget].
func (n *diagram) code() (js, css string) { return networkJS, networkCSS }

// networkPage is the data that network.js draws.
type networkPage struct {
	Title   string  `json:"title"`
	Caption string  `json:"caption"`
	Source  string  `json:"source"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Share   float64 `json:"share"`
	Row     int     `json:"row"`

	Layers      []pageLayer      `json:"layers"`
	Connections []pageConnection `json:"connections"`
	Rows        []pageRow        `json:"rows"`
	Colours     [3]string        `json:"colours"` // negative, zero, positive
	Grey        string           `json:"grey"`
	Widest      float64          `json:"widest"` // of an edge, in pixels
	Faint       float64          `json:"faint"`
}

type pageLayer struct {
	Name        string    `json:"name"`
	Units       []string  `json:"units"`
	Dead        []int     `json:"dead"`
	X           float64   `json:"x"`
	Y           []float64 `json:"y"`
	Radius      float64   `json:"radius"`
	Activations []byte    `json:"activations"` // little-endian float32 [rows, units]
}

// pageConnection holds the drawn edges of all rows, one row after the other,
// largest flow first.
type pageConnection struct {
	All    int    `json:"all"`    // edges of the connection, drawn or not
	Counts []int  `json:"counts"` // of the edges drawn, by row
	Index  []byte `json:"index"`  // int32: To · (units before) + From
	Weight []byte `json:"weight"` // float32
	Flow   []byte `json:"flow"`   // float32
	Before []byte `json:"before"` // float32, see [Edge]
}

type pageRow struct {
	ID        int     `json:"id"`
	Name      string  `json:"name"`
	Output    int     `json:"output"`
	Explained string  `json:"explained"`
	Logit     float64 `json:"logit"`
}

// data implements [widget].
func (n *diagram) data(f *Figure, _ string) (any, error) {
	page := &networkPage{
		Title: n.Title, Source: n.Caption.Source, Width: f.size.Width, Height: f.size.Height - 60,
		Share: n.Share, Row: n.Row, Connections: make([]pageConnection, len(n.Weights)),
		Colours: [3]string{negative.Hex(), hairs.Hex(), positive.Hex()}, Grey: NoValue.Hex(),
		Widest: widestEdge * screenDPI / 72, Faint: faint,
	}
	page.Caption = n.Caption.with(fmt.Sprintf("edges as wide as |w·a|; path: the fewest edges of each connection with %.3g %% of what it adds to the predicted logit", 100*n.Share)).String()
	left, right := n.sides()
	const letters = 12 // pixels, as in figure.css
	at := n.layout(float64(page.Width), float64(max(page.Height, 80)), letters*left, letters*right, 2*letters)
	for l, layer := range n.Layers {
		p := pageLayer{Name: layer.Name, Units: []string{}, Dead: []int{}, X: tenth(at.x[l]), Radius: tenth(at.radius[l])}
		for k := range width(layer) {
			p.Units, p.Y = append(p.Units, layer.unit(k)), append(p.Y, tenth(at.y[l][k]))
			if n.dead[l][k] {
				p.Dead = append(p.Dead, k)
			}
		}
		p.Activations = float32s(layer.Activations.Data)
		page.Layers = append(page.Layers, p)
	}
	for row := range n.rows {
		v := n.view(row)
		page.Rows = append(page.Rows, pageRow{n.id(row), n.rowName(row), v.path.Output, v.path.explained(n.Layers[len(n.Layers)-1]), v.path.Logit})
		for l, edges := range v.edges {
			c := &page.Connections[l]
			c.All = len(n.Weights[l].Data)
			c.Counts = append(c.Counts, len(edges))
			// The drawn ones of a wide connection come by |flow|.
			edges = slices.Clone(edges)
			slices.SortStableFunc(edges, byFlow)
			for _, e := range edges {
				c.Index = binary.LittleEndian.AppendUint32(c.Index, uint32(e.To*width(n.Layers[l])+e.From))
				c.Weight = appendFloat(c.Weight, e.Weight)
				c.Flow = appendFloat(c.Flow, e.Flow)
				c.Before = appendFloat(c.Before, e.Before)
			}
		}
	}
	return page, nil
}

func tenth(v float64) float64 { return math.Round(10*v) / 10 }

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
}
