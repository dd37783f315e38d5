package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/internal/setup"
)

// engineModules are what results depend on.
var engineModules = []string{
	"github.com/gomlx/compute", "github.com/gomlx/go-xla", "github.com/gomlx/gomlx",
	"github.com/janpfeifer/gonb", "gonum.org/v1/gonum", "gonum.org/v1/plot",
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print versions of jacard, Go and the libraries that results depend on",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return fmt.Errorf("version: this program was built without module information")
			}
			fmt.Fprintf(out, "jacard %s, commit %s\n", info.Main.Version, commit(info))
			fmt.Fprintf(out, "%s %s/%s\n", info.GoVersion, runtime.GOOS, runtime.GOARCH)
			for _, m := range info.Deps {
				if slices.Contains(engineModules, m.Path) {
					fmt.Fprintln(out, m.Path, m.Version)
				}
			}
			return nil
		},
	}
}

// commit is the one this program was built from or, since `go run` records
// none, the one checked out; "+" means changed since.
func commit(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if rev := settings["vcs.revision"]; rev != "" {
		if settings["vcs.modified"] == "true" {
			rev += "+"
		}
		return rev
	}
	p, err := setup.FindProject(".")
	if err != nil {
		return "unknown"
	}
	out, err := exec.Command("git", "-C", p.Root, "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
