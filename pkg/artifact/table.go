package artifact

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Table is a list of columns of equal length, for files that others read. The
// order of the columns is kept.
type Table struct{ Columns []Column }

// Column is one column of a table. Values is a []int, []int64, []float64,
// []float32, []string or []bool.
type Column struct {
	Name   string
	Values any
}

// Rows returns the number of rows. Check tells whether all columns have it.
func (t Table) Rows() int {
	if len(t.Columns) == 0 {
		return 0
	}
	kind, ok := columnKinds[reflect.TypeOf(t.Columns[0].Values)]
	if !ok {
		return 0
	}
	return kind.rows(t.Columns[0].Values)
}

// Check refuses tables without columns, columns without a name or with
// another's, of different lengths, and values of other types.
func (t Table) Check() error {
	if len(t.Columns) == 0 {
		return fmt.Errorf("artifact: a table without columns")
	}
	seen := map[string]bool{}
	for i, c := range t.Columns {
		kind, ok := columnKinds[reflect.TypeOf(c.Values)]
		switch {
		case c.Name == "" || seen[c.Name]:
			return fmt.Errorf("artifact: table column %d is named %q, which is empty or another column's name", i, c.Name)
		case !ok:
			return fmt.Errorf("artifact: table column %q holds %T: want []int, []int64, []float64, []float32, []string or []bool", c.Name, c.Values)
		case kind.rows(c.Values) != t.Rows():
			return fmt.Errorf("artifact: table column %q has %d rows, %q has %d", c.Name, kind.rows(c.Values), t.Columns[0].Name, t.Rows())
		}
		seen[c.Name] = true
	}
	return nil
}

// WriteCSV writes the table with a header line. Floats have the fewest digits
// that read back the same; NaN and infinities are NaN, +Inf, -Inf; booleans
// true and false.
func (t Table) WriteCSV(path string) error {
	if err := t.Check(); err != nil {
		return err
	}
	return WriteFile(path, t.EncodeCSV)
}

// EncodeCSV writes what [Table.WriteCSV] writes.
func (t Table) EncodeCSV(w io.Writer) error {
	if err := t.Check(); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	record := make([]string, len(t.Columns))
	for k, c := range t.Columns {
		record[k] = c.Name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for i := range t.Rows() {
		for k, c := range t.Columns {
			record[k] = columnKinds[reflect.TypeOf(c.Values)].text(c.Values, i)
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteParquet writes the table as Parquet, zstd-compressed: integers as INT64,
// floats as DOUBLE or FLOAT, strings as UTF-8, booleans; nothing is optional.
func (t Table) WriteParquet(path string) error {
	if err := t.Check(); err != nil {
		return err
	}
	return WriteFile(path, t.EncodeParquet)
}

// EncodeParquet writes what [Table.WriteParquet] writes.
func (t Table) EncodeParquet(w io.Writer) error {
	if err := t.Check(); err != nil {
		return err
	}
	group := orderedGroup{Group: parquet.Group{}}
	for _, c := range t.Columns {
		group.Group[c.Name] = columnKinds[reflect.TypeOf(c.Values)].node
		group.names = append(group.names, c.Name)
	}
	// CreatedBy is fixed: by default it holds the version of the build. The
	// library must have the fix of its issue 520, or equal tables differ in
	// the unused bits of their booleans.
	out := parquet.NewWriter(w, parquet.NewSchema("table", group), parquet.Compression(&zstd.Codec{}), parquet.CreatedBy("jacard", "1", ""))
	for k, c := range t.Columns {
		kind := columnKinds[reflect.TypeOf(c.Values)]
		values := make([]parquet.Value, t.Rows())
		for i := range values {
			values[i] = kind.value(c.Values, i).Level(0, 0, k)
		}
		if _, err := out.ColumnWriters()[k].WriteRowValues(values); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	return out.Close()
}

// orderedGroup is a group whose fields keep the order they were given;
// parquet.Group sorts them.
type orderedGroup struct {
	parquet.Group
	names []string
}

func (g orderedGroup) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(g.names))
	for i, name := range g.names {
		fields[i] = byName[name]
	}
	return fields
}

// columnKind is what a table knows of one type of values.
type columnKind struct {
	node  parquet.Node
	rows  func(values any) int
	text  func(values any, i int) string
	value func(values any, i int) parquet.Value
}

// columnKinds lists the types a column may hold: a new one is a new line.
var columnKinds = map[reflect.Type]columnKind{
	reflect.TypeFor[[]int]():     kindOf(parquet.Int(64), strconv.Itoa, func(v int) parquet.Value { return parquet.Int64Value(int64(v)) }),
	reflect.TypeFor[[]int64]():   kindOf(parquet.Int(64), func(v int64) string { return strconv.FormatInt(v, 10) }, parquet.Int64Value),
	reflect.TypeFor[[]float64](): kindOf(parquet.Leaf(parquet.DoubleType), func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }, parquet.DoubleValue),
	reflect.TypeFor[[]float32](): kindOf(parquet.Leaf(parquet.FloatType), func(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }, parquet.FloatValue),
	reflect.TypeFor[[]string]():  kindOf(parquet.String(), func(v string) string { return v }, func(v string) parquet.Value { return parquet.ByteArrayValue([]byte(v)) }),
	reflect.TypeFor[[]bool]():    kindOf(parquet.Leaf(parquet.BooleanType), strconv.FormatBool, parquet.BooleanValue),
}

func kindOf[T any](node parquet.Node, text func(T) string, value func(T) parquet.Value) columnKind {
	return columnKind{
		node:  node,
		rows:  func(values any) int { return len(values.([]T)) },
		text:  func(values any, i int) string { return text(values.([]T)[i]) },
		value: func(values any, i int) parquet.Value { return value(values.([]T)[i]) },
	}
}
