package artifact_test

import (
	"context"
	"fmt"
	"os"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

// Squares is the result of a step.
type Squares struct {
	artifact.Provenance
	Values *array.Array // [n, 1]
	Sum    float64
}

func ExampleStep() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	store, err := artifact.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	store.Announce = nil

	spec := artifact.Spec{Name: "squares", Version: 1, Seed: 42, Config: struct{ N int }{4}, Backend: "go"}
	for range 2 { // the second time it is read from the store
		s, err := artifact.Step(context.Background(), store, spec, func(context.Context) (*Squares, error) {
			fmt.Println("computing")
			s := &Squares{Values: array.New(4, 1)}
			for i := range s.Values.Data {
				s.Values.Data[i] = float32(i * i)
				s.Sum += float64(i * i)
			}
			return s, nil
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(s.Short(), s.Values.Data, s.Sum)
	}
	// Output:
	// computing
	// cd21849c3e8e [0 1 4 9] 14
	// cd21849c3e8e [0 1 4 9] 14
}

func ExampleStore_List() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	store, _ := artifact.Open(dir)
	store.Announce = nil
	for seed := range uint64(2) {
		spec := artifact.Spec{Name: "empty", Version: 1, Seed: seed}
		_, _ = artifact.Step(context.Background(), store, spec, func(context.Context) (*Squares, error) { return &Squares{}, nil })
	}
	entries, err := store.List()
	for _, e := range entries {
		fmt.Println(e.Step, e.Seed, e.Short())
	}
	fmt.Println(err)
	// Output:
	// empty 0 5abb4295cd1b
	// empty 1 930f99ee3455
	// <nil>
}
