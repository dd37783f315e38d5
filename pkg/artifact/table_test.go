package artifact_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/artifact/parquet"
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

// TestEveryColumnType: package parquet, which has a table of its own, and the
// message that lists the types, know each type that a table may hold.
func TestEveryColumnType(t *testing.T) {
	message := artifact.Table{Columns: []artifact.Column{{Name: "a", Values: []byte{1}}}}.Check().Error()
	_, listed, _ := strings.Cut(message, ": want ")
	words := strings.FieldsFunc(strings.Replace(listed, " or ", ", ", 1), func(r rune) bool { return r == ',' || r == ' ' })
	var types []string
	for _, kind := range artifact.ColumnTypes() {
		types = append(types, kind.String())
		table := artifact.Table{Columns: []artifact.Column{{Name: "a", Values: reflect.MakeSlice(kind, 2, 2).Interface()}}}
		if err := parquet.Encode(io.Discard, table); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
	slices.Sort(words)
	slices.Sort(types)
	if !slices.Equal(words, types) {
		t.Errorf("the message lists %q, columns may hold %q", words, types)
	}
}

func TestTablesWithoutRows(t *testing.T) {
	empty := artifact.Table{Columns: []artifact.Column{{Name: "b", Values: []string{}}, {Name: "a", Values: []float64(nil)}}}
	var csv bytes.Buffer
	if err := empty.EncodeCSV(&csv); err != nil || csv.String() != "b,a\n" {
		t.Errorf("CSV %q, %v", csv.String(), err)
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
		if err := (artifact.Table{Columns: c}).WriteCSV(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
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
