package attribution

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/combin"

	"github.com/gojacard/jacard/pkg/array"
)

// KernelSHAP estimates Shapley values by weighted least squares over
// coalitions S:
//
//	φ = argmin Σ_S w(S)·(v(S) − v(∅) − Σ_{k∈S} φ_k)²   with Σ_k φ_k = v(all) − v(∅)
//	w(S) = (n−1)/(binomial(n, s)·s·(n−s)),  s = |S|
//
// where v(S) is the mean over the whole background of f of the row that has the
// values of x for the players of S and the background row's for the others.
// The constraint is met exactly, so that it is complete.
//
// Coalitions come in pairs with their complements. Sizes for which there are
// coalitions enough, from 1 and n−1 inwards, are enumerated; the rest are
// drawn. If all are enumerated the values are exact and their errors 0;
// otherwise Errors are standard errors from the residuals of the drawn pairs,
// each as if the pair had been left out (jackknife).
//
// No feature is selected: shap.KernelExplainer keeps ten by default.
//
// Players that a row shares with every background row get 0 and are left out.
// Hidden layers can be attributed to: the units of the layer are then mixed,
// and must carry all of the target.
//
// Lundberg and Lee, 2017, section 4.1; paired sampling: Covert and Lee, 2021.
type KernelSHAP struct {
	// Coalitions evaluated for each row, each against the whole background; an
	// odd number is rounded down. 0 means 2048 + 2·players, as in shap.
	Coalitions int
}

// Name is "kernel SHAP".
func (KernelSHAP) Name() string { return "kernel SHAP" }

// Promise: complete, against a background, for groups and every layer.
func (KernelSHAP) Promise() Promise {
	return Promise{Complete: true, Background: Required, Layers: true, Groups: true, Sampled: true}
}

func (m KernelSHAP) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	if m.Coalitions < 0 {
		return nil, fmt.Errorf("%d coalitions: want more, or 0 for the default", m.Coalitions)
	}
	games, players, total := make([]*game, len(p.Layers)), make([][][]int, len(p.Layers)), 0
	for l, layer := range p.Layers {
		g, err := p.newGame(ctx, layer)
		if err != nil {
			return nil, err
		}
		games[l] = g
		for row := range p.Rows.Rows() {
			playing := g.differing(row, g.backgroundRows()...)
			players[l] = append(players[l], playing)
			total += 2 * m.budget(len(playing)).pairs()
		}
	}
	all, err := p.shares(ctx, func(int) []int { return identity(p.Background.Rows()) })
	if err != nil {
		return nil, err
	}
	done := 0
	for l, g := range games {
		for _, a := range all {
			a.Layers[l].Errors = array.New(a.Layers[l].Values.Shape...)
		}
		if err := m.explain(ctx, g, l, players[l], all, &done, total); err != nil {
			return nil, stopped(ctx, done, total, "coalitions", err)
		}
	}
	return all, nil
}

// explain fits every row of one layer.
func (m KernelSHAP) explain(ctx context.Context, g *game, layer int, players [][]int, all []*Attribution, done *int, total int) error {
	v, err := g.newAverager(max(1, total))
	if err != nil {
		return err
	}
	defer v.close()
	v.flushed = func() { g.p.Progress(*done, total) }
	for row, playing := range players {
		pairs := m.budget(len(playing)).draw(g.stream("kernel SHAP", row))
		fit := &kernelFit{pairs: pairs, n: len(playing), halves: make([][]float64, len(all))}
		for t := range all {
			fit.halves[t] = make([]float64, len(pairs))
		}
		if len(pairs) == 0 {
			if err := fit.finish(all, layer, row, playing); err != nil {
				return err
			}
		}
		place := make([]int, g.most) // of each player among those playing, counted from 1
		for j, player := range playing {
			place[player] = j + 1
		}
		for i, pair := range pairs {
			for _, belongs := range []bool{true, false} {
				c := coalition{row: row, members: g.members(row, func(player int) bool {
					j := place[player]
					return j > 0 && pair.members[j-1] == belongs
				})}
				c.take = func(worth []float64) error {
					*done++
					for t, w := range worth {
						all[t].pass(row, w)
						if belongs {
							fit.halves[t][i] += w / 2
						} else {
							fit.halves[t][i] -= w / 2
						}
					}
					if i == len(pairs)-1 && !belongs {
						return fit.finish(all, layer, row, playing)
					}
					return nil
				}
				if err := v.add(ctx, c); err != nil {
					return err
				}
			}
		}
	}
	return v.flush(ctx)
}

