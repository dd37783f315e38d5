package artifact_test

import (
	"bytes"
	"fmt"
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

func TestCSV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := table().WriteCSV(path); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	want := `seed,"layer, name",delta,alive,acc,count
-9223372036854775808,dense0,0.1,true,0.1,1
0,"a ""b""
c",NaN,false,1e-45,2
9223372036854775807,é,-Inf,true,3.4028235e+38,3
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestParquet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.parquet")
	if err := table().WriteParquet(path); err != nil {
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
	if err := table().EncodeParquet(&again); err != nil || !bytes.Equal(again.Bytes(), raw) {
		t.Error("same table, other bytes", err)
	}
}

func TestTablesWithoutRows(t *testing.T) {
	empty := artifact.Table{Columns: []artifact.Column{{Name: "b", Values: []string{}}, {Name: "a", Values: []float64(nil)}}}
	var csv, par bytes.Buffer
	if err := empty.EncodeCSV(&csv); err != nil || csv.String() != "b,a\n" {
		t.Errorf("CSV %q, %v", csv.String(), err)
	}
	if err := empty.EncodeParquet(&par); err != nil {
		t.Fatal(err)
	}
	if f, err := parquet.OpenFile(bytes.NewReader(par.Bytes()), int64(par.Len())); err != nil || f.NumRows() != 0 || len(f.Root().Columns()) != 2 {
		t.Errorf("Parquet: %v", err)
	}
}

func TestBadTables(t *testing.T) {
	type columns = []artifact.Column
	for want, c := range map[string]columns{
		"without columns":                  nil,
		`column 0 is named ""`:             {{Values: []int{1}}},
		`column 1 is named "a"`:            {{Name: "a", Values: []int{1}}, {Name: "a", Values: []int{1}}},
		`"a" holds []uint8`:                {{Name: "a", Values: []byte{1}}},
		`"a" holds <nil>`:                  {{Name: "a"}},
		`column "b" has 2 rows, "a" has 1`: {{Name: "a", Values: []int{1}}, {Name: "b", Values: []bool{true, false}}},
	} {
		path := filepath.Join(t.TempDir(), "t")
		for _, write := range []func(string) error{artifact.Table{Columns: c}.WriteCSV, artifact.Table{Columns: c}.WriteParquet} {
			if err := write(path); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("a file was written")
		}
	}
}

func ExampleTable_EncodeCSV() {
	t := artifact.Table{Columns: []artifact.Column{
		{Name: "layer", Values: []string{"dense0", "dense2"}},
		{Name: "test_acc", Values: []float64{0.99858, 0.5}},
	}}
	if err := t.EncodeCSV(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// layer,test_acc
	// dense0,0.99858
	// dense2,0.5
}
