package setup

import (
	"context"

	"github.com/gojacard/jacard/pkg/dataset"
)

// mnist is what the notebooks start from; it comes with the checkout.
func mnist() *dataset.Source { return dataset.Sources()[0] }

func checkData(_ context.Context, s *Setup) Status {
	source := mnist()
	dir, err := source.Dir(s.Project.Root)
	if err == nil {
		err = source.Missing(dir)
	}
	if err != nil {
		return Status{Missing, source.Name + " is not complete in " + dir, "run `git checkout testdata/mnist`, or `go run ./cmd/jacard data fetch`"}
	}
	return Status{Found, source.Name + " in " + dir, ""}
}
