package notebook

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"
)

// fields takes known fields out of a decoded object; what is left is unknown.
type fields struct{ m map[string]any }

func (f fields) take(name string) any {
	v := f.m[name]
	delete(f.m, name)
	return v
}

func (f fields) text(name string) string {
	s, _ := f.take(name).(string)
	return s
}

func (f fields) object(name string) map[string]any {
	m, _ := f.take(name).(map[string]any)
	return orEmpty(m)
}

// integer is 0 for null and for what is not a whole number.
func (f fields) integer(name string) int {
	number, _ := f.take(name).(json.Number)
	i, err := number.Int64()
	if err != nil {
		return 0
	}
	return int(i)
}

// lines is a text stored as one string or as a list of strings.
func (f fields) lines(name string) (string, error) {
	v := f.take(name)
	if s, ok := joinLines(v); ok {
		return s, nil
	}
	return "", fmt.Errorf("%s is neither text nor a list of lines", name)
}

func joinLines(v any) (string, bool) {
	if s, ok := v.(string); ok {
		return s, true
	}
	list, ok := v.([]any)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for _, line := range list {
		s, ok := line.(string)
		if !ok {
			return "", false
		}
		b.WriteString(s)
	}
	return b.String(), true
}

// splitLines cuts after every line end that Python knows, as Jupyter does.
func splitLines(s string) []string {
	lines := []string{}
	start := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch r {
		case '\r':
			if i < len(s) && s[i] == '\n' {
				i++
			}
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		default:
			continue
		}
		lines = append(lines, s[start:i])
		start = i
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines
}

// joinBundle makes one string of each text that is stored as lines. JSON is
// left alone: there a list is a value.
func joinBundle(data map[string]any) map[string]any {
	for mime, v := range data {
		if _, list := v.([]any); list && !isJSON(mime) {
			if s, ok := joinLines(v); ok {
				data[mime] = s
			}
		}
	}
	return data
}

func splitBundle(data map[string]any) map[string]any {
	out := make(map[string]any, len(data))
	for mime, v := range data {
		s, ok := v.(string)
		if ok && (strings.HasPrefix(mime, "text/") || mime == "image/svg+xml" || mime == "application/javascript") {
			out[mime] = splitLines(s)
		} else {
			out[mime] = v
		}
	}
	return out
}

func isJSON(mime string) bool {
	return mime == "application/json" || strings.HasPrefix(mime, "application/") && strings.HasSuffix(mime, "+json")
}

// with is a new map of unknown and known fields.
func with(unknown, known map[string]any) map[string]any {
	all := maps.Clone(orEmpty(unknown))
	maps.Copy(all, known)
	return all
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func orNull(count int) any {
	if count == 0 {
		return nil
	}
	return count
}
