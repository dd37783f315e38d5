package array_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
)

func TestBadInputIsNamed(t *testing.T) {
	a := array.New(2, 3)
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"values", second(array.From(make([]float32, 5), 2, 3)), "shape [2 3] holds 6 values, got 5"},
		{"negative", second(array.From(nil, -1, 3)), "negative dimension in shape [-1 3]"},
		{"no axis", second(array.From(nil)), "no axis for rows"},
		{"id", second(a.Select([]int{0, 2})), "row id 2 out of range: the array has rows 0…1"},
		{"ragged", second(array.FromRows([][]float32{{1}, {1, 2}})), "row 1 has 2 values, row 0 has 1"},
		{"concat", second(array.Concat(a, array.New(1, 2))), "part 1 has row shape [2], part 0 has [3]"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.want)
		}
	}
}

func TestHashSeesShapeAndBits(t *testing.T) {
	a, _ := array.From([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	b, _ := array.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	c := a.Clone()
	c.Data[5] = math.Nextafter32(6, 7)
	if a.Hash() == b.Hash() || a.Hash() == c.Hash() {
		t.Error("different arrays have one hash")
	}
	if a.Hash() != a.Clone().Hash() || !a.Equal(a.Clone()) {
		t.Error("a copy differs")
	}
	if nan := float32(math.NaN()); !must(array.From([]float32{nan}, 1)).Equal(must(array.From([]float32{nan}, 1))) {
		t.Error("equal bits must be equal, NaN included")
	}
}

func ExampleArray_Select() {
	a, _ := array.FromRows([][]float32{{0, 1}, {2, 3}, {4, 5}})
	s, _ := a.Select([]int{2, 0})
	fmt.Println(s.Shape, s.Data)
	// Output: [2 2] [4 5 0 1]
}

func second(_ *array.Array, err error) error { return err }

func must(a *array.Array, err error) *array.Array {
	if err != nil {
		panic(err)
	}
	return a
}
