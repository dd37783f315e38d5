package walk

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Recipe is a rule for a layer z = A·a + c:
//
//	R_i = Σ_groups share · Σ_terms coefficient·v_i · Σ_j B_ji·R_j/(d_j + ε)
//
// where v is made of a, B of A, and d_j is the sum of the group's terms
// Σ_i coefficient·B_ji·v_i and its part of the bias c_j.
type Recipe struct {
	Epsilon float64
	Groups  []Group
	Low     []float32 // bounds of the input: one number, or one for each value of a row
	High    []float32
}

// Group is a part of a recipe that has a denominator.
type Group struct {
	Share float64
	Terms []Term
	Bias  Parts
}

// Term is one pair of values and weights.
type Term struct {
	Coefficient float64
	Values      Values
	Weights     Weights
}

// Parts multiplies a number, its positive and its negative part.
type Parts struct{ All, Positive, Negative float64 }

// Values says what is made of the values that a layer takes.
type Values int

const (
	Own         Values = iota
	PositiveOwn        // max(a, 0)
	NegativeOwn        // min(a, 0)
	One                // 1, and 0 around an image
	Lowest             // the least that a can be
	Highest
)

// Weights says what is made of the weights: parts, or squares, or ones.
type Weights struct {
	Parts
	Square, Ones bool
}

// scaledPart is a summand scale·B of what a layer's weights are made into.
type scaledPart struct {
	scale *Node // nil: 1
	of    Weights
}

// split writes weights made of scale·W as scales of weights made of W: where
// the scale is negative, positive and negative parts change places.
func (b *block) split(scale *Node, of Weights) []scaledPart {
	switch {
	case of.Ones:
		return []scaledPart{{nil, of}}
	case b.weights == nil: // the map is the scale itself
		return []scaledPart{{of.make(scale), of}}
	case scale != nil && of.Square:
		return []scaledPart{{Square(scale), of}}
	case scale == nil || of.Positive == of.Negative:
		return []scaledPart{{scale, of}}
	}
	zero := ScalarZero(scale.Graph(), scale.DType())
	swapped := of
	swapped.Positive, swapped.Negative = of.Negative, of.Positive
	return []scaledPart{{Max(scale, zero), of}, {Min(scale, zero), swapped}}
}

// make makes weights of the layer's.
func (of Weights) make(w *Node) *Node {
	switch {
	case of.Ones:
		return OnesLike(w)
	case of.Square:
		return Square(w)
	}
	return parts(w, of.Parts)
}

// parts returns the sum of the parts of v; nil of nil and of nothing.
func parts(v *Node, p Parts) *Node {
	if v == nil || p == (Parts{}) {
		return nil
	}
	if p == (Parts{All: 1}) {
		return v
	}
	var y *Node
	zero := ScalarZero(v.Graph(), v.DType())
	if p.All != 0 {
		y = scaled(v, p.All)
	}
	if p.Positive != 0 {
		y = plus(y, scaled(Max(v, zero), p.Positive))
	}
	if p.Negative != 0 {
		y = plus(y, scaled(Min(v, zero), p.Negative))
	}
	return y
}

func scaled(v *Node, by float64) *Node {
	if by == 1 {
		return v
	}
	return MulScalar(v, by)
}

func timesScale(scale, v *Node) *Node {
	if scale == nil {
		return v
	}
	return Mul(scale, v)
}
