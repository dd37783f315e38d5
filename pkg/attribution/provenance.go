package attribution

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/gojacard/jacard/internal/backend"
)

// Provenance says what an attribution was made from. Contents are named by
// their SHA-256.
type Provenance struct {
	Settings   string // of the method, field by field
	Backend    string // such as "xla:cpu"
	Seed       uint64
	Rows       string
	Background string // empty: none
	Parameters string // of the model
}

func (p *problem) origin() (Provenance, error) {
	o := Provenance{
		Settings: fmt.Sprintf("%+v", p.method), Backend: backend.NameOf(p.Backend), Seed: p.Seed,
		Rows: p.Rows.Hash(),
	}
	if p.Background != nil {
		o.Background = p.Background.Hash()
	}
	var sums []string
	for v := range p.params.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return o, fmt.Errorf("attribution: reading parameter %s: %w", v.Path(), backend.Short(err))
		}
		h := sha256.New()
		fmt.Fprintln(h, v.Path(), value.Shape())
		if err := value.ConstBytes(func(raw []byte) { h.Write(raw) }); err != nil {
			return o, fmt.Errorf("attribution: reading parameter %s: %w", v.Path(), backend.Short(err))
		}
		sums = append(sums, hex.EncodeToString(h.Sum(nil)))
	}
	slices.Sort(sums)
	h := sha256.New()
	for _, s := range sums {
		fmt.Fprintln(h, s)
	}
	o.Parameters = hex.EncodeToString(h.Sum(nil))
	return o, nil
}
