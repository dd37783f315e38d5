package attribution

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Surrogate says how the linear model of LIME is fitted. Its zero value is
// ready to use.
type Surrogate struct {
	// Ridge is the weight of ‖β‖² beside the weighted squares of the samples.
	// 0 means 1.
	Ridge float64

	// Features is how many features the model may have; the others get 0. 0
	// means all.
	Features int

	// Selection is how they are chosen. The zero value is HighestWeights.
	Selection Selection
}

// Selection is a way to choose the features of a surrogate.
type Selection int

const (
	// HighestWeights takes those with the largest |β·z(x)| in a fit of all
	// features with ridge 0.01.
	HighestWeights Selection = iota

	// ForwardSelection adds one after another the feature that raises the R² of
	// a fit without ridge most.
	ForwardSelection
)

func (s Surrogate) check() error {
	switch {
	case !(s.Ridge >= 0) || math.IsInf(s.Ridge, 1):
		return fmt.Errorf("ridge %g: want a positive number, or 0 for the default", s.Ridge)
	case s.Features < 0:
		return fmt.Errorf("%d features: want at least 1, or 0 for all", s.Features)
	case s.Selection != HighestWeights && s.Selection != ForwardSelection:
		return fmt.Errorf("selection %d is neither HighestWeights nor ForwardSelection", s.Selection)
	}
	return nil
}

// LocalFit says how well a surrogate fits around a row. With repeated fits it
// holds their means.
type LocalFit struct {
	// R2 is the share of the weighted variance of the samples' outputs that the
	// surrogate explains; 1 if they do not vary.
	R2 float64

	// Prediction is the surrogate's output for the row itself.
	Prediction float64
}

// surrogate is a fitted linear model.
type surrogate struct {
	LocalFit
	intercept            float64
	coefficients, errors []float64 // 0 for features that were not selected
}

// regression are weighted samples of features, centred, with what all fits to
// them share.
type regression struct {
	z       *mat.Dense // [samples, features]
	weights []float64
	all     float64       // Σ weights
	means   []float64     // of the features, weighted
	centred *mat.Dense    // √w·(z − mean)
	gram    *mat.SymDense // centredᵀ·centred
	last    *equations    // those of the last fit
}

// equations are the normal equations of some features.
type equations struct {
	features []int // ascending
	ridge    float64
	inverse  mat.Cholesky
	moves    *mat.Dense // inverse·centredᵀ [features, samples]
	leverage []float64  // of each sample
}

func newRegression(z *mat.Dense, weights []float64) *regression {
	samples, features := z.Dims()
	r := &regression{z: z, weights: weights, means: make([]float64, features), centred: mat.NewDense(samples, features, nil)}
	for i, w := range weights {
		r.all += w
		for k, v := range z.RawRowView(i) {
			r.means[k] += w * v
		}
	}
	for k := range r.means {
		r.means[k] /= r.all
	}
	for i, w := range weights {
		row := r.centred.RawRowView(i)
		for k, v := range z.RawRowView(i) {
			row[k] = math.Sqrt(w) * (v - r.means[k])
		}
	}
	r.gram = mat.NewSymDense(features, nil)
	r.gram.SymOuterK(1, r.centred.T())
	return r
}

// fit fits the surrogate to y. The first sample is the row that is explained.
func (r *regression) fit(y []float64, s Surrogate) (*surrogate, error) {
	// Counted from y[0], outputs that do not vary are exactly 0, and so are
	// their coefficients.
	var mean, variance float64
	for i, w := range r.weights {
		mean += w * (y[i] - y[0])
	}
	mean /= r.all
	residuals := make([]float64, len(y)) // √w·(y − fit)
	for i, w := range r.weights {
		residuals[i] = math.Sqrt(w) * (y[i] - y[0] - mean)
		variance += residuals[i] * residuals[i]
	}
	features := len(r.means)
	right := mat.NewVecDense(features, nil)
	right.MulVec(r.centred.T(), mat.NewVecDense(len(y), residuals))
	chosen, err := r.choose(right, s)
	if err != nil {
		return nil, err
	}
	f := &surrogate{intercept: y[0] + mean, coefficients: make([]float64, features), errors: make([]float64, features)}
	f.Prediction, f.R2 = f.intercept, 1
	if len(chosen) == 0 || variance == 0 {
		return f, nil
	}
	e, err := r.equations(chosen, cmp.Or(s.Ridge, 1))
	if err != nil {
		return nil, err
	}
	beta, err := e.solve(right)
	if err != nil {
		return nil, err
	}
	for j, k := range chosen {
		f.coefficients[k] = beta.AtVec(j)
		f.intercept -= r.means[k] * beta.AtVec(j)
		f.Prediction += (r.z.At(0, k) - r.means[k]) * beta.AtVec(j)
	}
	var left float64
	for i := range residuals {
		row := r.centred.RawRowView(i)
		for _, k := range chosen {
			residuals[i] -= row[k] * f.coefficients[k]
		}
		left += residuals[i] * residuals[i]
	}
	f.R2 = 1 - left/variance
	e.standardErrors(f.errors, residuals)
	return f, nil
}

