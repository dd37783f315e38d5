// Command jacard sets up, runs and opens the study of Jaccard similarities
// between neurons, in notebooks or headless.
//
//	go run ./cmd/jacard run     runs notebooks/01-jacard.ipynb, leaves results in runs/
//	go run ./cmd/jacard lab     opens it in JupyterLab
//	go run ./cmd/jacard doctor  tells what is there and what is missing
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends us at once
	}()
	err := root().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "jacard:", err)
	}
	switch {
	case interrupted && err != nil:
		os.Exit(130) // as a shell reports Ctrl-C
	case err != nil:
		os.Exit(1)
	}
}
