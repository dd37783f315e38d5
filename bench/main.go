// Command bench measures jacard and the Python programs that do the same
// work, side by side in one run:
//
//	go run ./bench
//
// Every program runs in a process of its own; programs of one workload take
// turns (A B C A B C …), so that what else happens on the machine hits all
// alike. It prints a Markdown table and writes bench/results/<time>.json.
// README.md beside this file says what is measured and what is left out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/gojacard/jacard/internal/setup"
)

type options struct {
	quick   bool
	only    string
	repeat  int
	python  string
	compile bool
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "tiny sizes: see that everything works; the numbers mean nothing")
	flag.StringVar(&o.only, "only", "", "workloads, comma list of "+strings.Join(workloadNames(), ", ")+"; empty is all")
	flag.IntVar(&o.repeat, "repeat", 3, "rounds of each workload")
	flag.StringVar(&o.python, "python", "", "interpreter that has the packages of bench/peers/requirements.txt; empty installs them into .jacard/bench-venv")
	flag.BoolVar(&o.compile, "compile", false, "also measure torch.compile, which needs a C++ compiler and Python's headers")
	one := flag.String("one", "", "measure one of our programs and print a JSON line: what a round runs")
	folder := flag.String("folder", "", "with -one: where the exported features are and results go")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *one != "" {
		err = measureOurs(ctx, *one, *folder, o.quick)
	} else {
		err = compare(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// compare runs all programs of the chosen workloads in turn and reports.
func compare(ctx context.Context, o options) error {
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	project, err := setup.FindProject(".")
	if err != nil {
		return err
	}
	l, err := newLab(ctx, project, o)
	if err != nil {
		return err
	}
	defer l.close()
	r := newReport(l, o)
	for _, w := range chosen {
		if why := w.missing(project); why != "" {
			r.Skipped = append(r.Skipped, w.name+": "+why)
			continue
		}
		for round := range o.repeat {
			for _, p := range w.programs {
				m, err := l.run(ctx, w, p, o.quick)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", w.name, p.name, err)
				}
				m.Round = round
				r.add(m)
			}
		}
		if err := r.finish(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	r.print(os.Stdout)
	path, err := r.write(project.Path("bench", "results"))
	if err == nil {
		fmt.Println("\nall numbers:", path)
	}
	return err
}

// choose returns the workloads asked for.
func choose(o options) ([]workload, error) {
	if o.repeat < 1 {
		return nil, fmt.Errorf("-repeat %d: give at least 1", o.repeat)
	}
	all := workloads(o.compile)
	if o.only == "" {
		return all, nil
	}
	var out []workload
	for name := range strings.SplitSeq(o.only, ",") {
		i := slices.IndexFunc(all, func(w workload) bool { return w.name == name })
		if i < 0 {
			return nil, errors.New("-only " + name + " is not known: there are " + strings.Join(workloadNames(), ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}
