package parquet

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/gojacard/jacard/pkg/artifact"
)

func table() artifact.Table {
	return artifact.Table{Columns: []artifact.Column{
		{Name: "seed", Values: []int64{math.MinInt64, 0, math.MaxInt64}},
		{Name: "layer, name", Values: []string{"dense0", "a \"b\"\nc", "é"}},
		{Name: "delta", Values: []float64{0.1, math.NaN(), math.Inf(-1)}},
		{Name: "alive", Values: []bool{true, false, true}},
		{Name: "acc", Values: []float32{0.1, 1e-45, math.MaxFloat32}},
		{Name: "count", Values: []int{1, 2, 3}},
	}}
}

func TestParquet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.parquet")
	if err := Write(path, table()); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Seed  int64   `parquet:"seed"`
		Delta float64 `parquet:"delta"`
		Alive bool    `parquet:"alive"`
		Acc   float32 `parquet:"acc"`
		Count int64   `parquet:"count"`
	}
	got, err := parquet.ReadFile[row](path)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if got[0] != (row{math.MinInt64, 0.1, true, 0.1, 1}) || !math.IsNaN(got[1].Delta) || got[2] != (row{math.MaxInt64, math.Inf(-1), true, math.MaxFloat32, 3}) {
		t.Errorf("got %+v", got)
	}
	raw, _ := os.ReadFile(path)
	f, err := parquet.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Root().Columns() {
		names = append(names, c.Name())
	}
	if got, want := strings.Join(names, "|"), "seed|layer, name|delta|alive|acc|count"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	words := make([]parquet.Value, 3)
	if n, err := f.Root().Columns()[1].Pages().ReadPage(); err != nil {
		t.Fatal(err)
	} else if n, _ := n.Values().ReadValues(words); n != 3 || words[1].String() != "a \"b\"\nc" {
		t.Errorf("strings: %v", words)
	}
	var again bytes.Buffer
	if err := Encode(&again, table()); err != nil || !bytes.Equal(again.Bytes(), raw) {
		t.Error("same table, other bytes", err)
	}
}

func TestWithoutRows(t *testing.T) {
	empty := artifact.Table{Columns: []artifact.Column{{Name: "b", Values: []string{}}, {Name: "a", Values: []float64(nil)}}}
	var out bytes.Buffer
	if err := Encode(&out, empty); err != nil {
		t.Fatal(err)
	}
	if f, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || f.NumRows() != 0 || len(f.Root().Columns()) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestBadTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t")
	err := Write(path, artifact.Table{Columns: []artifact.Column{{Name: "a", Values: []byte{1}}}})
	if err == nil || !strings.Contains(err.Error(), `"a" holds []uint8`) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}
