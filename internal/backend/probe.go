package backend

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/gojacard/jacard/pkg/array"
)

// Probe computes 1 + 1 on b: a plugin that loads may still not compute.
func Probe(b compute.Backend) error {
	one, err := array.From([]float32{1}, 1)
	if err != nil {
		return err
	}
	var sum float32
	err = Try(func() {
		exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.Add(x, x) })
		out, err := Array(exec.MustCall(Tensor(one))[0])
		if err != nil {
			panic(err)
		}
		sum = out.Data[0]
	})
	if err != nil {
		return fmt.Errorf("backend: %s does not compute: %w", b.Name(), err)
	}
	if sum != 2 {
		return fmt.Errorf("backend: %s computes 1 + 1 = %g", b.Name(), sum)
	}
	return nil
}
