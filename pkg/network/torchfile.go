package network

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// readTorch reads what torch.save wrote: the zip container of PyTorch ≥ 1.6
// or the older row of pickles. Memory stays in proportion to len(raw).
func readTorch(raw []byte) (any, error) {
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
		return readTorchZip(raw)
	}
	return readTorchLegacy(raw)
}

func readTorchZip(raw []byte) (any, error) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("not a file of torch.save: %w", err)
	}
	files := map[string]*zip.File{}
	root := ""
	for _, f := range z.File {
		files[f.Name] = f
		switch path.Base(f.Name) {
		case "data.pkl":
			root = path.Dir(f.Name)
		case "constants.pkl":
			return nil, errors.New("TorchScript is not supported: save the module or its state_dict with torch.save")
		}
	}
	left := len(raw) // entries that overlap would be read again and again
	read := func(name string) ([]byte, error) {
		f := files[path.Join(root, name)]
		if f == nil {
			return nil, fmt.Errorf("the zip container has no %s", name)
		}
		if f.Method != zip.Store {
			return nil, fmt.Errorf("entry %s is compressed, which torch.save never does", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", f.Name, err)
		}
		defer r.Close()
		b, err := io.ReadAll(io.LimitReader(r, int64(left)+1))
		if left -= len(b); err == nil && left < 0 {
			err = errors.New("entries hold more than the file")
		}
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", f.Name, err)
		}
		return b, nil
	}
	pickle, err := read("data.pkl")
	if err != nil {
		return nil, err
	}
	if files[path.Join(root, "byteorder")] != nil {
		if order, err := read("byteorder"); err != nil || string(order) != "little" {
			return nil, fmt.Errorf("byte order %q: want \"little\" (%v)", order, err)
		}
	}
	storages := map[string]*torchStorage{}
	v, _, err := unpickle(pickle, func(id *types.Tuple) (any, error) {
		s, err := newTorchStorage(id, storages)
		if err == nil && s.raw == nil {
			if s.raw, err = read("data/" + s.key); err == nil {
				err = s.check()
			}
		}
		return s, err
	})
	return v, err
}

// readTorchLegacy reads: magic number, protocol version, system, object, keys
// of the storages, each a pickle; then for each key a count and the values.
func readTorchLegacy(raw []byte) (any, error) {
	magic, rest, err := unpickle(raw, nil)
	if n, ok := magic.(*big.Int); err != nil || !ok || n.Text(16) != "1950a86a20f9469cfc6c" {
		return nil, errors.New("not a file of torch.save: neither its zip container nor the format before PyTorch 1.6")
	}
	version, rest, err := unpickle(rest, nil)
	if err != nil || version != 1001 {
		return nil, fmt.Errorf("torch.save protocol %v: want 1001 (%v)", version, err)
	}
	system, rest, err := unpickle(rest, nil)
	if err != nil {
		return nil, fmt.Errorf("system description: %w", err)
	}
	for _, e := range torchItems(system) {
		if e.key == "little_endian" && e.value != true {
			return nil, errors.New("big-endian values are not supported")
		}
	}
	storages := map[string]*torchStorage{}
	object, rest, err := unpickle(rest, func(id *types.Tuple) (any, error) { return newTorchStorage(id, storages) })
	if err != nil {
		return nil, err
	}
	keys, rest, err := unpickle(rest, nil)
	if err != nil {
		return nil, fmt.Errorf("keys of storages: %w", err)
	}
	list, ok := keys.(*types.List)
	if !ok {
		return nil, fmt.Errorf("keys of storages are %T, want a list", keys)
	}
	for _, k := range *list {
		key, _ := k.(string)
		s := storages[key]
		if s == nil {
			return nil, fmt.Errorf("values for storage %v, which no tensor uses", k)
		}
		if len(rest) < 8 {
			return nil, fmt.Errorf("storage %s: the file ends before its values", key)
		}
		count := binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
		if count > uint64(len(rest)/s.kind.bytes) {
			return nil, fmt.Errorf("storage %s: %d values announced, the file has %d bytes left", key, count, len(rest))
		}
		s.raw, rest = rest[:int(count)*s.kind.bytes], rest[int(count)*s.kind.bytes:]
		if err := s.check(); err != nil {
			return nil, err
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes after the last storage", len(rest))
	}
	return object, nil
}

// torchStorage is a run of values in the file.
type torchStorage struct {
	key  string
	kind torchKind
	size int
	raw  []byte
}

// newTorchStorage reads a persistent id ("storage", kind, key, device, size).
func newTorchStorage(id *types.Tuple, known map[string]*torchStorage) (*torchStorage, error) {
	if id.Len() < 5 || id.Get(0) != "storage" || id.Len() > 5 && id.Get(5) != nil {
		return nil, fmt.Errorf("persistent id %v: want (storage, type, key, device, size)", *id)
	}
	kind, isKind := id.Get(1).(torchKind)
	key, isKey := id.Get(2).(string)
	size, isSize := id.Get(4).(int)
	if !isKind || !isKey || !isSize || size < 0 || strings.Contains(key, "/") {
		return nil, fmt.Errorf("persistent id %v: want (storage, type, key, device, size)", *id)
	}
	s := known[key]
	if s == nil {
		s = &torchStorage{key: key, kind: kind, size: size}
		known[key] = s
	}
	if s.size != size || s.kind.name != kind.name {
		return nil, fmt.Errorf("storage %s is both %d %s and %d %s", key, s.size, s.kind.name, size, kind.name)
	}
	return s, nil
}

func (s *torchStorage) check() error {
	if len(s.raw)%s.kind.bytes != 0 || len(s.raw)/s.kind.bytes != s.size {
		return fmt.Errorf("storage %s has %d bytes, want %d values of %s", s.key, len(s.raw), s.size, s.kind.name)
	}
	return nil
}
