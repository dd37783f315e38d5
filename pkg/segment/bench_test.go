package segment_test

import (
	"fmt"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/segment"
)

func BenchmarkSegment(b *testing.B) {
	for _, side := range []int{32, 224} {
		picture := random(1, 3, side, side)
		for _, m := range []struct {
			name string
			run  func(*array.Array) (*segment.Map, error)
		}{
			{"quickshift", func(p *array.Array) (*segment.Map, error) { return segment.Quickshift(p, segment.QuickshiftConfig{}) }},
			{"slic", func(p *array.Array) (*segment.Map, error) { return segment.SLIC(p, segment.SLICConfig{}) }},
			{"felzenszwalb", func(p *array.Array) (*segment.Map, error) {
				return segment.Felzenszwalb(p, segment.FelzenszwalbConfig{Scale: 300})
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", m.name, side), func(b *testing.B) {
				for b.Loop() {
					if _, err := m.run(picture); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
