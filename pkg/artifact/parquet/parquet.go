// Package parquet writes tables as Parquet files. It is apart from package
// artifact because the library behind it takes a sixth of the time in which a
// notebook cell is linked, and cells write no Parquet.
package parquet

import (
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/gojacard/jacard/pkg/artifact"
)

// Write writes the table as Parquet, zstd-compressed: integers as INT64,
// floats as DOUBLE or FLOAT, strings as UTF-8, booleans; nothing is optional.
// The order of the columns is kept. Equal tables give equal bytes. Errors are
// those of [artifact.Table.Check] and [artifact.WriteFile]; path then stays as it was.
func Write(path string, t artifact.Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	return artifact.WriteFile(path, func(w io.Writer) error { return Encode(w, t) })
}

// Encode writes what [Write] writes.
func Encode(w io.Writer, t artifact.Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	group := orderedGroup{Group: parquet.Group{}}
	for _, c := range t.Columns {
		group.Group[c.Name] = kinds[reflect.TypeOf(c.Values)].node
		group.names = append(group.names, c.Name)
	}
	// CreatedBy is fixed: by default it holds the version of the build. The
	// library must have the fix of its issue 520, or equal tables differ in
	// the unused bits of their booleans.
	out := parquet.NewWriter(w, parquet.NewSchema("table", group), parquet.Compression(&zstd.Codec{}), parquet.CreatedBy("jacard", "1", ""))
	for k, c := range t.Columns {
		kind := kinds[reflect.TypeOf(c.Values)]
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

// kind is how one type of values is stored.
type kind struct {
	node  parquet.Node
	value func(values any, i int) parquet.Value
}

// kinds has a line for each type that a column may hold.
var kinds = map[reflect.Type]kind{
	reflect.TypeFor[[]int]():     kindOf(parquet.Int(64), func(v int) parquet.Value { return parquet.Int64Value(int64(v)) }),
	reflect.TypeFor[[]int64]():   kindOf(parquet.Int(64), parquet.Int64Value),
	reflect.TypeFor[[]float64](): kindOf(parquet.Leaf(parquet.DoubleType), parquet.DoubleValue),
	reflect.TypeFor[[]float32](): kindOf(parquet.Leaf(parquet.FloatType), parquet.FloatValue),
	reflect.TypeFor[[]string]():  kindOf(parquet.String(), func(v string) parquet.Value { return parquet.ByteArrayValue([]byte(v)) }),
	reflect.TypeFor[[]bool]():    kindOf(parquet.Leaf(parquet.BooleanType), parquet.BooleanValue),
}

func kindOf[T any](node parquet.Node, value func(T) parquet.Value) kind {
	return kind{node: node, value: func(values any, i int) parquet.Value { return value(values.([]T)[i]) }}
}
