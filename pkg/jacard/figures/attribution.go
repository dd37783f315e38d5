package figures

import (
	"fmt"

	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/plots"
)

const topBars = 14 // the study's bars: 14 inputs and the sum of the others

func attributionCaption(a *jacard.Attributions, p jacard.SplitAttribution, what string, n int) plots.Caption {
	c := caption(&a.Provenance, what)
	c.Method, c.Target, c.Gap, c.N = "rescale", "P(digit = 1)", p.Gap, n
	c.Note = fmt.Sprintf("%d background rows, base value %.4f", len(a.Background), a.BaseValue)
	return c
}

// RowBars draws the attributions of one image at one split.
func RowBars(a *jacard.Attributions, linear, id int) (*plots.Figure, error) {
	p, err := a.At(linear)
	if err != nil {
		return nil, err
	}
	values, err := p.Row(id)
	if err != nil {
		return nil, err
	}
	group := plots.BarGroup{Values: values}
	data := plots.BarsData{Title: fmt.Sprintf("Image %d: what moved P(digit = 1) to %.3f", id, a.Outputs.Data[id]),
		XLabel: "attribution φ", Groups: []plots.BarGroup{group},
		Caption: attributionCaption(a, p, fmt.Sprintf("attributions of image %d to the inputs of linear %d", id, linear), 1)}
	if len(values) > 30 {
		data.Max = topBars
	}
	return plots.Bars(data)
}

// GlobalBars draws mean |φ| at one split: over all images, each class, and a
// cluster. Groups without an image are left out.
func GlobalBars(a *jacard.Attributions, linear int, labels []int, cluster jacard.Cluster) (*plots.Figure, error) {
	p, err := a.At(linear)
	if err != nil {
		return nil, err
	}
	var all []int
	byClass := map[int][]int{}
	for id, l := range labels {
		all = append(all, id)
		byClass[l] = append(byClass[l], id)
	}
	data := plots.BarsData{Title: fmt.Sprintf("Inputs of linear %d: mean |φ|", linear), XLabel: "mean |φ|", Max: topBars,
		Caption: attributionCaption(a, p, "mean |φ| over images: the largest and the sum of the others", len(labels))}
	for _, g := range []struct {
		name string
		ids  []int
	}{{"all images", all}, {"zeros", byClass[0]}, {"ones", byClass[1]}, {cluster.Name, cluster.IDs}} {
		if len(g.ids) == 0 {
			continue
		}
		values, err := p.MeanAbs(g.ids)
		if err != nil {
			return nil, err
		}
		data.Groups = append(data.Groups, plots.BarGroup{Name: g.name, Values: values})
	}
	return plots.Bars(data)
}
