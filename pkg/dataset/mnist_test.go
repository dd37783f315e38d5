package dataset_test

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/dataset"
)

// digits joins labels 0…9 to a string.
func digits(labels []int) string {
	var s strings.Builder
	for _, l := range labels {
		fmt.Fprint(&s, l)
	}
	return s.String()
}

func count(labels []int, label int) (n int) {
	for _, l := range labels {
		if l == label {
			n++
		}
	}
	return n
}

// TestMNISTZerosAndOnes compares with the rows of the published study, whose
// label columns are stored there.
func TestMNISTZerosAndOnes(t *testing.T) {
	train, test, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		*dataset.Dataset
		zeros, ones int
		first       string
	}{
		{train, 5923, 6742, "01111011001001010011"},
		{test, 980, 1135, "1010010011111101" + "0011110101011101" + "0111100111001111" + "0111011100111100"},
	} {
		if err := part.Check(); err != nil {
			t.Error(err)
		}
		if z, o := count(part.Labels, 0), count(part.Labels, 1); z != part.zeros || o != part.ones || part.Rows() != z+o {
			t.Errorf("%s: got %d zeros and %d ones in %d rows, want %d and %d", part.Name, z, o, part.Rows(), part.zeros, part.ones)
		}
		if got := digits(part.Labels[:len(part.first)]); got != part.first {
			t.Errorf("%s: first labels: got %s, want %s", part.Name, got, part.first)
		}
	}
}

func TestMNISTAll(t *testing.T) {
	train, test, err := dataset.MNIST(dataset.MNISTConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if train.Rows() != 60000 || test.Rows() != 10000 {
		t.Fatalf("got %d and %d rows, want 60000 and 10000", train.Rows(), test.Rows())
	}
	// The first labels of both files, as in every description of MNIST.
	if got := digits(train.Labels[:10]); got != "5041921314" {
		t.Errorf("train: got %s", got)
	}
	if got := digits(test.Labels[:10]); got != "7210414959" {
		t.Errorf("test: got %s", got)
	}
	// The mean grey value of the training part is published as 0.1307.
	var sum float64
	for _, v := range train.Images.Data {
		sum += float64(v)
	}
	if mean := fmt.Sprintf("%.4f", sum/float64(len(train.Images.Data))); mean != "0.1307" {
		t.Errorf("mean grey value: got %s, want 0.1307", mean)
	}
	// Filtering while reading and afterwards are the same.
	read, _, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{7, 3}})
	if err != nil {
		t.Fatal(err)
	}
	filtered, err := train.Filter(3, 7)
	if err != nil {
		t.Fatal(err)
	}
	if !read.Images.Equal(filtered.Images) || fmt.Sprint(read.Labels, read.IDs) != fmt.Sprint(filtered.Labels, filtered.IDs) {
		t.Error("reading digits 3 and 7 differs from reading all and filtering")
	}
}

// TestMNISTSums compares with the MD5 sums that are published for the content.
func TestMNISTSums(t *testing.T) {
	published := map[string]string{
		"train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
		"train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
		"t10k-images-idx3-ubyte.gz":  "2646ac647ad5339dbf082846283269ea",
		"t10k-labels-idx1-ubyte.gz":  "27ae3e4e09519cfbb04c329615203637",
	}
	reports, err := dataset.Sources()[0].Verify("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		content := gunzip(t, r.Path)
		sum := md5.Sum(content)
		if got := hex.EncodeToString(sum[:]); got != published[r.Name] || int64(len(content)) != r.Size {
			t.Errorf("%s: got %d bytes with MD5 %s, want %d with %s", r.Name, len(content), got, r.Size, published[r.Name])
		}
	}
}

