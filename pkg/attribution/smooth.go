package attribution

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	streams "github.com/gojacard/jacard/internal/random"
)

// SmoothGrad reduces the gradients at noisy copies of a row to one map:
//
//	φ_k(x) = mean_s ∂f/∂x_k(x + ε_s),  ε_s normal
//
// or their mean square, or their variance. Errors holds the standard error of
// each value over the draws. Noise is drawn by row, the same for all targets.
//
// Smilkov et al., 2017, section 3; squared: Hooker et al., 2019; VarGrad:
// Adebayo et al., 2018.
type SmoothGrad struct {
	// Draws for each row. 0 means 50.
	Draws int

	// Noise is the standard deviation of ε in the input's units. 0 means 0.15
	// of the row's range, its largest value less its smallest.
	Noise float64

	// Statistic of the gradients. The zero value is their mean.
	Statistic GradientStatistic
}

// GradientStatistic is what [SmoothGrad] makes of many gradients.
type GradientStatistic int

const (
	MeanGradient     GradientStatistic = iota // SmoothGrad
	MeanSquare                                // SmoothGrad²
	GradientVariance                          // VarGrad; divided by the number of draws
)

var statistics = []struct {
	name   string
	reduce func(moments) (value, standardError float64)
}{
	{"SmoothGrad", meanOf},
	{"SmoothGrad squared", squareOf},
	{"VarGrad", varianceOf},
}

// Name is "SmoothGrad", "SmoothGrad squared" or "VarGrad".
func (m SmoothGrad) Name() string {
	if m.Statistic < 0 || int(m.Statistic) >= len(statistics) {
		return "SmoothGrad"
	}
	return statistics[m.Statistic].name
}

// Promise: no sum, no background; for every layer.
func (SmoothGrad) Promise() Promise { return Promise{Layers: true, Sampled: true} }

func (m SmoothGrad) attribute(ctx context.Context, p *problem) ([]*Attribution, error) {
	m.Draws = cmp.Or(m.Draws, 50)
	switch {
	case m.Statistic < 0 || int(m.Statistic) >= len(statistics):
		return nil, fmt.Errorf("setting Statistic %d: want 0…%d", m.Statistic, len(statistics)-1)
	case m.Draws < 2 || !(m.Noise >= 0) || math.IsInf(m.Noise, 0):
		return nil, fmt.Errorf("settings Draws %d, Noise %g: want at least 2 draws and noise of 0 or more", m.Draws, m.Noise)
	}
	return p.smoothGrad(ctx, m, func(row int) func() float64 {
		x := p.Rows.Row(row)
		sd := cmp.Or(m.Noise, 0.15*float64(slices.Max(x)-slices.Min(x)))
		rng := streams.Stream(p.Seed, fmt.Sprintf("smoothgrad, row %d", row))
		return func() float64 { return sd * rng.NormFloat64() }
	})
}

// smoothGrad adds what noise returns, for a row, draw by draw and input by
// input.
func (p *problem) smoothGrad(ctx context.Context, m SmoothGrad, noise func(row int) func() float64) ([]*Attribution, error) {
	all := p.results()
	err := p.targetLayers(func(layer string, targets []int) error {
		if err := p.evaluate(ctx, layer, all, targets); err != nil {
			return err
		}
		asks := derivative{target: layer, from: Input, layers: p.Layers}
		return p.average(ctx, asks, m.Draws, all, targets, func(row int) func(int, *job) {
			next := noise(row)
			return func(_ int, j *job) {
				for k, v := range p.Rows.Row(row) {
					j.point[k] = float32(float64(v) + next())
				}
			}
		}, statistics[m.Statistic].reduce)
	})
	return all, err
}

// moments are running sums of a value's powers about its first value, which
// keeps them from cancelling.
type moments struct {
	n, first       float64
	s1, s2, s3, s4 float64
}

func (m *moments) add(y float64) {
	if m.n == 0 {
		m.first = y
	}
	m.n++
	y -= m.first
	m.s1 += y
	m.s2 += y * y
	m.s3 += y * y * y
	m.s4 += y * y * y * y
}

// about returns the second and fourth mean power of the distance to c.
func (m moments) about(c float64) (second, fourth float64) {
	c -= m.first
	second = (m.s2 - 2*c*m.s1) / m.n
	second += c * c
	fourth = (m.s4-4*c*m.s3+6*c*c*m.s2-4*c*c*c*m.s1)/m.n + c*c*c*c
	return max(second, 0), max(fourth, 0)
}

func (m moments) mean() float64 { return m.first + m.s1/m.n }

// meanOf returns the mean, squareOf the mean square, varianceOf the variance
// (divided by n), each with its standard error.
func meanOf(m moments) (value, standardError float64) {
	variance, _ := m.about(m.mean())
	return m.mean(), math.Sqrt(variance / (m.n - 1))
}

func squareOf(m moments) (value, standardError float64) {
	second, fourth := m.about(0)
	return second, math.Sqrt(max(0, fourth-second*second) / (m.n - 1))
}

func varianceOf(m moments) (value, standardError float64) {
	second, fourth := m.about(m.mean())
	return second, math.Sqrt(max(0, fourth-second*second) / (m.n - 1))
}
