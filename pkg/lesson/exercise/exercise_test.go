package exercise

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/lesson"
	"github.com/gojacard/jacard/pkg/plots"
)

var names = strings.Fields("0 1 2 3 4 5 6 7 8 9")

// ramp holds 0, 1, 2 … times a factor.
func ramp(factor float32, shape ...int) *array.Array {
	a := array.New(shape...)
	for i := range a.Data {
		a.Data[i] = factor * float32(i)
	}
	return a
}

func embeddings() *lesson.Embeddings {
	e := &lesson.Embeddings{Labels: []int{3, 1, 4}}
	for layer := 1; layer <= 4; layer++ {
		e.Layers = append(e.Layers, lesson.Embedding{Layer: layer, Points: ramp(float32(layer), 3, 2)})
	}
	return e
}

func saliency() *lesson.Saliency {
	v := &lesson.Saliency{Label: 2, White: 255, Image: ramp(0.1, 28, 28)}
	for k := range 10 {
		v.Digits = append(v.Digits, lesson.DigitSaliency{Values: ramp(float32(k-5)/100, 28, 28)})
	}
	return v
}

// TestVerdicts changes right answers in one way at a time, and wants that very
// thing said.
func TestVerdicts(t *testing.T) {
	e, x := embeddings(), saliency()
	for name, change := range map[string]func(*plots.ScatterData){
		"":                                func(*plots.ScatterData) {},
		"number of facets is 2":           func(d *plots.ScatterData) { d.Facets = d.Facets[:2] },
		"not the map of layer 3":          func(d *plots.ScatterData) { d.Facets[1].Points = e.Layers[0].Points },
		"facet 3: its Name \"2\"":         func(d *plots.ScatterData) { d.Facets[2].Name = "2" },
		"Classes are not the labels":      func(d *plots.ScatterData) { d.Classes = nil },
		"ClassNames: 0 names":             func(d *plots.ScatterData) { d.ClassNames = nil },
		"Values is set":                   func(d *plots.ScatterData) { d.Values = []float64{3, 1, 4} },
		"Columns is 1":                    func(d *plots.ScatterData) { d.Columns = 1 },
		"Points is set":                   func(d *plots.ScatterData) { d.Points = e.Layers[3].Points },
		"facet 1: its Points are not the": func(d *plots.ScatterData) { d.Facets[0].Points = nil },
	} {
		data := plots.ScatterData{Classes: e.Labels, ClassNames: names}
		for _, l := range e.Layers[1:] {
			data.Facets = append(data.Facets, plots.Facet{Name: fmt.Sprint(l.Layer), Points: l.Points})
		}
		change(&data)
		says(t, "facets", Facets(data, e), name)
	}

	picture := plots.HeatMapData{Values: x.Image, Colours: plots.Grey, High: 255, Bare: true}
	saliency := plots.HeatMapData{Values: x.Own().Values, Signed: true, Bare: true}
	for name, change := range map[string]func(*plots.HeatMapData){
		"":                         func(*plots.HeatMapData) {},
		"Values is nil":            func(d *plots.HeatMapData) { d.Values = nil },
		"Values has shape [1 784]": func(d *plots.HeatMapData) { d.Values = ramp(0.1, 1, 784) },
		"Values are transposed":    func(d *plots.HeatMapData) { d.Values = transposed(x.Image) },
		"Values are not the image": func(d *plots.HeatMapData) { d.Values = x.Own().Values },
		"Colours is nil":           func(d *plots.HeatMapData) { d.Colours = nil },
		"Colours run from #134b85": func(d *plots.HeatMapData) { d.Colours = plots.BlueOrange },
		"the scale reaches from 0 to 0: want 0 to 255": func(d *plots.HeatMapData) { d.High = 0 },
		"Bare is not set": func(d *plots.HeatMapData) { d.Bare = false },
		"Signed is set":   func(d *plots.HeatMapData) { d.Signed = true },
	} {
		data := picture
		change(&data)
		says(t, "picture", Picture(data, x), name)
		if name != "" {
			name = "left: " + name
		}
		says(t, "side by side", SideBySide(data, saliency, x), name)
	}
	for name, change := range map[string]func(*plots.HeatMapData){
		"":                        func(*plots.HeatMapData) {},
		"Signed is not set":       func(d *plots.HeatMapData) { d.Signed = false },
		"Colours is set":          func(d *plots.HeatMapData) { d.Colours = plots.Viridis },
		"the row's own digit 2":   func(d *plots.HeatMapData) { d.Values = x.Digits[3].Values },
		"cuts off the largest":    func(d *plots.HeatMapData) { d.Low, d.High = -1, 1 },
		"Bare is not set: a pict": func(d *plots.HeatMapData) { d.Bare = false },
	} {
		data := saliency
		change(&data)
		says(t, "map", Map(data, x), name)
	}
	shared := saliency
	shared.High = 255
	says(t, "side by side", SideBySide(picture, shared, x), "both scales reach from 0 to 255")
	if v := SideBySide(plots.HeatMapData{}, plots.HeatMapData{}, x); v.Right() || !strings.HasPrefix(v[0], "left: ") {
		t.Errorf("two empty figures: %s", v)
	}
}

// says wants one line with the words, or none.
func says(t *testing.T, what string, v Verdict, words string) {
	t.Helper()
	if words == "" != v.Right() || len(v) > 1 || words != "" && !strings.Contains(v.String(), words) {
		t.Errorf("%s: want %q:\n%s", what, words, v)
	}
}

func ExamplePicture() {
	x := saliency()
	data := plots.HeatMapData{Values: x.Image, Bare: true}
	fmt.Println(Picture(data, x))
	data.Colours, data.High = plots.Grey, 255
	fmt.Println(Picture(data, x))
	// Output:
	// Not yet:
	// - Colours is nil, which is blue to yellow: want black to white
	// - the scale reaches from 0 to 0: want 0 to 255, the same for every image
	// Right.
}
