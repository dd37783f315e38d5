package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// EnvData names the folder that holds one folder for each data set.
const EnvData = "JACARD_DATA"

const modulePath = "github.com/gojacard/jacard"

// Source is a published data set: its files, where they lie and where they
// can be got.
type Source struct {
	Name    string // "MNIST"
	What    string // what its records are, in a line
	Terms   string // authors and licence
	Folder  string // "mnist", in testdata or in JACARD_DATA
	Files   []File
	Mirrors []string // addresses that a file's name is appended to
	Home    string   // where a person gets what no mirror has as single files
}

// File is an official file. Size and checksum are those of its content
// without gzip, since archives of the same content differ between mirrors.
type File struct {
	Name   string // as published; one that ends in .gz may also lie there plain
	Size   int64  // bytes
	SHA256 string // hexadecimal

	// Whole, if not 0, is the size of the published file of which Size and
	// SHA256 describe the beginning: the file may hold as much as it.
	Whole int64
}

// Sources returns all data sets that can be read.
func Sources() []*Source { return []*Source{mnist, cifar10} }

// ChecksumError is content that is not the published one.
type ChecksumError struct {
	Name      string // of the file
	Got, Want string // SHA-256 of the content without gzip, hexadecimal
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s is not the published file: its content has SHA-256 %s, want %s", e.Name, e.Got, e.Want)
}

// Dir returns the folder of the data set, there or not: JACARD_DATA/Folder if
// that variable is set, else testdata/Folder of the jacard checkout that the
// folder from lies in. A notebook's from is its working directory, ".".
func (s *Source) Dir(from string) (string, error) {
	if dir := os.Getenv(EnvData); dir != "" {
		return filepath.Join(dir, s.Folder), nil
	}
	abs, err := filepath.Abs(from)
	if err != nil {
		return "", fmt.Errorf("dataset: %s: %w", s.Name, err)
	}
	for root := abs; ; root = filepath.Dir(root) {
		mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil && modfile.ModulePath(mod) == modulePath {
			return filepath.Join(root, "testdata", s.Folder), nil
		}
		if root == filepath.Dir(root) {
			return "", fmt.Errorf("dataset: %s: %s is not inside a checkout of %s: change into one, or set %s to the folder that holds %s",
				s.Name, abs, modulePath, EnvData, s.Folder)
		}
	}
}

func (s *Source) dirOr(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	return s.Dir(".")
}

// Missing returns nil if all files lie in dir, whatever they hold; else an
// error that is [fs.ErrNotExist] and says how to get them.
func (s *Source) Missing(dir string) error {
	for _, file := range s.Files {
		f, err := s.open(dir, file)
		if err != nil {
			return err
		}
		f.Close()
	}
	return nil
}

// FileReport is what [Source.Verify] found of one file.
type FileReport struct {
	File
	Path string // of the file, with or without .gz; empty if there is none
	Err  error  // nil if its content is the published one
}

// Verify compares the content of all files with the published one. The error
// joins those of the reports, which are as many as files. An empty dir is
// where [Source.Dir] finds the data set.
func (s *Source) Verify(dir string) ([]FileReport, error) {
	dir, err := s.dirOr(dir)
	if err != nil {
		return nil, err
	}
	reports := make([]FileReport, len(s.Files))
	errs := make([]error, len(s.Files))
	for i, file := range s.Files {
		reports[i].File = file
		reports[i].Path, errs[i] = s.verify(dir, file)
		reports[i].Err = errs[i]
	}
	return reports, errors.Join(errs...)
}

func (s *Source) verify(dir string, file File) (path string, err error) {
	f, err := s.open(dir, file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return f.path, s.broken(dir, file.Name, err)
	}
	if err := f.check(); err != nil {
		return f.path, s.broken(dir, file.Name, err)
	}
	return f.path, nil
}

// Remedy says how to get files that are missing or not the published ones.
func (s *Source) Remedy() string {
	if len(s.Mirrors) == 0 {
		return fmt.Sprintf("it comes with the checkout: run `git checkout testdata/%s`; all of it is at %s", s.Folder, s.Home)
	}
	return "run `go run ./cmd/jacard data fetch`"
}

// broken says what to do about a file that is not the published one.
func (s *Source) broken(dir, name string, err error) error {
	return fmt.Errorf("dataset: %s: %s in %s: %w: %s", s.Name, name, dir, err, s.Remedy())
}

// open opens a file, with or without gzip, for its content.
func (s *Source) open(dir string, file File) (*reader, error) {
	path := filepath.Join(dir, file.Name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		path = strings.TrimSuffix(path, ".gz")
		f, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dataset: %s: no %s in %s: %s, or set %s to the folder that holds %s: %w",
			s.Name, file.Name, dir, s.Remedy(), EnvData, s.Folder, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", s.Name, err)
	}
	r, err := newReader(f, file)
	if err != nil {
		f.Close()
		return nil, s.broken(dir, file.Name, err)
	}
	r.path, r.close = path, f.Close
	return r, nil
}

// reader reads a file's content without gzip and sums it up.
type reader struct {
	file    File
	path    string
	content io.Reader
	sum     hash.Hash
	summed  int64 // bytes in sum
	close   func() error
}

func newReader(r io.Reader, file File) (*reader, error) {
	content, err := plain(r)
	if err != nil {
		return nil, err
	}
	// One byte more than there should be tells a longer file from the right
	// one, and ends a small archive of endless zeros.
	return &reader{file: file, content: io.LimitReader(content, max(file.Size, file.Whole)+1), sum: sha256.New()}, nil
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.content.Read(p)
	part := p[:n]
	if r.file.Whole > 0 {
		part = part[:min(int64(n), r.file.Size-r.summed)]
	}
	r.sum.Write(part)
	r.summed += int64(len(part))
	return n, err
}

// Close closes the file.
func (r *reader) Close() error { return r.close() }

// check compares what was read, which should be all, with the published content.
func (r *reader) check() error {
	if got := hex.EncodeToString(r.sum.Sum(nil)); got != r.file.SHA256 {
		return &ChecksumError{Name: r.file.Name, Got: got, Want: r.file.SHA256}
	}
	return nil
}
