package notebook

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// minimal is the smallest notebook.
const minimal = `{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}`

// TestRoundTrip: what Jupyter saved comes back byte for byte, known or not.
func TestRoundTrip(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ipynb")
	if err != nil || len(files) == 0 {
		t.Fatal("no notebooks in testdata", err)
	}
	for _, f := range files {
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Read(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := n.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s", f, got)
		}
	}
}

func TestOlderFormat(t *testing.T) {
	const old = `{"cells":[{"cell_type":"code","source":"a\nb","metadata":{},"outputs":[],"execution_count":null},
	{"cell_type":"markdown","source":["x"],"metadata":{}}],"metadata":{},"nbformat":4,"nbformat_minor":2}`
	n, err := Parse([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Parse([]byte(old))
	if n.Cells[0].ID == "" || n.Cells[0].ID == n.Cells[1].ID || n.Cells[0].ID != again.Cells[0].ID {
		t.Errorf("ids %q, %q; again %q: want two different ones, the same each time", n.Cells[0].ID, n.Cells[1].ID, again.Cells[0].ID)
	}
	if n.Cells[0].Source != "a\nb" {
		t.Errorf("source %q", n.Cells[0].Source)
	}
}

func TestBadNotebooks(t *testing.T) {
	cell := func(s string) string { return strings.Replace(minimal, "[]", "["+s+"]", 1) }
	tests := []struct{ name, file, says string }{
		{"empty", "", "not JSON"},
		{"no object", "[]", "not JSON"},
		{"cut off", minimal[:20], "not JSON"},
		{"two", minimal + minimal, "follows"},
		{"format 3", `{"worksheets":[],"nbformat":3,"nbformat_minor":0}`, "format 3.0"},
		{"no cells", `{"metadata":{},"nbformat":4,"nbformat_minor":5}`, "no list of cells"},
		{"cell is text", cell(`"a"`), "cell 1 is no object"},
		{"unknown cell", cell(`{"id":"a","cell_type":"prose","source":""}`), `"prose"`},
		{"no source", cell(`{"id":"a","cell_type":"raw"}`), "source"},
		{"source of numbers", cell(`{"id":"a","cell_type":"raw","source":[1]}`), "source"},
		{"no id", cell(`{"cell_type":"raw","source":""}`), "id"},
		{"bad id", cell(`{"id":"a b","cell_type":"raw","source":""}`), `"a b"`},
		{"id twice", cell(`{"id":"a","cell_type":"raw","source":""},{"id":"a","cell_type":"raw","source":""}`), "twice"},
		{"unknown output", cell(`{"id":"a","cell_type":"code","source":"","outputs":[{"output_type":"smell"}]}`), `"smell"`},
		{"output is text", cell(`{"id":"a","cell_type":"code","source":"","outputs":[""]}`), "output 1"},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.file))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want an error with %s", tt.name, err, tt.says)
		}
	}
	if _, err := Read("testdata/none.ipynb"); err == nil {
		t.Error("a missing file was read")
	}
}

// TestSplitLines compares with Python's str.splitlines(keepends=True).
func TestSplitLines(t *testing.T) {
	tests := map[string][]string{
		"":                   {},
		"a":                  {"a"},
		"a\n":                {"a\n"},
		"a\n\nb":             {"a\n", "\n", "b"},
		"a\r\nb\rc\n":        {"a\r\n", "b\r", "c\n"},
		"ü\u2028x\u0085y\fz": {"ü\u2028", "x\u0085", "y\f", "z"},
	}
	for text, want := range tests {
		got, _ := json.Marshal(splitLines(text))
		if w, _ := json.Marshal(want); string(got) != string(w) {
			t.Errorf("%q: got %s, want %s", text, got, w)
		}
	}
}

func TestSourceHash(t *testing.T) {
	a := book("ab", "c")
	if a.SourceHash() == book("a", "bc").SourceHash() {
		t.Error("moving code between cells keeps the hash")
	}
	b := book("ab", "c")
	b.Cells[0].Outputs = []*Output{{Type: Stream}}
	b.Cells = append(b.Cells, &Cell{ID: "m", Type: Markdown, Source: "words"})
	if a.SourceHash() != b.SourceHash() {
		t.Error("outputs or words change the hash of the code")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	files, _ := filepath.Glob("testdata/*.ipynb")
	for _, name := range files {
		if raw, err := os.ReadFile(name); err == nil {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := Parse(raw)
		if err != nil {
			return
		}
		once, err := n.Bytes()
		if err != nil {
			t.Fatalf("read but not writable: %v", err)
		}
		n, err = Parse(once)
		if err != nil {
			t.Fatalf("written but not readable: %v\n%s", err, once)
		}
		if twice, _ := n.Bytes(); !bytes.Equal(once, twice) {
			t.Errorf("once\n%s\ntwice\n%s", once, twice)
		}
	})
}
