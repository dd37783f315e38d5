package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Spec is all that decides the values of a step. Two specs that differ in
// anything have different IDs.
type Spec struct {
	// Name of the step: letters, digits, dots, dashes, underscores, single
	// spaces. It is the name of the folder too, with dashes for spaces.
	Name string

	// Version of the code. Raise it with every change that changes values.
	Version int

	Seed uint64

	// Config is a struct of options, or nil. Fields that do not change values
	// (progress, number of threads) are tagged `json:"-"`; what JSON would
	// leave out otherwise is an error.
	Config any

	// Inputs by name: the IDs of earlier results, or hashes of arrays.
	Inputs map[string]string

	// Backend that computes. The same seed gives other bytes on another one.
	Backend string
}

var validName = regexp.MustCompile(`^[A-Za-z0-9]+([ ._-][A-Za-z0-9]+)*$`)

// provenance returns the record of a step that has not run: its ID and what
// the ID was made from.
func (s Spec) provenance() (*Provenance, error) {
	if !validName.MatchString(s.Name) {
		return nil, fmt.Errorf("artifact: step name %q: want letters and digits, joined by single spaces, dots, dashes or underscores", s.Name)
	}
	for name, id := range s.Inputs {
		if id == "" {
			return nil, fmt.Errorf("artifact: step %q: input %q has no ID: was it made by a step?", s.Name, name)
		}
	}
	if err := checkConfig(s.Config); err != nil {
		return nil, fmt.Errorf("artifact: step %q: %w", s.Name, err)
	}
	config, err := json.Marshal(s.Config, plainOptions)
	if err != nil {
		return nil, fmt.Errorf("artifact: step %q: config: %w", s.Name, err)
	}
	// Sorted members: moving a field within its struct changes no ID.
	if err := (*jsontext.Value)(&config).Format(jsontext.ReorderRawObjects(true)); err != nil {
		return nil, fmt.Errorf("artifact: step %q: config: %w", s.Name, err)
	}
	p := &Provenance{Step: s.Name, Version: s.Version, Seed: s.Seed, Config: config, Inputs: maps.Clone(s.Inputs), Backend: s.Backend}
	if p.ID, err = p.hash(); err != nil {
		return nil, fmt.Errorf("artifact: step %q: %w", s.Name, err)
	}
	return p, nil
}

// ID names the result of the step without looking for it.
func (s Spec) ID() (string, error) {
	p, err := s.provenance()
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

// hash computes the ID that the other fields call for.
func (p *Provenance) hash() (string, error) {
	text, err := json.Marshal(struct {
		Format  int               `json:"format"`
		Step    string            `json:"step"`
		Version int               `json:"version"`
		Seed    uint64            `json:"seed"`
		Config  jsontext.Value    `json:"config"`
		Inputs  map[string]string `json:"inputs"`
		Backend string            `json:"backend"`
	}{format, p.Step, p.Version, p.Seed, jsontext.Value(p.Config), p.Inputs, p.Backend}, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// format of everything in the store. Another number makes other IDs.
const format = 1

// folder is where the results of a step lie.
func folder(step string) string { return strings.ReplaceAll(step, " ", "-") }
