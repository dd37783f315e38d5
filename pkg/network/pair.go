package network

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"
)

// Pair holds a setting of an image layer for height and width.
type Pair [2]int

// Square returns the pair with n for both, as a 3×3 kernel is Square(3).
func Square(n int) Pair { return Pair{n, n} }

// or returns p, or other if p is zero.
func (p Pair) or(other Pair) Pair {
	if p == (Pair{}) {
		return other
	}
	return p
}

func (p Pair) String() string { return fmt.Sprintf("%d×%d", p[0], p[1]) }

// maxSetting bounds kernels, strides and paddings, which a file may state.
const maxSetting = 1 << 20

// between says what is wrong unless both numbers lie in low…high.
func (p Pair) between(what string, low, high int) error {
	if min(p[0], p[1]) < low || max(p[0], p[1]) > high {
		return fmt.Errorf("%s %v: want %d…%d", what, p, low, high)
	}
	return nil
}

// checkImage says what is wrong unless rows are images.
func checkImage(kind string, input []int) error {
	if len(input) != 3 {
		return fmt.Errorf("%s takes rows of three axes, channels × height × width, got %d", kind, len(input))
	}
	return nil
}

// pair reads a whole number or a tuple of two.
func (m *torchObject) pair(field string) (Pair, error) {
	switch v := m.fields[field].(type) {
	case int:
		return Square(v), nil
	case *types.Tuple:
		if v.Len() == 2 {
			h, isH := v.Get(0).(int)
			w, isW := v.Get(1).(int)
			if isH && isW {
				return Pair{h, w}, nil
			}
		}
	}
	return Pair{}, fmt.Errorf("%s: %s is %v, want a whole number or two", m.class, field, m.fields[field])
}

// pairs reads several pairs.
func (m *torchObject) pairs(fields ...string) ([]Pair, error) {
	out := make([]Pair, len(fields))
	for i, f := range fields {
		var err error
		if out[i], err = m.pair(f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// want refuses settings that have no counterpart here: names and values by turns.
func (m *torchObject) want(settings ...any) error {
	for i := 0; i < len(settings); i += 2 {
		field, value := settings[i].(string), settings[i+1]
		if got := m.fields[field]; got != value {
			return fmt.Errorf("%s with %s %v is not supported: want %v", m.class, field, got, value)
		}
	}
	return nil
}
