package project

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gojacard/jacard/pkg/array"
)

// Components is the result of [PCA].
type Components struct {
	Scores     *array.Array // [rows, components], the rows in the new axes
	Directions *array.Array // [components, features], unit length
	Mean       []float64    // [features], subtracted from each row
	Variance   []float64    // [components], descending, divisor rows−1
	Share      []float64    // [components], of the variance of all features
}

// PCA turns rows to the orthogonal axes along which they vary most and keeps
// the first few. Features are centred, not scaled. A direction's sign is free;
// here its entry of largest size (the first such) is positive. components must
// lie in 1…min(rows, features).
func PCA(x *array.Array, components int) (*Components, error) {
	if err := checkRows(x, 2); err != nil {
		return nil, err
	}
	n, width := x.Rows(), x.Width()
	if most := min(n, width); components < 1 || components > most {
		return nil, fmt.Errorf("project: %d components of %d rows × %d features: want 1…%d", components, n, width, most)
	}

	out := &Components{Scores: array.New(n, components), Directions: array.New(components, width), Mean: make([]float64, width)}
	for i := range n {
		for k, v := range x.Row(i) {
			out.Mean[k] += float64(v)
		}
	}
	for k := range out.Mean {
		out.Mean[k] /= float64(n)
	}
	centred := mat.NewDense(n, width, nil)
	for i := range n {
		for k, v := range x.Row(i) {
			centred.Set(i, k, float64(v)-out.Mean[k])
		}
	}

	vectors, variances, err := principalAxes(centred)
	if err != nil {
		return nil, err
	}
	kept := mat.NewDense(width, components, nil)
	for c := range components {
		axis := mat.Col(nil, c, vectors)
		if largest(axis) < 0 {
			for k := range axis {
				axis[k] = -axis[k]
			}
		}
		kept.SetCol(c, axis)
		for k, v := range axis {
			out.Directions.Row(c)[k] = float32(v)
		}
	}
	total := 0.0
	for _, v := range variances {
		total += v
	}
	for c := range components {
		out.Variance = append(out.Variance, variances[c])
		share := 0.0
		if total > 0 {
			share = variances[c] / total
		}
		out.Share = append(out.Share, share)
	}

	var scores mat.Dense
	scores.Mul(centred, kept)
	for i := range n {
		for c := range components {
			out.Scores.Row(i)[c] = float32(scores.At(i, c))
		}
	}
	return out, nil
}

// principalAxes returns axes in columns and the variances along them,
// descending. With many rows the covariance's eigenvectors cost far less than
// the singular vectors of the rows, and float32 data need no more digits.
func principalAxes(centred *mat.Dense) (*mat.Dense, []float64, error) {
	n, width := centred.Dims()
	if n < width {
		var pc stat.PC
		if !pc.PrincipalComponents(centred, nil) {
			return nil, nil, fmt.Errorf("project: no singular value decomposition of %d rows × %d features found", n, width)
		}
		var vectors mat.Dense
		pc.VectorsTo(&vectors)
		return &vectors, pc.VarsTo(nil), nil
	}
	covariance := mat.NewSymDense(width, nil)
	covariance.SymOuterK(1/float64(n-1), centred.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(covariance, true) {
		return nil, nil, fmt.Errorf("project: no eigenvectors of %d features found", width)
	}
	ascending, variances := mat.NewDense(width, width, nil), make([]float64, width)
	eigen.VectorsTo(ascending)
	vectors := mat.NewDense(width, width, nil)
	for c, v := range eigen.Values(nil) {
		variances[width-1-c] = max(v, 0)
		vectors.SetCol(width-1-c, mat.Col(nil, c, ascending))
	}
	return vectors, variances, nil
}

// largest returns the first entry of largest size.
func largest(v []float64) float64 {
	best := 0.0
	for _, x := range v {
		if math.Abs(x) > math.Abs(best) {
			best = x
		}
	}
	return best
}
