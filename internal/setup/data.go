package setup

import (
	"context"
	"os"
)

// mnistFiles are the four files of MNIST as they are published.
var mnistFiles = []string{
	"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
	"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
}

func checkData(_ context.Context, s *Setup) Status {
	for _, name := range mnistFiles {
		if _, err := os.Stat(s.Project.Path("testdata", "mnist", name)); err != nil {
			return Status{Missing, err.Error(), "run `go run ./cmd/jacard data fetch`, or `git checkout testdata/mnist`"}
		}
	}
	return Status{Found, "MNIST in " + s.Project.Path("testdata", "mnist"), ""}
}
