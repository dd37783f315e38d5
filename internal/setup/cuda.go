package setup

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/gojacard/jacard/internal/backend"
)

// The CUDA plugin expects NVIDIA's libraries in ../nvidia, seen from its own
// folder: that is where [fetchCUDA] puts them.
const cudaPlugin = "pjrt_c_api_cuda_plugin.so"

//go:embed locks/cuda12.txt
var cuda12Lock string

//go:embed locks/cuda13.txt
var cuda13Lock string

// cudaDisk is what the libraries take, unpacked, with the largest archive.
const cudaDisk = 9 << 30

func checkCUDA(_ context.Context, s *Setup) Status {
	const help = "for an NVIDIA GPU run `go run ./cmd/jacard setup --cuda` (Linux on x86-64, 3 GB to fetch)"
	plugin := s.Project.Private("pjrt", cudaPlugin)
	if _, err := os.Stat(plugin); err == nil {
		return Status{Found, plugin, ""}
	}
	if choice, err := backend.Find(s.getenv, s.Project.Root); err == nil && choice.Name == "xla:cuda" {
		return Status{Found, choice.Plugin, ""}
	}
	return Status{Missing, "not fetched", help}
}

// fetchCUDA gets JAX's CUDA plugin and NVIDIA's libraries, archive by archive;
// those of an interrupted call are not fetched again. The plugin comes last:
// where it lies, all it needs lies too.
func fetchCUDA(ctx context.Context, s *Setup) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("there is no CUDA plugin for %s/%s: it exists for linux/amd64", runtime.GOOS, runtime.GOARCH)
	}
	version := s.CUDAVersion
	if version == 0 {
		var err error
		if version, err = driverCUDA("/proc/driver/nvidia/version"); err != nil {
			return err
		}
	}
	lock, ok := map[int]string{12: cuda12Lock, 13: cuda13Lock}[version]
	if !ok {
		return fmt.Errorf("CUDA %d has no plugin here: use 12 or 13", version)
	}
	wheels, err := parseLock(lock)
	if err != nil {
		return err
	}
	if free, err := freeDisk(s.Project.Root); err == nil && free < cudaDisk {
		return fmt.Errorf("%s free, %s needed in %s", gigabytes(free), gigabytes(cudaDisk), s.Project.Root)
	}
	return s.fetchCUDAWheels(ctx, wheels)
}

func (s *Setup) fetchCUDAWheels(ctx context.Context, wheels []wheel) error {
	for i, w := range wheels {
		if err := s.fetchCUDAWheel(ctx, w); err != nil {
			return fmt.Errorf("%d of %d: %w", i+1, len(wheels), err)
		}
	}
	return nil
}

func (s *Setup) fetchCUDAWheel(ctx context.Context, w wheel) error {
	nvidia := s.Project.Private("nvidia")
	stamp := filepath.Join(nvidia, ".stamps", w.Project)
	if stamped(stamp, w.SHA256) && !strings.HasPrefix(w.Project, "jax-") {
		return nil
	}
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file, err := s.fetchWheel(ctx, w, dir)
	if err != nil {
		return err
	}
	err = unzip(ctx, file, func(member string) string {
		switch {
		case strings.HasPrefix(member, "nvidia/"):
			return filepath.Join(s.Project.Private(), filepath.FromSlash(member))
		case strings.HasSuffix(member, "/xla_cuda_plugin.so"):
			return s.Project.Private("pjrt", cudaPlugin)
		}
		return ""
	})
	if err != nil {
		return err
	}
	if err := linkAssembler(nvidia); err != nil {
		return err
	}
	return writeStamp(stamp, w.SHA256)
}

// linkAssembler puts NVIDIA's assembler where XLA looks for it.
func linkAssembler(nvidia string) error {
	for _, from := range []string{"cu13/bin/ptxas", "cuda_nvcc/bin/ptxas"} {
		if _, err := os.Stat(filepath.Join(nvidia, from)); err != nil {
			continue
		}
		if err := os.MkdirAll(filepath.Join(nvidia, "bin"), 0o755); err != nil {
			return err
		}
		err := os.Symlink(filepath.Join("..", from), filepath.Join(nvidia, "bin", "ptxas"))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

var driverVersion = regexp.MustCompile(`Kernel Module(?: for \S+)?\s+(\d+)\.`)

// driverCUDA reads from the NVIDIA driver's own file which CUDA it can run:
// 13 from release 580 on, 12 from 525 on (NVIDIA's compatibility table).
func driverCUDA(file string) (int, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("no NVIDIA driver found (%w): install it, or say --cuda=12 or --cuda=13 to fetch the plugin all the same", err)
	}
	found := driverVersion.FindSubmatch(raw)
	if found == nil {
		return 0, fmt.Errorf("%s names no driver release: say --cuda=12 or --cuda=13", file)
	}
	release, err := strconv.Atoi(string(found[1]))
	switch {
	case err != nil:
		return 0, err
	case release >= 580:
		return 13, nil
	case release >= 525:
		return 12, nil
	}
	return 0, fmt.Errorf("NVIDIA driver %d is too old: CUDA 12 needs 525, CUDA 13 needs 580", release)
}
