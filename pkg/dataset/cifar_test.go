package dataset_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/dataset"
)

const cifarRecord = 3073

// TestCIFAR10 reads the pictures that the project holds.
func TestCIFAR10(t *testing.T) {
	train, test, err := dataset.CIFAR10(dataset.CIFAR10Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		*dataset.Dataset
		rows  int
		first string
	}{
		// The labels of both files' first records, as in many tutorials: frog, truck, truck, deer …; cat, ship, ship, airplane …
		{train, 761, "6994112783"}, {test, 200, "3880661631"},
	} {
		if err := part.Check(); err != nil {
			t.Error(err)
		}
		if part.Rows() != part.rows || digits(part.Labels[:10]) != part.first || fmt.Sprint(part.Images.Shape[1:]) != "[3 32 32]" {
			t.Errorf("%s: got %d rows of %v, labels %s …, want %d, %s", part.Name, part.Rows(), part.Images.Shape[1:], digits(part.Labels[:10]), part.rows, part.first)
		}
	}
	if train.Classes[train.Labels[0]] != "frog" || train.Images.Data[0] != 59./255 { // the frog's upper left red
		t.Errorf("first picture: got a %s that begins with %g/255", train.Classes[train.Labels[0]], train.Images.Data[0]*255)
	}
	birds, _, err := dataset.CIFAR10(dataset.CIFAR10Config{Labels: []int{2}, PerFile: 100})
	if err != nil {
		t.Fatal(err)
	}
	filtered, err := train.Filter(2)
	if err != nil {
		t.Fatal(err)
	}
	if n := birds.Rows(); n == 0 || n >= filtered.Rows() || birds.IDs[n-1] >= 100 ||
		!birds.Images.Equal(filtered.Images.Slice(0, n)) || fmt.Sprint(birds.IDs) != fmt.Sprint(filtered.IDs[:n]) {
		t.Errorf("birds of the first 100: got %v of %v", birds.IDs, filtered.IDs)
	}
}

// cifar writes files for a test; each byte string is a file's content.
func cifar(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCIFAR10Files: official files, prefixes of them, gzip, gaps and faults.
func TestCIFAR10Files(t *testing.T) {
	source := dataset.Sources()[1]
	home, err := source.Dir(".")
	if err != nil {
		t.Fatal(err)
	}
	batch, err := os.ReadFile(filepath.Join(home, "data_batch_1.bin"))
	if err != nil {
		t.Fatal(err)
	}
	three := batch[:3*cifarRecord]
	longer := append(bytes.Clone(batch), three...)
	changed := bytes.Clone(longer)
	changed[5000]++
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(batch)
	z.Close()
	const one, two, test = "data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"
	for _, c := range []struct {
		files map[string][]byte
		want  string // rows and last id, or the error
	}{
		{map[string][]byte{one: three, two: three, test: three}, "6 rows, last 10002"},
		{map[string][]byte{one: longer, test: three}, "764 rows, last 763"},
		{map[string][]byte{one + ".gz": packed.Bytes(), test: three}, "no data_batch_1.bin"},
		{map[string][]byte{one: packed.Bytes(), test: three}, "761 rows, last 760"},
		{map[string][]byte{one: three}, "no test_batch.bin"},
		{map[string][]byte{one: three}, "run `git checkout testdata/cifar10`"}, // there is no mirror to fetch from
		{map[string][]byte{two: three, test: three}, "no data_batch_1.bin"},
		{map[string][]byte{one: three, "data_batch_4.bin": three, test: three}, "holds data_batch_4.bin but no data_batch_3.bin"},
		{map[string][]byte{one: three[:7000], test: three}, "854 bytes after 2 records of 3073: the file is cut"},
		{map[string][]byte{one: {}, test: three}, "the file is empty"},
		{map[string][]byte{one: append(bytes.Clone(three), bytes.Repeat([]byte{10}, cifarRecord)...), test: three}, "record 3 has label 10: labels are 0…9"},
		{map[string][]byte{one: changed, test: three}, "is not the published file"},
		{map[string][]byte{one: make([]byte, 10_001*cifarRecord), test: three}, "goes on after 10000 records"},
	} {
		train, _, err := dataset.CIFAR10(dataset.CIFAR10Config{Dir: cifar(t, c.files)})
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%d rows, last %d", train.Rows(), train.IDs[train.Rows()-1])
		}
		if !strings.Contains(got, c.want) || strings.HasPrefix(c.want, "no ") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	for _, cfg := range []dataset.CIFAR10Config{{Labels: []int{10}}, {Labels: []int{-1}}, {PerFile: -1}} {
		if _, _, err := dataset.CIFAR10(cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
	if _, err := source.Verify(""); err != nil {
		t.Error(err)
	}
	if _, err := source.Verify(cifar(t, map[string][]byte{one: longer, test: three})); err == nil || strings.Count(err.Error(), "not the published") != 1 {
		t.Errorf("a longer first file and a short test file: got %v", err)
	}
	if err := source.Fetch(t.Context(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "git checkout testdata/cifar10") {
		t.Errorf("fetching: got %v", err)
	}
}
