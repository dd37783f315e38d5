package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gojacard/jacard/internal/notebook"
	"github.com/gojacard/jacard/internal/setup"
	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/plots"
)

// firstNotebook is what `jacard run` runs.
const firstNotebook = "01-jacard"

type runOptions struct {
	kernel, out           string
	quick, fresh, inPlace bool
	timeout               time.Duration
}

func runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [notebook…]",
		Short: "Run notebooks with the Go kernel; leave results in runs/",
		Long: `Run notebooks from top to bottom with the Go kernel (default ` + firstNotebook + `) and
leave in runs/<time>: the executed notebook, one page that works offline, and
the figures as PNG and SVG. What set-up lacks is fetched first; later runs need
no network. A cell that errors, panics or exits with a status ends the run.

Notebooks are named by path or by the start of their name in notebooks/: 01.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.quick, "quick", false, "small settings: a look in a minute, not the study's numbers")
	f.BoolVar(&o.fresh, "fresh", false, "compute every step anew, in a store of this run")
	f.BoolVar(&o.inPlace, "in-place", false, "also replace the notebook by the executed one, fit to be committed")
	f.StringVar(&o.kernel, "kernel", "jacard-cpu", "a folder of kernels/: jacard-cpu, jacard-cuda or jacard-go")
	f.StringVar(&o.out, "out", "", "folder for the results (default runs/<time>)")
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "bound for each cell; 0 for none")
	cmd.MarkFlagsMutuallyExclusive("quick", "in-place")
	return cmd
}

func (o runOptions) run(cmd *cobra.Command, args []string) error {
	s, err := newSetup(cmd)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{firstNotebook}
	}
	paths := make([]string, len(args))
	for i, a := range args {
		if paths[i], err = findNotebook(s.Project, a); err != nil {
			return err
		}
	}
	spec, err := notebook.LoadSpec(s.Project.Path("kernels", o.kernel))
	if err != nil {
		return fmt.Errorf("%w; --kernel takes %s", err, strings.Join(namesIn(s.Project.Path("kernels"), "*/kernel.json"), ", "))
	}
	goal := setup.Notebook
	if o.kernel == "jacard-cuda" {
		goal |= setup.CUDA
	}
	if err := s.Ensure(cmd.Context(), goal); err != nil {
		return err
	}
	if o.out == "" {
		o.out = s.Project.Path("runs", time.Now().Format("2006-01-02T15-04-05"))
	}
	if o.out, err = filepath.Abs(o.out); err != nil {
		return err
	}
	for _, path := range paths {
		out := o.out
		if len(paths) > 1 {
			out = filepath.Join(out, baseName(path))
		}
		if err := o.one(cmd.Context(), cmd.OutOrStdout(), spec, path, out); err != nil {
			return err
		}
	}
	return nil
}

// one runs one notebook into the folder out. What was executed is saved also
// when a cell fails.
func (o runOptions) one(ctx context.Context, w io.Writer, spec notebook.Spec, path, out string) error {
	n, err := notebook.Read(path)
	if err != nil {
		return err
	}
	figures := filepath.Join(out, "figures")
	if err := emptyFigures(figures); err != nil {
		return err
	}
	env := []string{plots.FiguresFolder + "=" + figures, "JACARD_RAW_ERROR=true"}
	if o.quick {
		env = append(env, jacard.EnvQuick+"=1")
	}
	if o.fresh {
		env = append(env, jacard.EnvStore+"="+filepath.Join(out, "store"))
	}
	fmt.Fprintf(w, "%s with %s\n", shortPath(path), spec.Name)
	start := time.Now()
	v := newView(w)
	failed := notebook.Run(ctx, n, spec, notebook.RunConfig{
		Dir: filepath.Dir(path), Env: env, CellTimeout: o.timeout, Timings: true, Progress: v.show,
	})
	v.close()
	base := filepath.Join(out, baseName(path))
	if err := errors.Join(failed, n.Write(base+".ipynb"), n.WriteHTML(base+".html", filepath.Dir(path))); err != nil {
		fmt.Fprintf(w, "failed after %.1f s; so far: %s\n", time.Since(start).Seconds(), shortPath(base+".ipynb"))
		return err
	}
	if o.inPlace {
		n.RemoveTimings()
		n.FixPictures()
		if err := n.Write(path); err != nil {
			return err
		}
		if err := notebook.Check(n, spec.Name); err != nil {
			return fmt.Errorf("%s is executed, but not fit to be committed: %w", shortPath(path), err)
		}
	}
	pictures := len(namesIn(figures, "*.png"))
	fmt.Fprintf(w, "done in %.1f s: %s, .ipynb beside it, %d figures in %s\n", time.Since(start).Seconds(), shortPath(base+".html"), pictures, shortPath(figures))
	return nil
}

// emptyFigures makes the folder, without the numbered figures of an earlier run.
func emptyFigures(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"[0-9][0-9]*-*.png", "[0-9][0-9]*-*.svg"} {
		for _, name := range namesIn(dir, pattern) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// findNotebook takes a path, or the start of a name in the folder notebooks.
func findNotebook(p setup.Project, name string) (string, error) {
	if abs, err := filepath.Abs(name); err == nil && strings.HasSuffix(name, ".ipynb") {
		if _, err := os.Stat(abs); err == nil {
			return filepath.EvalSymlinks(abs)
		}
	}
	all := namesIn(p.Path("notebooks"), "*.ipynb")
	var found []string
	for _, file := range all {
		if base := baseName(file); base == baseName(name) {
			found = []string{file}
			break
		} else if name != "" && strings.HasPrefix(base, name) {
			found = append(found, file)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("run: %q names %d notebooks: notebooks/ holds %s", name, len(found), strings.Join(all, ", "))
	}
	return p.Path("notebooks", found[0]), nil
}

// namesIn lists the files of a folder that match; of folder/file the folder.
func namesIn(dir, pattern string) []string {
	matches, _ := fs.Glob(os.DirFS(dir), pattern) // the patterns are well-formed
	var names []string
	for _, m := range matches {
		first, _, _ := strings.Cut(m, "/")
		names = append(names, first)
	}
	return names
}

func baseName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".ipynb") }

// shortPath is relative to the working folder where that is shorter to read.
func shortPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}
