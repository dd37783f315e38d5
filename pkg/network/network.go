// Package network describes a network as data and computes with it.
//
// A [Network] is an ordered list of named layers and the values of their
// parameters. Both are fixed once made: training, editing, splitting and
// initialising give a new network and leave the old one as it was, to the
// last bit. The hash of a network names what it computes.
//
// Rows are rows of an [array.Array]; a layer's shape is the shape of one row.
// Everything that PyTorch stores is stored here under PyTorch's names and in
// PyTorch's layout: the weight of a dense layer is [out, in], so row j belongs
// to neuron j.
package network

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/gojacard/jacard/pkg/array"
)

// Network is a list of layers with parameters. The zero value is not usable;
// [New], [Load] and [ImportTorch] make networks. All methods may be called
// from several goroutines.
type Network struct {
	name   string
	arch   *architecture
	params Parameters
}

// architecture is what networks of the same layers share.
type architecture struct {
	input  []int
	layers []namedLayer
	specs  []namedSpec
	execs  execs
}

type namedLayer struct {
	name          string
	layer         Layer
	input, output []int
}

// namedSpec is a parameter with its full name, layer.suffix.
type namedSpec struct {
	Spec
	layer, full string
}

// New returns a network for rows of the given input shape. A layer without a
// name of its own ([Named]) is called by its kind and its index: dense0,
// relu1, dense2 … Parameters are zero (running variances and the like have
// their fixed start) until [Network.Initialize] or [Network.WithParameters].
//
// The error names the layer that does not fit the one before it.
func New(name string, input []int, layers ...Layer) (*Network, error) {
	named := make([]namedLayer, len(layers))
	for i, l := range layers {
		var err error
		if named[i], err = withName(l, i); err != nil {
			return nil, fmt.Errorf("network: %q: %w", name, err)
		}
	}
	arch, err := newArchitecture(name, input, named)
	if err != nil {
		return nil, err
	}
	return &Network{name: name, arch: arch, params: newParameters(arch.names(), arch.start())}, nil
}

// withName names layer i.
func withName(l Layer, i int) (namedLayer, error) {
	if l == nil {
		return namedLayer{}, fmt.Errorf("layer %d is nil", i)
	}
	if own, ok := l.(renamed); ok {
		return namedLayer{name: own.name, layer: own.Layer}, nil
	}
	return namedLayer{name: l.Kind() + strconv.Itoa(i), layer: l}, nil
}

// Named gives a layer a name of its own. Names are letters, digits, '_', '-'
// and '.', and differ within a network.
func Named(name string, l Layer) Layer {
	if own, ok := l.(renamed); ok {
		l = own.Layer
	}
	return renamed{Layer: l, name: name}
}

type renamed struct {
	Layer
	name string
}

var layerName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// maxParameters keeps a size read from a file from overflowing; it is some
// hundred times what a machine of today holds.
const maxParameters = 1 << 40

// tooLarge tells whether a shape holds more than maxParameters values, or none.
func tooLarge(shape []int) bool {
	n := 1
	for _, d := range shape {
		if d < 1 || n > maxParameters/d {
			return true
		}
		n *= d
	}
	return false
}

func newArchitecture(name string, input []int, layers []namedLayer) (*architecture, error) {
	if len(input) == 0 || slices.Min(input) < 1 {
		return nil, fmt.Errorf("network: %q: input shape %v: want the shape of one row, every axis at least 1", name, input)
	}
	if tooLarge(input) {
		return nil, fmt.Errorf("network: %q: input shape %v is too large", name, input)
	}
	if len(layers) == 0 {
		return nil, fmt.Errorf("network: %q has no layers", name)
	}
	a := &architecture{input: slices.Clone(input)}
	seen, total, shape := map[string]bool{}, 0, a.input
	for _, l := range layers {
		if !layerName.MatchString(l.name) {
			return nil, fmt.Errorf("network: %q: layer name %q: want letters, digits, '_', '-' and '.'", name, l.name)
		}
		if seen[l.name] {
			return nil, fmt.Errorf("network: %q: two layers are named %q", name, l.name)
		}
		seen[l.name] = true
		output, err := l.layer.Output(shape)
		if err != nil {
			return nil, fmt.Errorf("network: %q: layer %q after shape %v: %w", name, l.name, shape, err)
		}
		if tooLarge(output) {
			return nil, fmt.Errorf("network: %q: layer %q: output shape %v is too large", name, l.name, output)
		}
		l.input, l.output = shape, output
		for _, s := range l.layer.Parameters(shape) {
			if tooLarge(s.Shape) {
				return nil, fmt.Errorf("network: %q: layer %q: parameter %s of shape %v is too large", name, l.name, s.Name, s.Shape)
			}
			if total += s.size(); total > maxParameters {
				return nil, fmt.Errorf("network: %q has more than %d parameters", name, maxParameters)
			}
			a.specs = append(a.specs, namedSpec{Spec: s, layer: l.name, full: l.name + "." + s.Name})
		}
		a.layers = append(a.layers, l)
		shape = output
	}
	return a, nil
}

func (a *architecture) names() []string {
	names := make([]string, len(a.specs))
	for i, s := range a.specs {
		names[i] = s.full
	}
	return names
}

// start returns the values of parameters that nothing drew.
func (a *architecture) start() []*array.Array {
	values := make([]*array.Array, len(a.specs))
	for i, s := range a.specs {
		values[i] = array.New(s.Shape...)
		s.fill(values[i].Data)
	}
	return values
}

func (a *architecture) output() []int { return a.layers[len(a.layers)-1].output }

// find returns the index of a layer.
func (n *Network) find(layer string) (int, error) {
	for i, l := range n.arch.layers {
		if l.name == layer {
			return i, nil
		}
	}
	return 0, fmt.Errorf("network: %q has no layer %q: it has %s", n.name, layer, strings.Join(n.LayerNames(), ", "))
}

