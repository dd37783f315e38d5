package neuron

import (
	"encoding/binary"
	"slices"
	"sort"

	"github.com/gojacard/jacard/pkg/array"
)

// Jaccard returns |a ∩ b| / |a ∪ b|. Two empty sets give 0: two dead neurons
// have shown nothing that they share.
func Jaccard(a, b TopSet) float64 {
	common := 0
	for _, i := range a.Positions {
		if slices.Contains(b.Positions, i) {
			common++
		}
	}
	return index(common, len(a.Positions), len(b.Positions))
}

func index(common, a, b int) float64 {
	if common == 0 {
		return 0
	}
	return float64(common) / float64(a+b-common)
}

// JaccardMatrix returns the index of every pair of sets, shape
// [neurons, neurons], symmetric. The diagonal is 1, for dead neurons too; a
// dead neuron's other values are 0.
//
// To leave dead neurons out, select the others first with [Alive].
func JaccardMatrix(sets []TopSet) (*array.Array, error) {
	n := groupSize(sets)
	if err := checkSets(sets, n); err != nil {
		return nil, err
	}
	s := array.New(len(sets), len(sets))
	c := newCounter(len(sets), n)
	c.count(sets)
	for p := range sets {
		s.Row(p)[p] = 1
		for q := range p {
			v := float32(index(int(c.common[p*len(sets)+q]), len(sets[p].Positions), len(sets[q].Positions)))
			s.Row(p)[q], s.Row(q)[p] = v, v
		}
	}
	return s, nil
}

// Alive returns the numbers of the sets that are not [TopSet.Dead], ascending.
func Alive(sets []TopSet) []int {
	var alive []int
	for j, s := range sets {
		if !s.Dead() {
			alive = append(alive, j)
		}
	}
	return alive
}

// groupSize is one more than the largest position.
func groupSize(sets []TopSet) int {
	n := 0
	for _, s := range sets {
		for _, i := range s.Positions {
			n = max(n, i+1)
		}
	}
	return n
}

// counter counts the common members of all pairs of sets. It walks from each
// position to the sets that hold it, so its work follows the memberships, not
// the size of the group. All pairs of 500 sets of 10 from 66 images take less
// than 0.4 ms with their sums, and sets from more images take less.
type counter struct {
	sets    int
	common  []int32   // [sets, sets], filled for q < p
	holders [][]int32 // sets that hold a position, ascending
}

func newCounter(sets, n int) *counter {
	return &counter{sets: sets, common: make([]int32, sets*sets), holders: make([][]int32, n)}
}

func (c *counter) count(sets []TopSet) {
	clear(c.common)
	for i := range c.holders {
		c.holders[i] = c.holders[i][:0]
	}
	for p, s := range sets {
		row := c.common[p*c.sets : (p+1)*c.sets]
		for _, i := range s.Positions {
			for _, q := range c.holders[i] {
				row[q]++
			}
			c.holders[i] = append(c.holders[i], int32(p))
		}
	}
}

// Summary describes the top sets of one layer, or of several together.
type Summary struct {
	Neurons  int
	Dead     int // no positive activation
	Partial  int // not dead, but fewer than the largest set's images
	Distinct int // different sets, whatever the order; an empty set is one

	// Over all pairs of two neurons, dead ones included:
	Mean, Median    float64 // of their Jaccard index
	Same, Different int     // pairs with index 1 and 0
}

// Summarise counts what a layer's sets have in common. All values are 0 for
// fewer than two sets, but for the counts of neurons.
func Summarise(sets []TopSet) (Summary, error) {
	matrix, err := JaccardMatrix(sets)
	if err != nil {
		return Summary{}, err
	}
	sum, largest := Summary{Neurons: len(sets)}, 0
	for _, s := range sets {
		largest = max(largest, len(s.Positions))
	}
	distinct := map[string]bool{}
	var values []float64
	for p, s := range sets {
		if s.Dead() {
			sum.Dead++
		} else if len(s.Positions) < largest {
			sum.Partial++
		}
		distinct[key(s)] = true
		for q := range p {
			v := float64(matrix.At(p, q))
			values = append(values, v)
			switch v {
			case 0:
				sum.Different++
			case 1:
				sum.Same++
			}
		}
	}
	sum.Distinct = len(distinct)
	if n := len(values); n > 0 {
		sort.Float64s(values)
		sum.Median = (values[(n-1)/2] + values[n/2]) / 2
		for _, v := range values {
			sum.Mean += v
		}
		sum.Mean /= float64(n)
	}
	return sum, nil
}

// key names a set whatever the order of its positions.
func key(s TopSet) string {
	sorted := slices.Sorted(slices.Values(s.Positions))
	var b []byte
	for _, i := range sorted {
		b = binary.AppendUvarint(b, uint64(i))
	}
	return string(b)
}
