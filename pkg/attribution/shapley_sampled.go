package attribution

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	streams "github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// SampledShapley estimates Shapley values from random orders of the players:
//
//	φ_k(x) = mean over draws of f(S∪k) − f(S)
//
// where S are the players before k in a random order, and f(S) is f of the row
// that has the values of x for the players of S and those of a random
// background row for the others. Each drawn order is walked forwards and
// backwards against the same background row (antithetic pair).
//
// The differences of one walk add up to f(x) − f(background row) exactly, so
// that it is complete for any number of draws: the base value is the mean of f
// over the background rows that were drawn. Every background row is drawn as
// often as every other, give or take one; their mean is that of the whole
// background if Draws is a multiple of twice its number of rows.
//
// Errors are standard errors over the pairs. That the background rows are
// drawn without replacement makes them a little too large.
//
// Players that a row and its background row agree on are not walked: they
// change nothing. Hidden layers can be attributed to: the units of the layer
// are then mixed, and must carry all of the target.
//
// Castro et al., 2009; antithetic pairs: Mitchell et al., 2022, section 4.2.
type SampledShapley struct {
	// Draws is the number of differences that each value is the mean of, an
	// even number of at least 4. 0 means 200.
	Draws int

	// LegacyOneByOne draws a fresh background row and a fresh coalition for
	// every difference of every player: k of the other n−1 players have the
	// background's values, k uniform in 0…n−1. It is the estimator of
	// Štrumbelj and Kononenko, 2014, as the lesson programs it. The mean is
	// the same, but the values add up to f(x) − mean f(background) within their
	// standard errors only, and it costs two evaluations a difference. Draws may
	// then be any number of at least 2.
	LegacyOneByOne bool
}

// Name is "sampled Shapley".
func (SampledShapley) Name() string { return "sampled Shapley" }

// Promise: against a background, for groups and every layer; complete but for
// the legacy estimator.
func (m SampledShapley) Promise() Promise {
	return Promise{Complete: !m.LegacyOneByOne, Background: Required, Layers: true, Groups: true, Sampled: true}
}

func (m SampledShapley) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	draws := cmp.Or(m.Draws, 200)
	if m.LegacyOneByOne {
		everyRow := identity(p.Background.Rows())
		background := make([][]int, p.Rows.Rows())
		for row := range background {
			background[row] = everyRow
		}
		if draws < 2 {
			return nil, fmt.Errorf("%d draws: want at least 2, whose spread is the standard error", draws)
		}
		return p.sample(ctx, sampling{
			longest: 1, background: background,
			size:  func(players int) int { return players * draws },
			draws: func(g *game, row int) iter.Seq[draw] { return g.oneByOne(row, draws) },
		})
	}
	if draws < 4 || draws%2 != 0 {
		return nil, fmt.Errorf("%d draws: want an even number of at least 4: they come in pairs, whose spread is the standard error", draws)
	}
	background := p.drawBackground(draws / 2)
	return p.sample(ctx, sampling{
		longest: longestSegment, background: background,
		size:  func(int) int { return draws / 2 },
		draws: func(g *game, row int) iter.Seq[draw] { return g.orders(row, background[row]) },
	})
}

// draw is one sample of the values of some players.
type draw struct {
	background int
	players    []int // each takes one sample: the mean over paths of its difference, 0 if it is on none
	paths      []path
}

// path is a walk: the players of order[:from] belong from the start, the others
// join one after the other.
type path struct {
	order []int
	from  int
}

// drawBackground draws background rows for each row, turn by turn: each of them
// once, in random order.
func (p *problem) drawBackground(draws int) [][]int {
	all := make([][]int, p.Rows.Rows())
	for row := range all {
		rng := streams.Stream(p.Seed, fmt.Sprintf("Shapley background of row %d", row))
		for len(all[row]) < draws {
			turn := rng.Perm(p.Background.Rows())
			all[row] = append(all[row], turn[:min(len(turn), draws-len(all[row]))]...)
		}
	}
	return all
}

// stream is the row's own, so that rows are independent.
func (g *game) stream(method string, row int) *rand.Rand {
	return streams.Stream(g.p.Seed, fmt.Sprintf("%s of %s, row %d", method, g.layer, row))
}

// orders draws an antithetic pair of orders for each background row.
func (g *game) orders(row int, background []int) iter.Seq[draw] {
	return func(yield func(draw) bool) {
		rng := g.stream("Shapley orders", row)
		_, count := g.partition(row)
		everyone := identity(count)
		for _, b := range background {
			d := draw{background: b, players: everyone}
			if order := g.differing(row, g.background.Row(b)); len(order) > 0 {
				rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				back := slices.Clone(order)
				slices.Reverse(back)
				d.paths = []path{{order: order}, {order: back}}
			}
			if !yield(d) {
				return
			}
		}
	}
}

