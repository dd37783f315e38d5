package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/pkg/dataset"
)

func dataCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "data", Short: "List, verify or fetch the data sets"}
	cmd.AddCommand(dataListCommand(), dataVerifyCommand(), dataFetchCommand())
	return cmd
}

func dataListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Tell what data sets there are, where they lie and whose they are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, s := range dataset.Sources() {
				dir, err := s.Dir(".")
				if err != nil {
					return err
				}
				state := "complete"
				if s.Missing(dir) != nil {
					state = "not complete: " + s.Remedy()
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n  %s\n  %s (%s)\n", s.Name, s.What, s.Terms, dir, state)
			}
			return nil
		},
	}
}

func dataVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Compare every file's content with the published one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			bad := 0
			for _, s := range dataset.Sources() {
				reports, err := s.Verify("")
				if err != nil && reports == nil {
					return err
				}
				for _, r := range reports {
					verdict := "as published"
					if r.Err != nil {
						bad++
						verdict = r.Err.Error()
					}
					fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, r.Name, verdict)
				}
			}
			if err := t.Flush(); err != nil {
				return err
			}
			if bad > 0 {
				return fmt.Errorf("data: %d files are not as published", bad)
			}
			return nil
		},
	}
}

func dataFetchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fetch",
		Short: "Get the files that are missing or not as published",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := newSetup(cmd)
			if err != nil {
				return err
			}
			for _, source := range dataset.Sources() {
				if err := s.FetchData(cmd.Context(), source); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: all files are as published\n", source.Name)
			}
			return nil
		},
	}
}
