package artifact

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"unicode/utf8"

	"github.com/nlpodyssey/safetensors"

	"github.com/gojacard/jacard/pkg/array"
)

// metadataName is the one name that the format keeps for itself.
const metadataName = "__metadata__"

// WriteSafetensors writes named arrays and metadata to path, as a whole or
// not at all (see [WriteFile]). The bytes depend on the contents alone.
func WriteSafetensors(path string, arrays map[string]*array.Array, metadata map[string]string) error {
	return WriteFile(path, func(w io.Writer) error { return EncodeSafetensors(w, arrays, metadata) })
}

// ReadSafetensors reads what [WriteSafetensors] or any other program wrote.
// See [DecodeSafetensors] for what it accepts.
func ReadSafetensors(path string) (arrays map[string]*array.Array, metadata map[string]string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("artifact: %w", err)
	}
	if arrays, metadata, err = decodeSafetensors(b); err != nil {
		return nil, nil, fmt.Errorf("artifact: reading %s: %w", path, err)
	}
	return arrays, metadata, nil
}

// EncodeSafetensors writes arrays in the order of their names, as float32,
// little-endian: https://huggingface.co/docs/safetensors. Metadata may be nil.
func EncodeSafetensors(w io.Writer, arrays map[string]*array.Array, metadata map[string]string) error {
	views := make(map[string]safetensors.TensorView, len(arrays))
	for name, a := range arrays {
		if name == metadataName || !utf8.ValidString(name) {
			return fmt.Errorf("artifact: safetensors cannot hold an array named %q: choose another name", name)
		}
		if a == nil {
			return fmt.Errorf("artifact: array %q is nil", name)
		}
		if err := a.Check(); err != nil {
			return fmt.Errorf("artifact: array %q: %w", name, err)
		}
		shape := make([]uint64, len(a.Shape))
		for i, d := range a.Shape {
			shape[i] = uint64(d)
		}
		v, err := safetensors.NewTensorView(safetensors.F32, shape, array.Bytes(a.Data))
		if err != nil {
			return fmt.Errorf("artifact: array %q: %w", name, err)
		}
		views[name] = v
	}
	return safetensors.SerializeToWriter(views, metadata, w)
}

// DecodeSafetensors reads the bytes of a safetensors file; the arrays share
// no memory with b. Only float32 is read; another type is an error that names
// the array. A scalar (shape []) becomes an array of shape [1]. Whatever the
// bytes claim, memory is taken in proportion to their true length.
func DecodeSafetensors(b []byte) (arrays map[string]*array.Array, metadata map[string]string, err error) {
	if arrays, metadata, err = decodeSafetensors(b); err != nil {
		return nil, nil, fmt.Errorf("artifact: %w", err)
	}
	return arrays, metadata, nil
}

func decodeSafetensors(b []byte) (arrays map[string]*array.Array, metadata map[string]string, err error) {
	n, header, err := safetensors.ReadMetadata(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%d bytes are no safetensors file: %w", len(b), err)
	}
	body := b[8+n:]
	arrays = map[string]*array.Array{}
	for name, info := range header.Tensors() {
		if info.DType != safetensors.F32 {
			return nil, nil, fmt.Errorf("safetensors array %q is %v: only F32 is read, convert it before saving", name, info.DType)
		}
		shape, err := dims(info.Shape)
		if err != nil {
			return nil, nil, fmt.Errorf("safetensors array %q: %w", name, err)
		}
		arrays[name], err = array.From(floats(body[info.DataOffsets[0]:info.DataOffsets[1]]), shape...)
		if err != nil {
			return nil, nil, fmt.Errorf("safetensors array %q: %w", name, err)
		}
	}
	return arrays, header.Metadata(), nil
}

func dims(shape []uint64) ([]int, error) {
	if len(shape) == 0 {
		return []int{1}, nil
	}
	out := make([]int, len(shape))
	for i, d := range shape {
		if d > math.MaxInt32 {
			return nil, fmt.Errorf("dimension %d of shape %v is too large", i, shape)
		}
		out[i] = int(d)
	}
	return out, nil
}

func floats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}
