package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/internal/setup"
)

func setupCommand() *cobra.Command {
	var (
		lab, offline bool
		cuda         string
	)
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Get everything that notebooks need, into this folder",
		Long: `Get everything that notebooks need: GoNB and its tools at exact versions, the
packages compiled as the kernel compiles them, XLA's CPU plugin. What is there
already is left alone. All of it lands in .jacard (Go's own caches aside);
delete that folder to be rid of it. "run" and "lab" do this by themselves.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := newSetup(cmd)
			if err != nil {
				return err
			}
			s.Offline, s.Again = offline, true
			goal := setup.Notebook
			if lab {
				goal |= setup.Lab
			}
			if cuda != "" {
				goal |= setup.CUDA
				if cuda != "auto" {
					if s.CUDAVersion, err = strconv.Atoi(cuda); err != nil {
						return fmt.Errorf("setup: --cuda=%s: use --cuda=12, --cuda=13 or --cuda alone", cuda)
					}
				}
			}
			if err := s.Ensure(cmd.Context(), goal); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "set up; `go run ./cmd/jacard doctor` tells what is where")
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&lab, "lab", false, "also JupyterLab, in a Python environment of its own")
	flags.BoolVar(&offline, "offline", false, "use no network; say what is missing")
	flags.StringVar(&cuda, "cuda", "", "also the plugin for NVIDIA GPUs: --cuda takes what the driver supports, --cuda=12 and --cuda=13 that one")
	flags.Lookup("cuda").NoOptDefVal = "auto"
	return cmd
}

// installerCommand is how set-up runs go-xla's installer as a child that it can stop.
func installerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    setup.InstallerCommand + " FOLDER",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return setup.RunInstaller(args[0]) },
	}
}
