package network

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
)

// TorchStateDict reads all tensors of a PyTorch file written by torch.save:
// a state dict, a checkpoint that holds one, or a whole pickled module. Names
// are those of PyTorch's state dict, behind the keys of dictionaries around
// it ("state_dict.0.weight", see [Parameters.Under]). Values become float32;
// a scalar becomes one row.
//
// Nothing in the file is executed: a pickle that asks for more than tensors,
// dictionaries and objects with fields is refused with an error that names
// what it wants to call.
func TorchStateDict(path string) (Parameters, error) {
	root, budget, err := openTorch(path)
	if err != nil {
		return Parameters{}, err
	}
	p, err := torchTensors(root, budget)
	if err != nil {
		return Parameters{}, fmt.Errorf("network: %s: %w", path, err)
	}
	return p, nil
}

// ImportTorch makes a network of a whole module saved by PyTorch, with its
// parameters. The leaves of the module are taken in the order in which the
// module lists them, which is the order of computation for Sequential and
// modules that call their children one after the other; a file does not tell
// what a class of one's own does, so compare an output.
//
// input is the shape of one row; without it, the first Linear decides. The
// error names the first module that has no counterpart here.
func ImportTorch(path string, input ...int) (*Network, error) {
	root, budget, err := openTorch(path)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	module, ok := root.(*torchObject)
	if !ok {
		return nil, fmt.Errorf("network: %s holds no module but %T: read it with TorchStateDict and give it to a network by WithTorch", path, root)
	}
	n, err := module.network(name, input, budget)
	if err != nil {
		return nil, fmt.Errorf("network: %s: %w", path, err)
	}
	return n, nil
}

// WithTorch gives the network the values of a PyTorch state dict. Modules of
// the state dict and layers with parameters are paired in order, so that
// "0.weight" or "layers.0.weight" goes to "dense0.weight"; suffixes and shapes
// must agree, and nothing may be left over.
func (n *Network) WithTorch(state Parameters) (*Network, error) {
	var names []string
	var values []*array.Array
	for i, name := range state.names {
		// Counts batches; only PyTorch's momentum=None reads it.
		if !strings.HasSuffix(name, "num_batches_tracked") {
			names, values = append(names, name), append(values, state.values[i])
		}
	}
	specs := n.arch.specs
	if len(names) != len(specs) {
		return nil, fmt.Errorf("network: %q has %d parameters %v, the state dict has %d: %v", n.name, len(specs), n.arch.names(), len(names), names)
	}
	module := map[string]string{} // of each layer
	for i, s := range specs {
		prefix, suffix := "", names[i]
		if dot := strings.LastIndexByte(names[i], '.'); dot >= 0 {
			prefix, suffix = names[i][:dot], names[i][dot+1:]
		}
		if known, ok := module[s.layer]; suffix != s.Name || ok && known != prefix {
			return nil, fmt.Errorf("network: %q: state dict has %q where %q belongs", n.name, names[i], s.full)
		}
		module[s.layer] = prefix
	}
	return n.WithParameters(newParameters(n.params.names, values))
}

// network flattens the module into layers.
func (m *torchObject) network(name string, input []int, budget *int) (*Network, error) {
	leaves, err := m.leaves("", 0, nil)
	if err != nil {
		return nil, err
	}
	if len(leaves) == 0 {
		return nil, fmt.Errorf("%s has no modules", m.class)
	}
	if len(input) == 0 {
		width, err := leaves[0].int("in_features")
		if err != nil {
			return nil, fmt.Errorf("the first module is %s, which does not tell the shape of a row: give it as input", leaves[0].class)
		}
		input = []int{width}
	}
	layers := make([]namedLayer, len(leaves))
	for i, leaf := range leaves {
		l, err := leaf.layer()
		if err != nil {
			return nil, fmt.Errorf("module %q: %w", leaf.path, err)
		}
		layers[i] = namedLayer{name: fmt.Sprint(l.Kind(), i), layer: l}
	}
	arch, err := newArchitecture(name, input, layers)
	if err != nil {
		return nil, err
	}
	var values []*array.Array
	for i, l := range arch.layers {
		for _, s := range l.layer.Parameters(l.input) {
			t, err := leaves[i].parameter(s.Name)
			if err == nil && t == nil {
				err = fmt.Errorf("has no %s", s.Name)
			}
			var value *array.Array
			if err == nil {
				value, err = t.array(budget)
			}
			if err != nil {
				return nil, fmt.Errorf("module %q: %w", leaves[i].path, err)
			}
			values = append(values, value)
		}
	}
	n := &Network{name: name, arch: arch, params: newParameters(arch.names(), values)}
	return n.WithParameters(n.params) // checks the shapes
}

