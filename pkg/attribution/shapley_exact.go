package attribution

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/gojacard/jacard/pkg/array"
)

// ExactShapley computes Shapley values by enumeration:
//
//	φ_k(x) = Σ_{S∌k} |S|!·(n−|S|−1)!/n! · (v(S∪k) − v(S))
//
// where v(S) is the mean over the background of f of the row that has the
// values of x for the players of S and the background row's for the others
// (interventional expectation). It costs 2ⁿ·background rows evaluations a row.
//
// Players that a row shares with every background row change nothing and are
// left out; of the others a row may have 20. Join inputs by Query.Groups where
// there are more. Hidden layers can be attributed to: the units of the layer
// are then mixed, and must carry all of the target.
//
// Shapley, 1953; Lundberg and Lee, 2017.
type ExactShapley struct {
	// Interactions also computes [LayerAttribution.Interactions]: off the
	// diagonal half of the Shapley interaction index
	//
	//	Φ_ij = ½·Σ_{S∌i,j} |S|!·(n−|S|−2)!/(n−1)! · (v(S∪ij) − v(S∪i) − v(S∪j) + v(S))
	//
	// and on it what is left of φ_i, so that rows add up to φ (Lundberg et
	// al., 2020).
	Interactions bool
}

// mostPlayers that are enumerated: a million coalitions.
const mostPlayers = 20

// Name is "exact Shapley".
func (ExactShapley) Name() string { return "exact Shapley" }

// Promise: complete, against a background, for groups and every layer.
func (ExactShapley) Promise() Promise {
	return Promise{Complete: true, Background: Required, Layers: true, Groups: true}
}

func (m ExactShapley) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	games, players, total := make([]*game, len(p.Layers)), make([][][]int, len(p.Layers)), 0
	for l, layer := range p.Layers {
		g, err := p.newGame(ctx, layer)
		if err != nil {
			return nil, err
		}
		games[l] = g
		for row := range p.Rows.Rows() {
			playing := g.differing(row, g.backgroundRows()...)
			if n := len(playing); n > mostPlayers {
				return nil, fmt.Errorf("layer %s, row %d: %d players differ from the background, at most %d can be enumerated: join them by Groups, or sample", layer, row, n, mostPlayers)
			}
			players[l] = append(players[l], playing)
			total += 1 << len(playing)
		}
	}
	all, err := p.shares(ctx, func(int) []int { return identity(p.Background.Rows()) })
	if err != nil {
		return nil, err
	}
	done := 0
	for l, g := range games {
		if m.Interactions {
			for _, a := range all {
				a.Layers[l].Interactions = array.New(p.Rows.Rows(), g.most, g.most)
			}
		}
		if err := m.enumerate(ctx, g, players[l], func(target, row int, v []float64) {
			for _, worth := range v {
				all[target].pass(row, worth)
			}
			m.divide(&all[target].Layers[l], row, players[l][row], g.most, v)
		}, &done, total); err != nil {
			return nil, stopped(ctx, done, total, "coalitions", err)
		}
	}
	return all, nil
}

// enumerate evaluates all coalitions of the players of each row; bit j of a
// coalition's number tells whether player j belongs. Each row's worths are
// handed to use, for every target.
func (ExactShapley) enumerate(ctx context.Context, g *game, players [][]int, use func(target, row int, v []float64), done *int, total int) error {
	a, err := g.newAverager(total)
	if err != nil {
		return err
	}
	defer a.close()
	a.flushed = func() { g.p.Progress(*done, total) }
	for row, playing := range players {
		worths := make([][]float64, len(g.p.targets))
		for t := range worths {
			worths[t] = make([]float64, 1<<len(playing))
		}
		if len(playing) == 0 {
			*done++
			continue
		}
		bit := make([]int, g.most)
		for j, player := range playing {
			bit[player] = 1 << j
		}
		for s := range 1 << len(playing) {
			c := coalition{row: row, members: g.members(row, func(player int) bool { return s&bit[player] != 0 })}
			c.take = func(worth []float64) error {
				*done++
				for t, v := range worth {
					worths[t][s] = v
					if s == len(worths[t])-1 {
						use(t, row, worths[t])
					}
				}
				return nil
			}
			if err := a.add(ctx, c); err != nil {
				return err
			}
		}
	}
	return a.flush(ctx)
}

// divide writes the values of one row from the worth of all coalitions.
func (m ExactShapley) divide(l *LayerAttribution, row int, players []int, most int, v []float64) {
	n := len(players)
	values := l.Values.Row(row)
	phi := make([]float64, n)
	weight := coalitionWeights(n)
	for s, worth := range v {
		size := bits.OnesCount(uint(s))
		for j := range phi {
			if s>>j&1 == 0 {
				phi[j] += weight[size] * (v[s|1<<j] - worth)
			}
		}
	}
	for j, player := range players {
		values[player] = float32(phi[j])
	}
	if !m.Interactions {
		return
	}
	matrix := l.Interactions.Row(row)
	weight = coalitionWeights(n - 1)
	for i := range n {
		rest := phi[i]
		for j := range n {
			if i == j {
				continue
			}
			var half float64
			for s, worth := range v {
				if s>>i&1 == 0 && s>>j&1 == 0 {
					half += weight[bits.OnesCount(uint(s))] * (v[s|1<<i|1<<j] - v[s|1<<i] - v[s|1<<j] + worth) / 2
				}
			}
			rest -= half
			matrix[players[i]*most+players[j]] = float32(half)
		}
		matrix[players[i]*most+players[i]] = float32(rest)
	}
}

// coalitionWeights returns s!·(n−s−1)!/n! for s = 0…n−1.
func coalitionWeights(n int) []float64 {
	w := make([]float64, n)
	for s := range w { // 1/(n·binomial(n−1, s))
		if w[s] = 1 / float64(n); s > 0 {
			w[s] = w[s-1] * float64(s) / float64(n-s)
		}
	}
	return w
}
