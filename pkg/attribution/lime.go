package attribution

import (
	"cmp"
	"context"
	"fmt"
	"math"

	streams "github.com/gojacard/jacard/internal/random"
)

// LIME fits a linear model to the outputs of a row with players hidden, and
// attributes to each player, an input or a group of inputs ([Query.Groups],
// such as superpixels), its coefficient:
//
//	β₀, β = argmin Σ_i w_i·(f(x hidden by z_i) − β₀ − z_i·β)² + ridge·‖β‖²
//	w_i = √exp(−d_i²/width²)
//
// z_i says with 1 which players are shown, each by a fair coin, but for the
// first, where all are; d_i is its distance from that. Coalitions that were
// drawn more than once, in a fit or another, are evaluated once.
//
// The coefficients do not add up to f(x) − f(all hidden): [LocalFit] tells how
// well the linear model fits, and BaseValues hold β₀. A row with a single
// player is fitted as any other. Errors are standard errors of the draws: from
// the spread of the repeated fits, or with one fit from its residuals
// (sandwich estimator, each draw as if it had been left out, White, 1980;
// MacKinnon and White, 1985).
//
// Ribeiro, Singh and Guestrin, 2016, section 3; defaults as in their program
// for images.
type LIME struct {
	// Samples drawn for one fit. 0 means 1000.
	Samples int

	// Repeats are fits with draws of their own, whose mean is returned. 0 means 1.
	Repeats int

	// Proximity is how the distance from x is measured. The zero value is Cosine.
	Proximity Proximity

	// KernelWidth is how far a hidden row may be from x and still count. 0
	// means 0.25 for Cosine, 0.75·√players for Euclidean.
	KernelWidth float64

	// Fill is what takes a hidden player's place.
	Fill Fill

	// MeanColour hides a player by the mean of its own values instead, each
	// channel, the first axis of rows [channels, height, width], by itself;
	// rows of other shapes have one channel. It is lime's default for images.
	MeanColour bool

	Surrogate Surrogate
}

// Proximity is a distance between the row and one with hidden players.
type Proximity int

const (
	Cosine    Proximity = iota // 1 − √(share of players shown): the angle between z and all ones
	Euclidean                  // √(number of players hidden)
)

// Name is "LIME".
func (LIME) Name() string { return "LIME" }

// Promise: not complete; a background if the fill is not a number; groups.
func (LIME) Promise() Promise {
	return Promise{Background: Optional, Groups: true, Sampled: true}
}

func (m LIME) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	l := local{p: p, samples: cmp.Or(m.Samples, 1000), repeats: cmp.Or(m.Repeats, 1), surrogate: m.Surrogate, donors: 1}
	if err := l.check(m.KernelWidth); err != nil {
		return nil, err
	}
	if m.Proximity != Cosine && m.Proximity != Euclidean {
		return nil, fmt.Errorf("proximity %d is neither Cosine nor Euclidean", m.Proximity)
	}
	hidden, err := m.hidden(p)
	if err != nil {
		return nil, err
	}
	if len(hidden) > 0 {
		l.donors = len(hidden[0])
	}
	l.draw = func(row int) (*neighbourhood, error) {
		of, count := p.partition(row)
		fills := hidden[row]
		n := newNeighbourhood(l.samples*l.repeats, count)
		seen := map[string]int{}
		key := make([]byte, (count+7)/8)
		var shown [][]float64 // of each distinct coalition
		for repeat := range l.repeats {
			rng := streams.Stream(p.Seed, fmt.Sprintf("LIME, row %d, fit %d", row, repeat))
			for i := range l.samples {
				sample := repeat*l.samples + i
				z := n.z.RawRowView(sample)
				clear(key)
				for k := range z {
					if i == 0 || rng.IntN(2) == 1 {
						z[k] = 1
						key[k/8] |= 1 << (k % 8)
					}
				}
				d := m.distance(z)
				n.weights[sample] = kernel(d, m.width(count))
				at, known := seen[string(key)]
				if !known {
					at = len(shown)
					seen[string(key)] = at
					shown = append(shown, z)
				}
				n.evaluation[sample] = at
			}
		}
		n.evaluations = len(shown)
		x := p.Rows.Row(row)
		n.write = func(evaluation, donor int, into []float32) {
			z, fill := shown[evaluation], fills[donor]
			for k, player := range of {
				if z[player] == 1 {
					into[k] = x[k]
				} else {
					into[k] = fill[k]
				}
			}
		}
		return n, nil
	}
	return l.explain(ctx)
}

// hidden returns the rows that hidden players of each row are taken from.
func (m LIME) hidden(p *problem) ([][][]float32, error) {
	all := make([][][]float32, p.Rows.Rows())
	if !m.MeanColour {
		fill, err := m.Fill.rows(p)
		if err != nil {
			return nil, err
		}
		var rows [][]float32
		for i := range fill.Rows() {
			rows = append(rows, fill.Row(i))
		}
		for i := range all {
			all[i] = rows
		}
		return all, nil
	}
	switch {
	case m.Fill != Fill{} || p.Background != nil:
		return nil, fmt.Errorf("MeanColour beside fill %+v or a background: give one of them", m.Fill)
	case p.players == nil:
		return nil, fmt.Errorf("MeanColour, but no Groups: the mean of a single input is the input")
	}
	for i := range all {
		of, count := p.partition(i)
		all[i] = [][]float32{meanColours(p.Rows.Row(i), of, count, p.Rows.Shape[1:])}
	}
	return all, nil
}

// meanColours returns a row in which every input has the mean of its player's
// values in the channel.
func meanColours(x []float32, of []int, players int, shape []int) []float32 {
	channels := 1
	if len(shape) == 3 {
		channels = shape[0]
	}
	pixels := len(x) / channels
	out := make([]float32, len(x))
	for c := range channels {
		sums, sizes := make([]float64, players), make([]float64, players)
		for k := c * pixels; k < (c+1)*pixels; k++ {
			sums[of[k]] += float64(x[k])
			sizes[of[k]]++
		}
		for k := c * pixels; k < (c+1)*pixels; k++ {
			out[k] = float32(sums[of[k]] / sizes[of[k]])
		}
	}
	return out
}

// distance of a coalition from that of all players.
func (m LIME) distance(z []float64) float64 {
	var shown float64
	for _, v := range z {
		shown += v
	}
	if m.Proximity == Euclidean {
		return math.Sqrt(float64(len(z)) - shown)
	}
	return 1 - math.Sqrt(shown/float64(len(z)))
}

func (m LIME) width(players int) float64 {
	switch {
	case m.KernelWidth != 0:
		return m.KernelWidth
	case m.Proximity == Euclidean:
		return euclideanWidth(players)
	}
	return 0.25
}

func euclideanWidth(features int) float64 { return 0.75 * math.Sqrt(float64(features)) }

// kernel is the weight of a sample at a distance.
func kernel(distance, width float64) float64 {
	return math.Sqrt(math.Exp(-distance * distance / (width * width)))
}
