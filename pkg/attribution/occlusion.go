package attribution

import (
	"context"
	"fmt"
)

// Occlusion hides one window of neighbouring inputs at a time and attributes
// what the target loses to all inputs in it; an input in several windows gets
// the mean of their drops:
//
//	φ_k(x) = mean_{windows W ∋ k} ( f(x) − mean_b f(x with b in W) )
//
// Windows start at multiples of the stride; the last ones may reach over the
// edge and are cut there. The drops do not add up to f(x) − f(b). The model is
// evaluated once for each row, window and background row. Zeiler and Fergus,
// 2014, section 4.2; cutting and mean as in captum's Occlusion.
type Occlusion struct {
	// Window is the size of the window along each axis of a row: {3, 8, 8}
	// hides all three colours of 8×8 pixels of an image [3, height, width].
	// nil means single inputs.
	Window []int

	// Stride is the distance between windows along each axis, at most the
	// window's size. nil means 1, every place.
	Stride []int

	Fill Fill // what takes the window's place
}

// Name is "occlusion".
func (Occlusion) Name() string { return "occlusion" }

// Promise: not complete; a background if the fill is not a number.
func (Occlusion) Promise() Promise { return Promise{Background: Optional} }

func (m Occlusion) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	fill, err := m.Fill.rows(p)
	if err != nil {
		return nil, err
	}
	windows, err := m.windows(p.Rows.Shape[1:])
	if err != nil {
		return nil, err
	}
	covers := make([]int, p.Rows.Width()) // windows over each input
	for _, w := range windows {
		for _, k := range w {
			covers[k]++
		}
	}
	width, rows := p.Rows.Width(), p.Rows.Rows()
	sums := make([]float64, len(p.targets)*rows*width)
	h := hiding{
		p: p, sets: func(int) [][]int { return windows },
		donors: fill.Rows(), donor: func(_, i int) []float32 { return fill.Row(i) },
		drop: func(target, row, set int, mean, _ float64) {
			for _, k := range windows[set] {
				sums[(target*rows+row)*width+k] += mean
			}
		},
	}
	if err := h.run(ctx); err != nil {
		return nil, err
	}
	all := p.drops()
	for t, a := range all {
		a.Outputs = h.outputs[t]
		for i := range a.Layers[0].Values.Data {
			a.Layers[0].Values.Data[i] = float32(sums[t*rows*width+i] / float64(covers[i%width]))
		}
	}
	return all, nil
}

// windows lists the inputs of each window in a row of the given shape, windows
// and inputs in the order of the row's values.
func (m Occlusion) windows(shape []int) ([][]int, error) {
	size, stride := m.Window, m.Stride
	if size == nil {
		size = ones(len(shape))
	}
	if stride == nil {
		stride = ones(len(shape))
	}
	if len(size) != len(shape) || len(stride) != len(shape) {
		return nil, fmt.Errorf("window %v with stride %v for rows of shape %v: want a number for each axis of a row", size, stride, shape)
	}
	windows := [][]int{{0}} // along the axes so far
	for axis, n := range shape {
		if size[axis] < 1 || size[axis] > n || stride[axis] < 1 || stride[axis] > size[axis] {
			return nil, fmt.Errorf("window %v with stride %v for rows of shape %v: want 1 ≤ window ≤ size of the axis and 1 ≤ stride ≤ window, or inputs stay uncovered", size, stride, shape)
		}
		var next [][]int
		for _, w := range windows {
			for start := 0; ; start += stride[axis] {
				var grown []int
				for _, k := range w {
					for i := start; i < min(start+size[axis], n); i++ {
						grown = append(grown, k*n+i)
					}
				}
				next = append(next, grown)
				if start+size[axis] >= n {
					break
				}
			}
		}
		windows = next
	}
	return windows, nil
}

func ones(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}
