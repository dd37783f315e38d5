package network

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
)

// Parameters is an ordered list of named arrays, such as "dense0.weight". It
// never changes: [Parameters.With] returns another list that shares all other
// arrays. Callers do not write to the arrays; they clone one and hand the
// clone to With.
type Parameters struct {
	names  []string
	values []*array.Array
	index  map[string]int
}

func newParameters(names []string, values []*array.Array) Parameters {
	p := Parameters{names: names, values: values, index: make(map[string]int, len(names))}
	for i, n := range names {
		p.index[n] = i
	}
	return p
}

// Len returns the number of arrays.
func (p Parameters) Len() int { return len(p.names) }

// Names returns the names in order.
func (p Parameters) Names() []string { return slices.Clone(p.names) }

// Get returns the array of that name.
func (p Parameters) Get(name string) (*array.Array, error) {
	i, ok := p.index[name]
	if !ok {
		return nil, fmt.Errorf("network: no parameter %q: there are %s", name, strings.Join(p.names, ", "))
	}
	return p.values[i], nil
}

// With returns the same list with another array under an existing name, or
// with a new name at the end.
func (p Parameters) With(name string, value *array.Array) Parameters {
	if i, ok := p.index[name]; ok {
		values := slices.Clone(p.values)
		values[i] = value
		return Parameters{names: p.names, values: values, index: p.index}
	}
	return newParameters(append(slices.Clone(p.names), name), append(slices.Clone(p.values), value))
}

// Under returns the arrays whose names begin with prefix and a dot, without
// them: Under("state_dict") of a PyTorch checkpoint is the network's part.
func (p Parameters) Under(prefix string) Parameters {
	var names []string
	var values []*array.Array
	for i, n := range p.names {
		if rest, ok := strings.CutPrefix(n, prefix+"."); ok {
			names, values = append(names, rest), append(values, p.values[i])
		}
	}
	return newParameters(names, values)
}

// Hash returns the SHA-256 of names, shapes and bits in hexadecimal.
func (p Parameters) Hash() string {
	h := sha256.New()
	for i, n := range p.names {
		fmt.Fprintf(h, "%q", n)
		p.values[i].HashInto(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}
