package artifact_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

func TestFindListRemove(t *testing.T) {
	s, _ := open(t)
	var ran atomic.Int32
	var ids []string
	for seed := range uint64(20) { // two of 20 share the first of 16 digits
		sp := spec()
		sp.Seed = seed
		c, err := artifact.Step(t.Context(), s, sp, compute(2, &ran))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	list, err := s.List()
	if err != nil || len(list) != 20 || list[7].Seed != 7 || list[7].Bytes < 500 {
		t.Fatalf("List: %d entries, %v", len(list), err)
	}
	var once, twice string
	for _, id := range ids {
		if n := len(slices.DeleteFunc(slices.Clone(ids), func(x string) bool { return x[0] != id[0] })); n > 1 {
			twice = id[:1]
		}
		once = id
	}
	if _, err := s.Find(twice); err == nil || !strings.Contains(err.Error(), "not unique") {
		t.Errorf("ID %s…: %v", twice, err)
	}
	if _, err := s.Find("../"); err == nil || !strings.Contains(err.Error(), "no ID") {
		t.Errorf("got %v", err)
	}
	if err := s.Remove(once[:12]); err != nil {
		t.Error(err)
	}
	if _, err := s.Find(once); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
	if files := tree(t, s.Dir()); len(files) != 19*4 {
		t.Errorf("%d files left, want %d", len(files), 19*4)
	}
}

func TestDamageIsFoundAndMended(t *testing.T) {
	for _, damage := range []struct {
		name string
		do   func(dir string) error
		said string
	}{
		{"bit in arrays", flip("arrays.safetensors"), "arrays.safetensors is damaged"},
		{"bit in value", flip("value.json"), "value.json is damaged"},
		{"bit in record", flip("provenance.json"), "provenance.json is damaged"},
		{"cut", func(dir string) error { return os.Truncate(filepath.Join(dir, "arrays.safetensors"), 50) }, "damaged"},
		{"empty manifest", func(dir string) error { return os.Truncate(filepath.Join(dir, "manifest.json"), 0) }, "manifest.json"},
		{"no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, "has no manifest.json"},
		{"no arrays", func(dir string) error { return os.Remove(filepath.Join(dir, "arrays.safetensors")) }, "is gone"},
		{"a file in its place", func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o644)) }, "cannot be used"},
	} {
		s, said := open(t)
		var ran atomic.Int32
		c, err := artifact.Step(t.Context(), s, spec(), compute(3, &ran))
		if err != nil {
			t.Fatal(err)
		}
		if err := damage.do(filepath.Join(s.Dir(), "encode-digits", c.ID)); err != nil {
			t.Fatal(err)
		}
		if s.Verify(c.ID) == nil {
			t.Errorf("%s: Verify finds nothing", damage.name)
		}
		said.last()
		again, err := artifact.Step(t.Context(), s, spec(), compute(3, &ran))
		if err != nil || ran.Load() != 2 || !again.Values.Equal(c.Values) {
			t.Errorf("%s: %v, computed %d times", damage.name, err, ran.Load())
			continue
		}
		if len(said.all) != 2 || !strings.Contains(said.all[0], damage.said) {
			t.Errorf("%s: said %q", damage.name, said.all)
		}
		if err := s.Verify(c.ID); err != nil {
			t.Errorf("%s: afterwards %v", damage.name, err)
		}
		if files := tree(t, s.Dir()); len(files) != 4 {
			t.Errorf("%s: left %v", damage.name, files)
		}
	}
}

func flip(name string) func(dir string) error {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)-2] ^= 1
		return os.WriteFile(path, b, 0o644)
	}
}

// TestOtherFormIsComputedAgain: a result kept before its type got a field is
// not read with that field empty.
func TestOtherFormIsComputedAgain(t *testing.T) {
	type codes2 struct {
		artifact.Provenance
		Values *array.Array
		Loss   float64
		Rows   int
	}
	s, said := open(t)
	var ran atomic.Int32
	old, err := artifact.Step(t.Context(), s, spec(), compute(3, &ran))
	if err != nil {
		t.Fatal(err)
	}
	got, err := artifact.Step(t.Context(), s, spec(), func(context.Context) (*codes2, error) {
		return &codes2{Values: array.New(3, 3), Rows: 3}, nil
	})
	if err != nil || got.Rows != 3 || got.ID != old.ID || !strings.Contains(strings.Join(said.all, "\n"), "kept in another form") {
		t.Errorf("got %+v, %v, said %q", got, err, said.all)
	}
}

// tree lists the files of a folder.
func tree(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestLeftoversAreRemoved: by the step when it runs again, by Clean unless
// the step is running.
func TestLeftoversAreRemoved(t *testing.T) {
	s, _ := open(t)
	var ran atomic.Int32
	c, err := artifact.Step(t.Context(), s, spec(), compute(1, &ran))
	if err != nil {
		t.Fatal(err)
	}
	leave := func() {
		dir := filepath.Join(s.Dir(), ".tmp", c.ID+".123")
		if err := errors.Join(s.Remove(c.ID), os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "value.json"), make([]byte, 1000), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if _, err := artifact.Step(t.Context(), s, spec(), func(ctx context.Context) (*codes, error) {
		leave := filepath.Join(s.Dir(), ".tmp", c.ID+".456") // as if this process were writing
		if err := os.MkdirAll(leave, 0o755); err != nil {
			return nil, err
		}
		if n, err := s.Clean(); n != 0 || err != nil {
			t.Errorf("Clean freed %d bytes of a running step, %v", n, err)
		}
		if _, err := os.Stat(leave); err != nil {
			t.Error(err)
		}
		return compute(1, &ran)(ctx)
	}); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, s.Dir()); len(files) != 4 {
		t.Errorf("the step left %v", files)
	}
	leave()
	if n, err := s.Clean(); n != 1000 || err != nil {
		t.Errorf("Clean freed %d bytes, want 1000, %v", n, err)
	}
	if files := tree(t, s.Dir()); len(files) != 0 {
		t.Errorf("Clean left %v", files)
	}
}
