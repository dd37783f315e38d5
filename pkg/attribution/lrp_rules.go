package attribution

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/attribution/internal/walk"
)

// LRPRule divides the relevance of a layer z_j = Σ_i a_i·w_ij + b_j, batch
// normalisation included, among its inputs a. Denominators are kept from 0 by
// ε with their sign: 1e-9, but for [EpsilonRule]. + and − mean the positive and
// negative part.
type LRPRule interface {
	String() string
	check(width int) error
	recipe() walk.Recipe
}

// stabiliser is far below any relevance that matters and far above the
// smallest float32.
const stabiliser = 1e-9

// EpsilonRule: R_i = a_i·Σ_j w_ij·R_j/(z_j + ε). ε takes relevance from weak
// and contradicting contributions. Bach et al., 2015, equation 58.
type EpsilonRule struct {
	Epsilon float64 // 0 means 1e-6
}

// GammaRule favours positive contributions: the ε-rule with w + γ·w⁺ in place
// of w and b + γ·b⁺ in place of b. For inputs that are not negative. Montavon
// et al., 2019, section 10.2.1.
type GammaRule struct {
	Gamma float64 // 0 means 0.25
	// RawBias leaves the bias as it is, as captum does.
	RawBias bool
}

// ZPlusRule counts positive contributions alone:
// R_i = Σ_j (a_i·w_ij)⁺/(Σ_i (a_i·w_ij)⁺ + b_j⁺)·R_j. Montavon et al., 2017,
// for inputs of any sign.
type ZPlusRule struct{}

// AlphaBetaRule weighs positive contributions by α and negative ones by −β:
//
//	R_i = Σ_j (α·(a_i·w_ij)⁺/(Σ_i (a_i·w_ij)⁺ + b_j⁺) − β·(a_i·w_ij)⁻/(Σ_i (a_i·w_ij)⁻ + b_j⁻))·R_j
//
// with α − β = 1. Bach et al., 2015, equation 60.
type AlphaBetaRule struct {
	Alpha, Beta float64 // both 0 mean 2 and 1
}

// BoxRule, zᴮ, is for first layers whose inputs lie between bounds, such as
// pixels: contributions are a_i·w_ij − low_i·w_ij⁺ − high_i·w_ij⁻. Montavon et
// al., 2017, section 3.2.
type BoxRule struct {
	Low, High []float32 // of the model's input: one number, or one for each value of a row
}

// FlatRule gives all inputs of a neuron the same: for first layers where only
// the region counts. Lapuschkin et al., 2019.
type FlatRule struct{}

// WSquareRule divides by w², whatever the inputs: for first layers whose inputs
// have no bounds. Montavon et al., 2017, section 3.1.
type WSquareRule struct{}

// PositiveWeightsRule is the ε-rule with w⁺ in place of w and the bias as it
// is: captum's Alpha1_Beta0_Rule. It equals [ZPlusRule] where inputs and
// biases are not negative.
type PositiveWeightsRule struct{}

// String is the rule's letter, with its settings.
func (r EpsilonRule) String() string { return fmt.Sprintf("ε=%g", cmp.Or(r.Epsilon, 1e-6)) }

// String is the rule's letter, with its settings.
func (r GammaRule) String() string {
	if r.RawBias {
		return fmt.Sprintf("γ=%g, raw bias", cmp.Or(r.Gamma, 0.25))
	}
	return fmt.Sprintf("γ=%g", cmp.Or(r.Gamma, 0.25))
}

// String is the rule's letter.
func (ZPlusRule) String() string { return "z⁺" }

// String is the rule's letters, with its settings.
func (r AlphaBetaRule) String() string {
	alpha, beta := r.values()
	return fmt.Sprintf("α%gβ%g", alpha, beta)
}

// String is the rule's letter; bounds that differ between values are not listed.
func (r BoxRule) String() string {
	if len(r.Low) == 1 && len(r.High) == 1 {
		return fmt.Sprintf("zᴮ[%g, %g]", r.Low[0], r.High[0])
	}
	return "zᴮ by value"
}

// String is the rule's word.
func (FlatRule) String() string { return "flat" }

// String is the rule's letter.
func (WSquareRule) String() string { return "w²" }

// String is the rule's letter.
func (PositiveWeightsRule) String() string { return "w⁺" }

func (r EpsilonRule) check(int) error { return positive("ε", r.Epsilon) }
func (r GammaRule) check(int) error   { return positive("γ", r.Gamma) }

