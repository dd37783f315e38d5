package jacard

import (
	"fmt"
	"strings"

	"github.com/gojacard/jacard/pkg/network"
)

// Split is a place where the network is cut in two: before linear layer
// Linear, whose inputs are explained and whose weights are shifted.
type Split struct {
	Linear  int    // index of the linear layer in the network: 0, 2, 5, 8, 11
	Inputs  string // layer whose output is explained: "input", "relu1", "relu3" …
	Neurons string // layer of the neurons that the linear layer feeds: "relu1", "relu3" …
	Dense   string // the linear layer: "dense0", "dense2" …
}

// Weights is the name of the linear layer's weight parameter.
func (s Split) Weights() string { return s.Dense + ".weight" }

// Splits lists the cuts before each linear layer that feeds a ReLU, in order.
func Splits(net *network.Network) []Split {
	var out []Split
	inputs, dense := "input", ""
	for _, name := range net.LayerNames() {
		kind := strings.TrimRight(name, "0123456789")
		switch kind {
		case "dense":
			dense = name
		case "relu":
			var linear int
			fmt.Sscanf(dense, "dense%d", &linear)
			out = append(out, Split{Linear: linear, Inputs: inputs, Neurons: name, Dense: dense})
			inputs = name
		}
	}
	return out
}

func (s Split) linear() int { return s.Linear }

// at finds what belongs to a linear layer; what says in the error what that is.
func at[T interface{ linear() int }](all []T, linear int, what string) (T, error) {
	var known []int
	for _, v := range all {
		if v.linear() == linear {
			return v, nil
		}
		known = append(known, v.linear())
	}
	var none T
	return none, fmt.Errorf("jacard: no %s linear layer %d: there are %v", what, linear, known)
}
