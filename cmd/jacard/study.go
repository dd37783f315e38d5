package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/internal/setup"
	"github.com/gojacard/jacard/pkg/artifact"
	"github.com/gojacard/jacard/pkg/artifact/parquet"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/jacard/figures"
	"github.com/gojacard/jacard/pkg/project"
)

func studyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "study", Short: "Run a whole study without Jupyter; write its tables and figures"}
	var (
		out    string
		quick  bool
		legacy bool
		seed   uint64
	)
	thesis := &cobra.Command{
		Use:   "jacard",
		Short: "The thesis study on MNIST's zeros and ones",
		Long: `The thesis study on MNIST's zeros and ones, from autoencoder to weight shifts,
by the same code as notebooks/01-jacard.ipynb and with the same store: steps
that a notebook has finished are not computed again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checkout, err := setup.FindProject(".")
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(checkout.Root, "runs", time.Now().Format("2006-01-02T15-04-05")+"-study")
			}
			config := jacard.Thesis()
			if quick {
				config = jacard.Quick()
			}
			config.Seed = seed
			if legacy {
				config.Legacy = jacard.AllLegacy()
			}
			return runStudy(cmd.Context(), config, out)
		},
	}
	flags := thesis.Flags()
	flags.StringVar(&out, "out", "", "folder for tables and figures (default runs/<time>-study)")
	flags.BoolVar(&quick, "quick", false, "few epochs and iterations: a look in a minute, not the study's numbers")
	flags.BoolVar(&legacy, "legacy", false, "with the published study's faults (docs/corrections.md)")
	flags.Uint64Var(&seed, "seed", jacard.Thesis().Seed, "seed of every random stream")
	cmd.AddCommand(thesis)
	return cmd
}

// runStudy makes every result, writes tables (CSV and Parquet), figures (PNG and
// PDF), networks (safetensors) and clusters (JSON), and prints the comparison with the published numbers.
func runStudy(ctx context.Context, config jacard.Config, out string) error {
	s, err := jacard.Open(config, jacard.Options{})
	if err != nil {
		return err
	}
	report, err := figures.Everything(ctx, s)
	if err != nil {
		return err
	}
	for _, f := range report.Figures {
		endings := []string{".png", ".pdf"}
		if f.Interactive {
			endings = append(endings, ".html")
		}
		for _, ending := range endings {
			if err := f.Figure.Save(filepath.Join(out, "figures", f.Name+ending)); err != nil {
				return err
			}
		}
	}
	for _, t := range report.Tables {
		if err := writeTable(filepath.Join(out, "tables", t.Name), t.Table); err != nil {
			return err
		}
	}
	for _, n := range report.Networks {
		if err := n.Save(filepath.Join(out, "networks", n.Name()+".safetensors")); err != nil {
			return err
		}
	}
	if err := project.SaveClusters(filepath.Join(out, "clusters.json"), report.Clusters, report.Rows); err != nil {
		return err
	}
	shown, err := figures.Table(report.Comparison.Table())
	if err != nil {
		return err
	}
	if err := shown.Show(); err != nil {
		return err
	}
	fmt.Printf("\n%d figures, %d tables, %d networks and %d clusters in %s\n",
		len(report.Figures), len(report.Tables), len(report.Networks), len(report.Clusters), out)
	if missed := report.Comparison.Missed(); len(missed) > 0 {
		fmt.Fprintf(os.Stderr, "jacard: %d of %d numbers are outside their bands\n", len(missed), len(report.Comparison.Checks))
	}
	return nil
}

func writeTable(path string, t artifact.Table) error {
	if err := t.WriteCSV(path + ".csv"); err != nil {
		return err
	}
	return parquet.Write(path+".parquet", t)
}
