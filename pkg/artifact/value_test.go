package artifact

import (
	stdjson "encoding/json"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gojacard/jacard/pkg/array"
)

type mode string

type layer struct {
	Name    string
	Weights *array.Array
	Bias    array.Array
	Loss    float64
}

type Inner struct {
	Seed  int // Provenance has one too
	Ratio float32
}

// opaque keeps its fields to itself, as a network does.
type opaque struct {
	name   string
	values []*array.Array
}

func (o *opaque) MarshalArtifact() (map[string]*array.Array, stdjson.RawMessage, error) {
	arrays := map[string]*array.Array{}
	for i, v := range o.values {
		arrays[string(rune('a'+i))+".weight"] = v
	}
	rest, err := stdjson.Marshal(o.name)
	return arrays, rest, err
}

func (o *opaque) UnmarshalArtifact(arrays map[string]*array.Array, rest stdjson.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		o.values = append(o.values, arrays[name])
	}
	return stdjson.Unmarshal(rest, &o.name)
}

type everything struct {
	Provenance
	Inner
	Images   *array.Array
	None     *array.Array
	Layers   []layer
	ByName   map[string]*array.Array
	Deep     map[string][]layer
	Net      *opaque
	NoNet    *opaque
	Nets     []opaque
	Floats   []float64
	Singles  []float32
	Matrix   [2][]float64
	Ints     []int
	Big      uint64
	Small    int64
	Bytes    []byte
	Text     string
	Flag     bool
	Mode     mode
	At       time.Time
	Took     time.Duration
	Link     netip.Addr
	NilSlice []int
	Empty    []int
	NilMap   map[string]int
	EmptyMap map[string]int
	Counts   map[int]int
	Pointer  *float64
	Skipped  func() `json:"-"`
}

func example() *everything {
	nan := math.NaN()
	a := func(n int) *array.Array {
		out := array.New(n, 2)
		for i := range out.Data {
			out.Data[i] = float32(n*100 + i)
		}
		return out
	}
	return &everything{
		Inner: Inner{Seed: 3, Ratio: float32(math.Inf(-1))}, Images: a(1),
		Layers: []layer{{Name: "dense0", Weights: a(2), Bias: *a(3), Loss: nan}, {Name: "", Weights: nil, Bias: *a(0)}},
		ByName: map[string]*array.Array{"x": a(4), "": a(5), "nil": nil},
		Deep:   map[string][]layer{"one": {{Bias: *a(6)}}},
		Net:    &opaque{"net", []*array.Array{a(7), a(8)}}, Nets: []opaque{{"first", nil}, {"second", []*array.Array{a(9)}}},
		Floats:  []float64{0.1, math.Copysign(0, -1), math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), nan},
		Singles: []float32{0.1, math.MaxFloat32, float32(nan)}, Matrix: [2][]float64{{1, 2}, nil},
		Ints: []int{3, -1}, Big: math.MaxUint64, Small: math.MinInt64, Bytes: []byte{0, 255}, Text: "é\n\"<\u2028", Flag: true, Mode: "random",
		At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Took: 1234567, Link: netip.MustParseAddr("127.0.0.1"),
		Empty: []int{}, EmptyMap: map[string]int{}, Counts: map[int]int{10: 1, 9: 2}, Pointer: &nan,
	}
}