// Name returns the name given to [New]. It is not part of the hash.
func (n *Network) Name() string { return n.name }

// Input returns the shape of one input row.
func (n *Network) Input() []int { return slices.Clone(n.arch.input) }

// Output returns the shape of one output row.
func (n *Network) Output() []int { return slices.Clone(n.arch.output()) }

// LayerNames returns the names of the layers in order.
func (n *Network) LayerNames() []string {
	names := make([]string, len(n.arch.layers))
	for i, l := range n.arch.layers {
		names[i] = l.name
	}
	return names
}

// LayerKinds returns the kinds of the layers in order: "dense", "relu" …,
// whatever they are named.
func (n *Network) LayerKinds() []string {
	kinds := make([]string, len(n.arch.layers))
	for i, l := range n.arch.layers {
		kinds[i] = l.layer.Kind()
	}
	return kinds
}

// LayerShape returns the shape of one row of a layer's output.
func (n *Network) LayerShape(layer string) ([]int, error) {
	i, err := n.find(layer)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.arch.layers[i].output), nil
}

// ParameterCount returns the number of trainable values.
func (n *Network) ParameterCount() int {
	total := 0
	for _, s := range n.arch.specs {
		if !s.Fixed {
			total += s.size()
		}
	}
	return total
}

// Parameters returns the values of all parameters, in layer order.
func (n *Network) Parameters() Parameters { return n.params }

// WithParameters returns the same layers with other values. Names, their
// order and shapes must be those of [Network.Parameters].
func (n *Network) WithParameters(p Parameters) (*Network, error) {
	if !slices.Equal(p.names, n.params.names) {
		return nil, fmt.Errorf("network: %q takes parameters %v, got %v", n.name, n.params.names, p.names)
	}
	for i, s := range n.arch.specs {
		if !slices.Equal(p.values[i].Shape, s.Shape) {
			return nil, fmt.Errorf("network: %q: parameter %q has shape %v, want %v", n.name, s.full, p.values[i].Shape, s.Shape)
		}
	}
	return &Network{name: n.name, arch: n.arch, params: p}, nil
}

// Initialize returns the network with fresh parameters, drawn from rng in
// layer order. See [TorchInit] and [GlorotInit].
func (n *Network) Initialize(scheme Init, rng *rand.Rand) *Network {
	values := make([]*array.Array, len(n.arch.specs))
	for i, s := range n.arch.specs {
		values[i] = array.New(s.Shape...)
		if s.Fixed || s.FanIn == 0 {
			s.fill(values[i].Data)
		} else {
			scheme(s.Spec, values[i].Data, rng)
		}
	}
	return &Network{name: n.name, arch: n.arch, params: newParameters(n.arch.names(), values)}
}

// Split cuts the network before a layer: tail begins with it, head ends with
// the one before. tail of head's output is the network's output, bit for bit.
// Layers keep their names; parameters are shared, not copied.
// The error says so if the layer is unknown or the first, which leaves no head.
func (n *Network) Split(layer string) (head, tail *Network, err error) {
	at, err := n.find(layer)
	if err != nil {
		return nil, nil, err
	}
	if at == 0 {
		return nil, nil, fmt.Errorf("network: %q cannot be split before its first layer %q", n.name, layer)
	}
	head, err = n.part(n.name+" before "+layer, 0, at)
	if err == nil {
		tail, err = n.part(n.name+" from "+layer, at, len(n.arch.layers))
	}
	return head, tail, err
}

func (n *Network) part(name string, from, to int) (*Network, error) {
	arch, err := newArchitecture(name, n.arch.layers[from].input, n.arch.layers[from:to])
	if err != nil {
		return nil, err
	}
	values := make([]*array.Array, len(arch.specs))
	for i, s := range arch.specs {
		if values[i], err = n.params.Get(s.full); err != nil {
			return nil, err
		}
	}
	return &Network{name: name, arch: arch, params: newParameters(arch.names(), values)}, nil
}

// Append returns the network with more layers at its end, as a softmax behind
// logits. Their names continue the count; their parameters and errors are as
// [New]'s, the parameters of n are kept.
func (n *Network) Append(layers ...Layer) (*Network, error) {
	all := slices.Clone(n.arch.layers)
	for _, l := range layers {
		named, err := withName(l, len(all))
		if err != nil {
			return nil, fmt.Errorf("network: %q: %w", n.name, err)
		}
		all = append(all, named)
	}
	arch, err := newArchitecture(n.name, n.arch.input, all)
	if err != nil {
		return nil, err
	}
	values := arch.start()
	copy(values, n.params.values)
	return &Network{name: n.name, arch: arch, params: newParameters(arch.names(), values)}, nil
}

// Hash names what the network computes: the SHA-256 of its input shape, its
// layers with their names and settings, and its parameters, in hexadecimal.
func (n *Network) Hash() string {
	h := sha256.New()
	description := n.describe()
	description.Name = ""
	// Marshalling strings, numbers and settings that came through New cannot fail.
	text, _ := json.Marshal(description)
	h.Write(text)
	h.Write([]byte(n.params.Hash()))
	return hex.EncodeToString(h.Sum(nil))
}

// String returns a table of the layers with output shapes and parameters.
func (n *Network) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s → %s, %d parameters\n", n.name, shapeText(n.arch.input), shapeText(n.arch.output()), n.ParameterCount())
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\toutput\tparameters")
	for _, l := range n.arch.layers {
		count := 0
		for _, s := range l.layer.Parameters(l.input) {
			if !s.Fixed {
				count += s.size()
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%d\n", l.name, shapeText(l.output), count)
	}
	w.Flush()
	return b.String()
}

func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "×")
}
