package jacard

import (
	"embed"
	"encoding/json"
	"fmt"
)

// Numbers printed by the original study (c1014695Newcastle/PyTorchJacard,
// commit e37e830, Model.ipynb), kept to be drawn and tabulated beside ours.

// PublishedAutoencoder lists (epoch from 0, printed training loss) of cell 10.
// The printed loss is Σ MSE·rows ÷ batches; see [LegacyLossFactor].
var PublishedAutoencoder = []EpochValue{
	{0, 2.987143}, {5, 1.234536}, {10, 1.039164}, {15, 0.930140}, {20, 0.774352}, {25, 0.695871}, {30, 0.648375},
	{40, 0.617992}, {50, 0.566805}, {60, 0.539083}, {70, 0.533013}, {80, 0.494261}, {90, 0.489418}, {92, 0.474562}, {99, 0.482881},
}

// PublishedClassifier is the training log of cell 17: for each epoch from 1,
// how many of the 2,115 test rows were right.
var PublishedClassifier = []EpochValue{
	{1, 1697}, {2, 2104}, {3, 2107}, {4, 2108}, {5, 2109}, {6, 2110}, {7, 2110}, {8, 2112}, {9, 2112}, {10, 2111},
	{11, 2112}, {12, 2113}, {13, 2112}, {14, 2113}, {15, 2113}, {16, 2113}, {17, 2113}, {18, 2113}, {19, 2112},
	{20, 2113}, {21, 2113}, {22, 2113}, {23, 2113}, {24, 2113}, {25, 2112},
}

// EpochValue is one published figure of one epoch.
type EpochValue struct {
	Epoch int
	Value float64
}

// PublishedLayerJaccard are the mean off-diagonal Jaccard indices of the four
// layers the original hooks (ReLU after linear 2, 5, 8 and 11), cluster 1.
var PublishedLayerJaccard = []float64{0.2404, 0.2750, 0.3881, 0.4567}

// LegacyLossFactor turns a mean squared error per pixel into the number that
// the original prints: it divides the sum over rows by batches.
func LegacyLossFactor(rows, batch int) float64 {
	return float64(rows) / float64((rows+batch-1)/batch)
}

//go:embed published/cluster*.json
var publishedClusters embed.FS

// PresetCluster returns published cluster 0, 1 or 2: row ids in the order of
// the digits 0 and 1, training rows first. They were drawn by hand on the
// original's map, so they name the same images in every re-implementation.
func PresetCluster(number int) (Cluster, error) {
	raw, err := publishedClusters.ReadFile(fmt.Sprintf("published/cluster%d.json", number))
	if err != nil {
		return Cluster{}, fmt.Errorf("jacard: no published cluster %d: there are 0, 1 and 2", number)
	}
	var c Cluster
	if err := json.Unmarshal(raw, &c); err != nil {
		return Cluster{}, fmt.Errorf("jacard: published cluster %d: %w", number, err)
	}
	return c, nil
}
