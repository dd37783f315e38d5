package artifact

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// plainOptions are how values without arrays are written, here and in keys:
// nil and empty differ, maps are sorted, NaN, infinities and durations (in
// nanoseconds) have a form, nothing unknown is skipped.
var plainOptions = json.JoinOptions(
	json.Deterministic(true), json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true), json.RejectUnknownMembers(true),
	json.WithMarshalers(plainMarshalers), json.WithUnmarshalers(plainUnmarshalers),
)

var (
	plainMarshalers = json.JoinMarshalers(
		json.MarshalToFunc(func(enc *jsontext.Encoder, f float64) error { return writeFloat(enc, f) }),
		json.MarshalToFunc(func(enc *jsontext.Encoder, f float32) error { return writeFloat(enc, float64(f)) }),
		json.MarshalToFunc(func(enc *jsontext.Encoder, d time.Duration) error { return enc.WriteToken(jsontext.Int(int64(d))) }),
	)
	plainUnmarshalers = json.JoinUnmarshalers(
		json.UnmarshalFromFunc(func(dec *jsontext.Decoder, f *float64) error { return readFloat(dec, f) }),
		json.UnmarshalFromFunc(func(dec *jsontext.Decoder, f *float32) error { return readFloat(dec, f) }),
		json.UnmarshalFromFunc(func(dec *jsontext.Decoder, d *time.Duration) error {
			var n int64
			if err := json.UnmarshalDecode(dec, &n); err != nil {
				return err
			}
			*d = time.Duration(n)
			return nil
		}),
	)
)

// writeFloat writes what JSON has no number for as a string. All other values
// go the usual way: shortest form that reads back the same.
func writeFloat(enc *jsontext.Encoder, f float64) error {
	switch {
	case math.IsNaN(f):
		return enc.WriteToken(jsontext.String("NaN"))
	case math.IsInf(f, 1):
		return enc.WriteToken(jsontext.String("Infinity"))
	case math.IsInf(f, -1):
		return enc.WriteToken(jsontext.String("-Infinity"))
	}
	return errors.ErrUnsupported
}

func readFloat[F float32 | float64](dec *jsontext.Decoder, f *F) error {
	if dec.PeekKind() != '"' {
		return errors.ErrUnsupported
	}
	t, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch s := t.String(); s {
	case "NaN":
		*f = F(math.NaN())
	case "Infinity":
		*f = F(math.Inf(1))
	case "-Infinity":
		*f = F(math.Inf(-1))
	default:
		return fmt.Errorf("%q is no number", s)
	}
	return nil
}