func (r AlphaBetaRule) check(int) error {
	alpha, beta := r.values()
	if !(beta >= 0) || math.IsInf(beta, 0) || math.Abs(alpha-beta-1) > 1e-12 {
		return fmt.Errorf("rule α=%g, β=%g: want α − β = 1, or relevance is not kept, and β ≥ 0", alpha, beta)
	}
	return nil
}

func (r BoxRule) check(width int) error {
	for _, bound := range [][]float32{r.Low, r.High} {
		if len(bound) != 1 && len(bound) != width {
			return fmt.Errorf("box rule with %d and %d bounds: want one, or one for each of %d values of a row", len(r.Low), len(r.High), width)
		}
	}
	for k := range width {
		low, high := r.Low[min(k, len(r.Low)-1)], r.High[min(k, len(r.High)-1)]
		if !(low <= high) || math.IsInf(float64(low), 0) || math.IsInf(float64(high), 0) {
			return fmt.Errorf("box rule: value %d lies between %g and %g: want finite bounds, low ≤ high", k, low, high)
		}
	}
	return nil
}

func (ZPlusRule) check(int) error           { return nil }
func (FlatRule) check(int) error            { return nil }
func (WSquareRule) check(int) error         { return nil }
func (PositiveWeightsRule) check(int) error { return nil }

func positive(letter string, v float64) error {
	if !(v >= 0) || math.IsInf(v, 0) {
		return fmt.Errorf("rule %s=%g: want a number above 0, or 0 for the default", letter, v)
	}
	return nil
}

func (r AlphaBetaRule) values() (alpha, beta float64) {
	if r == (AlphaBetaRule{}) {
		return 2, 1
	}
	return r.Alpha, r.Beta
}

// whole, plus and minus are weights or biases as they are, and their parts.
var (
	whole = walk.Parts{All: 1}
	plus  = walk.Parts{Positive: 1}
	minus = walk.Parts{Negative: 1}
)

func (r EpsilonRule) recipe() walk.Recipe {
	return one(cmp.Or(r.Epsilon, 1e-6), whole, term(1, walk.Own, whole))
}

func (r GammaRule) recipe() walk.Recipe {
	more := walk.Parts{All: 1, Positive: cmp.Or(r.Gamma, 0.25)}
	bias := more
	if r.RawBias {
		bias = whole
	}
	return one(stabiliser, bias, term(1, walk.Own, more))
}

func (ZPlusRule) recipe() walk.Recipe {
	return one(stabiliser, plus, term(1, walk.PositiveOwn, plus), term(1, walk.NegativeOwn, minus))
}

func (r AlphaBetaRule) recipe() walk.Recipe {
	alpha, beta := r.values()
	out := ZPlusRule{}.recipe()
	out.Groups[0].Share = alpha
	if beta > 0 {
		out.Groups = append(out.Groups, walk.Group{Share: -beta, Bias: minus,
			Terms: []walk.Term{term(1, walk.PositiveOwn, minus), term(1, walk.NegativeOwn, plus)}})
	}
	return out
}

func (r BoxRule) recipe() walk.Recipe {
	out := one(stabiliser, walk.Parts{}, term(1, walk.Own, whole), term(-1, walk.Lowest, plus), term(-1, walk.Highest, minus))
	out.Low, out.High = r.Low, r.High
	return out
}

func (FlatRule) recipe() walk.Recipe {
	return one(stabiliser, walk.Parts{}, walk.Term{Coefficient: 1, Values: walk.One, Weights: walk.Weights{Ones: true}})
}

func (WSquareRule) recipe() walk.Recipe {
	return one(stabiliser, walk.Parts{}, walk.Term{Coefficient: 1, Values: walk.One, Weights: walk.Weights{Square: true}})
}

func (PositiveWeightsRule) recipe() walk.Recipe {
	return one(stabiliser, whole, term(1, walk.Own, plus))
}

// one is a recipe with a single denominator.
func one(epsilon float64, bias walk.Parts, terms ...walk.Term) walk.Recipe {
	return walk.Recipe{Epsilon: epsilon, Groups: []walk.Group{{Share: 1, Terms: terms, Bias: bias}}}
}

func term(coefficient float64, v walk.Values, parts walk.Parts) walk.Term {
	return walk.Term{Coefficient: coefficient, Values: v, Weights: walk.Weights{Parts: parts}}
}