// kernelPair is a coalition, which stands for its complement too.
type kernelPair struct {
	members []bool
	size    int
	weight  float64 // of both together
	drawn   bool
}

// kernelBudget says which pairs of coalitions of n players are evaluated: all
// of sizes 1…full and their complements, and so many drawn ones.
type kernelBudget struct {
	n, full, enumerated, drawn int
	shares                     []float64 // of sizes s and n−s together in all weight, from s = 1
}

func (m KernelSHAP) budget(n int) kernelBudget {
	b := kernelBudget{n: n}
	var all float64
	for s := 1; s <= n/2; s++ {
		share := 2 / (float64(s) * float64(n-s))
		if 2*s == n {
			share /= 2
		}
		b.shares = append(b.shares, share)
		all += share
	}
	rest, left := 1.0, cmp.Or(m.Coalitions, 2048+2*n)/2 // pairs
	for i, share := range b.shares {
		b.shares[i] = share / all
		pairs := b.pairsOf(i + 1)
		if b.full < i || pairs > float64(left) || float64(left)*b.shares[i] < pairs*rest*(1-1e-9) {
			continue
		}
		b.full++
		b.enumerated += int(pairs)
		left -= int(pairs)
		rest -= b.shares[i]
	}
	if b.full < len(b.shares) {
		b.drawn = left
	}
	return b
}

// pairsOf is the number of pairs of size s and its complement.
func (b kernelBudget) pairsOf(s int) float64 {
	pairs := math.Round(combin.GeneralizedBinomial(float64(b.n), float64(s)))
	if 2*s == b.n {
		pairs /= 2
	}
	return pairs
}

func (b kernelBudget) pairs() int { return b.enumerated + b.drawn }

// draw lists the pairs of the budget.
func (b kernelBudget) draw(rng *rand.Rand) []kernelPair {
	var all []kernelPair
	add := func(members []int, weight float64, drawn bool) {
		pair := kernelPair{members: make([]bool, b.n), size: len(members), weight: weight, drawn: drawn}
		for _, k := range members {
			pair.members[k] = true
		}
		all = append(all, pair)
	}
	for s := 1; s <= b.full; s++ {
		each := b.shares[s-1] / b.pairsOf(s)
		for sets := combin.NewCombinationGenerator(b.n, s); sets.Next(); {
			set := sets.Combination(nil)
			if 2*s == b.n && set[0] != 0 {
				break // the complements of those before
			}
			add(set, each, false)
		}
	}
	var rest float64
	for _, share := range b.shares[b.full:] {
		rest += share
	}
	order := identity(b.n)
	for range b.drawn {
		s, u := b.full+1, rng.Float64()*rest
		for ; s < len(b.shares) && u >= b.shares[s-1]; s++ {
			u -= b.shares[s-1]
		}
		for i := range s {
			j := i + rng.IntN(b.n-i)
			order[i], order[j] = order[j], order[i]
		}
		add(order[:s], rest/float64(b.drawn), true)
	}
	return all
}

