package artifact

import (
	"maps"
	"reflect"
	"slices"
)

// ColumnTypes returns the types of values that a column may hold.
func ColumnTypes() []reflect.Type { return slices.Collect(maps.Keys(columnKinds)) }
