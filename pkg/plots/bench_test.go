package plots

import (
	"io"
	"testing"
)

func BenchmarkScatterPNG(b *testing.B) {
	points, class := twoClouds(14780)
	f, err := Scatter(ScatterData{Title: "Map", Points: points, Classes: class, ClassNames: []string{"zero", "one"}, Caption: caption})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := f.PNG(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLinesPNG(b *testing.B) {
	f, err := Lines(LinesData{Title: "Loss", Series: []Series{{Y: []float64{3, 2, 1}}}, Caption: caption})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := f.PNG(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
