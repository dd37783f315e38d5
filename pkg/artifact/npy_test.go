package artifact_test

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

// TestNpyBytes compares with the file that numpy.save of NumPy 2.4 writes for
// numpy.array([[1, 2, 3]], "float32").
func TestNpyBytes(t *testing.T) {
	want := "\x93NUMPY\x01\x00v\x00" + "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }" + strings.Repeat(" ", 58) + "\n" +
		"\x00\x00\x80?\x00\x00\x00@\x00\x00@@"
	var b bytes.Buffer
	if err := artifact.EncodeNpy(&b, rows(t, []float32{1, 2, 3}, 1, 3)); err != nil || b.String() != want {
		t.Errorf("got %q, %v, want %q", b.String(), err, want)
	}
}

func TestNpyRoundTrip(t *testing.T) {
	for _, a := range []*array.Array{
		rows(t, []float32{1, float32(math.NaN()), 3}, 3), array.New(2, 3, 4, 5), array.New(0, 7), array.New(0),
	} {
		path := filepath.Join(t.TempDir(), "a.npy")
		if err := artifact.WriteNpy(path, a); err != nil {
			t.Fatal(err)
		}
		if got, err := artifact.ReadNpy(path); err != nil || !got.Equal(a) {
			t.Errorf("shape %v: got %v, %v", a.Shape, got, err)
		}
	}
}

func TestNpyBadInput(t *testing.T) {
	file := func(dict string, bytes int) string {
		return fmt.Sprintf("\x93NUMPY\x01\x00%c\x00%s\n%s", len(dict)+1, dict, strings.Repeat("x", bytes))
	}
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "no NumPy file"},
		{"version", "\x93NUMPY\x03\x00\x01\x00\x00\x00\n", "version 1.0"},
		{"cut", "\x93NUMPY\x01\x00\xff\xff{", "header ends at byte"},
		{"no dict", file("{}", 0), "not NumPy's"},
		{"type", file("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8), "<f8"},
		{"order", file("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4), "column-major True"},
		{"long", file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 5), "needs 4 bytes, 5 follow"},
		{"huge", file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), }", 5), "more values than"},
		{"too huge", file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 5), "is no size"},
		{"words", file("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2,), }", 5), "is no size"},
	} {
		if _, err := artifact.DecodeNpy([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
	}
	if err := artifact.EncodeNpy(&bytes.Buffer{}, &array.Array{Shape: []int{3}}); err == nil {
		t.Error("a broken array was written")
	}
}

func FuzzNpy(f *testing.F) {
	var b bytes.Buffer
	_ = artifact.EncodeNpy(&b, array.New(2, 3))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if a, err := artifact.DecodeNpy(raw); err == nil {
			var b bytes.Buffer
			if err := artifact.EncodeNpy(&b, a); err != nil {
				t.Fatal(err)
			}
			if again, err := artifact.DecodeNpy(b.Bytes()); err != nil || !again.Equal(a) {
				t.Errorf("changed: %v", err)
			}
		}
	})
}
