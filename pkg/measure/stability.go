package measure

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/attribution"
)

// Noise draws normal perturbations of standard deviation std, in units of the
// inputs, for rows [rows, ...]: [rows, draws, ...], for [Infidelity] and
// [MaxSensitivity]. Fewer than one draw, and a deviation that is not a positive
// number, are errors.
func Noise(rows *array.Array, draws int, std float64, seed uint64) (*array.Array, error) {
	return draw(rows, draws, "standard deviation", std, random.Stream(seed, "perturbations").NormFloat64)
}

// Ball draws perturbations that are uniform in [−radius, radius] for each
// input, as captum's max-sensitivity has them. Shape and errors as for [Noise].
func Ball(rows *array.Array, draws int, radius float64, seed uint64) (*array.Array, error) {
	rng := random.Stream(seed, "perturbations in a ball")
	return draw(rows, draws, "radius", radius, func() float64 { return 2*rng.Float64() - 1 })
}

// draw returns [rows, draws, ...] of size times numbers that next draws.
func draw(rows *array.Array, draws int, what string, size float64, next func() float64) (*array.Array, error) {
	if err := check("rows", rows); err != nil {
		return nil, err
	}
	if draws < 1 || !(size > 0) || math.IsInf(size, 1) {
		return nil, fmt.Errorf("measure: %d draws of %s %g: want at least 1, of a positive number", draws, what, size)
	}
	out := array.New(append([]int{rows.Rows(), draws}, rows.Shape[1:]...)...)
	for i := range out.Data {
		out.Data[i] = float32(size * next())
	}
	return out, nil
}

// Infidelity returns for each row the mean over the perturbations I of
//
//	(I·φ − (f(x) − f(x − I)))²
//
// in squared units of f: how badly φ predicts what a perturbation does. With
// normalise φ is scaled first by the factor that fits best, as captum does,
// which makes methods of different units comparable.
//
// Perturbations are [rows, draws, ...], values [rows, ...] as q.Rows; other
// shapes, NaN and infinite values are errors. Of the query it reads Rows,
// Target, Memory and Backend.
//
// Yeh et al., 2019, definition 2.1.
func Infidelity(ctx context.Context, m attribution.Model, q attribution.Query, values, perturbations *array.Array, normalise bool) ([]float64, error) {
	if err := check("values", values); err != nil {
		return nil, err
	}
	moved, draws, err := perturb(q, perturbations, -1)
	if err != nil {
		return nil, err
	}
	if err := same("values", values, "rows", q.Rows); err != nil {
		return nil, err
	}
	f, err := attribution.NewForward(m, q, moved.Rows())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	at, err := f.Outputs(ctx, q.Rows, q.Target)
	if err != nil {
		return nil, err
	}
	after, err := f.Outputs(ctx, moved, repeated(q.Target, draws))
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(at))
	for i := range out {
		predicted, change := make([]float64, draws), make([]float64, draws)
		var dot, square float64
		for d := range draws {
			p := perturbations.Row(i)[d*values.Width() : (d+1)*values.Width()]
			for k, v := range values.Row(i) {
				predicted[d] += float64(p[k]) * float64(v)
			}
			change[d] = at[i] - after[i*draws+d]
			dot += predicted[d] * change[d]
			square += predicted[d] * predicted[d]
		}
		beta := 1.0
		if normalise && square > 0 {
			beta = dot / square
		}
		for d := range draws {
			e := beta*predicted[d] - change[d]
			out[i] += e * e / float64(draws)
		}
	}
	return out, nil
}

// MaxSensitivity returns for each row the largest relative change of its
// attribution when a perturbation u is added to it,
//
//	max_u |φ(x + u) − φ(x)| / |φ(x)|
//
// in Euclidean norms; NaN if φ(x) is zero. φ is that of the first layer of the
// query. Perturbations are [rows, draws, ...]; another shape is an error.
// Query.Groups with one partition for each row is refused: the perturbed rows
// would need partitions of their own.
//
// Yeh et al., 2019, definition 3.1.
func MaxSensitivity(ctx context.Context, m attribution.Model, method attribution.Method, q attribution.Query, perturbations *array.Array) ([]float64, error) {
	moved, draws, err := perturb(q, perturbations, 1)
	if err != nil {
		return nil, err
	}
	if len(q.Groups) > 1 {
		return nil, fmt.Errorf("measure: %d partitions in Groups: max-sensitivity takes one for all rows", len(q.Groups))
	}
	at, err := attribution.Explain(ctx, m, method, q)
	if err != nil {
		return nil, err
	}
	q.Rows, q.Target = moved, repeated(q.Target, draws)
	after, err := attribution.Explain(ctx, m, method, q)
	if err != nil {
		return nil, err
	}
	phi, other := at.Layers[0].Values, after.Layers[0].Values
	out := make([]float64, phi.Rows())
	for i := range out {
		size := norm(phi.Row(i), nil)
		if size == 0 {
			out[i] = math.NaN()
			continue
		}
		for d := range draws {
			out[i] = max(out[i], norm(other.Row(i*draws+d), phi.Row(i))/size)
		}
	}
	return out, nil
}

// perturb returns every row with every perturbation added, times sign.
func perturb(q attribution.Query, perturbations *array.Array, sign float32) (moved *array.Array, draws int, err error) {
	if err := check("rows", q.Rows); err != nil {
		return nil, 0, err
	}
	if err := check("perturbations", perturbations); err != nil {
		return nil, 0, err
	}
	if len(perturbations.Shape) < 2 || perturbations.Rows() != q.Rows.Rows() || perturbations.Width() != perturbations.Shape[1]*q.Rows.Width() {
		return nil, 0, fmt.Errorf("measure: perturbations of shape %v for rows of shape %v: want [rows, draws, ...]", perturbations.Shape, q.Rows.Shape)
	}
	draws = perturbations.Shape[1]
	moved = array.New(append([]int{q.Rows.Rows() * draws}, q.Rows.Shape[1:]...)...)
	for i := range q.Rows.Rows() {
		x := q.Rows.Row(i)
		for k, u := range perturbations.Row(i) {
			moved.Data[i*perturbations.Width()+k] = x[k%len(x)] + sign*u
		}
	}
	return moved, draws, nil
}

// repeated is the target of rows that each stand draws times.
func repeated(t attribution.Target, draws int) attribution.Target {
	if t.Outputs == nil {
		return t
	}
	var units []int
	for _, u := range t.Outputs {
		for range draws {
			units = append(units, u)
		}
	}
	t.Outputs = units
	return t
}

// norm is the Euclidean norm of a − b; nil is zero.
func norm(a, b []float32) float64 {
	sum := 0.0
	for k, v := range a {
		d := float64(v)
		if b != nil {
			d -= float64(b[k])
		}
		sum += d * d
	}
	return math.Sqrt(sum)
}

func meanStd(values []float64) (mean, std float64) {
	if len(values) == 1 {
		return values[0], 0
	}
	return stat.MeanStdDev(values, nil)
}
