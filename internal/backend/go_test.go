package backend

import (
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/array"
)

// TestProductsBesideEachOther: many products of matrices that may run at once
// do not wait for each other's workers.
func TestProductsBesideEachOther(t *testing.T) {
	b, err := New(Choice{Name: "go"})
	if err != nil {
		t.Fatal(err)
	}
	if d := b.Description(); !strings.Contains(d, "parallelism=-1") {
		t.Errorf("workers of the Go backend are limited: %s", d)
	}
	exec, err := graph.NewExec(b, func(x *graph.Node) *graph.Node {
		var sum *graph.Node
		for i := range 32 {
			y := graph.AddScalar(x, float64(i))
			if y = graph.Dot(y, x).Product(); sum != nil {
				y = graph.Add(sum, y)
			}
			sum = y
		}
		return graph.ReduceAllSum(sum)
	})
	if err != nil {
		t.Fatal(err)
	}
	x := array.New(96, 96)
	for i := range x.Data {
		x.Data[i] = float32(i%7) - 3
	}
	var want float32
	for i := range 20 {
		y, err := exec.Call1(Tensor(x))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Array(y)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = got.Data[0]
		}
		if got.Data[0] != want {
			t.Fatalf("run %d: %g, before %g", i, got.Data[0], want)
		}
	}
}
