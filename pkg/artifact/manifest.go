package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gojacard/jacard/pkg/array"
)

// The files of a stored result.
const (
	manifestFile   = "manifest.json"
	provenanceFile = "provenance.json"
	valueFile      = "value.json"
	arraysFile     = "arrays.safetensors" // only if there are arrays
)

// manifest lists the files of a result with their hashes. It is written last.
type manifest struct {
	Format int                 `json:"format"`
	Form   string              `json:"form"` // of the Go type, see formOf
	Files  map[string]fileHash `json:"files"`
}

type fileHash struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// save writes all files of a result to a temporary folder and gives that the
// result's name. The caller holds its lock.
func (s *Store) save(v Recorder, form string) error {
	p := v.Record()
	text, arrays, err := encodeValue(reflect.ValueOf(v))
	if err != nil {
		return err
	}
	record, err := json.Marshal(p, plainOptions, jsontext.Multiline(true))
	if err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	temp, err := s.tempDir(p.ID)
	if err != nil {
		return writeError(temp, err)
	}
	defer os.RemoveAll(temp) // after the rename there is nothing under this name
	m := manifest{Format: format, Form: form, Files: map[string]fileHash{}}
	put := func(name string, write func(w io.Writer) error) error {
		h, err := writeHashed(filepath.Join(temp, name), write)
		m.Files[name] = h
		return err
	}
	if err := put(valueFile, line(text)); err != nil {
		return err
	}
	if len(arrays) > 0 {
		if err := put(arraysFile, func(w io.Writer) error { return EncodeSafetensors(w, arrays, nil) }); err != nil {
			return err
		}
	}
	if err := put(provenanceFile, line(record)); err != nil {
		return err
	}
	list, err := json.Marshal(m, plainOptions, jsontext.Multiline(true))
	if err != nil {
		return err
	}
	if _, err := writeHashed(filepath.Join(temp, manifestFile), line(list)); err != nil {
		return err
	}
	return s.publish(temp, p)
}

// publish renames a complete folder to its final name and makes that last.
func (s *Store) publish(temp string, p *Provenance) error {
	path := s.path(p)
	parent := filepath.Dir(path)
	if err := syncDir(temp); err != nil {
		return writeError(temp, err)
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return writeError(path, err)
	}
	if _, err := os.Lstat(path); err == nil { // the damaged one
		if err := s.retire(path, p.ID); err != nil {
			return writeError(path, err)
		}
	}
	if err := os.Rename(temp, path); err != nil {
		return writeError(path, err)
	}
	for _, dir := range []string{parent, s.dir} {
		if err := syncDir(dir); err != nil {
			return writeError(dir, err)
		}
	}
	return nil
}

// line writes a text and the end of its line.
func line(text []byte) func(w io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	}
}

func writeHashed(path string, write func(w io.Writer) error) (fileHash, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fileHash{}, writeError(path, err)
	}
	sum := sha256.New()
	if err := fill(f, func(w io.Writer) error { return write(io.MultiWriter(w, sum)) }); err != nil {
		return fileHash{}, writeError(path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fileHash{}, writeError(path, err)
	}
	return fileHash{info.Size(), hex.EncodeToString(sum.Sum(nil))}, nil
}

func readManifest(dir string) (m manifest, err error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, there := os.Stat(dir); there == nil {
			return m, fmt.Errorf("%s has no %s", dir, manifestFile) // damaged, not absent
		}
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m, plainOptions); err != nil {
		return m, fmt.Errorf("%s: %w", manifestFile, err)
	}
	if m.Format != format {
		return m, fmt.Errorf("%s has format %d, this program reads %d", manifestFile, m.Format, format)
	}
	return m, nil
}

// read returns a file whose bytes have the hash in the manifest.
func (m manifest) read(dir, name string) ([]byte, error) {
	want, ok := m.Files[name]
	if !ok || name != filepath.Base(name) {
		return nil, fmt.Errorf("%s does not list %s", manifestFile, name)
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is gone", name)
		}
		return nil, err
	}
	if sum := sha256.Sum256(b); int64(len(b)) != want.Bytes || hex.EncodeToString(sum[:]) != want.SHA256 {
		return nil, fmt.Errorf("%s is damaged: its %d bytes do not have the hash they were written with", name, len(b))
	}
	return b, nil
}

// provenance reads the record and checks that it is that of id.
func (m manifest) provenance(dir, id string) (*Provenance, error) {
	b, err := m.read(dir, provenanceFile)
	if err != nil {
		return nil, err
	}
	p := &Provenance{}
	if err := json.Unmarshal(b, p, plainOptions); err != nil {
		return nil, fmt.Errorf("%s: %w", provenanceFile, err)
	}
	if err := (*jsontext.Value)(&p.Config).Compact(); err != nil {
		return nil, fmt.Errorf("%s: %w", provenanceFile, err)
	}
	if hash, err := p.hash(); err != nil || hash != id || p.ID != id {
		return nil, fmt.Errorf("%s belongs to another result than %s", provenanceFile, id)
	}
	return p, nil
}

// load reads the result in a folder. An error that is not fs.ErrNotExist says
// why what is there cannot be used.
func load[T Recorder](dir, id, form string) (T, error) {
	var none T
	m, err := readManifest(dir)
	if err != nil {
		return none, err
	}
	if m.Form != form {
		return none, fmt.Errorf("it was kept in another form: the fields of %v have changed since", reflect.TypeFor[T]())
	}
	p, err := m.provenance(dir, id)
	if err != nil {
		return none, err
	}
	text, err := m.read(dir, valueFile)
	if err != nil {
		return none, err
	}
	var arrays map[string]*array.Array
	if _, ok := m.Files[arraysFile]; ok {
		b, err := m.read(dir, arraysFile)
		if err != nil {
			return none, err
		}
		if arrays, _, err = decodeSafetensors(b); err != nil {
			return none, fmt.Errorf("%s: %w", arraysFile, err)
		}
	}
	v := reflect.New(reflect.TypeFor[T]().Elem())
	if err := decodeValue(text, arrays, v); err != nil {
		return none, fmt.Errorf("%s: %w", valueFile, err)
	}
	out := v.Interface().(T)
	*out.Record() = *p
	return out, nil
}
