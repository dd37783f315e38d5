package network_test

import (
	"context"
	"math"
	"testing"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/internal/fixture/net"
	"github.com/gojacard/jacard/pkg/network"
)

// TestForwardFixtures compares outputs with PyTorch's.
func TestForwardFixtures(t *testing.T) {
	for _, c := range []struct{ name, model, rows, out string }{
		{"deepshap-mlp-sigmoid", "model", "x", "f_x"},
		{"deepshap-mlp-softmax", "model", "x", "f_x"},
		{"deepshap-mlp-tanh", "model", "x", "f_x"},
		{"deepshap-mlp-activations", "elu", "x", "elu.f_x"},
		{"deepshap-mlp-activations", "selu", "x", "selu.f_x"},
		{"deepshap-mlp-activations", "gelu", "x", "gelu.f_x"},
		{"deepshap-cnn", "model", "background", "f_background"},
		{"deepshap-cnn-overlap", "model", "background", "f_background"},
		{"deepshap-cnn-softmax2d-gap", "model", "background", "f_background"},
		{"deepshap-cnn-softmax2d-linear", "model", "background", "f_background"},
		{"captum-cnn", "model", "x", "f_x"},
	} {
		f := fixture.Load(t, c.name)
		n := net.Network(t, f, c.model)
		want := f.Array(c.out)
		for _, be := range backend.ForTest(t) {
			got, err := n.Predict(context.Background(), f.Array(c.rows), network.RunConfig{Backend: be, BatchRows: 16})
			if err != nil {
				t.Fatal(err)
			}
			worst, size := 0.0, 1.0
			for i, v := range want.Data {
				worst = max(worst, math.Abs(float64(got.Data[i])-float64(v)))
				size = max(size, math.Abs(float64(v)))
			}
			if !(worst <= 5e-6*size) || len(got.Data) != len(want.Data) {
				t.Errorf("%s %s on %s: off by %g of %g", c.name, c.out, be.Name(), worst, size)
			}
		}
	}
}
