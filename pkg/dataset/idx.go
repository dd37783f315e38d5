package dataset

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gojacard/jacard/pkg/array"
)

// Side is the height and the width of an image of [ReadIDX], in pixels.
const Side = 28

const (
	imagesMagic = 0x00000803 // unsigned bytes in three dimensions
	labelsMagic = 0x00000801 // unsigned bytes in one

	classes = 10 // labels 0…9

	maxRecords   = 1 << 20 // far above the largest relative of MNIST (EMNIST: 814,255)
	startRecords = 1 << 16 // room made before the first pixel is seen: all of MNIST
)

// grey is pixel/255.
var grey = func() (g [256]float32) {
	for i := range g {
		g[i] = float32(i) / 255
	}
	return g
}()

// ReadIDX reads images and labels in the IDX format of LeCun, Cortes and
// Burges, plain or gzip, and keeps the records whose label is in keep, in
// their order; an empty keep keeps all.
//
// Anything but 28×28 images with one label 0…9 each, to the last byte, is an
// error: a wrong magic number or size, a file that is cut or goes on, counts
// that differ. What a header claims is never allocated before the bytes
// are there.
func ReadIDX(images, labels io.Reader, keep []int) (*Dataset, error) {
	var kept [classes]bool
	for _, k := range keep {
		if k < 0 || k >= classes {
			return nil, fmt.Errorf("dataset: label %d asked for: labels are 0…%d", k, classes-1)
		}
		kept[k] = true
	}
	if len(keep) == 0 {
		kept = [classes]bool{true, true, true, true, true, true, true, true, true, true}
	}
	all, err := readLabels(labels)
	if err != nil {
		return nil, fmt.Errorf("dataset: labels: %w", err)
	}
	d := &Dataset{}
	for i, l := range all {
		if l >= classes {
			return nil, fmt.Errorf("dataset: labels: record %d has label %d: labels are 0…%d", i, l, classes-1)
		}
		if kept[l] {
			d.Labels = append(d.Labels, int(l))
			d.IDs = append(d.IDs, i)
		}
	}
	if d.Images, err = readImages(images, len(all), d.IDs); err != nil {
		return nil, fmt.Errorf("dataset: images: %w", err)
	}
	return d, nil
}

func readLabels(r io.Reader) ([]byte, error) {
	r, err := plain(r)
	if err != nil {
		return nil, err
	}
	n, err := readHeader(r, labelsMagic)
	if err != nil {
		return nil, err
	}
	labels, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, cut(err, len(labels), n)
	}
	if len(labels) < n {
		return nil, cut(io.ErrUnexpectedEOF, len(labels), n)
	}
	return labels, atEnd(r, n)
}

// readImages reads all n records and converts those with the given ids, which ascend.
func readImages(r io.Reader, n int, ids []int) (*array.Array, error) {
	r, err := plain(r)
	if err != nil {
		return nil, err
	}
	count, err := readHeader(r, imagesMagic, Side, Side)
	if err != nil {
		return nil, err
	}
	if count != n {
		return nil, fmt.Errorf("%d images, but %d labels", count, n)
	}
	values := make([]float32, 0, min(len(ids), startRecords)*Side*Side)
	var pixels [Side * Side]byte
	for i := range n {
		if _, err := io.ReadFull(r, pixels[:]); err != nil {
			return nil, cut(err, i, n)
		}
		if kept := len(values) / len(pixels); kept < len(ids) && ids[kept] == i {
			values = slices.Grow(values, len(pixels))
			row := values[len(values) : len(values)+len(pixels)]
			for k, p := range pixels {
				row[k] = grey[p]
			}
			values = values[:len(values)+len(row)]
		}
	}
	if err := atEnd(r, n); err != nil {
		return nil, err
	}
	return array.From(values, len(ids), Side, Side)
}

// plain takes the gzip off a stream that wears one.
func plain(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if start, err := b.Peek(2); err != nil || start[0] != 0x1f || start[1] != 0x8b {
		return b, nil // a short file is found out by who reads on
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return bufio.NewReaderSize(z, 1<<16), nil
}

// readHeader reads the magic number, the number of records and the size of
// one record, and returns the number of records.
func readHeader(r io.Reader, magic uint32, size ...uint32) (int, error) {
	header := make([]uint32, 2+len(size))
	if err := binary.Read(r, binary.BigEndian, header); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, fmt.Errorf("the file is cut inside its header of %d bytes: %w", 4*len(header), io.ErrUnexpectedEOF)
		}
		return 0, err
	}
	if got := header[0]; got != magic {
		help := "this is no such IDX file"
		if got == imagesMagic || got == labelsMagic {
			help = "images and labels are swapped"
		}
		return 0, fmt.Errorf("magic number %#08x, want %#08x: %s", got, magic, help)
	}
	if got := header[2:]; !slices.Equal(got, size) {
		return 0, fmt.Errorf("records of %d pixels, want %d", got, size)
	}
	if header[1] > maxRecords {
		return 0, fmt.Errorf("the header claims %d records, more than the %d ever expected", header[1], maxRecords)
	}
	return int(header[1]), nil
}

// cut says how far a stream came that ended too soon.
func cut(err error, got, want int) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file is cut: %d of the %d records that its header claims: %w", got, want, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("after %d of %d records: %w", got, want, err)
}

// atEnd wants the stream to be over, which also checks a gzip's own checksum.
func atEnd(r io.Reader, n int) error {
	switch k, err := io.ReadFull(r, make([]byte, 1)); {
	case k > 0:
		return fmt.Errorf("the file goes on after the %d records that its header claims", n)
	case err != io.EOF:
		return fmt.Errorf("after %d records: %w", n, err)
	}
	return nil
}