type torchLeaf struct {
	*torchObject
	path string
}

// maxTorchDepth and maxTorchItems stop a file whose objects hold each other.
const maxTorchDepth, maxTorchItems = 64, 100_000

func (m *torchObject) leaves(path string, depth int, found []torchLeaf) ([]torchLeaf, error) {
	children := torchItems(m.fields["_modules"])
	if depth > maxTorchDepth || len(found) > maxTorchItems {
		return nil, fmt.Errorf("module %q: nested too deeply or too many", path)
	}
	if len(children) == 0 {
		return append(found, torchLeaf{m, path}), nil
	}
	if len(torchItems(m.fields["_parameters"])) > 0 {
		return nil, fmt.Errorf("module %q (%s) has both modules and parameters of its own: what it does with them is not in the file", path, m.class)
	}
	for _, c := range children {
		child, ok := c.value.(*torchObject)
		if !ok {
			continue // None: a module that was taken out
		}
		var err error
		if found, err = child.leaves(joinTorch(path, c.key), depth+1, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (m torchLeaf) layer() (Layer, error) {
	var supported []string
	for _, k := range kinds {
		for _, class := range strings.Fields(k.torch) {
			if class == m.class {
				return k.fromTorch(m.torchObject)
			}
			supported = append(supported, class[strings.LastIndexByte(class, '.')+1:])
		}
	}
	return nil, fmt.Errorf("%s has no counterpart here: supported are %s", m.class, strings.Join(supported, ", "))
}

// torchTensors collects all tensors under root, in the file's order.
func torchTensors(root any, budget *int) (Parameters, error) {
	var names []string
	var values []*array.Array
	items := 0
	seen := map[*torchTensor]*array.Array{}
	var walk func(path string, v any, depth int) error
	walk = func(path string, v any, depth int) error {
		if items++; depth > maxTorchDepth || items > maxTorchItems {
			return fmt.Errorf("%q: nested too deeply or too many items", path)
		}
		switch v := v.(type) {
		case *torchTensor:
			a, ok := seen[v]
			if !ok {
				var err error
				if a, err = v.array(budget); err != nil {
					return fmt.Errorf("tensor %q: %w", path, err)
				}
				seen[v] = a
			}
			names, values = append(names, path), append(values, a)
		case *torchObject:
			for _, field := range []string{"_parameters", "_buffers", "_modules"} {
				if err := walk(path, v.fields[field], depth+1); err != nil {
					return err
				}
			}
		default:
			for _, e := range torchItems(v) {
				if err := walk(joinTorch(path, e.key), e.value, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk("", root, 0); err != nil {
		return Parameters{}, err
	}
	p := newParameters(names, values)
	if len(p.index) != len(names) {
		return Parameters{}, fmt.Errorf("two tensors of %v have the same name", names)
	}
	return p, nil
}

func joinTorch(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// openTorch reads the file's object. budget is the number of values that
// tensors made of it may hold together: views can share a storage, but a
// hostile file must not make a hundred copies of it.
func openTorch(path string) (root any, budget *int, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("network: %w", err)
	}
	if root, err = readTorch(raw); err != nil {
		return nil, nil, fmt.Errorf("network: %s: %w", path, err)
	}
	most := 16 * len(raw)
	return root, &most, nil
}
