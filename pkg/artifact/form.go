package artifact

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/gojacard/jacard/pkg/array"
)

var (
	arrayType      = reflect.TypeFor[array.Array]()
	provenanceType = reflect.TypeFor[Provenance]()
	durationType   = reflect.TypeFor[time.Duration]()

	arrayMarshaler   = reflect.TypeFor[ArrayMarshaler]()
	arrayUnmarshaler = reflect.TypeFor[ArrayUnmarshaler]()
	jsonMarshaler    = reflect.TypeFor[stdjson.Marshaler]()
	jsonUnmarshaler  = reflect.TypeFor[stdjson.Unmarshaler]()
	textMarshaler    = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler  = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// formOf checks that every value of the result type t can be kept without
// loss, before anything is computed, and gives a hash of its fields and their
// types: a value kept in another form is not read.
func formOf(t reflect.Type) (string, error) {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return "", fmt.Errorf("artifact: the result type %v is no pointer to a struct", t)
	}
	if f, ok := t.Elem().FieldByName("Provenance"); !ok || !f.Anonymous || f.Type != provenanceType || len(f.Index) != 1 {
		return "", fmt.Errorf("artifact: the result type %v does not embed artifact.Provenance", t)
	}
	w := walker{arrays: true, open: map[reflect.Type]bool{t.Elem(): true}}
	for _, f := range fieldsOf(t.Elem()) {
		if err := w.field(t.Elem(), f); err != nil {
			return "", fmt.Errorf("artifact: result: %w", err)
		}
	}
	sum := sha256.Sum256([]byte(w.form.String()))
	return hex.EncodeToString(sum[:8]), nil
}

// checkConfig refuses configurations whose JSON leaves something out: two
// that differ would share a key.
func checkConfig(config any) error {
	if config == nil {
		return nil
	}
	w := walker{open: map[reflect.Type]bool{}}
	if err := w.visit(reflect.TypeOf(config), reflect.TypeOf(config).String()); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

// fieldsOf lists the fields of a result that are kept, under their Go names.
func fieldsOf(t reflect.Type) []reflect.StructField {
	var out []reflect.StructField
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("json") != "-" && !(f.Anonymous && f.Type == provenanceType) {
			out = append(out, f)
		}
	}
	return out
}

// walker goes through a type and notes its form.
type walker struct {
	arrays bool // may hold arrays
	form   strings.Builder
	open   map[reflect.Type]bool // structs on the way down: types may recurse
}

func (w *walker) field(in reflect.Type, f reflect.StructField) error {
	path := fmt.Sprintf("%v.%s", in, f.Name)
	if !f.IsExported() {
		return fmt.Errorf("%s is not exported and would be lost: export it, or tag it `json:\"-\"` if it need not be kept, or give the type MarshalArtifact or MarshalJSON", path)
	}
	fmt.Fprintf(&w.form, "%s:", f.Name)
	return w.visit(f.Type, path)
}

func (w *walker) visit(t reflect.Type, path string) error {
	if name := borrowed(t); name != "" {
		return fmt.Errorf("%s: the methods of the embedded %s would speak for all of %v: give that field a name", path, name, t)
	}
	if p := reflect.PointerTo(t); t == arrayType || t.Kind() != reflect.Pointer && p.Implements(arrayMarshaler) && p.Implements(arrayUnmarshaler) {
		if !w.arrays {
			return fmt.Errorf("%s holds arrays: put their hash among the inputs", path)
		}
		fmt.Fprintf(&w.form, "%v;", t)
		return nil
	}
	if t == provenanceType {
		return fmt.Errorf("%s holds another result: give its ID as input, or tag the field `json:\"-\"`", path)
	}
	if t == durationType || w.speaksFor(t) {
		fmt.Fprintf(&w.form, "%v;", t)
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		fmt.Fprintf(&w.form, "%v ", t.Kind())
		return w.visit(t.Elem(), path)
	case reflect.Array:
		fmt.Fprintf(&w.form, "[%d]", t.Len())
		return w.visit(t.Elem(), path)
	case reflect.Map:
		if k := t.Key().Kind(); k != reflect.String && (k < reflect.Int || k > reflect.Uint64) {
			return fmt.Errorf("%s has keys of type %v: JSON takes strings and integers", path, t.Key())
		}
		fmt.Fprintf(&w.form, "map[%v]", t.Key().Kind())
		return w.visit(t.Elem(), path)
	case reflect.Struct:
		return w.structure(t, path)
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%s is of kind %v (%v), which has no form on disk: use a concrete type, or tag the field `json:\"-\"` if it does not belong to the result", path, t.Kind(), t)
	}
	fmt.Fprintf(&w.form, "%v;", t.Kind())
	return nil
}

func (w *walker) structure(t reflect.Type, path string) error {
	if w.open[t] {
		fmt.Fprintf(&w.form, "%v;", t)
		return nil
	}
	w.open[t] = true
	defer delete(w.open, t)
	if hidden := hiddenField(t, map[string]bool{}); hidden != "" {
		return fmt.Errorf("%s: %v has two fields %s, one of them embedded, and JSON keeps one: rename one", path, t, hidden)
	}
	w.form.WriteString("{")
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == "-" {
			continue
		}
		if err := w.field(t, f); err != nil {
			return err
		}
	}
	w.form.WriteString("}")
	return nil
}

// hiddenField names a field that another field of the same name hides. JSON
// drops such fields without a word.
func hiddenField(t reflect.Type, seen map[string]bool) string {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == "-" {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if name := hiddenField(f.Type, seen); name != "" {
				return name
			}
			continue
		}
		if seen[f.Name] {
			return f.Name
		}
		seen[f.Name] = true
	}
	return ""
}

// borrowed names an embedded field whose methods would speak for the whole
// struct t, so that its other fields are lost.
func borrowed(t reflect.Type) string {
	if t.Kind() != reflect.Struct || t.NumField() == 1 {
		return ""
	}
	for i := range t.NumField() {
		f := t.Field(i)
		for _, write := range []reflect.Type{arrayMarshaler, jsonMarshaler, textMarshaler} {
			if f.Anonymous && (f.Type.Implements(write) || reflect.PointerTo(f.Type).Implements(write)) {
				return f.Name
			}
		}
	}
	return ""
}

// speaksFor tells whether a type has a form of its own, by one of the interfaces.
func (w *walker) speaksFor(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		return false // decided at the element
	}
	p := reflect.PointerTo(t)
	if !w.arrays { // configurations are only written
		return p.Implements(jsonMarshaler) || p.Implements(textMarshaler)
	}
	return p.Implements(jsonMarshaler) && p.Implements(jsonUnmarshaler) || p.Implements(textMarshaler) && p.Implements(textUnmarshaler)
}
