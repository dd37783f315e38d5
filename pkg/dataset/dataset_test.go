package dataset_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/dataset"
)

// small has 1×1 images whose grey value tells their record.
func small(name string, labels ...int) *dataset.Dataset {
	d := &dataset.Dataset{Name: name, Images: array.New(len(labels), 1, 1), Labels: labels}
	for i := range labels {
		d.Images.Data[i] = float32(i) / 255
		d.IDs = append(d.IDs, i)
	}
	return d
}

func TestFilter(t *testing.T) {
	d := small("d", 2, 0, 1, 2, 0)
	got, err := d.Filter(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Labels, []int{2, 1, 2}) || !slices.Equal(got.IDs, []int{0, 2, 3}) || got.Images.At(1, 0) != 2./255 {
		t.Errorf("got %v %v %v", got.Labels, got.IDs, got.Images.Data)
	}
	got.Images.Data[0], got.Labels[0], got.IDs[0] = 9, 9, 9
	if d.Images.Data[0] != 0 || d.Labels[0] != 2 || d.IDs[0] != 0 {
		t.Error("the filtered rows are no copy")
	}
	if none, err := d.Filter(); err != nil || none.Rows() != 0 || none.Check() != nil {
		t.Errorf("no label: got %v, %v, want no rows", none, err)
	}
	if _, err := d.Filter(0, 3); err == nil || !strings.Contains(err.Error(), "label 3") {
		t.Errorf("label 3: got error %v", err)
	}
}

func TestConcat(t *testing.T) {
	got, err := dataset.Concat(small("a", 1, 2), small("b", 3))
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "a + b" || !slices.Equal(got.Labels, []int{1, 2, 3}) || !slices.Equal(got.IDs, []int{0, 1, 0}) ||
		!slices.Equal(got.Images.Shape, []int{3, 1, 1}) || got.Check() != nil {
		t.Errorf("got %+v with images %v", got, got.Images.Shape)
	}
}

func TestBadDatasets(t *testing.T) {
	fewLabels, noImages, wide, torn := small("few labels", 1, 2), small("no images", 1), small("wide", 1), small("torn", 1)
	fewLabels.Labels = fewLabels.Labels[:1]
	noImages.Images = nil
	wide.Images = array.New(1, 1, 2)
	torn.Images.Data = nil
	for _, d := range []*dataset.Dataset{fewLabels, noImages, torn} {
		if _, err := d.Filter(1); err == nil || !strings.Contains(err.Error(), d.Name) {
			t.Errorf("filter %s: got error %v", d.Name, err)
		}
	}
	for _, d := range []*dataset.Dataset{fewLabels, noImages, torn, wide} {
		if _, err := dataset.Concat(small("good", 1), d); err == nil || !strings.Contains(err.Error(), d.Name) {
			t.Errorf("concat %s: got error %v", d.Name, err)
		}
	}
}

func ExampleDataset_Filter() {
	_, test, err := dataset.MNIST(dataset.MNISTConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sevens, err := test.Filter(7)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sevens.Rows(), "of", test.Rows(), "are sevens, the first are records", sevens.IDs[:3])
	// Output: 1028 of 10000 are sevens, the first are records [0 17 26]
}
