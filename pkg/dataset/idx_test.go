package dataset_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gojacard/jacard/pkg/dataset"
)

func gunzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func zip(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}

// idx is a header of numbers before a body.
func idx(body []byte, header ...uint32) []byte {
	var b []byte
	for _, h := range header {
		b = binary.BigEndian.AppendUint32(b, h)
	}
	return append(b, body...)
}

// pixels are n images; image i is all i+1 but its last pixel, which is 255.
func pixels(n int) (b []byte) {
	for i := range n {
		b = append(b, bytes.Repeat([]byte{byte(i + 1)}, 783)...)
		b = append(b, 255)
	}
	return b
}

func TestReadIDX(t *testing.T) {
	images, labels := idx(pixels(4), 0x803, 4, 28, 28), idx([]byte{7, 0, 9, 7}, 0x801, 4)
	for name, wrap := range map[string]func([]byte) io.Reader{
		"plain":       func(b []byte) io.Reader { return bytes.NewReader(b) },
		"gzip":        func(b []byte) io.Reader { return bytes.NewReader(zip(b)) },
		"byte a read": func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(zip(b))) },
	} {
		for _, c := range []struct{ keep, labels, ids []int }{
			{nil, []int{7, 0, 9, 7}, []int{0, 1, 2, 3}},
			{[]int{7}, []int{7, 7}, []int{0, 3}},
			{[]int{9, 0, 9}, []int{0, 9}, []int{1, 2}},
			{[]int{1}, nil, nil},
		} {
			d, err := dataset.ReadIDX(wrap(images), wrap(labels), c.keep)
			if err != nil {
				t.Fatalf("%s, keep %v: %v", name, c.keep, err)
			}
			if !slices.Equal(d.Labels, c.labels) || !slices.Equal(d.IDs, c.ids) || !slices.Equal(d.Images.Shape, []int{len(c.ids), 28, 28}) {
				t.Errorf("%s, keep %v: got labels %v, ids %v, shape %v, want %v, %v", name, c.keep, d.Labels, d.IDs, d.Images.Shape, c.labels, c.ids)
			}
			for row, id := range d.IDs {
				if got, want := d.Images.At(row, 5), float32(id+1)/255; got != want || d.Images.At(row, 783) != 1 {
					t.Errorf("%s, keep %v: row %d has %g and %g, want %g and 1", name, c.keep, row, got, d.Images.At(row, 783), want)
				}
			}
		}
	}
}

