package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/internal/setup"
)

func labCommand() *cobra.Command {
	var cfg setup.LabConfig
	cmd := &cobra.Command{
		Use:   "lab [notebook]",
		Short: "Open the notebooks in JupyterLab",
		Long: `Open the notebooks in JupyterLab. The first time, JupyterLab is installed into
a Python environment inside this folder; later starts need no network. Ctrl-C
stops the server and its kernels.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := newSetup(cmd)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if cfg.Notebook, err = labPath(s.Project, args[0]); err != nil {
					return err
				}
			}
			if err := s.Ensure(cmd.Context(), setup.Notebook|setup.Lab); err != nil {
				return err
			}
			cfg.Started = func(address string) {
				fmt.Fprintf(cmd.OutOrStdout(), "JupyterLab: %s\nCtrl-C stops it.\n", address)
			}
			return s.Lab(cmd.Context(), cfg)
		},
	}
	cmd.Flags().BoolVar(&cfg.NoBrowser, "no-browser", false, "only print the address")
	cmd.Flags().IntVar(&cfg.Port, "port", 0, "listen on this port (default 8888 or the next free one)")
	return cmd
}

// labPath takes a notebook by its path or by its name in the folder notebooks.
func labPath(p setup.Project, arg string) (string, error) {
	abs, err := filepath.Abs(arg)
	if err != nil {
		return "", err
	}
	if abs, err := filepath.EvalSymlinks(abs); err == nil {
		rel, err := filepath.Rel(p.Path("notebooks"), abs)
		if err != nil || !filepath.IsLocal(rel) {
			return "", fmt.Errorf("lab: %s is outside %s, the folder that JupyterLab shows", arg, p.Path("notebooks"))
		}
		return rel, nil
	}
	if !strings.HasSuffix(arg, ".ipynb") {
		arg += ".ipynb"
	}
	return arg, nil // Lab says if it is not there
}
