package setup

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repo is the checkout that these tests belong to.
func repo(t *testing.T) Project {
	t.Helper()
	p, err := FindProject(".")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestKernelspecs: every kernel.json is what Jupyter expects and starts
// start.sh for its own device, found from its own place.
func TestKernelspecs(t *testing.T) {
	p := repo(t)
	seen := map[string]bool{}
	for _, device := range []string{"cpu", "cuda", "go"} {
		raw, err := os.ReadFile(p.Path("kernels", "jacard-"+device, "kernel.json"))
		if err != nil {
			t.Fatal(err)
		}
		var spec struct {
			Argv        []string
			DisplayName string `json:"display_name"`
			Language    string
			Interrupt   string `json:"interrupt_mode"`
			Env         map[string]string
		}
		if err := json.Unmarshal(raw, &spec); err != nil {
			t.Fatalf("%s: %v", device, err)
		}
		want := "sh {resource_dir}/../start.sh " + device + " {connection_file}"
		if got := strings.Join(spec.Argv, " "); got != want {
			t.Errorf("%s: argv %q, want %q", device, got, want)
		}
		if spec.Language != "go" || spec.Interrupt != "message" || spec.Env == nil || seen[spec.DisplayName] {
			t.Errorf("%s: got %+v", device, spec)
		}
		seen[spec.DisplayName] = true
	}
}

// TestStart runs start.sh as Jupyter does, through a symbolic link in a folder
// with spaces, with a gonb that only tells what it was given.
func TestStart(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no POSIX shell")
	}
	start, err := os.ReadFile(repo(t).Path("kernels", "start.sh"))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "my project [1]")
	write(t, filepath.Join(root, "kernels", "start.sh"), string(start))
	write(t, filepath.Join(root, "kernels", "jacard-cpu", "kernel.json"), "{}")
	script(t, filepath.Join(root, "kernels", "bin", "gopls"), "")
	write(t, filepath.Join(root, "go.mod"), "module x\n\ngo 1.26\n")
	if root, err = filepath.EvalSymlinks(root); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, ".jacard", "venv", "share", "jupyter", "the kernels", "jacard-cpu")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../../../../kernels/jacard-cpu", link); err != nil {
		t.Fatal(err)
	}
	run := func(device string, env ...string) (string, error) {
		cmd := exec.Command("sh", link+"/../start.sh", device, "/tmp/a connection.json")
		for _, v := range os.Environ() {
			switch name, _, _ := strings.Cut(v, "="); name {
			case "GOMLX_BACKEND", "PJRT_PLUGIN_LIBRARY_PATH", "XLA_FLAGS", "JACARD_GOPROXY", "JACARD_RAW_ERROR", "GOFLAGS", "LD_LIBRARY_PATH":
			default:
				cmd.Env = append(cmd.Env, v)
			}
		}
		cmd.Env = append(append(cmd.Env, "CGO_ENABLED=1", "CDPATH=/"), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("cpu"); err == nil || !strings.Contains(out, "run `go run ./cmd/jacard setup` in "+root) {
		t.Errorf("without gonb: got %v and %q, want what to run", err, out)
	}

	gonb := filepath.Join(root, ".jacard", "bin", "gonb")
	script(t, gonb, `for a; do echo "arg:$a"; done
echo "backend:$GOMLX_BACKEND"
echo "plugins:$PJRT_PLUGIN_LIBRARY_PATH"
echo "experiment:$GOEXPERIMENT proxy:$GOPROXY"
echo "flags:$GOFLAGS"
echo "xla:${XLA_FLAGS-}"
echo "library:${LD_LIBRARY_PATH-}"
echo "tools:$(command -v gopls) $(command -v gonb)"
`)
	plugins := filepath.Join(root, ".jacard", "pjrt")
	elsewhere := filepath.Join(t.TempDir(), "else where")
	write(t, filepath.Join(elsewhere, "pjrt_c_api_cpu_plugin.so"), "")
	libraries := filepath.Join(root, ".jacard", "nvidia", "cu13", "lib")
	if err := os.MkdirAll(libraries, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, device string
		env          []string
		want         []string
	}{
		{"no plugin", "cpu", []string{"HOME=" + t.TempDir()}, []string{"no PJRT plugin", "backend:go"}},
		{"plugin elsewhere", "cpu", []string{"PJRT_PLUGIN_LIBRARY_PATH=/nowhere:" + elsewhere}, []string{"backend:xla:cpu", "plugins:/nowhere:" + elsewhere}},
		{"no compiler", "cpu", []string{"PJRT_PLUGIN_LIBRARY_PATH=" + elsewhere, "CGO_ENABLED=0"}, []string{"no C compiler", "backend:go"}},
		{"asked for", "cpu", []string{"GOMLX_BACKEND=xla:cuda"}, []string{"backend:xla:cuda"}},
		{"pure Go", "go", nil, []string{"backend:go", "plugins:" + plugins}},
		{"CUDA", "cuda", nil, []string{"backend:xla:cuda", "library:" + libraries, "xla:--xla_gpu_cuda_data_dir='" + filepath.Join(root, ".jacard", "nvidia") + "'"}},
		{"CUDA, own flags", "cuda", []string{"XLA_FLAGS=--x", "LD_LIBRARY_PATH=/a"}, []string{"xla:--x\n", "library:" + libraries + ":/a\n"}},
		{"network", "go", []string{"JACARD_GOPROXY=https://p", "JACARD_RAW_ERROR=true"}, []string{"proxy:https://p", "arg:-raw_error=true"}},
		{"always", "go", nil, []string{"arg:--kernel\narg:/tmp/a connection.json\narg:-go_work=" + root + "\narg:-raw_error=false\n",
			"proxy:off", strings.Replace(kernelEnv[0], "GOEXPERIMENT=", "experiment:", 1),
			strings.Replace(kernelEnv[1], "GOFLAGS=", "flags:", 1) + "\n", "tools:" + filepath.Join(root, "kernels", "bin", "gopls") + " " + gonb}},
	} {
		out, err := run(c.device, c.env...)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: want %q in\n%s", c.name, want, out)
			}
		}
	}
	if out, err := run("tpu"); err == nil || !strings.Contains(out, `"tpu" is not known`) {
		t.Errorf("unknown device: got %v and %q", err, out)
	}
}

// TestGoplsEndsWithGoNB however that ends.
func TestGoplsEndsWithGoNB(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a watcher that looks every two seconds")
	}
	wrapper, err := os.ReadFile(repo(t).Path("kernels", "bin", "gopls"))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "a b")
	script(t, filepath.Join(root, "kernels", "bin", "gopls"), strings.TrimPrefix(string(wrapper), "#!/bin/sh\n"))
	script(t, filepath.Join(root, ".jacard", "bin", "gopls"), `echo "$$ $*"; exec sleep 60`)
	cmd := exec.Command("sh", "-c", `"$0" -listen x & wait`, filepath.Join(root, "kernels", "bin", "gopls"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	var args string
	if _, err := fmt.Fscanf(out, "%d %s", &pid, &args); err != nil || args != "-listen" {
		t.Fatalf("got %d %q, %v, want gopls with its arguments", pid, args, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	waitGone(t, pid)
}
