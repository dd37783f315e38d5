package setup

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLocks(t *testing.T) {
	for name, text := range map[string]string{"cuda12": cuda12Lock, "cuda13": cuda13Lock} {
		wheels, err := parseLock(text)
		if err != nil {
			t.Fatal(err)
		}
		if last := wheels[len(wheels)-1]; last.Project != "jax-"+name+"-pjrt" {
			t.Errorf("%s: the plugin must come last, got %s", name, last.Project)
		}
	}
	for _, bad := range []string{"a==1", "a --hash=sha256:" + sumA, "a==1 --hash=sha256:zz", "a==1 --hash=sha256:abcd"} {
		if _, err := parseLock(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("lock %q: got %v, want an error that repeats it", bad, err)
		}
	}
}

func TestUnzip(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.whl")
	archive := zipOf(t, map[string]string{"pkg/plugin.so": "library", "pkg/other.py": "no"})
	write(t, good, string(archive))
	cut := filepath.Join(dir, "cut.whl")
	write(t, cut, string(archive[:len(archive)/2]))
	// A flipped byte inside the stored library: the archive's CRC finds it.
	broken := filepath.Join(dir, "broken.whl")
	write(t, broken, strings.Replace(string(archive), "library", "librory", 1))
	evil := filepath.Join(dir, "evil.whl")
	write(t, evil, string(zipOf(t, map[string]string{"../plugin.so": "library"})))

	dst := filepath.Join(dir, "a folder", "plugin.so")
	take := func(suffix string) func(string) string {
		return func(member string) string {
			if strings.HasSuffix(member, suffix) {
				return dst
			}
			return ""
		}
	}
	for _, c := range []struct{ name, file, suffix, err string }{
		{"member absent", good, ".dll", "holds nothing"},
		{"cut archive", cut, ".so", "zip"},
		{"changed member", broken, ".so", "checksum"},
		{"member outside", evil, ".so", "points outside"},
	} {
		err := unzip(t.Context(), c.file, take(c.suffix))
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "a folder", "*")); len(left) > 0 {
			t.Errorf("%s: left %v behind", c.name, left)
		}
	}
	if err := unzip(t.Context(), good, take(".so")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(dst); string(got) != "library" {
		t.Errorf("got %q, want the library", got)
	}
}

// zipOf stores files uncompressed, so that a test can change their bytes.
func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, text := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