// copyMNIST copies the official files to a folder that a test may spoil.
func copyMNIST(t *testing.T) string {
	t.Helper()
	from, err := dataset.Sources()[0].Dir(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestMNISTPlain reads files from which the gzip was taken off.
func TestMNISTPlain(t *testing.T) {
	dir := copyMNIST(t)
	for _, f := range dataset.Sources()[0].Files {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(strings.TrimSuffix(path, ".gz"), gunzip(t, path), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	train, _, err := dataset.MNIST(dataset.MNISTConfig{Dir: dir, Digits: []int{5}})
	if err != nil {
		t.Fatal(err)
	}
	if train.IDs[0] != 0 {
		t.Errorf("got the first 5 at record %d, want 0", train.IDs[0])
	}
}

func TestMNISTSpoilt(t *testing.T) {
	labels := "train-labels-idx1-ubyte.gz"
	for name, c := range map[string]struct {
		spoil func(path string) error
		want  string
		is    error
	}{
		"missing": {os.Remove, "data fetch", fs.ErrNotExist},
		"other labels": {func(path string) error {
			b := gunzip(t, path)
			b[8] = (b[8] + 1) % 10
			return os.WriteFile(path, b, 0o644)
		}, "not the published file", nil},
		"cut":    {func(path string) error { return os.Truncate(path, 3000) }, "cut", nil},
		"empty":  {func(path string) error { return os.Truncate(path, 0) }, "cut", nil},
		"folder": {func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }, labels, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyMNIST(t)
			if err := c.spoil(filepath.Join(dir, labels)); err != nil {
				t.Fatal(err)
			}
			_, _, err := dataset.MNIST(dataset.MNISTConfig{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got error %v, want one with %q and the folder", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got error %v, want %v in it", err, c.is)
			}
		})
	}
	if _, _, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 10}}); err == nil || !strings.Contains(err.Error(), "0…9") {
		t.Errorf("digit 10: got error %v", err)
	}
}

func TestVerify(t *testing.T) {
	source, dir := dataset.Sources()[0], copyMNIST(t)
	if err := os.Truncate(filepath.Join(dir, source.Files[1].Name), 3000); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, source.Files[3].Name)); err != nil {
		t.Fatal(err)
	}
	reports, err := source.Verify(dir)
	if len(reports) != 4 || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, error %v, want four reports and a missing file", reports, err)
	}
	for i, r := range reports {
		if spoilt := i%2 == 1; (r.Err != nil) != spoilt || r.Name != source.Files[i].Name || (r.Path == "") != (i == 3) {
			t.Errorf("got %+v, want an error: %t", r, spoilt)
		}
	}
}

// TestDir looks for the folder from outside, from inside and by the environment.
func TestDir(t *testing.T) {
	source := dataset.Sources()[0]
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := source.Dir("../../notebooks"); err != nil || got != filepath.Join(root, "testdata", "mnist") {
		t.Errorf("from notebooks: got %q, %v", got, err)
	}
	if got, err := source.Dir(t.TempDir()); err == nil || !strings.Contains(err.Error(), dataset.EnvData) {
		t.Errorf("outside: got %q, %v, want an error that names %s", got, err, dataset.EnvData)
	}
	t.Setenv(dataset.EnvData, "/data")
	if got, err := source.Dir("."); err != nil || got != filepath.Join("/data", "mnist") {
		t.Errorf("%s=/data: got %q, %v", dataset.EnvData, got, err)
	}
	if _, _, err := dataset.MNIST(dataset.MNISTConfig{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s=/data: got %v, want a missing file", dataset.EnvData, err)
	}
}

func ExampleMNIST() {
	train, test, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(train.Name, train.Images.Shape, "first labels", train.Labels[:5], "records", train.IDs[:5])
	fmt.Println(test.Name, test.Images.Shape)
	// Output:
	// MNIST train [12665 28 28] first labels [0 1 1 1 1] records [1 3 6 8 14]
	// MNIST test [2115 28 28]
}

func BenchmarkMNISTZerosAndOnes(b *testing.B) {
	for b.Loop() {
		if _, _, err := dataset.MNIST(dataset.MNISTConfig{Digits: []int{0, 1}}); err != nil {
			b.Fatal(err)
		}
	}
}
