package attribution

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// Query is what every method is asked. Rows are required, and a Background if
// the method compares with one ([Promise]); the rest has defaults.
type Query struct {
	// Rows are the examples to explain, [rows, ...].
	Rows *array.Array

	// Background are the rows to compare with, [background rows, ...], each
	// shaped as those of Rows. A single one is what is called a baseline.
	Background *array.Array

	// Target is the explained number. The zero value is output 0.
	Target Target

	// Layers to attribute to: names that the model taps, or [Input]. All come
	// from one pass where the method allows it. Empty means the input alone.
	Layers []string

	// Groups joins inputs to players for methods that switch inputs on and
	// off: superpixels, one-hot columns. Each partition gives the player, 0…,
	// of every input of a row, counted over all axes; one partition serves
	// all rows, else there is one for each row. Values are then [rows, players],
	// 0 where a row has fewer players than another. Empty: each input is a
	// player.
	Groups [][]int

	// Seed of everything that is drawn.
	Seed uint64

	// Memory bounds, in bytes and roughly, what a batch on the device takes.
	// 0 means what was fastest on the machines measured, mostly some megabytes. A
	// bound too small for the smallest batch is an error.
	Memory int

	// MaxGap is the largest completeness gap accepted, as a share of
	// [Attribution.Scale]. 0 means 1e-4. Methods that promise no completeness
	// do not read it.
	MaxGap float64

	// Backend computes. nil means the process's default.
	Backend compute.Backend

	// Progress, if not nil, is called after each batch with the work done.
	Progress func(done, total int)
}

// problem is a checked query with its defaults filled in and the model read.
type problem struct {
	Query
	method     Method
	model      Model
	params     *model.Store // a copy; freed by close
	outline    outline
	targets    []Target
	players    *players // nil: each input is a player
	provenance Provenance
}

func newProblem(m Model, method Method, q Query, targets []Target) (p *problem, err error) {
	promise := method.Promise()
	if err := checkQuery(promise, method.Name(), q, targets); err != nil {
		return nil, err
	}
	q.MaxGap = cmp.Or(q.MaxGap, 1e-4)
	if len(q.Layers) == 0 {
		q.Layers = []string{Input}
	}
	if q.Backend == nil {
		if q.Backend, err = backend.Default(); err != nil {
			return nil, err
		}
	}
	if q.Progress == nil {
		q.Progress = func(int, int) {}
	}
	p = &problem{Query: q, method: method, model: m, targets: targets}
	if len(q.Groups) > 0 {
		if p.players, err = newPlayers(q.Groups, q.Rows); err != nil {
			return nil, err
		}
	}
	if p.params, err = copyStore(m); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.close()
			p = nil
		}
	}()
	if p.outline, err = newOutline(q.Backend, m, p.params, q.Rows.Shape[1:]); err != nil {
		return p, err
	}
	for _, t := range targets {
		if err = p.outline.check(t, q.Rows.Rows(), q.Layers); err != nil {
			return p, err
		}
	}
	p.provenance, err = p.origin()
	return p, err
}

// checkQuery tells what is wrong before the model is looked at.
func checkQuery(promise Promise, method string, q Query, targets []Target) error {
	if err := checkValues("rows", q.Rows); err != nil {
		return err
	}
	switch {
	case q.Background == nil && promise.Background == Required:
		return fmt.Errorf("attribution: no background given: %s compares each row with one", method)
	case q.Background == nil:
	case promise.Background == Unused:
		return fmt.Errorf("attribution: a background is given, but %s compares with none: leave Background nil", method)
	default:
		if err := checkBackground(q.Rows, q.Background); err != nil {
			return err
		}
	}
	switch {
	case len(targets) == 0:
		return fmt.Errorf("attribution: no targets given")
	case !(q.MaxGap >= 0) || math.IsInf(q.MaxGap, 0):
		return fmt.Errorf("attribution: MaxGap %g: want a share, 0 or more", q.MaxGap)
	case q.Memory < 0:
		return fmt.Errorf("attribution: Memory %d bytes is negative", q.Memory)
	case len(q.Groups) > 0 && !promise.Groups:
		return fmt.Errorf("attribution: groups given, but %s does not join inputs: leave Groups nil", method)
	case !promise.Layers && slices.ContainsFunc(q.Layers, func(l string) bool { return l != Input }):
		return fmt.Errorf("attribution: layers %v asked for, but %s attributes to the input alone", q.Layers, method)
	}
	return nil
}

func (p *problem) close() { freeStore(p.params) }
