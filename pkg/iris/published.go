package iris

import (
	"context"
	"fmt"
	"math"
)

// Numbers printed by the original notebook, of one run without a seed.
var (
	// PublishedLoss lists (epoch from 1, printed training loss).
	PublishedLoss = []EpochValue{
		{1, 1.0413}, {2, 0.6209}, {3, 0.4805}, {4, 0.4088}, {5, 0.3525}, {6, 0.3092}, {7, 0.2820}, {8, 0.2661},
		{9, 0.2482}, {10, 0.2248}, {20, 0.0578}, {29, 0.0400},
	}
	// PublishedTestLoss is the cross-entropy of its 15 test rows, which it
	// labels "MSE".
	PublishedTestLoss = 0.0942
	// PublishedScores are precision, recall and F1 of each species on them.
	PublishedScores = [3][3]float64{{1, 1, 0.75}, {1, 0.889, 1}, {1, 0.941, 0.857}}
)

// EpochValue is one published figure of one epoch, counted from 1.
type EpochValue struct {
	Epoch int
	Value float64
}

// Check is one line of the comparison with the published study.
type Check struct {
	Quantity, Published, Ours, Band string
	Met                             bool
}

// Compare puts the published numbers beside ours. A single run on 15 rows can
// be compared in kind only; the bands hold for the mean over the seeds.
func (s *Study) Compare(ctx context.Context) ([]Check, error) {
	c, err := s.Classifier(ctx)
	if err != nil {
		return nil, err
	}
	stable, err := s.Stability(ctx)
	if err != nil {
		return nil, err
	}
	test, err := c.Measure(c.Test)
	if err != nil {
		return nil, err
	}
	published := PublishedLoss[len(PublishedLoss)-1]
	early := math.NaN()
	if published.Epoch <= len(c.Loss) {
		early = c.Loss[published.Epoch-1]
	}
	mean, worst := stable.MeanAccuracy(), stable.LargestLoss()
	return []Check{
		{fmt.Sprintf("training loss, epoch %d", published.Epoch), fmt.Sprintf("%.4f", published.Value), fmt.Sprintf("%.4f", early), "0.01 … 0.1", early > 0.01 && early < 0.1},
		{"rows right of 15", "14", fmt.Sprintf("%d of %d", test.Right, test.Rows), "≥ 12 of 15", test.Accuracy() >= 0.8},
		{"cross-entropy of the test rows", fmt.Sprintf("%.4f", PublishedTestLoss), fmt.Sprintf("%.4f", test.CrossEntropy), "", false},
		{fmt.Sprintf("mean test accuracy of %d seeds", len(stable.Runs)), "–", fmt.Sprintf("%.4f", mean), "≥ 0.92", mean >= 0.92},
		{fmt.Sprintf("largest final training loss of %d seeds", len(stable.Runs)), "–", fmt.Sprintf("%.4f", worst), "< 0.06", worst < 0.06},
	}, nil
}
