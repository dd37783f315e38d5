package plots

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strings"

	xdraw "golang.org/x/image/draw"

	"github.com/gojacard/jacard/pkg/array"
)

var (
	//go:embed scatter.js
	scatterJS string
	//go:embed scatter.css
	scatterCSS string
)

// ErrStatic says that a figure has no interactive form.
var ErrStatic = errors.New("only a scatter plot has an interactive form; save this figure as .png, .svg or .pdf")

// HTML returns the interactive form of a scatter plot as one fragment that
// loads nothing: the picture for pages that run no scripts, and data, style
// and code that replace it. A fragment may stand on a page several times and
// beside others.
//
// Points are selected with a rectangle, by mouse or keyboard. The fragment
// sends a CustomEvent "jacard-select" whose detail is the selection, and offers
// to copy or save it as JSON:
//
//	{"name": …, "ids": […], "rectangle": [x0, x1, y0, y1], "source": …, "classes": {"0": 63, "1": 3}}
func (f *Figure) HTML() (string, error) { return f.html("") }

// html is HTML with the folder below which Jupyter saves selections.
func (f *Figure) html(folder string) (string, error) {
	if f.scatter == nil {
		return "", fmt.Errorf("plots: figure %q: %w", f.title, ErrStatic)
	}
	w, err := f.widget(folder)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(w) // escapes < and >, so nothing in it can end the script
	if err != nil {
		return "", fmt.Errorf("plots: figure %q: %w", f.title, err)
	}
	var picture bytes.Buffer
	if err := f.PNG(&picture); err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	id := hex.EncodeToString(sum[:8])
	var b strings.Builder
	fmt.Fprintf(&b, "<div class=\"jacard-scatter\" data-plot=%q><img alt=\"%s\" src=\"%s\"></div>\n",
		id, html.EscapeString(f.text()), dataURI(picture.Bytes()))
	fmt.Fprintf(&b, "<style>\n%s</style>\n", scatterCSS)
	// A block of its own: no name of ours meets the page's or RequireJS's.
	fmt.Fprintf(&b, "<script>\n(function () {\n%s\nconst data = %s;\n", scatterJS, data)
	fmt.Fprintf(&b, `for (const root of document.querySelectorAll('[data-plot=%q]:not([data-ready])')) {
  root.dataset.ready = "yes";
  jacardScatter(root, data);
}
})();
</script>
`, id)
	return b.String(), nil
}

// page writes the interactive form as a page of its own, readable in light
// and dark.
func (f *Figure) page(w io.Writer) error {
	fragment, err := f.html("")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<link rel="icon" href="data:,">
</head>
<body>
%s</body>
</html>
`, html.EscapeString(cmp.Or(f.title, "Scatter plot")), fragment)
	return err
}

// widget is the data that scatter.js draws.
type widget struct {
	Name    string     `json:"name"`
	Title   string     `json:"title"`
	Caption string     `json:"caption"`
	Source  string     `json:"source"`
	Folder  string     `json:"folder"`
	Width   int        `json:"width"`
	Height  int        `json:"height"`
	Radius  float64    `json:"radius"`
	XLabel  string     `json:"xlabel"`
	YLabel  string     `json:"ylabel"`
	Range   [4]float64 `json:"range"`
	XTicks  [][2]any   `json:"xticks"`
	YTicks  [][2]any   `json:"yticks"`

	// Little-endian arrays in base64.
	X       []byte `json:"x"`
	Y       []byte `json:"y"`
	IDs     []byte `json:"ids,omitempty"`     // int32; none: 0…n−1
	Classes []byte `json:"classes,omitempty"` // one byte each
	Shades  []byte `json:"shades,omitempty"`  // index into Colours where values colour the points
	Values  []byte `json:"values,omitempty"`  // float32

	Names   []string      `json:"names"`
	Colours []string      `json:"colours"`
	Scale   *widgetScale  `json:"scale,omitempty"`
	Groups  []widgetGroup `json:"groups"`
	Sprite  *widgetSprite `json:"sprite,omitempty"`
}

type widgetScale struct {
	Name string `json:"name"`
	Low  string `json:"low"`
	High string `json:"high"`
}

type widgetGroup struct {
	Name   string `json:"name"`
	Colour string `json:"colour"`
	Points []int  `json:"points"`
}

type widgetSprite struct {
	Src     string `json:"src"`
	Columns int    `json:"columns"`
	Zoom    int    `json:"zoom"` // side of a picture on the page
}

// fileName is what the name of a selection may look like: it becomes part of
// a path.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (f *Figure) widget(folder string) (*widget, error) {
	s := f.scatter
	w := &widget{
		Name: cmp.Or(s.Name, "selection"), Title: s.Title, Caption: f.Caption(), Source: f.caption.Source, Folder: folder,
		Width: f.size.Width, Height: f.size.Height, Radius: 1.5 * s.radius(), XLabel: s.XLabel, YLabel: s.YLabel,
		Range:  [4]float64{s.x0, s.x1, s.y0, s.y1},
		XTicks: labelled(s.x0, s.x1), YTicks: labelled(s.y0, s.y1),
		Names: s.ClassNames, Groups: []widgetGroup{},
	}
	if !fileName.MatchString(w.Name) {
		return nil, fmt.Errorf("plots: selection name %q: a file name needs letters, digits, dots, dashes or underscores", w.Name)
	}
	if w.Names == nil {
		w.Names = []string{}
	}
	counted := true
	for i, id := range s.ids {
		w.X = binary.LittleEndian.AppendUint32(w.X, math.Float32bits(s.Points.At(i, 0)))
		w.Y = binary.LittleEndian.AppendUint32(w.Y, math.Float32bits(s.Points.At(i, 1)))
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
		w.Scale = &widgetScale{s.ValueName, fmt.Sprintf("%.3g", s.domain.Low), fmt.Sprintf("%.3g", s.domain.High)}
	}
	for k, g := range s.Groups {
		points := make([]int, len(g.IDs))
		for i, id := range g.IDs {
			points[i] = s.place[id]
		}
		w.Groups = append(w.Groups, widgetGroup{g.Name, groupColour(k).Hex(), points})
	}
	if s.Images != nil {
		const columns = 128
		src, err := sprite(s.Images, cmp.Or(s.Pixels, 14), columns)
		if err != nil {
			return nil, err
		}
		w.Sprite = &widgetSprite{src, columns, 56}
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
	h, w := imageSides(images)
	out := image.NewPaletted(image.Rect(0, 0, columns*side, (n+columns-1)/columns*side), greys)
	from, to := image.NewGray(image.Rect(0, 0, w, h)), image.NewGray(image.Rect(0, 0, side, side))
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

func dataURI(png []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)
}
