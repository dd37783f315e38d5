package project

import (
	"context"
	"fmt"
	"math"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/project/internal/kernel"
)

// descent moves points down the gradient of KL(P‖Q),
//
//	∂KL/∂y_i = 4 (Σ_j p_ij q_ij (y_i − y_j) − Σ_j q_ij² (y_i − y_j) / Z),
//
// where q = 1/(1 + |y_i − y_j|²) and Z is its sum over all pairs.
type descent struct {
	p       *affinities
	tree    *tree
	exact   bool
	rate    float64
	workers int

	steps int
	row   []int // of each point; points are renumbered as the map takes shape

	x, y           []float32
	attractX       []float32 // Σ p q (y_i − y_j)
	attractY       []float32
	repelX, repelY []float32 // Σ q² (y_i − y_j)
	moveX, moveY   []float32 // the last step
	gainX, gainY   []float32 // of the rate, for each coordinate
	gathered       []places  // one a worker
}

// places are the positions of one point's neighbours.
type places struct{ x, y []float32 }

func newDescent(p *affinities, start *array.Array, cfg TSNEConfig) *descent {
	n := start.Rows()
	d := &descent{
		p: p, tree: newTree(n, cfg.Angle, cfg.Threads), exact: cfg.Exact,
		rate: cfg.LearningRate, workers: cfg.Threads, gathered: make([]places, cfg.Threads),
	}
	for _, v := range []*[]float32{&d.x, &d.y, &d.attractX, &d.attractY, &d.repelX, &d.repelY, &d.moveX, &d.moveY, &d.gainX, &d.gainY} {
		*v = make([]float32, n)
	}
	d.row = make([]int, n)
	for i := range n {
		d.row[i] = i
		d.x[i], d.y[i] = start.At(i, 0), start.At(i, 1)
		d.gainX[i], d.gainY[i] = 1, 1
	}
	return d
}

func (d *descent) points() *array.Array {
	out := array.New(len(d.x), 2)
	for i := range d.x {
		out.Row(d.row[i])[0], out.Row(d.row[i])[1] = d.x[i], d.y[i]
	}
	return out
}

// forces sums attraction and repulsion where the points are, and returns Z.
func (d *descent) forces(ctx context.Context) (z float64, err error) {
	if err := d.finite(); err != nil {
		return 0, err
	}
	if err := d.tree.build(ctx, d.x, d.y); err != nil {
		return 0, err
	}
	if z, err = d.tree.repel(ctx, d.repelX, d.repelY, d.exact); err != nil {
		return 0, err
	}
	return z, d.attraction(ctx)
}

func (d *descent) attraction(ctx context.Context) error {
	return parallel(ctx, len(d.x), 64, d.workers, func(worker, from, to int) {
		for i := from; i < to; i++ {
			d.attract(i, &d.gathered[worker])
		}
	})
}

func (d *descent) attract(i int, buffer *places) {
	from, to := d.p.start[i], d.p.start[i+1]
	cols := d.p.col[from:to]
	if cap(buffer.x) < len(cols) {
		buffer.x, buffer.y = make([]float32, 2*len(cols)), make([]float32, 2*len(cols))
	}
	x, y := buffer.x[:len(cols)], buffer.y[:len(cols)]
	for e, j := range cols {
		x[e], y[e] = d.x[j], d.y[j]
	}
	d.attractX[i], d.attractY[i] = kernel.Attract(d.x[i], d.y[i], x, y, d.p.p[from:to])
}

// step moves every point once. Each coordinate has a gain, raised by 0.2 while
// the gradient points on along the last move and lowered by a fifth after it
// turned (Jacobs, 1988).
func (d *descent) step(ctx context.Context, exaggeration, momentum float64) error {
	if d.steps%renumberEvery == 0 {
		if err := d.renumber(ctx); err != nil {
			return err
		}
	}
	d.steps++
	z, err := d.forces(ctx)
	if err != nil {
		return err
	}
	ex, mom, rate, perZ := float32(exaggeration), float32(momentum), float32(d.rate), float32(1/z)
	move := func(at, last, gains, attract, repel []float32) {
		for i := range at {
			gradient := 4 * (float32(ex*attract[i]) - float32(perZ*repel[i]))
			gain := gains[i]
			if (gradient < 0 && last[i] > 0) || (gradient > 0 && last[i] < 0) {
				gain += 0.2
			} else {
				gain = max(float32(gain*0.8), 0.01)
			}
			gains[i] = gain
			last[i] = float32(mom*last[i]) - float32(float32(rate*gain)*gradient)
			at[i] += last[i]
		}
	}
	move(d.x, d.moveX, d.gainX, d.attractX, d.repelX)
	move(d.y, d.moveY, d.gainY, d.attractY, d.repelY)
	return nil
}

// renumberEvery is the number of steps after which points are numbered anew
// along the Hilbert curve. Neighbours in the map are then neighbours in memory,
// which halves the time of attraction.
const renumberEvery = 50

func (d *descent) renumber(ctx context.Context) error {
	if err := d.finite(); err != nil {
		return err
	}
	if err := d.tree.build(ctx, d.x, d.y); err != nil {
		return err
	}
	n := len(d.x)
	number := make([]int32, n) // new number of each point
	for i := range n {
		number[d.tree.id(i)] = int32(i)
	}
	row, old := make([]int, n), d.p
	for i := range n {
		row[i] = d.row[d.tree.id(i)]
	}
	d.row = row
	for _, v := range []*[]float32{&d.x, &d.y, &d.moveX, &d.moveY, &d.gainX, &d.gainY} {
		moved := make([]float32, n)
		for i := range n {
			moved[i] = (*v)[d.tree.id(i)]
		}
		*v = moved
	}
	d.p = &affinities{start: make([]int32, 1, n+1), col: make([]int32, 0, len(old.col)), p: make([]float32, 0, len(old.p))}
	for i := range n {
		id := d.tree.id(i)
		from, to := old.start[id], old.start[id+1]
		for _, j := range old.col[from:to] {
			d.p.col = append(d.p.col, number[j])
		}
		d.p.p = append(d.p.p, old.p[from:to]...)
		d.p.start = append(d.p.start, int32(len(d.p.col)))
	}
	return nil
}

// divergence returns KL(P‖Q) where the points are, with the exact Z.
func (d *descent) divergence(ctx context.Context) (float64, error) {
	if err := d.finite(); err != nil {
		return 0, err
	}
	if err := d.tree.build(ctx, d.x, d.y); err != nil {
		return 0, err
	}
	z, err := d.tree.repel(ctx, d.repelX, d.repelY, true)
	if err != nil {
		return 0, err
	}
	kl := 0.0
	for i := range d.x {
		for e := d.p.start[i]; e < d.p.start[i+1]; e++ {
			p, j := float64(d.p.p[e]), d.p.col[e]
			if p == 0 {
				continue
			}
			dx, dy := float64(d.x[i])-float64(d.x[j]), float64(d.y[i])-float64(d.y[j])
			kl += p * math.Log(p*z*(1+dx*dx+dy*dy))
		}
	}
	return kl, nil
}

// finite tells whether all positions are numbers whose squares are, too.
func (d *descent) finite() error {
	const far = 1e18
	for i := range d.x {
		if !(d.x[i] > -far && d.x[i] < far && d.y[i] > -far && d.y[i] < far) {
			return fmt.Errorf("point %d left the map at (%g, %g): a lower learning rate than %g may help", i, d.x[i], d.y[i], d.rate)
		}
	}
	return nil
}
