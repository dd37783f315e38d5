package attribution

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
)

// BenchmarkRescale measures the study's classifier, 30-5×100-1 with sigmoid,
// against 61 background rows: rows of MNIST codes are replaced by random
// ones of the same number, which costs the same.
func BenchmarkRescale(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := mlp(randomLayers(rng, 30, 100, 100, 100, 100, 100, 1))
	background := random(rng, 61, 30)
	splits := []string{Input, "relu1", "relu3", "relu5", "relu7"}
	for _, on := range backend.ForTest(b) {
		for _, layers := range [][]string{splits[:1], splits} {
			for _, n := range []int{1, 1024, 14780} {
				if n == 14780 && testing.Short() {
					continue
				}
				rows := random(rng, n, 30)
				b.Run(fmt.Sprintf("%s/splits=%d/rows=%d", on.Name(), len(layers), n), func(b *testing.B) {
					for b.Loop() { // with compilation
						if _, err := Explain(context.Background(), m, Rescale{}, Query{Rows: rows, Background: background, Backend: on, Layers: layers}); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
				})
			}
		}
	}
}
