package artifact_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

func TestSafetensorsRoundTrip(t *testing.T) {
	nan := math.Float32frombits(0x7fc00123)
	want := map[string]*array.Array{
		"b":           rows(t, []float32{1, 2, 3, 4, 5, 6}, 3, 2),
		"a.weird <&>": rows(t, []float32{nan, float32(math.Inf(-1)), math.Float32frombits(1 << 31)}, 3),
		"empty":       array.New(0, 5),
		"also empty":  array.New(4, 0),
		"pictures":    array.New(2, 3, 4, 1),
	}
	path := filepath.Join(t.TempDir(), "new", "x.safetensors")
	if err := artifact.WriteSafetensors(path, want, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	got, meta, err := artifact.ReadSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	if meta["format"] != "pt" || len(got) != len(want) {
		t.Fatalf("got metadata %v and %d arrays, want %d", meta, len(got), len(want))
	}
	for name, a := range want {
		if !a.Equal(got[name]) {
			t.Errorf("array %q: got %v, want %v", name, got[name], a)
		}
	}
	first, _ := os.ReadFile(path)
	for range 20 { // map order must not reach the bytes
		var b bytes.Buffer
		if err := artifact.EncodeSafetensors(&b, got, meta); err != nil || !bytes.Equal(b.Bytes(), first) {
			t.Fatal("same arrays, other bytes", err)
		}
	}
}

// TestSafetensorsOfOthers reads a file that Python's safetensors wrote.
func TestSafetensorsOfOthers(t *testing.T) {
	c := fixture.Load(t, "deepshap-mlp-logits")
	arrays, _, err := artifact.ReadSafetensors(filepath.Join(c.Dir, "arrays.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range arrays {
		if !a.Equal(c.Array(name)) {
			t.Errorf("array %q differs", name)
		}
	}
}

func TestSafetensorsBadInput(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "header too small"},
		{"huge header", "\xff\xff\xff\xff\xff\xff\xff\x7f", "header too large"},
		{"cut header", header(`{"a":{}}`)[:12], "invalid header length"},
		{"no JSON", header(`{`), "invalid header"},
		{"huge array", header(`{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}`) + "1234", "num bytes"},
		{"huge empty array", header(`{"a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}`), "too large"},
		{"cut data", header(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`) + "1234", "incomplete"},
		{"trailing data", header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`) + "12345", "incomplete"},
		{"overlap", header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`) + "1234", "offset"},
		{"other type", header(`{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`) + "12345678", `"a" is F64: only F32`},
	} {
		if _, _, err := artifact.DecodeSafetensors([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		name string
		a    *array.Array
		want string
	}{
		{"__metadata__", array.New(1), "choose another name"},
		{"bad\xff", array.New(1), "choose another name"},
		{"nil", nil, `"nil" is nil`},
		{"shape", &array.Array{Shape: []int{2}, Data: make([]float32, 3)}, "holds 2 values, got 3"},
	} {
		err := artifact.EncodeSafetensors(&bytes.Buffer{}, map[string]*array.Array{c.name: c.a}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
	}
}

// FuzzSafetensors: whatever is read is either refused or written again with
// the same arrays.
func FuzzSafetensors(f *testing.F) {
	var b bytes.Buffer
	_ = artifact.EncodeSafetensors(&b, map[string]*array.Array{"a": array.New(2, 2), "b": array.New(0)}, map[string]string{"k": "v"})
	f.Add(b.Bytes())
	f.Add([]byte(header(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`) + "1234"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		arrays, meta, err := artifact.DecodeSafetensors(raw)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := artifact.EncodeSafetensors(&b, arrays, meta); err != nil {
			t.Fatal(err)
		}
		again, _, err := artifact.DecodeSafetensors(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range arrays {
			if !a.Equal(again[name]) {
				t.Errorf("array %q changed", name)
			}
		}
	})
}

func ExampleWriteSafetensors() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "codes.safetensors")
	codes, _ := array.FromRows([][]float32{{1, 2}, {3, 4}})
	if err := artifact.WriteSafetensors(path, map[string]*array.Array{"codes": codes}, nil); err != nil {
		fmt.Println(err)
		return
	}
	arrays, _, err := artifact.ReadSafetensors(path)
	fmt.Println(arrays["codes"].Shape, arrays["codes"].Data, err)
	// Output: [2 2] [1 2 3 4] <nil>
}

func header(json string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(json)))) + json
}

func rows(t testing.TB, data []float32, shape ...int) *array.Array {
	t.Helper()
	a, err := array.From(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
