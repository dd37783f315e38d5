package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/internal/setup"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything that jacard uses; change nothing",
		Long: `Look at everything that jacard uses and say what was found, or what to do.
The exit status is 1 if "run" cannot work as things are.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := newSetup(cmd)
			if err != nil {
				return err
			}
			rows := s.Report(cmd.Context(), setup.Notebook)
			if err := printReport(cmd.OutOrStdout(), rows); err != nil {
				return err
			}
			for _, r := range rows {
				if r.State == setup.Missing {
					return errors.New("doctor: `run` lacks something: `go run ./cmd/jacard setup` gets what can be got")
				}
			}
			return nil
		},
	}
}

func printReport(w io.Writer, rows []setup.Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		mark := map[setup.State]string{setup.Found: "✓", setup.Weak: "○", setup.Missing: "✗"}[r.State]
		fmt.Fprintf(t, "%s %s\t%s\n", mark, r.Name, r.What)
		if r.Help != "" {
			fmt.Fprintf(t, "\t→ %s\n", r.Help)
		}
	}
	return t.Flush()
}
