package plots

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"github.com/gojacard/jacard/pkg/array"
)

// kinds makes a figure of every kind with labels as users write them.
var kinds = map[string]func(Size) (*Figure, error){
	"waterfall": func(s Size) (*Figure, error) {
		return Waterfall(WaterfallData{Title: "Row", Values: []float64{1, -2}, Names: []string{"the sum of others", "b"}, Size: s})
	},
	"waterfall, one step": func(s Size) (*Figure, error) {
		return Waterfall(WaterfallData{Values: []float64{1}, Names: []string{"the sum of others"}, Size: s})
	},
	"bars": func(s Size) (*Figure, error) {
		return Bars(BarsData{Groups: []BarGroup{{Name: "class 0", Names: []string{"the sum of 4 others", "b"}, Values: []float64{1, -1}}}, Caption: caption, Size: s})
	},
	"beeswarm": func(s Size) (*Figure, error) {
		d := beeswarmData(20)
		d.Size = s
		return Beeswarm(d)
	},
	"lines": func(s Size) (*Figure, error) {
		return Lines(LinesData{Title: "Loss", XLabel: "epoch", YLabel: "loss", Series: []Series{{Name: "this run", Y: []float64{3000, 2, 1}}, {Name: "published", Y: []float64{2}, Marks: true}}, Size: s})
	},
	"histogram": func(s Size) (*Figure, error) {
		return Histogram(HistogramData{XLabel: "activation", Samples: []Sample{{"a", "one", []float64{1, 2}}, {"b", "two", []float64{1}}}, Size: s})
	},
	"confusion": func(s Size) (*Figure, error) {
		return Confusion(ConfusionData{Classes: []string{"malignant", "benign"}, Matrices: []ConfusionMatrix{{"before", [][]int{{5, 1}, {0, 4}}}, {"after", [][]int{{6, 0}, {0, 4}}}}, Size: s})
	},
	"heat map": func(s Size) (*Figure, error) {
		return HeatMap(HeatMapData{Values: &array.Array{Shape: []int{6, 6}, Data: waves(1, 6, 1, 0).Data}, ValueName: "similarity", Rows: HeatAxis{Label: "neuron"}, Size: s})
	},
	"scatter": func(s Size) (*Figure, error) {
		points, _ := twoClouds(20)
		return Scatter(ScatterData{Title: "Map", XLabel: "x", Points: points, Values: make([]float64, 20), ValueName: "v", Size: s})
	},
	"facets": func(s Size) (*Figure, error) {
		d := layers(20)
		d.Size = s
		return Scatter(d)
	},
	"images": func(s Size) (*Figure, error) {
		return Images(ImagesData{Grids: []ImageGrid{{Name: "φ", Images: somePictures(6), Signed: somePictures(6), Labels: strings.Split("abcdef", "")}}, Size: s})
	},
	"signed images": func(s Size) (*Figure, error) {
		return SignedImages(SignedImagesData{Images: somePictures(2), Names: []string{"id 7", "id 12"}, ValueName: "φ", Columns: []SignedColumn{{Name: "integrated gradients", Values: waves(2, 28, 1, 0)}}, Size: s})
	},
	"superpixels": func(s Size) (*Figure, error) {
		return Superpixels(SuperpixelsData{ValueName: "weight", Size: s, Panels: []SuperpixelPanel{
			{Name: "id 7", Label: "R² 0.81", Image: array.New(3, 2, 2), Segments: []int{0, 0, 1, 1}, Weights: []float64{0.3, -0.1}}}})
	},
	"perturbation": func(s Size) (*Figure, error) {
		d := perturbationData()
		d.Size = s
		return Perturbation(d)
	},
	"agreement": func(s Size) (*Figure, error) {
		return Agreement(AgreementData{Methods: []string{"rescale", "integrated gradients"}, Values: [][]float64{{1, 0.9}, {0.9, 1}}, Measure: "ρ", Size: s})
	},
	"randomisation": func(s Size) (*Figure, error) {
		d := randomisationData()
		d.Size = s
		return Randomisation(d)
	},
	"network": func(s Size) (*Figure, error) {
		rng := rand.New(rand.NewPCG(1, 2))
		d := newDense(rng, 4, 12, 3).data(rng, 3)
		d.Size = s
		return Network(d)
	},
	"beside": func(s Size) (*Figure, error) {
		f, err := Bars(BarsData{Groups: []BarGroup{{Names: []string{"the sum of 4 others"}, Values: []float64{1}}}})
		if err != nil {
			return nil, err
		}
		g, err := Beside("Both", caption, 0, f, f)
		if err == nil {
			g.size = s.or(g.size.Width, g.size.Height)
		}
		return g, err
	},
}

// watched is the canvas below a guarded one: it refuses what a rasteriser
// could loop on.
type watched struct {
	nowhere
	t *testing.T
}

func (w watched) path(p vg.Path) {
	for _, part := range p {
		for _, at := range append([]vg.Point{part.Pos}, part.Control...) {
			if !(math.Hypot(float64(at.X), float64(at.Y)) < 2*farOff) {
				w.t.Fatalf("a path through %v reached the canvas", at)
			}
		}
	}
}
func (w watched) Fill(p vg.Path)   { w.path(p) }
func (w watched) Stroke(p vg.Path) { w.path(p) }

// TestNoRoom: a figure of any kind either has a place for its drawing or says
// which size would, whatever its size; nothing that is nowhere is drawn.
func TestNoRoom(t *testing.T) {
	sizes := []Size{{}, {1, 1}, {133, 60}, {100, 0}, {0, 20}}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			refused := 0
			for _, size := range sizes {
				f, err := kind(size)
				if err != nil {
					t.Fatal(err)
				}
				err = f.drawOn(watched{t: t})
				if err == nil {
					continue
				}
				refused++
				if size.Width != 0 && !strings.Contains(err.Error(), fmt.Sprintf(" %d × ", size.Width)) {
					t.Errorf("%v: %v does not repeat the width", size, err)
				}
				if refused > 1 {
					continue
				}
				for format, write := range map[string]func(io.Writer) error{"PNG": f.PNG, "SVG": f.SVG, "PDF": f.PDF} {
					var b bytes.Buffer
					if again := write(&b); fmt.Sprint(again) != err.Error() || b.Len() > 0 {
						t.Errorf("%v as %s: %v after %d bytes, want %v", size, format, again, b.Len(), err)
					}
				}
				var enough Size
				if _, advice, _ := strings.Cut(err.Error(), "about "); true {
					if _, e := fmt.Sscanf(advice, "%d × %d", &enough.Width, &enough.Height); e != nil {
						t.Fatalf("%v: %v names no size", size, err)
					}
				}
				g, e := kind(enough)
				if e != nil {
					t.Fatal(e)
				}
				if e := g.drawOn(nowhere{}); e != nil {
					t.Errorf("%v: told that %v would do, then %v", size, enough, e)
				}
			}
			if refused != len(sizes)-1 {
				t.Errorf("%d of %d sizes refused, want all but the default one", refused, len(sizes))
			}
		})
	}
}

// TestNoRoomToHover: the interactive form says the same.
func TestNoRoomToHover(t *testing.T) {
	f, err := kinds["waterfall"](Size{133, 200})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.HTML(); err == nil || !strings.Contains(err.Error(), "133 × 200") {
		t.Errorf("got %v, want the size", err)
	}
}
