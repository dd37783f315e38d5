package jacard_test

import (
	"fmt"

	"github.com/janpfeifer/must" // as notebooks do

	"github.com/gojacard/jacard/pkg/jacard"
)

func ExamplePresetCluster() {
	c := must.M1(jacard.PresetCluster(1))
	fmt.Println(c.Name, len(c.IDs), "images, the first is", c.IDs[0])
	// Output: cluster1 66 images, the first is 65
}

func ExampleLegacyLossFactor() {
	// The original printed 0.482881 after its last epoch.
	fmt.Printf("%.5f\n", 0.482881/jacard.LegacyLossFactor(12665, 64))
	// Output: 0.00755
}
