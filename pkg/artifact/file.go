package artifact

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteFile writes a file as a whole or not at all: write gets a buffered
// temporary file in the same folder, which takes the name path only when
// write and the disk have succeeded. Who reads path meanwhile sees the old
// content. Missing folders are made.
//
// A process that is killed may leave a file .NAME.*.tmp beside path; it is
// never read.
func WriteFile(path string, write func(w io.Writer) error) error {
	if err := writeFile(path, write); err != nil {
		return fmt.Errorf("artifact: %w", writeError(path, err))
	}
	return nil
}

func writeFile(path string, write func(w io.Writer) error) error {
	dir, name := filepath.Dir(path), filepath.Base(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+name+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // there is none after the rename
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := fill(f, write); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// fill writes through a buffer, brings the bytes to the disk and closes f.
func fill(f *os.File, write func(w io.Writer) error) error {
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// syncDir brings a folder's list of names to the disk, so that a rename
// outlives a power cut. Windows has no such call and needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// writeError says which file could not be written and what may help.
func writeError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("writing %s: %w: free some space, nothing half-written was kept", path, err)
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("writing %s: %w: choose a folder that can be written", path, err)
	}
	return fmt.Errorf("writing %s: %w", path, err)
}
