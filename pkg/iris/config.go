package iris

import (
	"fmt"
	"math"

	"github.com/gojacard/jacard/internal/study"
)

// Config is everything that decides a result of the study.
type Config struct {
	// Seed of the split, the initial weights and the order of the rows.
	Seed uint64

	// UCI takes the file of the UCI repository, in which two flowers (34 and
	// 37) differ from Fisher's table by typing errors.
	UCI bool

	TestRows int // rows kept from training
	// Stratified takes as many test rows of each species, as far as TestRows
	// can be divided. The study draws them from all rows alike.
	Stratified bool

	Hidden int     // neurons
	Epochs int     // of one full batch each
	Rate   float64 // Adam's learning rate

	Seeds int // networks trained to see what is stable, with the seeds Seed, Seed+1, …
}

// Published returns the published settings: 15 test rows, 12 neurons, 125
// epochs of Adam at rate 0.15. Ten seeds are ours.
func Published() Config {
	return Config{Seed: 42, TestRows: 15, Hidden: 12, Epochs: 125, Rate: 0.15, Seeds: 10}
}

// Quick returns settings for tests and a first look: the same network, and
// three seeds.
func Quick() Config {
	c := Published()
	c.Seeds = 3
	return c
}

// EnvQuick is the variable that makes [FromEnvironment] choose [Quick].
const EnvQuick = study.EnvQuick

// FromEnvironment returns [Quick] if JACARD_QUICK is set to anything but ""
// or "0", else [Published].
func FromEnvironment() Config {
	if study.Quick() {
		return Quick()
	}
	return Published()
}

// check refuses settings that no step could use, naming the field.
func (c Config) check() error {
	for _, p := range []struct {
		name  string
		value int
	}{{"TestRows", c.TestRows}, {"Hidden", c.Hidden}, {"Epochs", c.Epochs}, {"Seeds", c.Seeds}} {
		if p.value < 1 {
			return fmt.Errorf("iris: %s is %d, it must be at least 1: start from iris.Published() or iris.Quick()", p.name, p.value)
		}
	}
	if c.TestRows > Rows-len(Species) {
		return fmt.Errorf("iris: TestRows is %d of %d rows; leave some to train on", c.TestRows, Rows)
	}
	if !(c.Rate > 0) || math.IsInf(c.Rate, 1) {
		return fmt.Errorf("iris: Rate is %g, it must be finite and above 0", c.Rate)
	}
	return nil
}
