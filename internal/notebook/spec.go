package notebook

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Spec is a kernel specification: what kernel.json in a folder says.
type Spec struct {
	Name          string            // the folder's name, as notebooks store it
	Dir           string            // absolute
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"` // "message", or "signal" if empty
	Env           map[string]string `json:"env"`
}

// LoadSpec reads dir/kernel.json.
func LoadSpec(dir string) (Spec, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Spec{}, fmt.Errorf("notebook: kernel %s: %w", dir, err)
	}
	raw, err := os.ReadFile(filepath.Join(abs, "kernel.json"))
	if err != nil {
		return Spec{}, fmt.Errorf("notebook: no kernel %q: %w", filepath.Base(abs), err)
	}
	s := Spec{Name: filepath.Base(abs), Dir: abs}
	if err := json.Unmarshal(raw, &s); err != nil {
		return Spec{}, fmt.Errorf("notebook: %s: %w", filepath.Join(abs, "kernel.json"), err)
	}
	if len(s.Argv) == 0 {
		return Spec{}, fmt.Errorf("notebook: %s: %w", filepath.Join(abs, "kernel.json"), errors.New("argv is missing"))
	}
	return s, nil
}

// command fills the templates of argv.
func (s Spec) command(connectionFile string) []string {
	fill := strings.NewReplacer("{connection_file}", connectionFile, "{resource_dir}", s.Dir)
	argv := make([]string, len(s.Argv))
	for i, a := range s.Argv {
		argv[i] = fill.Replace(a)
	}
	return argv
}

// environ is our environment, then the specification's own, then extra; the
// last of two equal names counts.
func (s Spec) environ(extra []string) []string {
	env := os.Environ()
	for name, value := range s.Env {
		env = append(env, name+"="+os.ExpandEnv(value))
	}
	return append(env, extra...)
}