// oneByOne draws a background row and a coalition for each difference of each
// player. A player whose values agree gets 0 without an evaluation; among the
// others the size of the coalition is uniform again.
func (g *game) oneByOne(row, draws int) iter.Seq[draw] {
	return func(yield func(draw) bool) {
		rng := g.stream("one-by-one Shapley", row)
		_, count := g.partition(row)
		for player := range count {
			for range draws {
				d := draw{background: rng.IntN(g.background.Rows()), players: []int{player}}
				others := g.differing(row, g.background.Row(d.background))
				if at, differs := slices.BinarySearch(others, player); differs {
					others = slices.Delete(others, at, at+1)
					size := rng.IntN(len(others) + 1) // of those that keep x's values
					rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
					d.paths = []path{{order: append(others[:size], player), from: size}}
				}
				if !yield(d) {
					return
				}
			}
		}
	}
}

// sampling is a plan of draws.
type sampling struct {
	longest    int                   // walk in one piece
	background [][]int               // of each row, whose mean of f is its base value
	size       func(players int) int // draws of a row
	draws      func(g *game, row int) iter.Seq[draw]
}

// sample evaluates a plan for every layer.
func (p *problem) sample(ctx context.Context, s sampling) ([]*Attribution, error) {
	all, err := p.shares(ctx, func(row int) []int { return s.background[row] })
	if err != nil {
		return nil, err
	}
	games, total, done := make([]*game, len(p.Layers)), 0, 0
	for l, layer := range p.Layers {
		if games[l], err = p.newGame(ctx, layer); err != nil {
			return nil, err
		}
		for row := range p.Rows.Rows() {
			_, count := games[l].partition(row)
			total += s.size(count)
		}
	}
	for l, g := range games {
		tallies, err := g.sample(ctx, s, all, &done, total)
		if err != nil {
			return nil, stopped(ctx, done, total, "draws", err)
		}
		for t, a := range all {
			out := &a.Layers[l]
			out.Errors = array.New(out.Values.Shape...)
			for row, sum := range tallies {
				sum.fill(t, out.Values.Row(row), out.Errors.Row(row))
			}
		}
	}
	return all, nil
}

// sample evaluates a plan for one layer, and widens the scales of all by f on
// its walks; done counts the draws of all layers.
func (g *game) sample(ctx context.Context, s sampling, all []*Attribution, done *int, total int) ([]*tally, error) {
	tallies := make([]*tally, g.rows.Rows())
	differences := 0
	for row := range tallies {
		_, count := g.partition(row)
		tallies[row] = newTally(len(g.p.targets), count)
		differences += s.size(count) * 2 * (count/s.longest + 1)
	}
	pieces := (g.most + s.longest - 1) / s.longest
	w, err := g.newWalker(ctx, (g.most+pieces-1)/pieces, differences)
	if err != nil {
		return nil, err
	}
	defer w.close()
	w.flushed = func() { g.p.Progress(*done, total) }
	for row, sum := range tallies {
		for d := range s.draws(g, row) {
			for _, path := range d.paths {
				share := 1 / float64(len(d.paths))
				for from := path.from; from < len(path.order); from += w.steps {
					to := min(from+w.steps, len(path.order))
					piece := segment{row: row, background: d.background, order: path.order, from: from, to: to}
					piece.take = func(f []float32, target, stride int) {
						sum.add(f, target, stride, path.order[from:to], share)
						for step := range to - from + 1 {
							all[target].pass(row, float64(f[step*stride]))
						}
					}
					if err := w.add(ctx, piece); err != nil {
						return nil, err
					}
				}
			}
			w.after(func() {
				sum.take(d.players)
				*done++
			})
		}
	}
	return tallies, w.flush(ctx)
}

// tally sums up the samples of one row, for each target and player.
type tally struct {
	players int
	n       []int     // samples of each player
	pending []float64 // [targets, players]: of the draw being walked
	mean    []float64 // and Σ(v − mean)² so far, by Welford's recursion
	square  []float64
}

func newTally(targets, players int) *tally {
	return &tally{players: players, n: make([]int, players), pending: make([]float64, targets*players),
		mean: make([]float64, targets*players), square: make([]float64, targets*players)}
}

// add spreads the differences of a walk over the players who joined.
func (t *tally) add(f []float32, target, stride int, joined []int, share float64) {
	for j, k := range joined {
		t.pending[target*t.players+k] += share * (float64(f[(j+1)*stride]) - float64(f[j*stride]))
	}
}

// take ends a draw: its pending differences are one sample of the players.
func (t *tally) take(players []int) {
	for _, k := range players {
		t.n[k]++
		for i := k; i < len(t.mean); i += t.players {
			change := t.pending[i] - t.mean[i]
			t.mean[i] += change / float64(t.n[k])
			t.square[i] += change * (t.pending[i] - t.mean[i])
			t.pending[i] = 0
		}
	}
}

// fill writes means and their standard errors.
func (t *tally) fill(target int, values, errors []float32) {
	for k, n := range t.n {
		i := target*t.players + k
		values[k] = float32(t.mean[i])
		errors[k] = float32(math.Sqrt(t.square[i] / float64(n) / float64(n-1)))
	}
}
