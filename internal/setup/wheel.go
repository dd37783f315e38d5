package setup

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// wheel is one file of the Python index, pinned. It is a zip archive with a
// shared library inside; no Python is needed to take that out.
type wheel struct {
	Project, Version string
	SHA256           string
}

// parseLock reads lines of pip's own form `name==version --hash=sha256:sum`.
func parseLock(text string) ([]wheel, error) {
	var wheels []wheel
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		pin, sum, ok := strings.Cut(line, " --hash=sha256:")
		name, version, pinned := strings.Cut(pin, "==")
		if raw, err := hex.DecodeString(sum); !ok || !pinned || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("lock line %q: want name==version --hash=sha256:…", line)
		}
		wheels = append(wheels, wheel{Project: name, Version: version, SHA256: sum})
	}
	return wheels, nil
}

// fetchWheel gets the pinned file, from pip's local folders or its index, into dir.
func (s *Setup) fetchWheel(ctx context.Context, w wheel, dir string) (file string, err error) {
	ix, err := s.index()
	if err != nil {
		return "", err
	}
	for _, folder := range ix.folders {
		found, _ := filepath.Glob(filepath.Join(globEscape(folder), strings.ReplaceAll(w.Project, "-", "_")+"-"+w.Version+"-*.whl"))
		for _, f := range found {
			if sum, err := hashFile(f); err == nil && sum == w.SHA256 {
				return f, nil
			}
		}
	}
	if s.Offline {
		return "", fmt.Errorf("%s %s: not here, and the network is switched off (--offline)", w.Project, w.Version)
	}
	address, err := ix.fileURL(ctx, w)
	if err != nil {
		return "", err
	}
	bar := s.bytesBar("fetching " + w.Project + " " + w.Version)
	defer bar.Finish()
	file = filepath.Join(dir, path.Base(w.Project)+".whl")
	return file, download(ctx, ix.client, address, file, w.SHA256, bar.Set)
}

// index is the one pip would use here.
func (s *Setup) index() (index, error) {
	settings, err := readPipSettings(s.getenv, pipConfigFiles(s.getenv))
	if err != nil {
		return index{}, err
	}
	client := s.client
	if client == nil {
		if client, err = newClient(settings.get("cert")); err != nil {
			return index{}, err
		}
	}
	return settings.index(client), nil
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// unzip writes the members that rename wants to the paths it gives them
// (empty: not wanted), each one whole or not at all.
func unzip(ctx context.Context, archive string, rename func(member string) string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	defer r.Close()
	wanted := 0
	for _, f := range r.File {
		dst := rename(f.Name)
		if dst == "" || f.FileInfo().IsDir() {
			continue
		}
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return fmt.Errorf("%s: member %q points outside", archive, f.Name)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := extract(f, dst); err != nil {
			return fmt.Errorf("%s: %s: %w", archive, f.Name, err)
		}
		wanted++
	}
	if wanted == 0 {
		return fmt.Errorf("%s holds nothing of what it should", archive)
	}
	return nil
}

func extract(f *zip.File, dst string) error {
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	src, err := f.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	out, err := os.CreateTemp(filepath.Dir(dst), ".part-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // after a rename there is nothing to remove
	_, err = io.Copy(out, src)  // checks the archive's own CRC
	err = errors.Join(err, out.Chmod(0o755), out.Sync(), out.Close())
	if err != nil {
		return err
	}
	return os.Rename(out.Name(), dst)
}
