package attribution

import (
	"context"
	"errors"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
)

// Method is a way to attribute. Its fields are its settings; the zero value
// has the defaults its documentation states.
//
// A new method is one file that implements Method and one line in the table
// of methods that the laws run over.
type Method interface {
	// Name is the method's word in captions and tables: "rescale".
	Name() string

	// Promise says what its values are.
	Promise() Promise

	// attribute explains every target of the problem, in order. Values,
	// outputs and base values are its work; [Explain] adds the rest.
	attribute(ctx context.Context, p *problem) ([]*Attribution, error)
}

// Promise says what a method needs and what its values are.
type Promise struct {
	// Complete methods return values with Σφ = f(x) − base value. The gap is
	// measured on every call, and above [Query.MaxGap] the call fails.
	Complete bool

	// Background tells whether rows are compared with Query.Background.
	Background Need

	// Layers tells whether hidden layers can be attributed to.
	Layers bool

	// Groups tells whether Query.Groups can join inputs to players.
	Groups bool

	// Sampled methods return standard errors and depend on Query.Seed.
	Sampled bool
}

// Need tells whether a method reads a part of the query.
type Need int

const (
	Unused   Need = iota // given, it is an error
	Optional             // the method's documentation says what takes its place
	Required
)

// Explain divides the target of the query among the inputs, or among the
// units of the layers asked for.
//
// Errors: rows, background, target or layers that do not fit the model or the
// method, repeated with their values; an operation that the method cannot
// explain ([ErrUnsupported]); a gap above the limit ([GapError]). The same
// call on the same backend returns the same bytes.
func Explain(ctx context.Context, m Model, method Method, q Query) (*Attribution, error) {
	all, err := ExplainEach(ctx, m, method, q, []Target{q.Target})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ExplainEach explains several targets of the same rows in one call, which
// shares the work that does not depend on the target. Query.Target is not
// read. Results are in the order of targets.
func ExplainEach(ctx context.Context, m Model, method Method, q Query, targets []Target) ([]*Attribution, error) {
	p, err := newProblem(m, method, q, targets)
	if err != nil {
		return nil, err
	}
	defer p.close()
	all, err := method.attribute(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("attribution: %s: %w", method.Name(), err)
	}
	for i, a := range all {
		a.Method, a.Target, a.Provenance = method.Name(), targets[i], p.provenance
		if method.Promise().Complete {
			err := a.measure(p.MaxGap)
			var gap *GapError
			if h, ok := method.(interface{ gapHint() string }); ok && errors.As(err, &gap) {
				gap.Hint = h.gapHint()
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// result makes an attribution with room for the values of every layer asked
// for: [rows, ...shape of the layer], or [rows, players] if inputs are joined.
func (p *problem) result() *Attribution {
	n := p.Rows.Rows()
	a := &Attribution{Outputs: array.New(n)}
	if p.method.Promise().Complete || p.Background != nil {
		a.BaseValues = make([]float64, n)
	}
	for _, name := range p.Layers {
		shape := p.outline.shapes[name]
		if name == Input {
			if shape = p.Rows.Shape[1:]; p.players != nil {
				shape = []int{p.players.most}
			}
		}
		values := array.New(append([]int{n}, shape...)...)
		a.Layers = append(a.Layers, LayerAttribution{Layer: name, Values: values})
	}
	return a
}
