package artifact

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"
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

// columnKind is what a table knows of one type of values.
type columnKind struct {
	rows func(values any) int
	text func(values any, i int) string
}

// columnKinds lists the types a column may hold: a new one is a new line here
// and in package parquet.
var columnKinds = map[reflect.Type]columnKind{
	reflect.TypeFor[[]int]():     kindOf(strconv.Itoa),
	reflect.TypeFor[[]int64]():   kindOf(func(v int64) string { return strconv.FormatInt(v, 10) }),
	reflect.TypeFor[[]float64](): kindOf(func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }),
	reflect.TypeFor[[]float32](): kindOf(func(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }),
	reflect.TypeFor[[]string]():  kindOf(func(v string) string { return v }),
	reflect.TypeFor[[]bool]():    kindOf(strconv.FormatBool),
}

func kindOf[T any](text func(T) string) columnKind {
	return columnKind{
		rows: func(values any) int { return len(values.([]T)) },
		text: func(values any, i int) string { return text(values.([]T)[i]) },
	}
}
