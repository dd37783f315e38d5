package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Store is a folder of results: DIR/STEP/ID/. It may be used by any number of
// goroutines and processes at once.
type Store struct {
	// Announce is told, in one line each, what was computed, loaded, waited
	// for or found damaged. Nil is silence. [Open] sets it to print to
	// standard error. Set it before the first step.
	Announce func(line string)

	dir string
}

const (
	tempFolder = ".tmp"   // results being written: ID.random
	lockFolder = ".locks" // steps being computed: ID
)

// Open returns the store in a folder, which is made if it is not there. A
// folder that cannot be written is an error only once a step must be computed.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("artifact: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("artifact: opening the store: %w: choose a folder that can be made", err)
	}
	return &Store{dir: dir, Announce: func(line string) { fmt.Fprintln(os.Stderr, line) }}, nil
}

// Dir returns the absolute path of the store.
func (s *Store) Dir() string { return s.dir }

func (s *Store) say(format string, args ...any) {
	if s.Announce != nil {
		s.Announce(fmt.Sprintf(format, args...))
	}
}

func (s *Store) path(p *Provenance) string { return filepath.Join(s.dir, folder(p.Step), p.ID) }

// Entry is one stored result.
type Entry struct {
	Provenance
	Path  string // the folder of its files
	Bytes int64  // of all its files
}

var validID = regexp.MustCompile(`^[0-9a-f]{1,64}$`)

// Find returns the result whose ID begins with the given digits. No such
// result, or several, is an error; the former is [fs.ErrNotExist].
func (s *Store) Find(prefix string) (Entry, error) {
	if !validID.MatchString(prefix) {
		return Entry{}, fmt.Errorf("artifact: %q is no ID: want up to 64 digits 0…9, a…f", prefix)
	}
	paths, err := filepath.Glob(filepath.Join(globSafe(s.dir), "[^.]*", prefix+"*"))
	if err != nil {
		return Entry{}, fmt.Errorf("artifact: %w", err)
	}
	switch len(paths) {
	case 0:
		return Entry{}, fmt.Errorf("artifact: no result with ID %s… in %s: %w", prefix, s.dir, fs.ErrNotExist)
	case 1:
		return readEntry(paths[0])
	}
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Join(filepath.Base(filepath.Dir(p)), filepath.Base(p)[:12]))
	}
	return Entry{}, fmt.Errorf("artifact: ID %s… is not unique: %s; give more digits", prefix, strings.Join(names, ", "))
}

// globSafe quotes what Glob would read as a pattern.
func globSafe(path string) string {
	return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(path, `\$0`)
}

// List returns all results, by step and then by the time they were made. The
// error, if any, joins those of entries that cannot be read; the others are
// listed all the same. Values are not read: damage to them shows in [Store.Verify].
func (s *Store) List() ([]Entry, error) {
	paths, err := filepath.Glob(filepath.Join(globSafe(s.dir), "[^.]*", "*"))
	if err != nil {
		return nil, fmt.Errorf("artifact: %w", err)
	}
	var entries []Entry
	var errs []error
	for _, p := range paths {
		if !validID.MatchString(filepath.Base(p)) {
			continue
		}
		e, err := readEntry(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		if c := strings.Compare(a.Step, b.Step); c != 0 {
			return c
		}
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return entries, errors.Join(errs...)
}

// readEntry reads the record and the sizes of a stored result.
func readEntry(dir string) (Entry, error) {
	m, err := readManifest(dir)
	if err != nil {
		return Entry{}, fmt.Errorf("artifact: %w", err)
	}
	p, err := m.provenance(dir, filepath.Base(dir))
	if err != nil {
		return Entry{}, fmt.Errorf("artifact: %w", err)
	}
	e := Entry{Provenance: *p, Path: dir}
	for _, f := range m.Files {
		e.Bytes += f.Bytes
	}
	return e, nil
}

// Verify reads all files of a result and compares them with their hashes.
func (s *Store) Verify(prefix string) error {
	e, err := s.Find(prefix)
	if err != nil {
		return err
	}
	m, err := readManifest(e.Path)
	for name := range m.Files {
		if err == nil {
			_, err = m.read(e.Path, name)
		}
	}
	if err != nil {
		return fmt.Errorf("artifact: %s %s: %w", e.Step, e.Short(), err)
	}
	return nil
}

// Remove deletes the result whose ID begins with the given digits. A result
// that a process is just computing is an error.
func (s *Store) Remove(prefix string) error {
	e, err := s.Find(prefix)
	if err != nil {
		return err
	}
	release, err := s.tryLock(e.ID)
	if err == nil && release == nil {
		err = fmt.Errorf("process %s is computing it", s.holder(e.ID))
	}
	if err != nil {
		return fmt.Errorf("artifact: removing %s %s: %w", e.Step, e.Short(), err)
	}
	defer release()
	if err := s.retire(e.Path, e.ID); err != nil {
		return fmt.Errorf("artifact: removing %s %s: %w", e.Step, e.Short(), err)
	}
	return nil
}

// Clean deletes what killed processes left behind and returns the number of
// bytes freed. What a living process is writing stays. Steps clean up after
// themselves when they run again; Clean is for those that never will.
func (s *Store) Clean() (freed int64, err error) {
	left, err := os.ReadDir(filepath.Join(s.dir, tempFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("artifact: %w", err)
	}
	for _, d := range left {
		id, _, _ := strings.Cut(d.Name(), ".")
		release, err := s.tryLock(id)
		if err != nil {
			return freed, fmt.Errorf("artifact: cleaning: %w", err)
		}
		if release == nil {
			continue
		}
		path := filepath.Join(s.dir, tempFolder, d.Name())
		n := size(path)
		err = os.RemoveAll(path)
		release()
		if err != nil {
			return freed, fmt.Errorf("artifact: cleaning: %w", err)
		}
		freed += n
	}
	return freed, nil
}

// discard deletes the temporary folders of one result. The caller holds its
// lock, so nobody is writing them.
func (s *Store) discard(id string) error {
	left, err := filepath.Glob(filepath.Join(globSafe(s.dir), tempFolder, id+".*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// retire takes a result out of sight in one step, then deletes it. The caller
// holds its lock.
func (s *Store) retire(path, id string) error {
	temp, err := s.tempDir(id)
	if err != nil {
		return err
	}
	if err := os.Rename(path, filepath.Join(temp, "old")); err != nil {
		return err
	}
	return os.RemoveAll(temp)
}

func (s *Store) tempDir(id string) (string, error) {
	parent := filepath.Join(s.dir, tempFolder)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(parent, id+".*")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil // what vanishes meanwhile counts nothing
	})
	return n
}

// poll is how often a waiting step looks whether the other one has finished.
const poll = 50 * time.Millisecond
