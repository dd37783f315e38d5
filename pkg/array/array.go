// Package array holds the one value that all other packages hand to each
// other: a dense float32 array whose axis 0 counts rows.
//
// An array is a picture of data in memory, not a node of a graph; code that
// computes on the device takes arrays in and gives arrays out. Arrays are
// values to read: who wants to change one calls [Array.Clone] first.
package array

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"unsafe"
)

// Array is a dense row-major array. Shape[0] is the number of rows; the other
// axes describe one row, for example [rows, features] or
// [rows, height, width, channels].
type Array struct {
	Shape []int
	Data  []float32
}

// New returns an array of zeros. It panics if a dimension is negative.
func New(shape ...int) *Array {
	return &Array{Shape: slices.Clone(shape), Data: make([]float32, size(shape))}
}

// From wraps data without copying it. The error says so when the shape does
// not hold exactly len(data) values.
func From(data []float32, shape ...int) (*Array, error) {
	a := &Array{Shape: slices.Clone(shape), Data: data}
	if err := a.Check(); err != nil {
		return nil, err
	}
	return a, nil
}

// FromRows copies rows of equal width into a [rows, width] array.
func FromRows(rows [][]float32) (*Array, error) {
	if len(rows) == 0 {
		return New(0, 0), nil
	}
	a := New(len(rows), len(rows[0]))
	for i, r := range rows {
		if len(r) != len(rows[0]) {
			return nil, fmt.Errorf("array: row %d has %d values, row 0 has %d", i, len(r), len(rows[0]))
		}
		copy(a.Row(i), r)
	}
	return a, nil
}

// Check tells whether shape and data agree: no negative dimension, at least
// one axis, as many values as the shape holds.
func (a *Array) Check() error {
	if len(a.Shape) == 0 {
		return fmt.Errorf("array: shape [] has no axis for rows")
	}
	for _, d := range a.Shape {
		if d < 0 {
			return fmt.Errorf("array: negative dimension in shape %v", a.Shape)
		}
	}
	if n := size(a.Shape); n != len(a.Data) {
		return fmt.Errorf("array: shape %v holds %d values, got %d", a.Shape, n, len(a.Data))
	}
	return nil
}

// Rows returns the number of rows.
func (a *Array) Rows() int { return a.Shape[0] }

// Width returns the number of values in one row.
func (a *Array) Width() int { return size(a.Shape[1:]) }

// Row returns row i as a view: writing to it writes to the array.
func (a *Array) Row(i int) []float32 {
	w := a.Width()
	return a.Data[i*w : (i+1)*w : (i+1)*w]
}

// At returns value k of row i.
func (a *Array) At(i, k int) float32 { return a.Data[i*a.Width()+k] }

// Select copies the rows with the given ids, in that order; an id may repeat.
func (a *Array) Select(ids []int) (*Array, error) {
	shape := slices.Clone(a.Shape)
	shape[0] = len(ids)
	out := New(shape...)
	for i, id := range ids {
		if id < 0 || id >= a.Rows() {
			return nil, fmt.Errorf("array: row id %d out of range: the array has rows 0…%d", id, a.Rows()-1)
		}
		copy(out.Row(i), a.Row(id))
	}
	return out, nil
}

// Slice returns rows from…to−1 as a view.
func (a *Array) Slice(from, to int) *Array {
	shape := slices.Clone(a.Shape)
	shape[0] = to - from
	w := a.Width()
	return &Array{Shape: shape, Data: a.Data[from*w : to*w : to*w]}
}

// Clone returns a deep copy.
func (a *Array) Clone() *Array {
	return &Array{Shape: slices.Clone(a.Shape), Data: slices.Clone(a.Data)}
}

// Equal tells whether shapes and bits agree.
func (a *Array) Equal(b *Array) bool {
	return slices.Equal(a.Shape, b.Shape) && slices.Equal(bits(a.Data), bits(b.Data))
}

// Concat copies arrays one below the other. All must have the same row shape.
func Concat(parts ...*Array) (*Array, error) {
	if len(parts) == 0 {
		return New(0, 0), nil
	}
	shape := slices.Clone(parts[0].Shape)
	shape[0] = 0
	var data []float32
	for i, p := range parts {
		if !slices.Equal(p.Shape[1:], shape[1:]) {
			return nil, fmt.Errorf("array: part %d has row shape %v, part 0 has %v", i, p.Shape[1:], shape[1:])
		}
		shape[0] += p.Rows()
		data = append(data, p.Data...)
	}
	return &Array{Shape: shape, Data: data}, nil
}

// Hash returns the SHA-256 of shape and bits in hexadecimal. NaNs with
// different bits hash differently.
func (a *Array) Hash() string {
	h := sha256.New()
	a.HashInto(h)
	return hex.EncodeToString(h.Sum(nil))
}

// HashInto writes shape and bits to h, in an order that does not depend on
// the machine's byte order.
func (a *Array) HashInto(h hash.Hash) {
	_ = binary.Write(h, binary.LittleEndian, int64(len(a.Shape)))
	for _, d := range a.Shape {
		_ = binary.Write(h, binary.LittleEndian, int64(d))
	}
	h.Write(Bytes(a.Data))
}

// Bytes returns the little-endian bytes of values.
func Bytes(values []float32) []byte {
	if len(values) == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values))
	}
	out := make([]byte, 0, 4*len(values))
	for _, b := range bits(values) {
		out = binary.LittleEndian.AppendUint32(out, b)
	}
	return out
}

var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

func bits(values []float32) []uint32 {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*uint32)(unsafe.Pointer(&values[0])), len(values))
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
