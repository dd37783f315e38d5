package artifact

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gojacard/jacard/pkg/array"
)

// ArrayMarshaler is what a type of values implements, together with
// [ArrayUnmarshaler] on its pointer, when its fields are not exported: its
// arrays by name, and JSON for all else. The same value must give the same
// names and JSON each time.
type ArrayMarshaler interface {
	MarshalArtifact() (arrays map[string]*array.Array, rest stdjson.RawMessage, err error)
}

// ArrayUnmarshaler takes back what [ArrayMarshaler] gave.
type ArrayUnmarshaler interface {
	UnmarshalArtifact(arrays map[string]*array.Array, rest stdjson.RawMessage) error
}

// stored is how value.json stands for arrays that lie in arrays.safetensors:
// one array, or those of an ArrayMarshaler by their names there.
type stored struct {
	Array  string             `json:"$array"`
	Arrays map[string]string  `json:"$arrays"`
	Rest   stdjson.RawMessage `json:"rest"`
}

// encodeValue takes the exported fields of the struct v points to, without
// the embedded Provenance: the arrays by path, and JSON with references to
// them. It trusts formOf to have accepted the type.
func encodeValue(v reflect.Value) (text []byte, arrays map[string]*array.Array, err error) {
	arrays = map[string]*array.Array{}
	put := func(name string, a *array.Array) error {
		if arrays[name] != nil {
			return fmt.Errorf("two arrays have the path %q: a map key with a dot or slash collides with another field", name)
		}
		if err := a.Check(); err != nil {
			return err
		}
		arrays[name] = a
		return nil
	}
	options := json.JoinOptions(plainOptions, json.WithMarshalers(json.JoinMarshalers(
		json.MarshalToFunc(func(enc *jsontext.Encoder, a *array.Array) error {
			name, err := begin(enc)
			if err != nil {
				return err
			}
			if err := put(name, a); err != nil {
				return err
			}
			return writeTokens(enc, jsontext.String("$array"), jsontext.String(name), jsontext.EndObject)
		}),
		json.MarshalToFunc(func(enc *jsontext.Encoder, m ArrayMarshaler) error {
			name, err := begin(enc)
			if err != nil {
				return err
			}
			own, rest, err := m.MarshalArtifact()
			if err != nil {
				return err
			}
			tokens := []jsontext.Token{jsontext.String("$arrays"), jsontext.BeginObject}
			for _, key := range slices.Sorted(maps.Keys(own)) {
				if own[key] == nil {
					return fmt.Errorf("array %q of %T is nil", key, m)
				}
				if err := put(name+"."+key, own[key]); err != nil {
					return err
				}
				tokens = append(tokens, jsontext.String(key), jsontext.String(name+"."+key))
			}
			if err := writeTokens(enc, append(tokens, jsontext.EndObject, jsontext.String("rest"))...); err != nil {
				return err
			}
			if len(rest) == 0 {
				rest = stdjson.RawMessage("null")
			}
			if err := enc.WriteValue(jsontext.Value(rest)); err != nil {
				return err
			}
			return enc.WriteToken(jsontext.EndObject)
		}),
		plainMarshalers,
	)))
	var b bytes.Buffer
	enc := jsontext.NewEncoder(&b, options)
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return nil, nil, err
	}
	for _, f := range fieldsOf(v.Type().Elem()) {
		if err := enc.WriteToken(jsontext.String(f.Name)); err != nil {
			return nil, nil, err
		}
		if err := json.MarshalEncode(enc, v.Elem().FieldByIndex(f.Index).Addr().Interface()); err != nil {
			return nil, nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	if err := enc.WriteToken(jsontext.EndObject); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), arrays, nil
}

// begin opens the object that stands for arrays, and says where it lies.
func begin(enc *jsontext.Encoder) (path string, err error) {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return "", err
	}
	var parts []string
	for token := range enc.StackPointer().Tokens() {
		parts = append(parts, token)
	}
	return strings.Join(parts, "."), nil
}

func writeTokens(enc *jsontext.Encoder, tokens ...jsontext.Token) error {
	for _, t := range tokens {
		if err := enc.WriteToken(t); err != nil {
			return err
		}
	}
	return nil
}

// decodeValue fills the struct v points to from what encodeValue gave. All
// fields and all arrays must be used, none may be missing.
func decodeValue(text []byte, arrays map[string]*array.Array, v reflect.Value) error {
	used := map[string]bool{}
	take := func(name string) (*array.Array, error) {
		a, ok := arrays[name]
		if !ok || used[name] {
			return nil, fmt.Errorf("array %q is missing or used twice", name)
		}
		used[name] = true
		return a, nil
	}
	options := json.JoinOptions(plainOptions, json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(func(dec *jsontext.Decoder, a *array.Array) error {
			var s stored
			if err := json.UnmarshalDecode(dec, &s); err != nil {
				return err
			}
			got, err := take(s.Array)
			if err != nil {
				return err
			}
			*a = *got
			return nil
		}),
		json.UnmarshalFromFunc(func(dec *jsontext.Decoder, u ArrayUnmarshaler) error {
			var s stored
			if err := json.UnmarshalDecode(dec, &s); err != nil {
				return err
			}
			own := map[string]*array.Array{}
			for key, name := range s.Arrays {
				var err error
				if own[key], err = take(name); err != nil {
					return err
				}
			}
			return u.UnmarshalArtifact(own, s.Rest)
		}),
		plainUnmarshalers,
	)))
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members, plainOptions); err != nil {
		return err
	}
	fields := fieldsOf(v.Type().Elem())
	for _, f := range fields {
		member, ok := members[f.Name]
		if !ok {
			return fmt.Errorf("field %s is missing", f.Name)
		}
		if err := json.Unmarshal(member, v.Elem().FieldByIndex(f.Index).Addr().Interface(), options); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	if len(members) != len(fields) || len(used) != len(arrays) {
		return fmt.Errorf("%d fields and %d arrays are kept, the type takes %d and %d", len(members), len(arrays), len(fields), len(used))
	}
	return nil
}
