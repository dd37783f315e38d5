package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// cifar10 is a part of CIFAR-10 (Krizhevsky, 2009): the first records of two
// of its six official files.
var cifar10 = &Source{
	Name:   "CIFAR-10",
	What:   "colour pictures of ten classes, 32×32: the first 761 for training and 200 for testing, of 50,000 and 10,000",
	Terms:  "Alex Krizhevsky, Vinod Nair, Geoffrey Hinton; no licence stated, the authors ask to cite \"Learning Multiple Layers of Features from Tiny Images\", 2009",
	Folder: "cifar10",
	Home:   "https://www.cs.toronto.edu/~kriz/cifar.html (binary version)",
	Files: []File{
		{Name: "data_batch_1.bin", Size: 761 * cifarRecord, SHA256: "f52f1c91c9d7af2550c2140382eef02324248b87d6d1e293a8cfb379c35a8f61", Whole: cifarPerFile * cifarRecord},
		{Name: "test_batch.bin", Size: 200 * cifarRecord, SHA256: "0dc203403e1aa2df7a5f56cf39cec0a8640c7855d044363b110652d14a0a93d9", Whole: cifarPerFile * cifarRecord},
	},
}

const (
	cifarSide    = 32
	cifarPixels  = 3 * cifarSide * cifarSide
	cifarRecord  = 1 + cifarPixels
	cifarBatches = 5
	cifarPerFile = 10_000 // records in each official file
)

var cifarClasses = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// CIFAR10Config is what [CIFAR10] can be told. Its zero value is ready to use.
type CIFAR10Config struct {
	// Dir is the folder of the files of the official binary version, each with
	// or without gzip. Empty means where [Source.Dir] finds them; the project
	// holds the first records of data_batch_1 and test_batch.
	Dir string

	// Labels to keep; nil or empty keeps all. A label outside 0…9 is an error.
	Labels []int

	// PerFile bounds the records read of each file; 0 means all. All 50,000
	// training pictures take 614 MB.
	PerFile int
}

// CIFAR10 reads the training and the test part of CIFAR-10: images [rows, 3,
// 32, 32], red, green and blue in [0, 1], in file order. The training part is
// data_batch_1 and those that follow without a gap, up to 5.
//
// A file may hold the official 10,000 records or fewer, the first ones; its
// size tells. IDs are record numbers in the official files, 10,000 each. A
// missing file is an [fs.ErrNotExist]; content that differs from the
// published one among the records that the project holds, if all of those are
// read, a [*ChecksumError]; another size or label says how the format is broken.
func CIFAR10(cfg CIFAR10Config) (train, test *Dataset, err error) {
	for _, l := range cfg.Labels {
		if l < 0 || l >= len(cifarClasses) {
			return nil, nil, fmt.Errorf("dataset: label %d asked for: labels are 0…%d", l, len(cifarClasses)-1)
		}
	}
	if cfg.PerFile < 0 {
		return nil, nil, fmt.Errorf("dataset: negative PerFile %d", cfg.PerFile)
	}
	dir, err := cifar10.dirOr(cfg.Dir)
	if err != nil {
		return nil, nil, err
	}
	files := []File{cifar10.Files[0]}
	missing := ""
	for i := 2; i <= cifarBatches; i++ {
		f := File{Name: fmt.Sprintf("data_batch_%d.bin", i), Whole: cifarPerFile * cifarRecord}
		r, err := cifar10.open(dir, f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = f.Name
		case err != nil:
			return nil, nil, err
		default:
			r.Close()
			if missing != "" {
				return nil, nil, fmt.Errorf("dataset: CIFAR-10: %s holds %s but no %s", dir, f.Name, missing)
			}
			files = append(files, f)
		}
	}
	if train, err = readCIFAR("CIFAR-10 train", dir, files, cfg); err != nil {
		return nil, nil, err
	}
	test, err = readCIFAR("CIFAR-10 test", dir, cifar10.Files[1:], cfg)
	return train, test, err
}

func readCIFAR(name, dir string, files []File, cfg CIFAR10Config) (*Dataset, error) {
	d := &Dataset{Name: name, Classes: slices.Clone(cifarClasses)}
	var values []float32
	for i, file := range files {
		r, err := cifar10.open(dir, file)
		if err != nil {
			return nil, err
		}
		values, err = d.readCIFAR(r, i*cifarPerFile, values, cfg)
		if err == nil && r.summed == file.Size && file.Size > 0 {
			err = r.check()
		}
		r.Close()
		if err != nil {
			return nil, cifar10.broken(dir, file.Name, err)
		}
	}
	var err error
	d.Images, err = array.From(values, len(d.Labels), 3, cifarSide, cifarSide)
	return d, err
}

// readCIFAR appends the records of a file, whose first has the given id, to
// labels, ids and values.
func (d *Dataset) readCIFAR(r io.Reader, id int, values []float32, cfg CIFAR10Config) ([]float32, error) {
	r = bufio.NewReaderSize(r, 1<<16)
	var record [cifarRecord]byte
	for i := 0; ; i++ {
		if cfg.PerFile > 0 && i == cfg.PerFile {
			return values, nil
		}
		n, err := io.ReadFull(r, record[:])
		switch {
		case err == io.EOF && i > 0:
			return values, nil
		case err == io.EOF:
			return nil, errors.New("the file is empty")
		case i == cifarPerFile && n > 0:
			return nil, fmt.Errorf("the file goes on after %d records", cifarPerFile)
		case n > 0 && errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("%d bytes after %d records of %d: the file is cut: %w", n, i, cifarRecord, io.ErrUnexpectedEOF)
		case err != nil:
			return nil, fmt.Errorf("after %d records: %w", i, err)
		}
		label := int(record[0])
		if label >= len(cifarClasses) {
			return nil, fmt.Errorf("record %d has label %d: labels are 0…%d", i, label, len(cifarClasses)-1)
		}
		if len(cfg.Labels) > 0 && !slices.Contains(cfg.Labels, label) {
			continue
		}
		d.Labels, d.IDs = append(d.Labels, label), append(d.IDs, id+i)
		for _, p := range record[1:] {
			values = append(values, grey[p])
		}
	}
}
