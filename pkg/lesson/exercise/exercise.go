// Package exercise checks what a reader of the lesson makes of its exercises.
//
// Each function looks at the data of a figure before it is drawn and returns a
// [Verdict], which is printed:
//
//	Not yet:
//	- the number of facets is 1: want one for each of layers 2 to 4
package exercise

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/lesson"
	"github.com/gojacard/jacard/pkg/plots"
)

// Verdict lists what is missing; nothing if the answer is right.
type Verdict []string

// Right tells whether nothing is missing.
func (v Verdict) Right() bool { return len(v) == 0 }

// String is "Right." or what is missing, a line each.
func (v Verdict) String() string {
	if v.Right() {
		return "Right."
	}
	return "Not yet:\n- " + strings.Join(v, "\n- ")
}

// want adds a line unless ok.
func (v *Verdict) want(ok bool, format string, args ...any) {
	if !ok {
		*v = append(*v, fmt.Sprintf(format, args...))
	}
}

// Facets checks exercise 1: a scatter plot with one facet for each of the last
// three layers, side by side, coloured by label.
func Facets(data plots.ScatterData, e *lesson.Embeddings) (v Verdict) {
	last := e.Layers[max(0, len(e.Layers)-3):]
	v.want(data.Points == nil, "Points is set: leave it nil, each facet has points of its own")
	v.want(len(data.Facets) == len(last), "the number of facets is %d: want one for each of layers %d to %d", len(data.Facets), last[0].Layer, last[len(last)-1].Layer)
	names := map[string]bool{}
	for k, f := range data.Facets {
		if k < len(last) {
			v.want(same(f.Points, last[k].Points), "facet %d: its Points are not the map of layer %d", k+1, last[k].Layer)
		}
		v.want(f.Name != "" && !names[f.Name], "facet %d: its Name %q does not tell it from the others", k+1, f.Name)
		names[f.Name] = true
	}
	v.want(slices.Equal(data.Classes, e.Labels), "Classes are not the labels of the rows: they give the colours")
	v.want(len(data.ClassNames) == 10, "ClassNames: %d names for the ten digits", len(data.ClassNames))
	v.want(data.Values == nil, "Values is set: labels are names, not amounts, and want a colour each (Classes)")
	v.want(data.Columns == 0 || data.Columns >= len(last), "Columns is %d: the facets should stand side by side", data.Columns)
	return v
}

// Picture checks exercise 2: an image of 28 × 28 pixels as a heat map from black
// to white over the fixed scale, without axes.
func Picture(data plots.HeatMapData, x *lesson.Saliency) (v Verdict) {
	v.matrix(data, x.Image, "image")
	v.want(!data.Signed, "Signed is set: pixels have no sign")
	if data.Colours == nil {
		v.want(false, "Colours is nil, which is blue to yellow: want black to white")
	} else {
		v.want(data.Colours(0).Hex() == "#000000" && data.Colours(1).Hex() == "#ffffff", "Colours run from %s to %s: want black to white", data.Colours(0).Hex(), data.Colours(1).Hex())
	}
	v.want(data.Low == 0 && data.High == x.White,
		"the scale reaches from %g to %g: want 0 to %g, the same for every image", data.Low, data.High, x.White)
	return v
}

// Map checks exercise 3: the Shapley values for the image's own label, blue and
// orange around zero.
func Map(data plots.HeatMapData, x *lesson.Saliency) (v Verdict) {
	v.matrix(data, x.Own().Values, fmt.Sprintf("Shapley values for the row's own digit %d", x.Label))
	v.want(data.Signed, "Signed is not set: zero should be the middle of the colours")
	if data.Colours != nil {
		ends := data.Colours(0).Hex() == plots.BlueOrange(0).Hex() && data.Colours(1).Hex() == plots.BlueOrange(1).Hex()
		v.want(ends, "Colours is set: want blue and orange, which Signed alone gives")
	}
	if data.Low != 0 || data.High != 0 {
		largest := 0.0
		for _, value := range x.Own().Values.Data {
			largest = max(largest, math.Abs(float64(value)))
		}
		v.want(max(math.Abs(data.Low), math.Abs(data.High)) >= largest, "the scale from %g to %g cuts off the largest value, %.3g", data.Low, data.High, largest)
	}
	return v
}

// SideBySide checks exercise 4: image and saliency, each on its own scale.
func SideBySide(left, right plots.HeatMapData, x *lesson.Saliency) (v Verdict) {
	for _, line := range Picture(left, x) {
		v = append(v, "left: "+line)
	}
	for _, line := range Map(right, x) {
		v = append(v, "right: "+line)
	}
	shared := left.Low == right.Low && left.High == right.High && (left.Low != 0 || left.High != 0)
	v.want(!shared, "both scales reach from %g to %g: pixels and Shapley values want a scale each", left.Low, left.High)
	return v
}

// matrix checks the values of a heat map, and tells the common mistakes apart.
func (v *Verdict) matrix(data plots.HeatMapData, want *array.Array, what string) {
	switch got := data.Values; {
	case got == nil:
		v.want(false, "Values is nil: want the %s, [%d, %d]", what, want.Shape[0], want.Shape[1])
	case !slices.Equal(got.Shape, want.Shape):
		v.want(false, "Values has shape %v: want the %s in rows of pixels, %v", got.Shape, what, want.Shape)
	case same(got, transposed(want)) && !same(got, want):
		v.want(false, "Values are transposed: the first index of the %s is the row of pixels, from the top", what)
	default:
		v.want(same(got, want), "Values are not the %s", what)
	}
	v.want(data.Bare, "Bare is not set: a picture needs no axes")
}

func same(a, b *array.Array) bool {
	return a != nil && b != nil && slices.Equal(a.Shape, b.Shape) && slices.Equal(a.Data, b.Data)
}

func transposed(a *array.Array) *array.Array {
	out := array.New(a.Shape[1], a.Shape[0])
	for i := range a.Shape[0] {
		for k, value := range a.Row(i) {
			out.Row(k)[i] = value
		}
	}
	return out
}
