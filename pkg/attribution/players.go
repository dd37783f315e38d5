package attribution

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// players are the inputs of each row joined to groups.
type players struct {
	of    [][]int // partitions: one, or one for each row
	count []int   // players of each partition
	most  int
}

// row returns the partition of a row and its number of players.
func (g *players) row(i int) (of []int, count int) {
	if len(g.of) == 1 {
		i = 0
	}
	return g.of[i], g.count[i]
}

// partition returns the player of each input of a row, and their number.
func (p *problem) partition(row int) (of []int, count int) {
	if p.players != nil {
		return p.players.row(row)
	}
	of = make([]int, p.Rows.Width())
	for i := range of {
		of[i] = i
	}
	return of, len(of)
}

func newPlayers(groups [][]int, rows *array.Array) (*players, error) {
	if len(groups) != 1 && len(groups) != rows.Rows() {
		return nil, fmt.Errorf("attribution: %d partitions in Groups for %d rows: want one, or one for each row", len(groups), rows.Rows())
	}
	g := &players{of: groups, count: make([]int, len(groups))}
	for i, of := range groups {
		if len(of) != rows.Width() {
			return nil, fmt.Errorf("attribution: partition %d of Groups has %d entries, a row has %d inputs", i, len(of), rows.Width())
		}
		seen := map[int]bool{}
		for k, player := range of {
			if player < 0 || player >= len(of) {
				return nil, fmt.Errorf("attribution: partition %d of Groups: input %d belongs to player %d: want 0…%d", i, k, player, len(of)-1)
			}
			seen[player] = true
			g.count[i] = max(g.count[i], player+1)
		}
		for player := range g.count[i] {
			if !seen[player] {
				return nil, fmt.Errorf("attribution: partition %d of Groups: player %d of 0…%d has no input: number players without gaps", i, player, g.count[i]-1)
			}
		}
		g.most = max(g.most, g.count[i])
	}
	return g, nil
}

// PerInput gives every input the value of its player, for drawing: values of
// one row and its partition (see [Query.Groups]).
func PerInput(values []float32, partition []int) ([]float32, error) {
	out := make([]float32, len(partition))
	for i, player := range partition {
		if player < 0 || player >= len(values) {
			return nil, fmt.Errorf("attribution: input %d belongs to player %d: there are values of players 0…%d", i, player, len(values)-1)
		}
		out[i] = values[player]
	}
	return out, nil
}

// TopPlayers returns the k players of one row with the largest |value|, largest
// first, or with positive those with the largest positive values; fewer if
// there are not so many. Equal ones come in the order of their numbers.
func TopPlayers(values []float32, k int, positive bool) []int {
	var players []int
	for player, v := range values {
		if v > 0 || !positive && v != 0 {
			players = append(players, player)
		}
	}
	slices.SortStableFunc(players, func(a, b int) int {
		return cmp.Compare(math.Abs(float64(values[b])), math.Abs(float64(values[a])))
	})
	return players[:max(0, min(k, len(players)))]
}
