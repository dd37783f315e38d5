package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDriverCUDA(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		text string
		want int
		err  string
	}{
		{"NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27\nGCC version: 12\n", 13, ""},
		{"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build\n", 12, ""},
		{"NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.1.1\n", 0, "470 is too old"},
		{"something else", 0, "names no driver release"},
	} {
		file := filepath.Join(dir, "version")
		write(t, file, c.text)
		got, err := driverCUDA(file)
		if got != c.want || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: got %d, %v, want %d, %q", c.text, got, err, c.want, c.err)
		}
	}
	if _, err := driverCUDA(filepath.Join(dir, "absent")); err == nil || !strings.Contains(err.Error(), "--cuda=13") {
		t.Errorf("no driver: got %v, want what to say instead", err)
	}
}

// TestFetchCUDA: NVIDIA's libraries and the plugin land where the plugin looks
// for them, an archive that is there is not fetched again, and the plugin comes
// last. No GPU is needed, and none was used.
func TestFetchCUDA(t *testing.T) {
	archives := map[string][]byte{
		"nvidia-cuda-nvcc": zipOf(t, map[string]string{"nvidia/cu13/bin/ptxas": "assembler", "nvidia_cuda_nvcc-1.dist-info/METADATA": "x"}),
		"nvidia-cublas":    zipOf(t, map[string]string{"nvidia/cu13/lib/libcublas.so.13": "blas"}),
		"jax-cuda13-pjrt":  zipOf(t, map[string]string{"jax_plugins/xla_cuda13/xla_cuda_plugin.so": "plugin", "jax_plugins/xla_cuda13/version.py": "x"}),
	}
	var wheels []wheel
	for _, name := range []string{"nvidia-cuda-nvcc", "nvidia-cublas", "jax-cuda13-pjrt"} {
		wheels = append(wheels, wheel{Project: name, Version: "1", SHA256: sumOf(archives[name])})
	}
	partial := map[string][]byte{"nvidia-cuda-nvcc": archives["nvidia-cuda-nvcc"], "nvidia-cublas": []byte("another file"), "jax-cuda13-pjrt": archives["jax-cuda13-pjrt"]}
	s, _ := newTest(t, fakeIndex(t, partial), nil)
	if err := s.fetchCUDAWheels(t.Context(), wheels); err == nil || !strings.Contains(err.Error(), "2 of 3") {
		t.Fatalf("changed archive: got %v, want an error that names it", err)
	}
	if got := checkCUDA(t.Context(), s); got.State != Missing {
		t.Errorf("half fetched: got %+v, want missing", got)
	}

	rest := fakeIndex(t, map[string][]byte{"nvidia-cublas": archives["nvidia-cublas"], "jax-cuda13-pjrt": archives["jax-cuda13-pjrt"]})
	s.env = func(k string) string { return map[string]string{"PIP_INDEX_URL": rest.URL + "/simple"}[k] }
	s.client = rest.Client()
	if err := s.fetchCUDAWheels(t.Context(), wheels); err != nil {
		t.Fatalf("going on: %v", err)
	}
	for file, want := range map[string]string{
		"pjrt/" + cudaPlugin: "plugin", "nvidia/cu13/lib/libcublas.so.13": "blas",
		"nvidia/cu13/bin/ptxas": "assembler", "nvidia/bin/ptxas": "assembler",
	} {
		if got, err := os.ReadFile(s.Project.Private(file)); string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", file, got, err, want)
		}
	}
	if got := checkCUDA(t.Context(), s); got.State != Found {
		t.Errorf("got %+v, want found", got)
	}
	s.CUDAVersion = 11
	if err := fetchCUDA(t.Context(), s); err == nil {
		t.Error("CUDA 11 was accepted")
	}
}