func TestReadIDXMalformed(t *testing.T) {
	goodImages, goodLabels := idx(pixels(2), 0x803, 2, 28, 28), idx([]byte{0, 1}, 0x801, 2)
	zipped := zip(goodImages)
	spoilt := bytes.Clone(zipped)
	spoilt[len(spoilt)-5] ^= 1 // the length that gzip stores
	for _, c := range []struct {
		name           string
		images, labels []byte
		want           string
	}{
		{"no images", nil, goodLabels, "cut inside its header of 16 bytes"},
		{"no labels", goodImages, nil, "cut inside its header of 8 bytes"},
		{"header cut", goodImages[:15], goodLabels, "cut inside its header"},
		{"labels' header cut", goodImages, goodLabels[:7], "cut inside its header"},
		{"images' magic", idx(pixels(2), 0x802, 2, 28, 28), goodLabels, "magic number 0x00000802, want 0x00000803: this is no such IDX file"},
		{"labels' magic", goodImages, idx([]byte{0, 1}, 0x1000801, 2), "this is no such IDX file"},
		{"little-endian", goodImages, idx([]byte{0, 1}, 0x01080000, 2<<24), "this is no such IDX file"},
		{"swapped", goodLabels, goodImages, "images and labels are swapped"},
		{"height", idx(pixels(2), 0x803, 2, 29, 28), goodLabels, "records of [29 28] pixels, want [28 28]"},
		{"width", idx(pixels(2), 0x803, 2, 28, 0), goodLabels, "records of [28 0] pixels"},
		{"more labels", goodImages, idx([]byte{0, 1, 1}, 0x801, 3), "2 images, but 3 labels"},
		{"more images", idx(pixels(3), 0x803, 3, 28, 28), goodLabels, "3 images, but 2 labels"},
		{"images cut in a record", goodImages[:len(goodImages)-1], goodLabels, "cut: 1 of the 2 records"},
		{"images cut between records", goodImages[:16+784], goodLabels, "cut: 1 of the 2 records"},
		{"labels cut", goodImages, goodLabels[:9], "cut: 1 of the 2 records"},
		{"images go on", append(bytes.Clone(goodImages), 0), goodLabels, "goes on after the 2 records"},
		{"labels go on", goodImages, append(bytes.Clone(goodLabels), 0), "goes on after the 2 records"},
		{"label 10", goodImages, idx([]byte{0, 10}, 0x801, 2), "record 1 has label 10"},
		{"label 255", goodImages, idx([]byte{255, 0}, 0x801, 2), "record 0 has label 255"},
		{"huge images", idx(nil, 0x803, 1<<32-1, 28, 28), goodLabels, "claims 4294967295 records"},
		{"huge labels", goodImages, idx(nil, 0x801, 1<<32-1), "claims 4294967295 records"},
		{"many labels claimed", goodImages, idx(nil, 0x801, 1<<20), "cut: 0 of the 1048576"},
		{"gzip cut", zipped[:len(zipped)/2], goodLabels, "cut"},
		{"gzip cut before its checksum", zipped[:len(zipped)-8], goodLabels, "unexpected EOF"},
		{"gzip spoilt", spoilt, goodLabels, "checksum"},
		{"gzip header", []byte{0x1f, 0x8b, 0}, goodLabels, "gzip"},
		{"gzip and more", append(bytes.Clone(zipped), "more"...), goodLabels, "after 2 records"},
		{"two archives", append(bytes.Clone(zipped), zipped...), goodLabels, "goes on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := dataset.ReadIDX(bytes.NewReader(c.images), bytes.NewReader(c.labels), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, error %v, want an error with %q", d, err, c.want)
			}
		})
	}
	broken := iotest.ErrReader(fmt.Errorf("disk on fire"))
	if _, err := dataset.ReadIDX(bytes.NewReader(goodImages), broken, nil); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("got error %v, want the reader's own", err)
	}
}

// FuzzReadIDX compares with a reader that indexes into whole files.
func FuzzReadIDX(f *testing.F) {
	images, labels := idx(pixels(2), 0x803, 2, 28, 28), idx([]byte{3, 1}, 0x801, 2)
	f.Add(images, labels)
	f.Add(zip(images), labels)
	f.Add(images[:900], labels)
	f.Add(idx(nil, 0x803, 1<<31, 28, 28), idx(nil, 0x801, 1<<31))
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		d, err := dataset.ReadIDX(bytes.NewReader(images), bytes.NewReader(labels), nil)
		if err == nil {
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if bytes.HasPrefix(images, []byte{0x1f, 0x8b}) || bytes.HasPrefix(labels, []byte{0x1f, 0x8b}) {
			return
		}
		n := len(labels) - 8
		good := n >= 0 && len(images) == 16+784*n &&
			bytes.Equal(labels[:8], idx(nil, 0x801, uint32(n))) && bytes.Equal(images[:16], idx(nil, 0x803, uint32(n), 28, 28)) &&
			!slices.ContainsFunc(labels[8:], func(l byte) bool { return l > 9 })
		if good != (err == nil) {
			t.Fatalf("got error %v for %d and %d bytes", err, len(images), len(labels))
		}
		if !good {
			return
		}
		for i, v := range d.Images.Data {
			if want := float32(images[16+i]) / 255; v != want {
				t.Fatalf("value %d: got %g, want %g", i, v, want)
			}
		}
		for i, l := range d.Labels {
			if l != int(labels[8+i]) || d.IDs[i] != i {
				t.Fatalf("row %d: got label %d, id %d, want %d, %d", i, l, d.IDs[i], labels[8+i], i)
			}
		}
	})
}
