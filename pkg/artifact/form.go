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
	arrays bool // a result, which may hold arrays and is read again; else a configuration
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
	if own, err := w.own(t); own || err != nil {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
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

// own tells whether t needs no look inside: it is an array, or its methods or
// this package write it.
func (w *walker) own(t reflect.Type) (bool, error) {
	if t == provenanceType {
		return false, fmt.Errorf("a result inside another: give its ID as input, or tag the field `json:\"-\"`")
	}
	if t.Kind() == reflect.Pointer {
		return false, nil // decided at the element
	}
	if name := borrowed(t); name != "" {
		return false, fmt.Errorf("the methods of the embedded %s would speak for all of %v: give that field a name", name, t)
	}
	p := reflect.PointerTo(t)
	if t == arrayType || p.Implements(arrayMarshaler) {
		if !w.arrays {
			return false, fmt.Errorf("arrays have no place in a configuration: put their hash among the inputs")
		}
		if t != arrayType && !p.Implements(arrayUnmarshaler) {
			return false, fmt.Errorf("%v has MarshalArtifact, but no UnmarshalArtifact", t)
		}
		return true, nil
	}
	switch {
	case t == durationType:
		return true, nil
	case p.Implements(jsonMarshaler):
		if w.arrays && !p.Implements(jsonUnmarshaler) {
			return false, fmt.Errorf("%v has MarshalJSON, but no UnmarshalJSON", t)
		}
		return true, nil
	case p.Implements(textMarshaler):
		if w.arrays && !p.Implements(textUnmarshaler) {
			return false, fmt.Errorf("%v has MarshalText, but no UnmarshalText", t)
		}
		return true, nil
	}
	return false, nil
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
