package attribution

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gojacard/jacard/internal/backend"
)

// program is a graph over the model, compiled when it first runs. It is not for
// use by several goroutines at once.
type program struct {
	exec  *model.Exec
	built error // what building it panicked with
}

// newProgram compiles what build returns, which sees the model's parameters.
func (p *problem) newProgram(build func(scope *model.Scope, in []*graph.Node) []*graph.Node) *program {
	g := &program{}
	g.exec = model.MustNewExec(p.Backend, p.params, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		defer func() { // keep the error itself: the executor adds a stack to its text
			if e := recover(); e != nil {
				g.built, _ = e.(error)
				panic(e)
			}
		}()
		return build(scope, in)
	})
	return g
}

// run hands the float32 results to use, which must not keep them.
func (g *program) run(use func(out [][]float32), args ...*tensors.Tensor) error {
	in := make([]any, len(args))
	for i, a := range args {
		in[i] = a
	}
	out, err := g.exec.Call(in...)
	if err != nil {
		if g.built != nil {
			return g.built
		}
		return backend.Short(err)
	}
	defer freeTensors(out...)
	read := make([][]float32, 0, len(out))
	var next func() error
	next = func() error { // the slices live as long as the calls are nested
		if len(read) == len(out) {
			use(read)
			return nil
		}
		var inner error
		err := out[len(read)].ConstFlatData(func(flat any) {
			read = append(read, flat.([]float32))
			inner = next()
		})
		if err != nil {
			return backend.Short(err)
		}
		return inner
	}
	return next()
}

func (g *program) free() { g.exec.Finalize() }

func freeTensors(all ...*tensors.Tensor) {
	for _, t := range all {
		t.MustFinalizeAll()
	}
}