// equations returns the normal equations of some features.
func (r *regression) equations(features []int, ridge float64) (*equations, error) {
	if e := r.last; e != nil && e.ridge == ridge && slices.Equal(e.features, features) {
		return e, nil
	}
	samples := len(r.weights)
	e := &equations{features: features, ridge: ridge, leverage: make([]float64, samples)}
	a, rows := mat.NewSymDense(len(features), nil), mat.NewDense(len(features), samples, nil)
	for i, k := range features {
		for j := i; j < len(features); j++ {
			a.SetSym(i, j, r.gram.At(k, features[j]))
		}
		a.SetSym(i, i, a.At(i, i)+ridge)
		rows.SetRow(i, mat.Col(nil, k, r.centred))
	}
	if !e.inverse.Factorize(a) {
		return nil, fmt.Errorf("the %d features of the samples are linearly dependent and ridge %g is too small: raise it, or the kernel width", len(features), ridge)
	}
	e.moves = mat.NewDense(len(features), samples, nil)
	if err := e.inverse.SolveTo(e.moves, rows); err != nil {
		return nil, fmt.Errorf("fit of %d features with ridge %g: %w: raise the ridge, or the kernel width", len(features), ridge, err)
	}
	for i, w := range r.weights {
		e.leverage[i] = w / r.all
	}
	for j := range features {
		move, row := e.moves.RawRowView(j), rows.RawRowView(j)
		for i := range samples {
			e.leverage[i] += move[i] * row[i]
		}
	}
	r.last = e
	return e, nil
}

// solve returns the coefficients of the features, given centredᵀ·y of all.
func (e *equations) solve(right *mat.VecDense) (*mat.VecDense, error) {
	b := mat.NewVecDense(len(e.features), nil)
	for j, k := range e.features {
		b.SetVec(j, right.AtVec(k))
	}
	if err := e.inverse.SolveVecTo(b, b); err != nil {
		return nil, fmt.Errorf("fit of %d features with ridge %g: %w: raise the ridge, or the kernel width", len(e.features), e.ridge, err)
	}
	return b, nil
}

// standardErrors estimates how much the coefficients vary with the draws:
// leaving out sample i moves them by its column of moves times e_i/(1 − h_i),
// e_i its residual and h_i its leverage. Sample 0 is not drawn.
func (e *equations) standardErrors(errors, residuals []float64) {
	for j, k := range e.features {
		var sum float64
		for i, move := range e.moves.RawRowView(j)[1:] {
			d := move * residuals[i+1] / max(1-e.leverage[i+1], 1e-3)
			sum += d * d
		}
		errors[k] = math.Sqrt(sum)
	}
}

// choose returns the features that the surrogate has, in ascending order.
func (r *regression) choose(right *mat.VecDense, s Surrogate) ([]int, error) {
	everything := identity(len(r.means))
	switch {
	case s.Features == 0 || s.Features >= len(everything):
		return everything, nil
	case s.Selection == ForwardSelection:
		return r.forward(right, s.Features), nil
	}
	e, err := r.equations(everything, 0.01)
	if err != nil {
		return nil, err
	}
	beta, err := e.solve(right)
	if err != nil {
		return nil, err
	}
	size := func(k int) float64 { return math.Abs(beta.AtVec(k) * r.z.At(0, k)) }
	slices.SortStableFunc(everything, func(a, b int) int { return cmp.Compare(size(b), size(a)) })
	chosen := everything[:s.Features]
	slices.Sort(chosen)
	return chosen, nil
}

// forward returns the features that forward selection adds. Sweeping a chosen
// feature out of the normal equations leaves those of what it does not explain;
// the feature k with the largest right_k²/gram_kk raises R² most.
func (r *regression) forward(right *mat.VecDense, count int) []int {
	features := right.Len()
	gram := mat.NewSymDense(features, nil)
	gram.CopySym(r.gram)
	b := mat.VecDenseCopyOf(right)
	var chosen []int
	column := make([]float64, features)
	for range count {
		best, gain := -1, -1.0
		for k := range features {
			// A feature whose variance the chosen ones explain cannot add any.
			if g := gram.At(k, k); !slices.Contains(chosen, k) && g > 1e-10*r.gram.At(k, k) {
				if v := b.AtVec(k) * b.AtVec(k) / g; v > gain {
					best, gain = k, v
				}
			}
		}
		if best < 0 {
			break // the others depend linearly on those chosen
		}
		chosen = append(chosen, best)
		pivot, slope := gram.At(best, best), b.AtVec(best)
		for k := range column {
			column[k] = gram.At(k, best)
		}
		for i := range features {
			b.SetVec(i, b.AtVec(i)-column[i]*slope/pivot)
			for j := i; j < features; j++ {
				gram.SetSym(i, j, gram.At(i, j)-column[i]*column[j]/pivot)
			}
		}
	}
	slices.Sort(chosen)
	return chosen
}
