package main

import (
	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/internal/setup"
)

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "jacard",
		Short:         "Which neurons see the same? Jaccard similarities in small networks, from training to manipulation",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.CompletionOptions.HiddenDefaultCmd = true
	cmd.AddCommand(
		runCommand(), studyCommand(), labCommand(), setupCommand(), doctorCommand(), dataCommand(), versionCommand(), installerCommand(),
	)
	return cmd
}

// newSetup is the set-up of the checkout that holds the working directory.
// Its words and bars go where cmd's errors go.
func newSetup(cmd *cobra.Command) (*setup.Setup, error) {
	project, err := setup.FindProject(".")
	if err != nil {
		return nil, err
	}
	return setup.New(project, cmd.ErrOrStderr()), nil
}
