package dataset

import "golang.org/x/sync/errgroup"

// mnist is the MNIST database of handwritten digits (LeCun, Cortes and
// Burges, 1998).
var mnist = &Source{
	Name:   "MNIST",
	What:   "handwritten digits, 28×28 grey values: 60,000 for training, 10,000 for testing",
	Terms:  "Yann LeCun, Corinna Cortes, Christopher J.C. Burges; CC BY-SA 3.0",
	Folder: "mnist",
	Files: []File{
		{Name: "train-images-idx3-ubyte.gz", Size: 47_040_016, SHA256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		{Name: "train-labels-idx1-ubyte.gz", Size: 60_008, SHA256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		{Name: "t10k-images-idx3-ubyte.gz", Size: 7_840_016, SHA256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		{Name: "t10k-labels-idx1-ubyte.gz", Size: 10_008, SHA256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	},
	Mirrors: []string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/",
		"https://storage.googleapis.com/cvdf-datasets/mnist/",
	},
}

// MNISTConfig is what [MNIST] can be told. Its zero value is ready to use.
type MNISTConfig struct {
	// Dir is the folder of the four official files, each with or without
	// gzip. Empty means where [Source.Dir] finds them.
	Dir string

	// Digits to keep; nil or empty keeps all. A digit outside 0…9 is an error.
	Digits []int
}

// MNIST reads the training and the test part of the handwritten digits:
// images [rows, 28, 28] with grey values in [0, 1], 0 = background, in file
// order. A missing file is an [fs.ErrNotExist], one that is not the
// published file a [*ChecksumError] or says how its format is broken.
func MNIST(cfg MNISTConfig) (train, test *Dataset, err error) {
	dir, err := mnist.dirOr(cfg.Dir)
	if err != nil {
		return nil, nil, err
	}
	var both errgroup.Group
	both.Go(func() (err error) {
		train, err = mnist.readIDX("MNIST train", dir, mnist.Files[0], mnist.Files[1], cfg.Digits)
		return err
	})
	both.Go(func() (err error) {
		test, err = mnist.readIDX("MNIST test", dir, mnist.Files[2], mnist.Files[3], cfg.Digits)
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// readIDX reads a pair of official IDX files.
func (s *Source) readIDX(name, dir string, images, labels File, keep []int) (*Dataset, error) {
	x, err := s.open(dir, images)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	y, err := s.open(dir, labels)
	if err != nil {
		return nil, err
	}
	defer y.Close()
	d, err := ReadIDX(x, y, keep)
	if err != nil {
		return nil, s.broken(dir, images.Name+" and "+labels.Name, err)
	}
	for _, f := range []*reader{y, x} {
		if err := f.check(); err != nil {
			return nil, s.broken(dir, f.file.Name, err)
		}
	}
	d.Name = name
	return d, nil
}
