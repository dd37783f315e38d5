package artifact

import (
	stdjson "encoding/json"
	"runtime/debug"
	"sync"
	"time"
)

// Provenance says what made a result. Results embed it; [Step] fills it. It is
// kept beside the values, not among them, so that equal values have equal
// bytes whenever they were made.
type Provenance struct {
	// ID is the SHA-256 of all that decides the values: step, version, seed,
	// configuration, inputs, backend. It names the result in captions and as
	// an input of later steps.
	ID string `json:"id"`

	Step    string             `json:"step"`
	Version int                `json:"version"`
	Seed    uint64             `json:"seed"`
	Config  stdjson.RawMessage `json:"config"`
	Inputs  map[string]string  `json:"inputs"` // name of an input → its ID or hash
	Backend string             `json:"backend"`

	// Versions of Go and of the modules that compute, for the record: they
	// are not part of the ID.
	Versions map[string]string `json:"versions"`
	Started  time.Time         `json:"started"`
	Duration time.Duration     `json:"duration_ns"`

	// Metrics are figures that the step itself notes, such as its largest gap.
	Metrics map[string]float64 `json:"metrics"`
}

// Record gives [Step] access to the provenance embedded in a result.
func (p *Provenance) Record() *Provenance { return p }

// Short returns the first 12 digits of the ID, enough to find it again.
func (p *Provenance) Short() string { return p.ID[:min(12, len(p.ID))] }

// Recorder is a pointer to a struct that embeds [Provenance].
type Recorder interface{ Record() *Provenance }

// versions tells which Go, and which versions of this module and of those
// that compute, the program was built from.
var versions = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	out["go"] = info.GoVersion
	for _, m := range append(info.Deps, &info.Main) {
		switch m.Path {
		case modulePath, "github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla", "gonum.org/v1/gonum":
			out[m.Path] = m.Version
		}
	}
	return out
})

const modulePath = "github.com/gojacard/jacard"
