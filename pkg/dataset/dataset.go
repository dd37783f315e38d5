// Package dataset reads published data sets from their official files: MNIST,
// CIFAR-10 and Iris. A file that is not, byte for byte, the published one is
// an error; of CIFAR-10 the records that the project holds are compared.
//
// Rows keep the order of the files, and each knows its record number there,
// so a filtered row can be found again:
//
//	train, test, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}})
//
// A [Source] says which files a data set has, where they lie and where they
// can be got; [Sources] lists all.
package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
)

// Dataset is a set of labelled images. Row i is Images.Row(i), Labels[i] and
// IDs[i].
type Dataset struct {
	Name   string       // for messages and captions, for example "MNIST train"
	Images *array.Array // [rows, height, width] or [rows, channels, height, width], pixel/255 in [0, 1]
	Labels []int
	IDs    []int // record number in the part's official file, from 0

	// Classes names the labels 0, 1 …; nil if a label is its own name, as a digit.
	Classes []string
}

// Rows returns the number of images.
func (d *Dataset) Rows() int { return len(d.Labels) }

// Check tells whether images, labels and ids agree.
func (d *Dataset) Check() error {
	if d.Images == nil {
		return fmt.Errorf("dataset: %q has no images", d.Name)
	}
	if err := d.Images.Check(); err != nil {
		return fmt.Errorf("dataset: %q: %w", d.Name, err)
	}
	if n := d.Images.Rows(); len(d.Labels) != n || len(d.IDs) != n {
		return fmt.Errorf("dataset: %q has %d images, %d labels and %d ids", d.Name, n, len(d.Labels), len(d.IDs))
	}
	return nil
}

// Filter copies the rows that have one of the labels, in their order. A label
// that no row has is an error.
func (d *Dataset) Filter(labels ...int) (*Dataset, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	for _, l := range labels {
		if !slices.Contains(d.Labels, l) {
			return nil, fmt.Errorf("dataset: no row of %q has label %d", d.Name, l)
		}
	}
	out := &Dataset{Name: d.Name, Classes: d.Classes}
	var rows []int
	for i, l := range d.Labels {
		if slices.Contains(labels, l) {
			rows = append(rows, i)
			out.Labels = append(out.Labels, l)
			out.IDs = append(out.IDs, d.IDs[i])
		}
	}
	var err error
	if out.Images, err = d.Images.Select(rows); err != nil {
		return nil, fmt.Errorf("dataset: %q: %w", d.Name, err)
	}
	return out, nil
}

// Concat copies data sets one below the other; its name joins theirs by " + ".
// IDs stay record numbers of each part's own file, so they may repeat.
func Concat(parts ...*Dataset) (*Dataset, error) {
	out := &Dataset{}
	var names []string
	var images []*array.Array
	for _, p := range parts {
		if err := p.Check(); err != nil {
			return nil, err
		}
		if !slices.Equal(p.Classes, parts[0].Classes) {
			return nil, fmt.Errorf("dataset: %q has classes %q, %q has %q: want the same", parts[0].Name, parts[0].Classes, p.Name, p.Classes)
		}
		names = append(names, p.Name)
		out.Classes = p.Classes
		images = append(images, p.Images)
		out.Labels = append(out.Labels, p.Labels...)
		out.IDs = append(out.IDs, p.IDs...)
	}
	out.Name = strings.Join(names, " + ")
	var err error
	if out.Images, err = array.Concat(images...); err != nil {
		return nil, fmt.Errorf("dataset: joining %q: %w", names, err)
	}
	return out, nil
}