// kernelFit is the least-squares problem of one row.
//
// On the plane Σφ = Δ a coalition and its complement say the same of φ: that
// Σ_{k∈S} φ_k is (v(S) − v(Sᶜ) + Δ)/2 on average. With φ = Δ/n + δ, Σδ = 0 and
// u = z − s/n the problem is free of the constraint:
//
//	Σ_p w_p·u_p·u_pᵀ δ = Σ_p w_p·u_p·((v(S_p) − v(S_pᶜ) + Δ)/2 − s_p·Δ/n)
type kernelFit struct {
	pairs  []kernelPair
	n      int
	halves [][]float64 // (v(S) − v(Sᶜ))/2 of each target and pair
}

// finish solves the row for every target and writes values and errors.
func (f *kernelFit) finish(all []*Attribution, layer, row int, players []int) error {
	if f.n == 0 {
		return nil
	}
	pairs, n := len(f.pairs), f.n
	u := mat.NewDense(max(1, pairs), n, nil)
	normal := mat.NewSymDense(n, nil)
	for p, pair := range f.pairs {
		for k, in := range pair.members {
			u.Set(p, k, -float64(pair.size)/float64(n))
			if in {
				u.Set(p, k, u.At(p, k)+1)
			}
		}
		normal.SymRankOne(normal, pair.weight, u.RowView(p))
	}
	one := mat.NewVecDense(n, nil) // its direction is free: any multiple of 1·1ᵀ fixes it at Σδ = 0
	for k := range n {
		one.SetVec(k, 1)
	}
	normal.SymRankOne(normal, max(mat.Trace(normal), 1)/float64(n*n), one)
	var factor mat.Cholesky
	if ok := factor.Factorize(normal); !ok || factor.Cond() > 1e10 {
		return fmt.Errorf("row %d: %d coalitions do not determine %d players: give more", row, 2*pairs, n)
	}
	var q mat.Dense // row p is normal⁻¹·u_p
	if err := factor.SolveTo(&q, u.T()); err != nil {
		return fmt.Errorf("row %d: %w", row, err)
	}
	for t, a := range all {
		delta := float64(a.Outputs.Data[row]) - a.BaseValues[row]
		target := make([]float64, pairs)
		phi := make([]float64, n)
		for p, pair := range f.pairs {
			target[p] = f.halves[t][p] + delta/2 - float64(pair.size)*delta/float64(n)
			for k := range phi {
				phi[k] += pair.weight * q.At(k, p) * target[p]
			}
		}
		errors, err := f.errors(u, &q, phi, target)
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		l := a.Layers[layer]
		for j, player := range players {
			l.Values.Row(row)[player] = float32(phi[j] + delta/float64(n))
			l.Errors.Row(row)[player] = float32(errors[j])
		}
	}
	return nil
}

// errors returns the standard errors of the values: the spread, over the drawn
// pairs, of what each contributes, w·e/(1 − h)·normal⁻¹·u, with its residual e
// and its leverage h.
func (f *kernelFit) errors(u, q *mat.Dense, phi, target []float64) ([]float64, error) {
	sums, squares, drawn := make([]float64, f.n), make([]float64, f.n), 0.0
	for p, pair := range f.pairs {
		if !pair.drawn {
			continue
		}
		drawn++
		residual, leverage := target[p], 0.0
		for k, v := range phi {
			residual -= u.At(p, k) * v
			leverage += pair.weight * u.At(p, k) * q.At(k, p)
		}
		if leverage > 1-1e-6 {
			return nil, fmt.Errorf("%d coalitions barely determine %d players: give more", 2*len(f.pairs), f.n)
		}
		for k := range sums {
			v := pair.weight * residual / (1 - leverage) * q.At(k, p)
			sums[k] += v
			squares[k] += v * v
		}
	}
	errors := make([]float64, f.n)
	switch drawn {
	case 0:
		return errors, nil
	case 1:
		return nil, fmt.Errorf("%d coalitions leave one pair to draw, which has no spread: give 2 more", 2*len(f.pairs))
	}
	for k := range errors {
		errors[k] = math.Sqrt(max(0, squares[k]-sums[k]*sums[k]/drawn) * drawn / (drawn - 1))
	}
	return errors, nil
}
