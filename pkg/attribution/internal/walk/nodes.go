package walk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	pkgerrors "github.com/pkg/errors"
)

// GoMLX keeps two things to itself that the walk needs: the decomposed twin
// of a fused operation, and the static parameters of some operations. Both
// are read here, by reflection and never written; a version of GoMLX that
// names them differently is an error, not a guess.

// ErrUnsupported marks models that the walk cannot divide.
var ErrUnsupported = errors.New("no rule")

// fail panics with an error that the caller of the graph returns.
func fail(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

// unsupported panics with an error naming the operation, its shape and the
// line of the model that made it.
func unsupported(nd *Node, reason string) {
	where := ""
	if at := madeAt(nd); at != "" {
		where = ", made at " + at
	}
	panic(fmt.Errorf("%w for operation %s %s%s: %s", ErrUnsupported, operation(nd), nd.Shape(), where, reason))
}

// operation names nd's type; NodeType.String does not know types that GoMLX
// added by hand, such as Sort.
func operation(nd *Node) string {
	inputs := reflect.ValueOf(nd).Elem().FieldByName("inputs")
	if !inputs.IsValid() || inputs.IsNil() {
		return nd.Type().String()
	}
	return strings.TrimPrefix(strings.TrimPrefix(inputs.Elem().Type().String(), "*graph."), "nodeInputs")
}

// madeAt returns "file:line" of the innermost call outside GoMLX.
func madeAt(nd *Node) string {
	var trace interface{ StackTrace() pkgerrors.StackTrace }
	if !errors.As(nd.Trace(), &trace) {
		return ""
	}
	for _, frame := range trace.StackTrace() {
		if function := fmt.Sprintf("%+s", frame); !strings.HasPrefix(function, "github.com/gomlx/") {
			return fmt.Sprintf("%v", frame)
		}
	}
	return ""
}

// inputs of an operation; a fused one counts as the identity of its twin.
func (w *walker) inputs(nd *Node) []*Node {
	if twin := w.twin(nd); twin != nil {
		return []*Node{twin}
	}
	return nd.Inputs()
}

// twin returns the same value computed by plain operations, nil if nd is not
// a fused operation.
func (w *walker) twin(nd *Node) *Node {
	f := reflect.ValueOf(nd).Elem().FieldByName("vjpAlternateOutputs")
	if !f.IsValid() {
		fail("walk: this version of GoMLX hides the decomposition of fused operations")
	}
	if f.Len() != 1 || f.Index(0).IsNil() {
		return nil
	}
	return w.byPtr[f.Index(0).Pointer()]
}

func pointer(nd *Node) uintptr { return reflect.ValueOf(nd).Pointer() }

// param reads a static parameter of nd's operation.
func param(nd *Node, name string) reflect.Value {
	f := reflect.ValueOf(nd).Elem().FieldByName("inputs").Elem().Elem().FieldByName(name)
	if !f.IsValid() {
		fail("walk: operation %s has no parameter %q in this version of GoMLX", operation(nd), name)
	}
	return f
}

func ints(v reflect.Value) []int {
	out := make([]int, v.Len())
	for i := range out {
		out[i] = int(v.Index(i).Int())
	}
	return out
}

// intPairs reads paddings; none are zeros.
func intPairs(v reflect.Value, n int) [][2]int {
	out := make([][2]int, n)
	for i := range v.Len() {
		out[i] = [2]int{int(v.Index(i).Index(0).Int()), int(v.Index(i).Index(1).Int())}
	}
	return out
}

// intsOr reads per-axis parameters; none are all equal to fallback.
func intsOr(v reflect.Value, n, fallback int) []int {
	if v.Len() > 0 {
		return ints(v)
	}
	out := make([]int, n)
	for i := range out {
		out[i] = fallback
	}
	return out
}
