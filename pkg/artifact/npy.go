package artifact

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
)

// npyMagic opens version 1.0 of NumPy's format, see
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
const npyMagic = "\x93NUMPY\x01\x00"

// WriteNpy writes an array for numpy.load: float32, little-endian, row-major.
func WriteNpy(path string, a *array.Array) error {
	return WriteFile(path, func(w io.Writer) error { return EncodeNpy(w, a) })
}

// EncodeNpy writes what [WriteNpy] writes.
func EncodeNpy(w io.Writer, a *array.Array) error {
	if err := a.Check(); err != nil {
		return fmt.Errorf("artifact: %w", err)
	}
	shape := strings.Trim(strings.ReplaceAll(fmt.Sprint(a.Shape), " ", ", "), "[]")
	if len(a.Shape) == 1 {
		shape += "," // Python's tuple of one
	}
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape)
	pad := 63 - (len(npyMagic)+2+len(dict))%64 // the data begins at a multiple of 64
	dict += strings.Repeat(" ", pad) + "\n"
	head := binary.LittleEndian.AppendUint16([]byte(npyMagic), uint16(len(dict)))
	if _, err := w.Write(append(head, dict...)); err != nil {
		return err
	}
	_, err := w.Write(array.Bytes(a.Data))
	return err
}

var npyHeader = regexp.MustCompile(`^\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n$`)

// ReadNpy reads a file of float32 values in row-major order, as [WriteNpy] and
// numpy.save write it; anything else is an error. A scalar becomes one row.
func ReadNpy(path string) (*array.Array, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("artifact: %w", err)
	}
	a, err := decodeNpy(b)
	if err != nil {
		return nil, fmt.Errorf("artifact: reading %s: %w", path, err)
	}
	return a, nil
}

// DecodeNpy reads the bytes of such a file.
func DecodeNpy(b []byte) (*array.Array, error) {
	a, err := decodeNpy(b)
	if err != nil {
		return nil, fmt.Errorf("artifact: %w", err)
	}
	return a, nil
}

func decodeNpy(b []byte) (*array.Array, error) {
	const start = len(npyMagic) + 2
	if len(b) < start || string(b[:len(npyMagic)]) != npyMagic {
		return nil, fmt.Errorf("%d bytes are no NumPy file of version 1.0", len(b))
	}
	end := start + int(binary.LittleEndian.Uint16(b[len(npyMagic):]))
	if end > len(b) {
		return nil, fmt.Errorf("the header ends at byte %d, the file at %d", end, len(b))
	}
	header := npyHeader.FindSubmatch(b[start:end])
	if header == nil {
		return nil, fmt.Errorf("header %q is not NumPy's", b[start:end])
	}
	if descr, fortran := string(header[1]), string(header[2]); descr != "<f4" || fortran != "False" {
		return nil, fmt.Errorf("values are %s, column-major %s: only float32 (<f4) in row-major order is read: numpy.ascontiguousarray(a, 'float32')", descr, fortran)
	}
	var shape []int
	n := 1
	for text := range strings.SplitSeq(string(header[3]), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		d, err := strconv.Atoi(text)
		if err != nil || d > math.MaxInt32 {
			return nil, fmt.Errorf("shape (%s): dimension %s is no size", header[3], text)
		}
		if n *= d; n > len(b) {
			return nil, fmt.Errorf("shape (%s) holds more values than the file has bytes", header[3])
		}
		shape = append(shape, d)
	}
	if len(shape) == 0 {
		shape = []int{1}
	}
	if body := len(b) - end; body != 4*n {
		return nil, fmt.Errorf("shape (%s) needs %d bytes, %d follow the header", header[3], 4*n, body)
	}
	return array.From(floats(b[end:]), shape...)
}
