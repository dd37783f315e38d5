package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/random"
	"github.com/gojacard/jacard/pkg/array"
)

// TrainConfig is what [Train] can be told. All but Loss may stay zero.
type TrainConfig struct {
	Loss      Loss      // required
	Optimizer Optimizer // nil means Adam{}

	Epochs    int // 0 means 1
	BatchSize int // 0 means 64

	// L2 adds L2/(2·rows of the batch)·Σw² to the loss of each batch, over the
	// weights but not the biases, as scikit-learn's alpha does. The losses that
	// [History] reports include it. PyTorch's weight decay is [Adam.WeightDecay].
	L2 float64

	// Shuffle draws a new order of the rows for each epoch. Without it, rows
	// come in the order given, as the published study trains.
	Shuffle bool

	// Patience ends the training after more than so many epochs in a row whose
	// mean loss is not below the best one by Tolerance; 0 means never.
	// scikit-learn waits 10 epochs. Tolerance 0 means 1e-4.
	Patience  int
	Tolerance float64

	// Seed decides orders and dropout.
	Seed uint64

	// Backend computes; nil means the process's default.
	Backend compute.Backend

	// OnEpoch, if not nil, is called after each epoch. [ErrStop] ends the
	// training there, with the parameters of that epoch; any other error
	// ends it with that error.
	OnEpoch func(Epoch) error

	// Progress, if not nil, is called with the batches done and all batches.
	Progress func(done, total int)
}

// ErrStop is what OnEpoch returns to end a training early and well.
var ErrStop = errors.New("network: stop training")

// Epoch is what OnEpoch is told.
type Epoch struct {
	Index int // 0, 1, …

	// Loss is the mean over the rows of the epoch: a partial last batch
	// counts by its rows. Each batch's loss is measured before its step.
	Loss        float64
	BatchLosses []float32

	// Network copies the parameters from the device; call it if needed.
	Network func() (*Network, error)
}

// History is what a training leaves besides the network.
type History struct {
	Losses      []float64   // mean loss by epoch, see [Epoch]
	BatchLosses [][]float32 // by epoch and batch
	Stopped     bool        // OnEpoch returned [ErrStop], or Patience was over
	Backend     string      // name of the backend
}

// LossError reports a loss or a parameter that is not a finite number.
type LossError struct {
	Epoch, Batch int     // Batch −1: the parameters, after the last batch
	Loss         float32 // NaN or ±Inf
}

func (e *LossError) Error() string {
	if e.Batch < 0 {
		return fmt.Sprintf("network: parameters after epoch %d are not finite: try a smaller rate", e.Epoch)
	}
	return fmt.Sprintf("network: loss %v in epoch %d, batch %d: try a smaller rate, or look for NaN in the rows", e.Loss, e.Epoch, e.Batch)
}

// Train fits the network to targets y of rows x and returns a new network; n
// stays as it was. x and y may be the same array, as for an autoencoder.
//
// The same arguments give the same bytes on the same backend. The whole of x
// and y lies on the device. Errors: shapes that do not fit, a [LossError] as
// soon as a loss is NaN or infinite, ctx's error soon after it is cancelled.
func Train(ctx context.Context, n *Network, x, y *array.Array, cfg TrainConfig) (*Network, *History, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, nil, err
	}
	if err := n.checkRows(x, "rows", n.arch.input); err != nil {
		return nil, nil, err
	}
	if err := n.checkRows(y, "targets", n.arch.output()); err != nil {
		return nil, nil, err
	}
	if x.Rows() != y.Rows() || x.Rows() == 0 {
		return nil, nil, fmt.Errorf("network: %q: %d rows and %d targets: want equally many, at least one", n.name, x.Rows(), y.Rows())
	}
	t, err := newTrainer(n, x, y, cfg)
	if err != nil {
		return nil, nil, err
	}
	defer t.finalize()
	history, err := t.run(ctx)
	if err != nil {
		return nil, nil, err
	}
	trained, err := t.network()
	if err != nil {
		return nil, nil, err
	}
	for _, p := range trained.params.values {
		for _, v := range p.Data {
			if !finite(v) {
				return nil, nil, &LossError{Epoch: len(history.Losses) - 1, Batch: -1, Loss: v}
			}
		}
	}
	return trained, history, nil
}

func (cfg TrainConfig) withDefaults() (TrainConfig, error) {
	cfg.Epochs, cfg.BatchSize = cmp.Or(cfg.Epochs, 1), cmp.Or(cfg.BatchSize, 64)
	if cfg.Loss == nil {
		return cfg, errors.New("network: TrainConfig.Loss is nil: choose MSE(), BCE() or CrossEntropy()")
	}
	cfg.Tolerance = cmp.Or(cfg.Tolerance, 1e-4)
	if cfg.Epochs < 0 || cfg.BatchSize < 0 || cfg.Patience < 0 {
		return cfg, fmt.Errorf("network: negative Epochs %d, BatchSize %d or Patience %d", cfg.Epochs, cfg.BatchSize, cfg.Patience)
	}
	if !(cfg.L2 >= 0 && cfg.L2 < math.MaxFloat32 && cfg.Tolerance > 0) {
		return cfg, fmt.Errorf("network: L2 %g, Tolerance %g: want L2 ≥ 0, a positive Tolerance", cfg.L2, cfg.Tolerance)
	}
	if cfg.Optimizer == nil {
		cfg.Optimizer = Adam{}
	}
	var err error
	if cfg.Optimizer, err = cfg.Optimizer.withDefaults(); err != nil {
		return cfg, err
	}
	cfg.Backend, err = chosen(cfg.Backend)
	return cfg, err
}

func (t *trainer) run(ctx context.Context) (*History, error) {
	history := &History{Backend: t.cfg.Backend.Name()}
	order := make([]int32, t.steps*t.batch) // places after the last row hold row 0 with weight 0
	for i := range t.rows {
		order[i] = int32(i)
	}
	shuffle := random.Stream(t.cfg.Seed, "network: order of rows")
	best, flat := math.Inf(1), 0 // lowest mean loss; epochs in a row without improvement
	for epoch := range t.cfg.Epochs {
		if t.cfg.Shuffle {
			shuffle.Shuffle(t.rows, func(i, k int) { order[i], order[k] = order[k], order[i] })
		}
		losses, err := t.epoch(ctx, epoch, order)
		if err != nil {
			return nil, err
		}
		mean := t.meanLoss(losses)
		history.Losses = append(history.Losses, mean)
		history.BatchLosses = append(history.BatchLosses, losses)
		if flat++; mean <= best-t.cfg.Tolerance {
			flat = 0
		}
		best = min(best, mean)
		history.Stopped = t.cfg.Patience > 0 && flat > t.cfg.Patience
		if t.cfg.OnEpoch != nil {
			err = t.cfg.OnEpoch(Epoch{Index: epoch, Loss: mean, BatchLosses: losses, Network: t.network})
			if err != nil && !errors.Is(err, ErrStop) {
				return nil, err
			}
			history.Stopped = history.Stopped || err != nil
		}
		if history.Stopped {
			break
		}
	}
	return history, nil
}

// meanLoss weighs each batch by its rows.
func (t *trainer) meanLoss(losses []float32) float64 {
	sum := 0.0
	for i, l := range losses {
		sum += float64(l) * float64(min(t.batch, t.rows-i*t.batch))
	}
	return sum / float64(t.rows)
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }
