package network

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/pytorch"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/pkg/array"
)

// unpickle reads one pickle and returns what follows it. storage answers
// persistent ids. The unpickler knows no callable but those below.
func unpickle(raw []byte, storage func(id *types.Tuple) (any, error)) (v any, rest []byte, err error) {
	end, err := scanPickle(raw)
	if err != nil {
		return nil, nil, err
	}
	u := pickle.NewUnpickler(bytes.NewReader(raw[:end]))
	u.FindClass = findTorchClass
	if storage != nil {
		u.PersistentLoad = func(id any) (any, error) {
			t, ok := id.(*types.Tuple)
			if !ok {
				return nil, fmt.Errorf("persistent id of type %T, want a tuple", id)
			}
			return storage(t)
		}
	}
	var loadErr error
	// The unpickler panics on some malformed pickles.
	if err := backend.Try(func() { v, loadErr = u.Load() }); err != nil {
		return nil, nil, fmt.Errorf("malformed pickle: %w", err)
	}
	return v, raw[end:], loadErr
}

// Arguments of pickle opcodes, beside a fixed number of bytes.
const (
	twoLines  = -1
	counted4  = -2
	counted1  = -3
	endOfFile = -4
)

// pickleArguments are the opcodes of protocol 2, as torch.save writes it.
var pickleArguments = map[byte]int{
	0x80: 1, '(': 0, '.': endOfFile, '0': 0, '1': 0, '2': 0,
	'N': 0, 0x88: 0, 0x89: 0, 'J': 4, 'K': 1, 'M': 2, 0x8a: counted1, 'G': 8,
	'X': counted4, 'T': counted4, 'U': counted1,
	']': 0, '}': 0, ')': 0, 't': 0, 0x85: 0, 0x86: 0, 0x87: 0,
	'a': 0, 'e': 0, 's': 0, 'u': 0, 'l': 0, 'd': 0,
	'q': 1, 'r': 4, 'h': 1, 'j': 4,
	'c': twoLines, 'R': 0, 0x81: 0, 'b': 0, 'Q': 0,
}

// scanPickle walks the opcodes and returns the length of the pickle. It
// refuses lengths that the file does not have, for which the unpickler would
// ask for memory first, and opcodes that torch.save does not write.
func scanPickle(raw []byte) (int, error) {
	for at := 0; at < len(raw); {
		op := raw[at]
		at++
		n, ok := pickleArguments[op]
		if !ok {
			return 0, fmt.Errorf("pickle opcode 0x%02x at byte %d: save with torch.save's default protocol, 2", op, at-1)
		}
		left := raw[at:]
		switch n {
		case endOfFile:
			return at, nil
		case twoLines:
			n = 0
			for range 2 {
				line := bytes.IndexByte(left[n:], '\n')
				if line < 0 {
					return 0, errors.New("the pickle ends within a name")
				}
				n += line + 1
			}
		case counted4:
			if len(left) >= 4 {
				n = 4 + int(binary.LittleEndian.Uint32(left))
			}
		case counted1:
			if len(left) >= 1 {
				n = 1 + int(left[0])
			}
		}
		if n < 0 || n > len(left) {
			return 0, fmt.Errorf("the pickle ends within opcode 0x%02x at byte %d", op, at-1)
		}
		at += n
	}
	return 0, errors.New("the pickle has no end")
}

// findTorchClass answers for every global in a pickle. Callables are those
// that build tensors and sets; everything else, PyTorch's modules and the
// user's classes alike, is a class whose objects get fields and do nothing.
func findTorchClass(module, name string) (any, error) {
	full := module + "." + name
	switch full {
	case "torch._utils._rebuild_tensor_v2":
		return torchCall(rebuildTensor), nil
	case "torch._utils._rebuild_parameter":
		return torchCall(rebuildParameter), nil
	case "__builtin__.set", "builtins.set":
		return torchCall(func(...any) (any, error) { return types.NewSet(), nil }), nil
	}
	if module == "torch" {
		if k, ok := torchKinds[name]; ok {
			return k, nil
		}
	}
	return torchClass(full), nil
}

type torchCall func(args ...any) (any, error)

func (f torchCall) Call(args ...any) (any, error) { return f(args...) }

// torchClass is a class that is only ever instantiated, never run.
type torchClass string

func (c torchClass) PyNew(args ...any) (any, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("refused: an object of %s with %d arguments", string(c), len(args))
	}
	return &torchObject{class: string(c), fields: map[string]any{}}, nil
}

// Call makes the error that names the callable.
func (c torchClass) Call(...any) (any, error) {
	return nil, fmt.Errorf("refused: the file asks to call %s; nothing was executed", string(c))
}

// torchObject is an object of a Python class: its fields, no behaviour.
type torchObject struct {
	class  string
	fields map[string]any
}

// PySetState takes the object's fields.
func (m *torchObject) PySetState(state any) error {
	for _, e := range torchItems(state) {
		m.fields[e.key] = e.value
	}
	return nil
}

func (m *torchObject) int(field string) (int, error) {
	v, ok := m.fields[field].(int)
	if !ok {
		return 0, fmt.Errorf("%s has no whole number %s", m.class, field)
	}
	return v, nil
}

func (m *torchObject) float(field string) (float64, error) {
	switch v := m.fields[field].(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	}
	return 0, fmt.Errorf("%s has no number %s", m.class, field)
}

// parameter returns a parameter or buffer of the module, nil if it has none
// of that name or None.
func (m *torchObject) parameter(name string) (*torchTensor, error) {
	for _, e := range slices.Concat(torchItems(m.fields["_parameters"]), torchItems(m.fields["_buffers"])) {
		if e.key != name || e.value == nil {
			continue
		}
		t, ok := e.value.(*torchTensor)
		if !ok {
			return nil, fmt.Errorf("%s of %s is %T, not a tensor", name, m.class, e.value)
		}
		return t, nil
	}
	return nil, nil
}

type torchItem struct {
	key   string
	value any
}

// torchItems lists a dictionary of strings or whole numbers; other values
// have no items.
func torchItems(v any) []torchItem {
	var items []torchItem
	add := func(key, value any) {
		switch key.(type) {
		case string, int:
			items = append(items, torchItem{fmt.Sprint(key), value})
		}
	}
	switch v := v.(type) {
	case *types.Dict:
		for _, e := range *v {
			add(e.Key, e.Value)
		}
	case *types.OrderedDict:
		for e := v.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			add(entry.Key, entry.Value)
		}
	}
	return items
}

// torchTensor is a view of a storage.
type torchTensor struct {
	storage       *torchStorage
	offset        int
	shape, stride []int
}

func rebuildTensor(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("tensor of %d arguments, want at least 4", len(args))
	}
	t := &torchTensor{}
	var ok [4]bool
	t.storage, ok[0] = args[0].(*torchStorage)
	t.offset, ok[1] = args[1].(int)
	t.shape, ok[2] = torchInts(args[2])
	t.stride, ok[3] = torchInts(args[3])
	if slices.Contains(ok[:], false) || t.offset < 0 || len(t.shape) != len(t.stride) {
		return nil, fmt.Errorf("tensor of offset %v, shape %v, stride %v is malformed", args[1], t.shape, t.stride)
	}
	return t, nil
}

func rebuildParameter(args ...any) (any, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*torchTensor); ok {
			return t, nil
		}
	}
	return nil, errors.New("a parameter without tensor")
}

func torchInts(v any) ([]int, bool) {
	t, ok := v.(*types.Tuple)
	if !ok {
		return nil, false
	}
	out := make([]int, t.Len())
	for i := range out {
		if out[i], ok = t.Get(i).(int); !ok || out[i] < 0 {
			return nil, false
		}
	}
	return out, true
}

// array copies the tensor's values out of the storage, in row-major order.
func (t *torchTensor) array(budget *int) (*array.Array, error) {
	if slices.Contains(t.shape, 0) {
		return array.New(t.shape...), nil
	}
	count, last := 1, t.offset
	for i, d := range t.shape {
		if count > t.storage.size/d || t.stride[i] > t.storage.size {
			return nil, fmt.Errorf("shape %v, stride %v: the storage has %d values", t.shape, t.stride, t.storage.size)
		}
		count *= d
		last += (d - 1) * t.stride[i]
	}
	if last >= t.storage.size || len(t.storage.raw) == 0 {
		return nil, fmt.Errorf("offset %d, shape %v, stride %v: the storage has %d values", t.offset, t.shape, t.stride, t.storage.size)
	}
	if *budget -= count; *budget < 0 {
		return nil, errors.New("the tensors hold many times the values of the file")
	}
	shape := t.shape
	if len(shape) == 0 {
		shape = []int{1}
	}
	out := array.New(shape...)
	index := make([]int, len(t.shape))
	from := t.offset
	for i := range out.Data {
		out.Data[i] = t.storage.kind.value(t.storage.raw[from*t.storage.kind.bytes:])
		for axis := len(index) - 1; axis >= 0; axis-- {
			index[axis]++
			from += t.stride[axis]
			if index[axis] < t.shape[axis] {
				break
			}
			from -= index[axis] * t.stride[axis]
			index[axis] = 0
		}
	}
	return out, nil
}

// torchKind is a type of values in a storage.
type torchKind struct {
	name  string
	bytes int
	value func(b []byte) float32
}

var little = binary.LittleEndian

var torchKinds = map[string]torchKind{
	"FloatStorage":    {"float32", 4, func(b []byte) float32 { return math.Float32frombits(little.Uint32(b)) }},
	"DoubleStorage":   {"float64", 8, func(b []byte) float32 { return float32(math.Float64frombits(little.Uint64(b))) }},
	"HalfStorage":     {"float16", 2, func(b []byte) float32 { return math.Float32frombits(pytorch.FloatBits16to32(little.Uint16(b))) }},
	"BFloat16Storage": {"bfloat16", 2, func(b []byte) float32 { return math.Float32frombits(uint32(little.Uint16(b)) << 16) }},
	"CharStorage":     {"int8", 1, func(b []byte) float32 { return float32(int8(b[0])) }},
	"ByteStorage":     {"uint8", 1, func(b []byte) float32 { return float32(b[0]) }},
	"BoolStorage":     {"bool", 1, func(b []byte) float32 { return float32(b[0]) }},
	"ShortStorage":    {"int16", 2, func(b []byte) float32 { return float32(int16(little.Uint16(b))) }},
	"IntStorage":      {"int32", 4, func(b []byte) float32 { return float32(int32(little.Uint32(b))) }},
	"LongStorage":     {"int64", 8, func(b []byte) float32 { return float32(int64(little.Uint64(b))) }},
}