func TestValuesRoundTrip(t *testing.T) {
	want := example()
	if _, err := formOf(reflect.TypeOf(want)); err != nil {
		t.Fatal(err)
	}
	text, arrays, err := encodeValue(reflect.ValueOf(want))
	if err != nil {
		t.Fatal(err)
	}
	var got everything
	if err := decodeValue(text, arrays, reflect.ValueOf(&got)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !sameFloats(got.Floats, want.Floats) || !math.IsNaN(*got.Pointer) || !math.IsNaN(got.Layers[0].Loss) || !math.IsNaN(float64(got.Singles[2])) {
		t.Errorf("floats: got %v, want %v", got.Floats, want.Floats)
	}
	for _, e := range []*everything{want, &got} { // NaN differs from itself
		e.Floats, e.Singles[2], e.Pointer, e.Layers[0].Loss = nil, 0, nil, 0
	}
	if !reflect.DeepEqual(got, *want) {
		t.Errorf("got  %+v\nwant %+v\n%s", got, *want, text)
	}
	names := strings.Join(slices.Sorted(maps.Keys(arrays)), " ")
	if want := "ByName. ByName.x Deep.one.0.Bias Images Layers.0.Bias Layers.0.Weights Layers.1.Bias Net.a.weight Net.b.weight Nets.1.a.weight"; names != want {
		t.Errorf("arrays are named\n%s, want\n%s", names, want)
	}
	again, _, _ := encodeValue(reflect.ValueOf(example()))
	if string(again) != string(text) {
		t.Error("same value, other bytes")
	}
}

type writer struct{}

func (writer) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func TestValuesThatCannotBeKept(t *testing.T) {
	type embedsNet struct {
		*opaque
		Loss float64
	}
	type hides struct {
		Inner
		Ratio float32
	}
	type writesOnly struct{ X writer }
	for want, v := range map[string]any{
		"writer has MarshalJSON, but no U": &struct {
			Provenance
			X writesOnly
		}{},
		"no pointer to a struct": everything{},
		"does not embed":         &layer{},
		"is not exported and would be los": &struct {
			Provenance
			x int
		}{},
		"[]interface {}": &struct {
			Provenance
			X []any
		}{},
		"X is of kind func": &struct {
			Provenance
			X func()
		}{},
		"a result inside another": &struct {
			Provenance
			Before struct{ Provenance }
		}{},
		"keys of type float64": &struct {
			Provenance
			X map[float64]int
		}{},
		"the methods of the embedded": &struct {
			Provenance
			X embedsNet
		}{},
		"two fields Ratio": &struct {
			Provenance
			X hides
		}{},
	} {
		_, err := formOf(reflect.TypeOf(v))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: got %v, want %q", v, err, want)
		}
	}
	for want, v := range map[string]any{
		"holds 1 values, got 0": &struct {
			Provenance
			X *array.Array
		}{X: &array.Array{Shape: []int{1}}},
		`two arrays have the path "X.a.b.c"`: &struct {
			Provenance
			X map[string]map[string]*array.Array
		}{X: map[string]map[string]*array.Array{"a.b": {"c": array.New(1)}, "a": {"b.c": array.New(1)}}},
		"invalid UTF-8": &struct {
			Provenance
			X string
		}{X: "\xff"},
	} {
		if _, _, err := encodeValue(reflect.ValueOf(v)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: got %v, want %q", v, err, want)
		}
	}
}

func TestDamagedValuesAreRefused(t *testing.T) {
	type value struct {
		Provenance
		A *array.Array
		B []float64
	}
	one := map[string]*array.Array{"A": array.New(1)}
	for _, c := range []struct {
		text   string
		arrays map[string]*array.Array
		want   string
	}{
		{`{"A":{"$array":"A"},"B":[1]}`, one, ""},
		{`{"A":{"$array":"A"}}`, one, "field B is missing"},
		{`{"A":{"$array":"A"},"B":[],"C":1}`, one, "3 fields"},
		{`{"A":{"$array":"B"},"B":[]}`, one, `"B" is missing`},
		{`{"A":null,"B":[]}`, one, "1 arrays are kept"},
		{`{"A":{"$array":"A"},"B":["nan"]}`, one, "no number"},
		{`{"A":{"$array":"A","x":1},"B":[]}`, one, "unknown"},
		{`{"A":5,"B":[]}`, one, "field A"},
		{`{"A":{`, one, "unexpected EOF"},
	} {
		err := decodeValue([]byte(c.text), c.arrays, reflect.ValueOf(&value{}))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.text, err, c.want)
		}
	}
}

// FuzzValue: no text makes decoding panic, and what is accepted is written and
// read again as the same.
func FuzzValue(f *testing.F) {
	want := example()
	text, arrays, err := encodeValue(reflect.ValueOf(want))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, again everything
		if decodeValue(text, arrays, reflect.ValueOf(&got)) != nil {
			return
		}
		first, kept, err := encodeValue(reflect.ValueOf(&got))
		if err != nil {
			t.Skip() // a colliding path: refused, which is allowed
		}
		if err := decodeValue(first, kept, reflect.ValueOf(&again)); err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if second, _, _ := encodeValue(reflect.ValueOf(&again)); string(first) != string(second) {
			t.Errorf("first\n%s\nthen\n%s", first, second)
		}
	})
}

func sameFloats(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool {
		return math.Float64bits(x) == math.Float64bits(y) || math.IsNaN(x) && math.IsNaN(y)
	})
}
