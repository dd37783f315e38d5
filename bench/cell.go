package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/gojacard/jacard/internal/notebook"
	"github.com/gojacard/jacard/internal/setup"
	"github.com/gojacard/jacard/pkg/jacard"
)

// The cells of the first notebook, as far as they matter here. The first
// attribution cell computes and stores all steps; the others differ in a
// number, so that each is compiled and linked as a cell just typed.
const (
	declarations = `import (
	"context"
	"fmt"

	"github.com/janpfeifer/must"

	"github.com/gojacard/jacard/pkg/jacard"
)

var ctx = context.Background()

func study() *jacard.Study {
	return must.M1(jacard.Open(jacard.FromEnvironment(), jacard.Options{}))
}`
	attributionCell = `%%%%
s := study()
att := must.M1(s.Attributions(ctx))
fmt.Println(%d, att.BaseValue)`
)

// cell runs a notebook with the real kernel and measures its warm cells, from
// the request to the end of the output.
func (j job) cell(ctx context.Context) (measurement, error) {
	p, err := setup.FindProject(".")
	if err != nil {
		return measurement{}, err
	}
	spec, err := notebook.LoadSpec(p.Path("kernels", "jacard-cpu"))
	if err != nil {
		return measurement{}, err
	}
	sources := []string{declarations}
	for i := range 2 + j.pick(5, 1) { // one that computes, one that warms up
		sources = append(sources, fmt.Sprintf(attributionCell, i))
	}
	n, err := notebookOf(sources)
	if err != nil {
		return measurement{}, err
	}
	var took []float64
	err = notebook.Run(ctx, n, spec, notebook.RunConfig{
		Dir: p.Path("notebooks"), Env: []string{jacard.EnvQuick + "=1", jacard.EnvStore + "=" + filepath.Join(j.folder, "store"), "JACARD_RAW_ERROR=true"},
		CellTimeout: 10 * time.Minute,
		Progress: func(e notebook.Event) {
			if e.Done {
				took = append(took, e.Took.Seconds())
			}
		},
	})
	if err != nil {
		return measurement{}, err
	}
	warm := slices.Sorted(slices.Values(took[3:]))
	return measurement{N: 1, Unit: "cell", Seconds: warm[len(warm)/2],
		Extra: map[string]any{"cells_s": took, "fastest_s": warm[0], "slowest_s": warm[len(warm)-1]}}, nil
}

func notebookOf(sources []string) (*notebook.Notebook, error) {
	var cells []map[string]any
	for i, s := range sources {
		cells = append(cells, map[string]any{"cell_type": notebook.Code, "id": fmt.Sprint("c", i), "source": s,
			"metadata": map[string]any{}, "outputs": []any{}, "execution_count": nil})
	}
	raw, err := json.Marshal(map[string]any{"nbformat": 4, "nbformat_minor": 5, "metadata": map[string]any{}, "cells": cells})
	if err != nil {
		return nil, err
	}
	return notebook.Parse(raw)
}
