package setup

import (
	"context"
	"errors"
	"path"

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

func fetchData(ctx context.Context, s *Setup) error { return s.FetchData(ctx, mnist()) }

// FetchData gets the files of a data set that are not there as published,
// into the folder where it is looked for.
func (s *Setup) FetchData(ctx context.Context, source *dataset.Source) error {
	dir, err := source.Dir(s.Project.Root)
	if err != nil {
		return err
	}
	if s.Offline {
		return errors.New("not complete in " + dir + ", and the network is switched off (--offline)")
	}
	var (
		shown string
		b     *bar
	)
	err = source.Fetch(ctx, dir, func(file string, done, total int64) {
		if file != shown {
			if b != nil {
				b.Finish()
			}
			shown, b = file, s.bytesBar("fetching "+path.Base(file))
		}
		b.Set(done, total)
	})
	if b != nil {
		b.Finish()
	}
	return err
}
