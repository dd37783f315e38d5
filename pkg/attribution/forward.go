package attribution

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/pkg/array"
)

// Forward computes the outputs of a model for any number of rows, compiled
// once: what measures of attributions ask again and again. Parameters are those
// of the model when it was made. It is not for use by several goroutines at
// once. Close it after use.
type Forward struct {
	params *model.Store
	eval   *evaluator
	row    []int
}

// NewForward prepares the explained layer of q.Target for about the given
// number of rows, shaped as q.Rows. Of the query it reads Rows, Target, Memory
// and Backend.
func NewForward(m Model, q Query, rows int) (*Forward, error) {
	q.Background, q.Layers, q.Groups = nil, nil, nil
	p, err := newProblem(m, forwardOnly{}, q, []Target{q.Target})
	if err != nil {
		return nil, err
	}
	f := &Forward{params: p.params, row: q.Rows.Shape[1:]}
	if f.eval, err = p.newEvaluator(q.Target.Layer, rows); err != nil {
		p.close()
		return nil, fmt.Errorf("attribution: %w", err)
	}
	return f, nil
}

// Outputs returns the target's number of each row: of row i the unit that t
// names for it.
func (f *Forward) Outputs(ctx context.Context, rows *array.Array, t Target) ([]float64, error) {
	if err := checkValues("rows", rows); err != nil {
		return nil, err
	}
	if t.Outputs != nil && len(t.Outputs) != rows.Rows() {
		return nil, fmt.Errorf("attribution: target with units of %d rows, there are %d rows", len(t.Outputs), rows.Rows())
	}
	all, err := f.eval.outputs(ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("attribution: %w", err)
	}
	out := make([]float64, rows.Rows())
	for i := range out {
		u := t.unit(i)
		if u < 0 || u >= all.Width() {
			return nil, fmt.Errorf("attribution: target %d out of range: there are outputs 0…%d", u, all.Width()-1)
		}
		out[i] = float64(all.At(i, u))
	}
	return out, nil
}

// Batch is the number of rows computed at once, by the query's Memory or by
// default: Outputs of so many, or of a multiple, waste nothing.
func (f *Forward) Batch() int { return f.eval.batch }

// Close frees what it holds on the device.
func (f *Forward) Close() {
	f.eval.close()
	freeStore(f.params)
}

// forwardOnly attributes nothing; it lets a query be checked as for a method.
type forwardOnly struct{}

func (forwardOnly) Name() string     { return "forward pass" }
func (forwardOnly) Promise() Promise { return Promise{} }
func (forwardOnly) attribute(context.Context, *problem) ([]*Attribution, error) {
	return nil, nil
}
