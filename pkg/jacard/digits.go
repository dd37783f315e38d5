package jacard

import (
	"context"
	"fmt"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/dataset"
)

// Digits are MNIST's zeros and ones in file order: training rows first, then
// test rows. The global id of an image is its row here.
type Digits struct {
	artifact.Provenance
	Images    *array.Array // [rows, 784], grey values in [0, 1]
	Labels    []int        // 0 or 1, one a row
	TrainRows int          // rows 0…TrainRows−1 are the training part
}

// Rows returns the number of images.
func (d *Digits) Rows() int { return len(d.Labels) }

// Test returns the global ids of the test rows.
func (d *Digits) Test() []int { return idRange(d.TrainRows, d.Rows()) }

// Train returns the global ids of the training rows.
func (d *Digits) Train() []int { return idRange(0, d.TrainRows) }

// Targets returns the labels of rows from…to−1 as a [rows, 1] array.
func (d *Digits) Targets(from, to int) *array.Array {
	y := array.New(to-from, 1)
	for i := range y.Data {
		y.Data[i] = float32(d.Labels[from+i])
	}
	return y
}

// Digits reads the two digits.
func (s *Study) Digits(ctx context.Context) (*Digits, error) {
	type config struct{ TrainRows, TestRows int }
	return step(ctx, s, artifact.Spec{Name: "digits", Version: 1, Config: config{s.Config.TrainRows, s.Config.TestRows}},
		func(context.Context) (*Digits, error) {
			train, test, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}})
			if err != nil {
				return nil, err
			}
			if train, err = head(train, s.Config.TrainRows); err != nil {
				return nil, err
			}
			if test, err = head(test, s.Config.TestRows); err != nil {
				return nil, err
			}
			all, err := dataset.Concat(train, test)
			if err != nil {
				return nil, err
			}
			n := all.Images.Rows()
			images, err := array.From(all.Images.Data, n, len(all.Images.Data)/n)
			if err != nil {
				return nil, err
			}
			return &Digits{Images: images, Labels: all.Labels, TrainRows: train.Images.Rows()}, nil
		})
}

// head keeps the first rows of a part; 0 keeps all.
func head(d *dataset.Dataset, rows int) (*dataset.Dataset, error) {
	if rows == 0 {
		return d, nil
	}
	if rows > d.Images.Rows() {
		return nil, fmt.Errorf("%d rows asked of %s, which has %d of these digits", rows, d.Name, d.Images.Rows())
	}
	return &dataset.Dataset{Name: d.Name, Images: d.Images.Slice(0, rows), Labels: d.Labels[:rows], IDs: d.IDs[:rows]}, nil
}

func idRange(from, to int) []int {
	out := make([]int, to-from)
	for i := range out {
		out[i] = from + i
	}
	return out
}
