package network

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

// metadataKey holds the description of the layers in a safetensors file.
const metadataKey = "jacard.network"

// description is the JSON form of a network without its values.
type description struct {
	Format int                `json:"format"` // 1
	Name   string             `json:"name"`
	Input  []int              `json:"input"`
	Layers []layerDescription `json:"layers"`
}

type layerDescription struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Settings json.RawMessage `json:"settings"`
}

func (n *Network) describe() description {
	d := description{Format: 1, Name: n.name, Input: n.arch.input}
	for _, l := range n.arch.layers {
		settings, err := json.Marshal(l.layer)
		if err != nil {
			panic(fmt.Errorf("network: layer %q: settings do not marshal: %w", l.name, err))
		}
		d.Layers = append(d.Layers, layerDescription{l.name, l.layer.Kind(), settings})
	}
	return d
}

// Save writes the network to a safetensors file, parameters under their
// names, the layers as JSON in the file's metadata. Other programs read it as
// plain safetensors. The file appears whole or not at all.
func (n *Network) Save(path string) error {
	arrays, text, err := n.MarshalArtifact()
	if err == nil {
		err = artifact.WriteSafetensors(path, arrays, map[string]string{metadataKey: string(text)})
	}
	if err != nil {
		return fmt.Errorf("network: %q: %w", n.name, err)
	}
	return nil
}

// Load reads a network that [Network.Save] wrote. Everything is checked: the
// layers, that exactly their parameters are there, shapes and types.
func Load(path string) (*Network, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	n, err := decodeNetwork(raw)
	if err != nil {
		return nil, fmt.Errorf("network: %s: %w", path, err)
	}
	return n, nil
}

func decodeNetwork(raw []byte) (*Network, error) {
	arrays, metadata, err := artifact.DecodeSafetensors(raw)
	if err != nil {
		return nil, err
	}
	text, ok := metadata[metadataKey]
	if !ok {
		return nil, fmt.Errorf("no %q in the metadata: the file holds tensors, but no network saved by this package", metadataKey)
	}
	n := &Network{}
	if err := n.UnmarshalArtifact(arrays, json.RawMessage(text)); err != nil {
		return nil, err
	}
	return n, nil
}

// MarshalArtifact gives the parameters by name and the description of the
// layers: how a network is kept as part of a stored result.
func (n *Network) MarshalArtifact() (map[string]*array.Array, json.RawMessage, error) {
	text, err := json.Marshal(n.describe())
	if err != nil {
		return nil, nil, err
	}
	arrays := make(map[string]*array.Array, n.params.Len())
	for i, s := range n.arch.specs {
		arrays[s.full] = n.params.values[i]
	}
	return arrays, text, nil
}

// UnmarshalArtifact makes n what [Network.MarshalArtifact] gave. It is for
// networks that nothing else holds yet.
func (n *Network) UnmarshalArtifact(arrays map[string]*array.Array, text json.RawMessage) error {
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("description of the layers: %w", err)
	}
	if d.Format != 1 {
		return fmt.Errorf("format %d of the description: this program reads format 1", d.Format)
	}
	layers := make([]namedLayer, len(d.Layers))
	for i, l := range d.Layers {
		layer, err := l.decode()
		if err != nil {
			return fmt.Errorf("layer %q: %w", l.Name, err)
		}
		layers[i] = namedLayer{name: l.Name, layer: layer}
	}
	arch, err := newArchitecture(d.Name, d.Input, layers)
	if err != nil {
		return err
	}
	if len(arrays) != len(arch.specs) {
		return fmt.Errorf("the file has tensors %v, the layers have parameters %v", slices.Sorted(maps.Keys(arrays)), arch.names())
	}
	values := make([]*array.Array, len(arch.specs))
	for i, s := range arch.specs {
		if values[i] = arrays[s.full]; values[i] == nil {
			return fmt.Errorf("parameter %q is missing: the file has tensors %v", s.full, slices.Sorted(maps.Keys(arrays)))
		}
	}
	made := &Network{name: d.Name, arch: arch, params: newParameters(arch.names(), values)}
	if made, err = made.WithParameters(made.params); err != nil {
		return err
	}
	*n = *made
	return nil
}

func (l layerDescription) decode() (Layer, error) {
	var known []string
	for _, k := range kinds {
		if k.name == l.Kind {
			return k.decode(l.Settings)
		}
		known = append(known, k.name)
	}
	return nil, fmt.Errorf("kind %q is not known: there are %s", l.Kind, strings.Join(known, ", "))
}
