package jacard_test

import (
	"context"
	"fmt"
	"os"

	"github.com/gojacard/jacard/pkg/jacard"
	"github.com/gojacard/jacard/pkg/network"
)

func ExamplePresetCluster() {
	cluster, err := jacard.PresetCluster(1)
	if err != nil {
		panic(err)
	}
	fmt.Println(cluster.Name, len(cluster.IDs), cluster.IDs[:3])
	// Output: cluster1 66 [65 397 479]
}

func ExamplePresets() {
	clusters, err := jacard.Presets()
	if err != nil {
		panic(err)
	}
	for _, c := range clusters {
		fmt.Println(c.Name, len(c.IDs))
	}
	// Output:
	// cluster0 84
	// cluster1 66
	// cluster2 127
}

func ExampleSplits() {
	net, err := network.New("classifier", []int{30}, network.Dense(100), network.ReLU(),
		network.Dense(100), network.ReLU(), network.Dropout(0.2), network.Dense(1), network.Sigmoid())
	if err != nil {
		panic(err)
	}
	for _, p := range jacard.Splits(net) {
		fmt.Println(p.Linear, p.Inputs, p.Neurons, p.Weights())
	}
	// Output:
	// 0 input relu1 dense0.weight
	// 2 relu1 relu3 dense2.weight
}

func ExampleLegacyLossFactor() {
	fmt.Printf("%.3f\n", jacard.LegacyLossFactor(12665, 64))
	// Output: 63.965
}

func ExampleFromEnvironment() {
	os.Setenv(jacard.EnvQuick, "1")
	defer os.Unsetenv(jacard.EnvQuick)
	fmt.Println(jacard.FromEnvironment().Autoencoder.Epochs, jacard.Thesis().Autoencoder.Epochs)
	// Output: 5 100
}

// A study asks for what it needs; here, the digits of a few rows.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	cfg := jacard.Quick()
	cfg.TrainRows, cfg.TestRows = 20, 5
	study, err := jacard.Open(cfg, jacard.Options{Store: dir, Announce: func(string) {}})
	if err != nil {
		panic(err)
	}
	digits, err := study.Digits(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(study.Variant(), digits.Images.Shape, digits.Labels[:5])
	// Output: corrected [25 784] [0 1 1 1 1]
}
