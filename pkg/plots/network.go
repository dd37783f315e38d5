package plots

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
)

// NetworkData is what [Network] draws: a dense network and what it computes
// for some rows.
type NetworkData struct {
	Title  string
	Layers []NetworkLayer // the input first, the output (logits) last

	// Weights of the connections, [units of layer l+1, units of layer l] for
	// connection l, which leads from layer l to layer l+1.
	Weights []*array.Array

	Row      int      // position of the row that is drawn; the page shows it first
	IDs      []int    // id of each row; nil means 0…n−1
	RowNames []string // what is said of each row, such as its class; nil means nothing

	Share float64 // of the logit that the path carries; 0 means 0.8
	Edges int     // most edges drawn of a connection; 0 means 60

	Caption Caption
	Size    Size
}

// NetworkLayer is one column of units.
type NetworkLayer struct {
	Name        string
	Units       []string     // names of the units; nil means their numbers
	Activations *array.Array // [rows, units]: the input's features, the output's logits

	// Slopes holds the derivative of each activation by the sum that it was
	// computed from, [rows, units]. nil means those of ReLU: 1 where the
	// activation is positive, else 0. Input and output need none.
	Slopes *array.Array
}

// Network draws a dense network with the path that one row takes to the
// predicted output. Edges are as wide as |w·a|, the weight times the activation
// that it carries, and coloured and dashed by the sign of w·a; the edges of the
// path stand out, see [Path]. A unit is filled by the size of its activation,
// empty where the row leaves it at zero, and grey where it is zero for every
// row. Of a connection with more than Edges edges those with the largest |flow|
// are drawn (then by |w·a|, then by number).
//
// The figure has an interactive form, in which rows are chosen and units and
// edges tell their values: see [Figure.HTML] and [ShowInteractive].
func Network(data NetworkData) (*Figure, error) {
	n, err := newNetwork(data)
	if err != nil {
		return nil, err
	}
	shown := n.view(data.Row)
	most := 0
	for _, l := range data.Layers {
		most = max(most, width(l))
	}
	note := fmt.Sprintf("edges as wide as |w·a|, at most %.3g; path: the fewest edges of each connection with %.3g %% of what it adds to the logit of %s",
		shown.widest, 100*n.Share, shown.path.explained(n.Layers[len(n.Layers)-1]))
	if dropped := shown.dropped(); dropped != "" {
		note += "; drawn: " + dropped
	}
	return &Figure{
		title: data.Title, caption: data.Caption.with(note), widget: n,
		size: data.Size.or(760, 80+min(max(36*most, 220), 600)),
		body: shown.draw,
	}, nil
}

// diagram is NetworkData that has been checked.
type diagram struct {
	NetworkData
	rows int
	dead [][]bool // by layer and unit: zero for every row
}

func newNetwork(data NetworkData) (*diagram, error) {
	data.Share, data.Edges = cmp.Or(data.Share, 0.8), cmp.Or(data.Edges, 60)
	n := &diagram{NetworkData: data}
	if err := n.check(); err != nil {
		return nil, fmt.Errorf("plots: network %q: %w", data.Title, err)
	}
	for _, l := range n.Layers {
		dead := make([]bool, width(l))
		for k := range dead {
			dead[k] = true
			for i := range n.rows {
				dead[k] = dead[k] && l.Activations.At(i, k) == 0
			}
		}
		n.dead = append(n.dead, dead)
	}
	return n, nil
}

// width is the number of units of a layer that has been checked.
func width(l NetworkLayer) int { return l.Activations.Shape[1] }

func (n *diagram) id(row int) int {
	if n.IDs == nil {
		return row
	}
	return n.IDs[row]
}

// rowName is what is said of a row.
func (n *diagram) rowName(row int) string {
	s := fmt.Sprintf("row %d", n.id(row))
	if n.RowNames != nil {
		s += ": " + n.RowNames[row]
	}
	return s
}

func (l NetworkLayer) unit(k int) string {
	if l.Units == nil {
		return fmt.Sprint(k)
	}
	return l.Units[k]
}

func (n *diagram) check() error {
	if len(n.Layers) < 2 || len(n.Weights) != len(n.Layers)-1 {
		return fmt.Errorf("%d layers and %d connections; give at least two layers and one connection fewer", len(n.Layers), len(n.Weights))
	}
	for i, l := range n.Layers {
		if err := n.checkValues(fmt.Sprintf("activations of layer %d %q", i, l.Name), l.Activations, 0); err != nil {
			return err
		}
		if l.Slopes != nil {
			if err := n.checkValues(fmt.Sprintf("slopes of layer %d %q", i, l.Name), l.Slopes, width(l)); err != nil {
				return err
			}
		}
		if l.Units != nil && len(l.Units) != width(l) {
			return fmt.Errorf("%d names for %d units of layer %d %q", len(l.Units), width(l), i, l.Name)
		}
	}
	for l, w := range n.Weights {
		from, to := width(n.Layers[l]), width(n.Layers[l+1])
		if w == nil || w.Check() != nil || len(w.Shape) != 2 || w.Shape[0] != to || w.Shape[1] != from {
			return fmt.Errorf("weights of connection %d must be an array [%d, %d]", l, to, from)
		}
		if k := badValue(w); k >= 0 {
			return fmt.Errorf("weight [%d, %d] of connection %d is %g", k/from, k%from, l, w.Data[k])
		}
	}
	if n.Row < 0 || n.Row >= n.rows {
		return fmt.Errorf("row %d is outside 0…%d", n.Row, n.rows-1)
	}
	if n.IDs != nil && len(n.IDs) != n.rows || n.RowNames != nil && len(n.RowNames) != n.rows {
		return fmt.Errorf("%d ids and %d names for %d rows", len(n.IDs), len(n.RowNames), n.rows)
	}
	if !(n.Share > 0 && n.Share <= 1) || n.Edges < 0 {
		return fmt.Errorf("share %g or %d edges; the share lies in (0, 1], and 0 edges mean 60", n.Share, n.Edges)
	}
	return n.Size.check()
}

// checkValues refuses what is no finite matrix [rows, units]; units 0 takes
// any number of them. The first matrix decides the rows.
func (n *diagram) checkValues(what string, a *array.Array, units int) error {
	if a == nil || a.Check() != nil || len(a.Shape) != 2 || len(a.Data) == 0 {
		return fmt.Errorf("%s must be an array [rows, units] with at least one value", what)
	}
	if n.rows == 0 {
		n.rows = a.Rows()
	}
	if a.Rows() != n.rows || units > 0 && a.Shape[1] != units {
		return fmt.Errorf("%s of shape %v for %d rows; all layers need the same rows, and slopes the units of their layer", what, a.Shape, n.rows)
	}
	if k := badValue(a); k >= 0 {
		return fmt.Errorf("%s: unit %d of row %d is %g", what, k%a.Shape[1], k/a.Shape[1], a.Data[k])
	}
	return nil
}

// badValue is the place of the first value that is not finite, or −1.
func badValue(a *array.Array) int {
	for k, v := range a.Data {
		if x := float64(v); math.IsNaN(x - x) {
			return k
		}
	}
	return -1
}
