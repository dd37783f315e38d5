package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

const modulePath = "github.com/gojacard/jacard"

// Project is a checkout of jacard.
type Project struct {
	Root string // absolute, without symbolic links
}

// FindProject looks for the checkout that holds dir, upwards.
func FindProject(dir string) (Project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return Project{}, err
	}
	for root := abs; ; root = filepath.Dir(root) {
		mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil && modfile.ModulePath(mod) == modulePath {
			return Project{Root: root}, nil
		}
		if root == filepath.Dir(root) {
			return Project{}, fmt.Errorf("setup: %s is not inside a checkout of %s: change into one", abs, modulePath)
		}
	}
}

// Path joins elements to the checkout's root.
func (p Project) Path(elem ...string) string {
	return filepath.Join(append([]string{p.Root}, elem...)...)
}

// Private joins elements to the folder that set-up owns.
func (p Project) Private(elem ...string) string {
	return filepath.Join(append([]string{p.Root, ".jacard"}, elem...)...)
}

// stamped tells whether the stamp file says that this very thing was finished.
func stamped(file, want string) bool {
	got, err := os.ReadFile(file)
	return err == nil && string(bytes.TrimSpace(got)) == want
}

// writeStamp says that it was.
func writeStamp(file, what string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp := file + ".new"
	if err := os.WriteFile(tmp, []byte(what+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}

// replaceDir puts the folder from in the place of the folder to.
func replaceDir(from, to string) error {
	old := to + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(to, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return os.RemoveAll(old)
}
