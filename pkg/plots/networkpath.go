package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Edge is one weight of a network with what it carries for one row.
type Edge struct {
	From, To     int // units of the layers at its ends
	Weight       float64
	Contribution float64 // w·a: what it adds to the sum of unit To

	// Flow is the part of the explained logit that goes through the edge,
	// see [Path]. Flows can be negative.
	Flow float64

	// Before is the share of the connection's positive flow that edges of
	// larger flow carry; 1 where the edge's own flow is not positive.
	Before float64

	Path bool // Flow is positive and Before less than NetworkData.Share
}

// RowPath is the way of one row through a network.
type RowPath struct {
	Output int     // unit of the last layer that is explained
	Logit  float64 // of the prediction
	Sign   float64 // −1 if the logit explained is minus the output's, else 1

	// Edges of each connection, largest flow first, equal ones by To, then
	// From.
	Edges [][]Edge
}

// Path tells how the logit of the predicted output of a row comes about.
//
// The predicted output c is the unit with the largest logit, the first of
// equals. A network with one output predicts class 1 if its logit z is
// positive, and else class 0, whose logit is −z. The flow through the edge from
// unit i of layer l to unit j of the next is
//
//	flow = w_ji · a_i · ∂z_c/∂s_j
//
// where s_j is the sum that unit j was computed from, w_ji·a_i the edge's
// contribution to it, and the derivative goes through the slopes of the later
// layers: it is the product of weights and slopes, summed over all ways from j
// to c. With ReLU, the flows of any one connection add up to the logit but for
// the biases: Σ flow = z_c − Σ_k b_k ∂z_c/∂s_k over the units k of all layers
// behind the connection. With other activations this holds to first order.
//
// The path consists of the fewest edges of each connection which carry the
// given share of its positive flow, largest first. It is found for each
// connection alone: an edge may lead to a unit whose bias takes back what it
// brings. Sums are in float64, in the order of the units.
func Path(data NetworkData, row int) (RowPath, error) {
	data.Row = row
	n, err := newNetwork(data)
	if err != nil {
		return RowPath{}, err
	}
	return n.path(row), nil
}

func (n *diagram) path(row int) RowPath {
	last := len(n.Layers) - 1
	p := RowPath{Sign: 1, Edges: make([][]Edge, last)}
	logits := n.Layers[last].Activations.Row(row)
	for k, v := range logits {
		if v > logits[p.Output] {
			p.Output = k
		}
	}
	if len(logits) == 1 && logits[0] <= 0 {
		p.Sign = -1
	}
	p.Logit = p.Sign * float64(logits[p.Output])

	gain := make([]float64, len(logits)) // ∂z_c/∂s of the layer behind the connection
	gain[p.Output] = p.Sign
	for l := last - 1; l >= 0; l-- {
		w, a := n.Weights[l], n.Layers[l].Activations.Row(row)
		before := make([]float64, len(a))
		edges := make([]Edge, 0, len(w.Data))
		for j := range gain {
			for i, v := range w.Row(j) {
				e := Edge{From: i, To: j, Weight: float64(v), Contribution: float64(v) * float64(a[i])}
				e.Flow = e.Contribution * gain[j]
				edges = append(edges, e)
				before[i] += float64(v) * gain[j]
			}
		}
		for i := range before {
			before[i] *= n.Layers[l].slope(row, i)
		}
		gain = before
		p.Edges[l] = rank(edges, n.Share)
	}
	return p
}

// slope is the derivative of activation i by its sum.
func (l NetworkLayer) slope(row, i int) float64 {
	if l.Slopes != nil {
		return float64(l.Slopes.At(row, i))
	}
	if l.Activations.At(row, i) > 0 {
		return 1
	}
	return 0
}

// rank sorts the edges of a connection by flow and marks those of the path.
func rank(edges []Edge, share float64) []Edge {
	slices.SortStableFunc(edges, byFlow)
	total := 0.0
	for _, e := range edges {
		total += max(e.Flow, 0)
	}
	sum := 0.0
	for k := range edges {
		e := &edges[k]
		e.Before = 1
		if e.Flow > 0 {
			e.Before = sum / total
			e.Path = e.Before < share
			sum += e.Flow
		}
	}
	return edges
}

func byFlow(a, b Edge) int { return cmp.Compare(b.Flow, a.Flow) }

// strongest keeps the edges that are drawn: all, or the most of largest
// |flow|, then |w·a|; of these none that carries nothing. Those of a connection
// drawn whole come in order of flow, the others in order of |flow|.
func strongest(edges []Edge, most int) []Edge {
	if len(edges) <= most {
		return edges
	}
	order := slices.Clone(edges)
	slices.SortStableFunc(order, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Flow), math.Abs(a.Flow)), cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution)))
	})
	order = order[:most]
	return slices.DeleteFunc(order, func(e Edge) bool { return e.Contribution == 0 })
}

// explained names the prediction.
func (p RowPath) explained(output NetworkLayer) string {
	if p.Sign < 0 {
		return "not " + output.unit(p.Output)
	}
	return output.unit(p.Output)
}

// networkView is one row of a network as it is drawn.
type networkView struct {
	*diagram
	row    int
	path   RowPath
	edges  [][]Edge // drawn, by connection
	widest float64  // largest |w·a| of these
}

func (n *diagram) view(row int) *networkView {
	v := &networkView{diagram: n, row: row, path: n.path(row)}
	for _, edges := range v.path.Edges {
		kept := strongest(edges, n.Edges)
		for _, e := range kept {
			v.widest = max(v.widest, math.Abs(e.Contribution))
		}
		v.edges = append(v.edges, kept)
	}
	return v
}

// dropped tells what is drawn of the connections that are not drawn whole,
// and how much of the path that is.
func (v *networkView) dropped() string {
	var drawn, all, path, pathDrawn int
	for l, edges := range v.path.Edges {
		for _, e := range edges {
			if e.Path {
				path++
			}
		}
		for _, e := range v.edges[l] {
			if e.Path {
				pathDrawn++
			}
		}
		drawn, all = drawn+len(v.edges[l]), all+len(edges)
	}
	if drawn == all {
		return ""
	}
	return fmt.Sprintf("%s of %s edges, %s of %s of the path", thousands(drawn), thousands(all), thousands(pathDrawn), thousands(path))
}
