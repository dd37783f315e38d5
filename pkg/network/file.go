package network

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/nlpodyssey/safetensors"

	"github.com/gojacard/jacard/pkg/array"
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
	text, err := json.Marshal(n.describe())
	if err != nil {
		return fmt.Errorf("network: %q: %w", n.name, err)
	}
	views := make(map[string]safetensors.TensorView, n.params.Len())
	for i, s := range n.arch.specs {
		shape := make([]uint64, len(s.Shape))
		for k, d := range s.Shape {
			shape[k] = uint64(d)
		}
		if views[s.full], err = safetensors.NewTensorView(safetensors.F32, shape, array.Bytes(n.params.values[i].Data)); err != nil {
			return fmt.Errorf("network: %q: %s: %w", n.name, s.full, err)
		}
	}
	raw, err := safetensors.Serialize(views, map[string]string{metadataKey: string(text)})
	if err == nil {
		err = writeAtomically(path, raw)
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
	file, err := safetensors.Deserialize(raw)
	if err != nil {
		return nil, fmt.Errorf("not a safetensors file: %w", err)
	}
	_, metadata, err := safetensors.ReadMetadata(raw)
	if err != nil {
		return nil, err
	}
	text, ok := metadata.Metadata()[metadataKey]
	if !ok {
		return nil, fmt.Errorf("no %q in the metadata: the file holds tensors, but no network saved by this package", metadataKey)
	}
	var d description
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("description of the layers: %w", err)
	}
	if d.Format != 1 {
		return nil, fmt.Errorf("format %d of the description: this program reads format 1", d.Format)
	}
	layers := make([]namedLayer, len(d.Layers))
	for i, l := range d.Layers {
		layer, err := l.decode()
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
		layers[i] = namedLayer{name: l.Name, layer: layer}
	}
	arch, err := newArchitecture(d.Name, d.Input, layers)
	if err != nil {
		return nil, err
	}
	if file.Len() != len(arch.specs) {
		return nil, fmt.Errorf("the file has tensors %v, the layers have parameters %v", file.Names(), arch.names())
	}
	values := make([]*array.Array, len(arch.specs))
	for i, s := range arch.specs {
		v, ok := file.Tensor(s.full)
		if !ok || v.DType() != safetensors.F32 || len(v.Data()) != 4*s.size() {
			return nil, fmt.Errorf("parameter %q: want float32 of shape %v, the file has %v of shape %v", s.full, s.Shape, v.DType(), v.Shape())
		}
		for k, dim := range v.Shape() {
			if k >= len(s.Shape) || dim != uint64(s.Shape[k]) {
				return nil, fmt.Errorf("parameter %q has shape %v, want %v", s.full, v.Shape(), s.Shape)
			}
		}
		values[i] = array.New(s.Shape...)
		for k := range values[i].Data {
			values[i].Data[k] = math.Float32frombits(binary.LittleEndian.Uint32(v.Data()[4*k:]))
		}
	}
	n := &Network{name: d.Name, arch: arch, params: newParameters(arch.names(), values)}
	return n.WithParameters(n.params)
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

// writeAtomically writes beside the file and renames, so that a crash at any
// instant leaves the old file or the new one.
func writeAtomically(path string, raw []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(raw); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
