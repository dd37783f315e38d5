package network

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/gojacard/jacard/internal/backend"
	"github.com/gojacard/jacard/internal/fixture"
	"github.com/gojacard/jacard/pkg/array"
)

// TestTorchStateDict reads every file of the case; values are copied bits.
func TestTorchStateDict(t *testing.T) {
	c := fixture.Load(t, "torch-io")
	network := []string{
		"features.0.weight", "features.0.bias", "features.2.weight", "features.2.bias", "features.2.running_mean",
		"features.2.running_var", "features.2.num_batches_tracked", "layers.1.weight", "layers.1.bias", "layers.4.weight", "layers.4.bias"}
	for _, f := range []struct {
		file, prefix string
		names, want  []string
	}{
		{"state_dict.pth", "", network, network},
		{"module.pth", "", network, network},
		{"checkpoint.pth", "state_dict", network, network},
		{"legacy.pth", "", network[:2], network[:2]},
		{"sequential.pth", "", []string{"0.weight", "0.bias", "3.weight", "3.bias"}, network[7:]},
		{"odd.pth", "",
			[]string{"transposed", "slice", "shared_a", "shared_b", "half", "bfloat16", "double", "int64", "int32", "uint8", "bool", "scalar"},
			[]string{"odd.transposed", "odd.slice", "odd.shared_a", "odd.shared_b", "odd.half", "odd.bfloat16", "odd.double", "odd.int64", "odd.int32", "odd.uint8", "odd.bool", "odd.scalar"}},
	} {
		p, err := TorchStateDict(filepath.Join(c.Dir, f.file))
		if err != nil {
			t.Errorf("%s: %v", f.file, err)
			continue
		}
		if f.prefix != "" {
			p = p.Under(f.prefix)
		}
		if got := p.Names(); f.file != "odd.pth" && !slices.Equal(got, f.names) {
			t.Errorf("%s: got names %v, want %v", f.file, got, f.names)
		}
		for i, name := range f.names {
			got, err := p.Get(name)
			if err != nil {
				t.Errorf("%s: %v", f.file, err)
				continue
			}
			if want := fixtureFloats(c, f.want[i]); !got.Equal(want) {
				t.Errorf("%s: %s: got %v %v, want %v %v", f.file, name, got.Shape, got.Data, want.Shape, want.Data)
			}
		}
	}
}

// fixtureFloats reads an array of any type as float32.
func fixtureFloats(c *fixture.Case, name string) *array.Array {
	switch name {
	case "odd.int64", "odd.int32", "odd.uint8", "odd.bool", "features.2.num_batches_tracked":
		values, shape := c.Ints(name)
		a := array.New(shape...)
		for i, v := range values {
			a.Data[i] = float32(v)
		}
		return a
	}
	return c.Array(name)
}

// TestImportTorch makes a network of a pickled module and of a state dict,
// and compares outputs with each other and by hand.
func TestImportTorch(t *testing.T) {
	c := fixture.Load(t, "torch-io")
	path := filepath.Join(c.Dir, "sequential.pth")
	n, err := ImportTorch(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(n.LayerNames(), " "); got != "dense0 relu1 dropout2 dense3 sigmoid4" || n.Name() != "sequential" {
		t.Errorf("got layers %s of %q", got, n.Name())
	}
	byHand := must(must(New("sequential", []int{27}, Dense(6), ReLU(), Dropout(0.2), Dense(2), Sigmoid())).WithTorch(must(TorchStateDict(path))))
	if byHand.Hash() != n.Hash() {
		t.Error("the module and its state dict give different networks")
	}
	x := randomRows(3, 27)
	w, b, v, d := c.Array("layers.1.weight"), c.Array("layers.1.bias"), c.Array("layers.4.weight"), c.Array("layers.4.bias")
	for _, be := range backend.ForTest(t) {
		got, err := n.Predict(context.Background(), x, RunConfig{Backend: be})
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.Rows() {
			for k := range 2 {
				z := float64(d.Data[k])
				for j := range 6 {
					h := float64(b.Data[j])
					for f, value := range x.Row(i) {
						h += float64(w.At(j, f)) * float64(value)
					}
					z += float64(v.At(k, j)) * max(h, 0)
				}
				if want := 1 / (1 + math.Exp(-z)); math.Abs(float64(got.At(i, k))-want) > 1e-6 {
					t.Errorf("row %d output %d: got %v, want %v", i, k, got.At(i, k), want)
				}
			}
		}
	}
}

// TestImportTorchModule: a convolutional module of PyTorch, to its output.
func TestImportTorchModule(t *testing.T) {
	c := fixture.Load(t, "torch-io")
	n := must(ImportTorch(filepath.Join(c.Dir, "module.pth"), 1, 8, 8))
	want := "conv2d0 relu1 batchnorm2 maxpool2d3 flatten4 dense5 relu6 dropout7 dense8 sigmoid9"
	if got := strings.Join(n.LayerNames(), " "); got != want {
		t.Errorf("got layers %s, want %s", got, want)
	}
	forEach(t, func(t *testing.T, be compute.Backend) {
		got := predict(t, n, c.Array("x"), RunConfig{Backend: be})
		if d := difference(got, c.Array("f_x")); d > 2e-6 { // the case's tolerance
			t.Errorf("off by %g", d)
		}
	})
}

// TestTorchLayers reads the fields of each kind of module.
func TestTorchLayers(t *testing.T) {
	const nn = "torch.nn.modules."
	type fields = map[string]any
	pair := func(h, w int) *types.Tuple { tuple := types.Tuple{h, w}; return &tuple }
	conv := func(change fields) fields {
		f := fields{"out_channels": 4, "kernel_size": pair(3, 5), "stride": pair(1, 2), "padding": pair(1, 0), "dilation": pair(1, 1),
			"output_padding": pair(0, 1), "groups": 2, "padding_mode": "zeros"}
		maps.Copy(f, change)
		return f
	}
	pool := func(change fields) fields {
		f := fields{"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 1, "ceil_mode": false, "return_indices": false,
			"count_include_pad": true, "divisor_override": nil}
		maps.Copy(f, change)
		return f
	}
	norm := func(change fields) fields {
		f := fields{"eps": 1e-3, "momentum": 0.2, "affine": true, "track_running_stats": true, "normalized_shape": pair(2, 3)}
		maps.Copy(f, change)
		return f
	}
	for _, c := range []struct {
		class  string
		fields fields
		want   Layer
		refuse string
	}{
		{"conv.Conv2d", conv(nil), Conv2D(4, Pair{3, 5}, ConvConfig{Stride: Pair{1, 2}, Padding: Pair{1, 0}, Groups: 2, NoBias: true}), ""},
		{"conv.Conv2d", conv(fields{"padding": "same"}), Conv2D(4, Pair{3, 5}, ConvConfig{Stride: Pair{1, 2}, Padding: Pair{1, 2}, Groups: 2, NoBias: true}), ""},
		{"conv.Conv2d", conv(fields{"padding": "same", "kernel_size": 2}), nil, "one side more"},
		{"conv.Conv2d", conv(fields{"padding_mode": "reflect"}), nil, "padding_mode reflect"},
		{"conv.Conv2d", conv(fields{"stride": "fast"}), nil, "stride is fast"},
		{"conv.ConvTranspose2d", conv(nil), ConvTranspose2D(4, Pair{3, 5}, ConvTransposeConfig{Stride: Pair{1, 2}, Padding: Pair{1, 0}, OutputPadding: Pair{0, 1}, Groups: 2, NoBias: true}), ""},
		{"pooling.MaxPool2d", pool(nil), MaxPool2D(Square(3), PoolConfig{Stride: Square(2), Padding: Square(1)}), ""},
		{"pooling.MaxPool2d", pool(fields{"ceil_mode": true}), nil, "ceil_mode true"},
		{"pooling.AvgPool2d", pool(nil), AvgPool2D(Square(3), PoolConfig{Stride: Square(2), Padding: Square(1)}), ""},
		{"pooling.AvgPool2d", pool(fields{"count_include_pad": false}), nil, "count_include_pad false"},
		{"pooling.AdaptiveAvgPool2d", fields{"output_size": 1}, GlobalAvgPool2D(), ""},
		{"pooling.AdaptiveAvgPool2d", fields{"output_size": 2}, nil, "output_size 2×2"},
		{"flatten.Flatten", fields{"start_dim": 1, "end_dim": -1}, Flatten(), ""},
		{"flatten.Flatten", fields{"start_dim": 0, "end_dim": -1}, nil, "start_dim 0"},
		{"batchnorm.BatchNorm1d", norm(nil), BatchNorm(BatchNormConfig{Epsilon: 1e-3, Momentum: 0.2}), ""},
		{"batchnorm.BatchNorm2d", norm(fields{"momentum": nil}), nil, "no number momentum"},
		{"batchnorm.BatchNorm2d", norm(fields{"affine": false}), nil, "affine false"},
		{"normalization.LayerNorm", norm(nil), LayerNorm(LayerNormConfig{Axes: 2, Epsilon: 1e-3}), ""},
		{"activation.LeakyReLU", fields{"negative_slope": 0.2}, LeakyReLU(0.2), ""},
		{"activation.ELU", fields{"alpha": 2}, ELU(2), ""},
		{"activation.SELU", nil, SELU(), ""},
		{"activation.GELU", fields{"approximate": "none"}, GELU(), ""},
		{"activation.GELU", fields{"approximate": "tanh"}, GELUTanh(), ""},
		{"activation.GELU", fields{"approximate": "fast"}, nil, "approximate fast"},
		{"activation.SiLU", nil, SiLU(), ""},
		{"activation.Softplus", fields{"beta": 1, "threshold": 20}, Softplus(), ""},
		{"activation.Softplus", fields{"beta": 2.5}, nil, "beta 2.5"},
		{"activation.Tanh", nil, Tanh(), ""},
		{"activation.Softmax", fields{"dim": 1}, Softmax(0), ""},
		{"activation.Softmax", fields{"dim": -1}, Softmax(-1), ""},
		{"activation.Softmax", fields{"dim": 0}, nil, "mixes rows"},
		{"activation.Softmax2d", nil, Softmax(0), ""},
		{"activation.LogSoftmax", fields{"dim": 2}, LogSoftmax(1), ""},
		{"rnn.LSTM", nil, nil, "LSTM has no counterpart here: supported are Linear, Conv2d"},
	} {
		got, err := torchLeaf{torchObject: &torchObject{class: nn + c.class, fields: c.fields}}.layer()
		if c.refuse != "" {
			if err == nil || !strings.Contains(err.Error(), c.refuse) {
				t.Errorf("%s %v: got error %v, want %q", c.class, c.fields, err, c.refuse)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s %v: got %+v, %v, want %+v", c.class, c.fields, got, err, c.want)
		}
	}
}

// TestImportTorchNested: a class of one's own around two Sequentials is
// flattened; what a file does not tell is refused.
func TestImportTorchNested(t *testing.T) {
	c := fixture.Load(t, "torch-io")
	inner := func() *torchObject {
		return must(readTorch(must(os.ReadFile(filepath.Join(c.Dir, "sequential.pth"))))).(*torchObject)
	}
	dict := func(items ...any) *types.Dict {
		d := types.NewDict()
		for i := 0; i < len(items); i += 2 {
			d.Set(items[i], items[i+1])
		}
		return d
	}
	head, tail := inner(), inner()
	*head.fields["_modules"].(*types.Dict) = (*head.fields["_modules"].(*types.Dict))[:2]
	*tail.fields["_modules"].(*types.Dict) = (*tail.fields["_modules"].(*types.Dict))[2:]
	own := &torchObject{class: "__main__.Net", fields: map[string]any{"_modules": dict("head", head, "unused", nil, "tail", tail)}}
	budget := 1000
	got, err := own.network("sequential", nil, &budget)
	if err != nil {
		t.Fatal(err)
	}
	if want := must(ImportTorch(filepath.Join(c.Dir, "sequential.pth"))); got.Hash() != want.Hash() {
		t.Errorf("nested: got %v, want %v", got, want)
	}

	own.fields["_parameters"] = dict("scale", &torchTensor{})
	if _, err := own.network("n", nil, &budget); err == nil || !strings.Contains(err.Error(), "both modules and parameters") {
		t.Errorf("parameters of its own: got %v", err)
	}
	linear := torchItems(inner().fields["_modules"])[0].value.(*torchObject)
	for field, want := range map[string]string{"out_features": "no whole number out_features", "_parameters": "Linear without bias"} {
		kept := linear.fields[field]
		delete(linear.fields, field)
		if _, err := linear.network("n", nil, &budget); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: got %v, want %q", field, err, want)
		}
		linear.fields[field] = kept
	}
	loop := &torchObject{class: "__main__.Loop", fields: map[string]any{}}
	loop.fields["_modules"] = dict("self", loop)
	if _, err := loop.network("n", nil, &budget); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("a module in itself: got %v", err)
	}
}

func TestTorchRefuses(t *testing.T) {
	c := fixture.Load(t, "torch-io")
	dir := t.TempDir()
	write := func(name string, raw []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := func(path string) error { return second(TorchStateDict(path)) }
	imports := func(path string, input ...int) error { return second(ImportTorch(path, input...)) }
	data := func(pickle string) string { return write("x.pth", torchZip(t, pickle, zip.Store)) }
	in := func(file string) string { return filepath.Join(c.Dir, file) }
	state := must(TorchStateDict(in("sequential.pth")))
	for want, err := range map[string]error{
		"refused: the file asks to call posix.getpid": bad(in("refuse.pth")),
		"no such file":                                         bad(in("none.pth")),
		"not a file of torch.save":                             bad(in("case.json")),
		"holds no module":                                      imports(in("state_dict.pth")),
		"give it as input":                                     imports(in("module.pth")),
		"conv2d takes rows of three axes":                      imports(in("module.pth"), 8),
		"dense takes rows of one axis":                         imports(in("sequential.pth"), 3, 9),
		"has shape [6 27], want [6 26]":                        imports(in("sequential.pth"), 26),
		"has no data.pkl":                                      bad(data("")),
		"is compressed":                                        bad(write("packed.pth", torchZip(t, ".", zip.Deflate))),
		"pickle opcode 0x95 at byte 2: save with":              bad(data("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.")),
		"ends within opcode 0x58":                              bad(data("X\xff\xff\xff\xffab.")),
		"ends within a name":                                   bad(data("cos\nsystem")),
		"refused: the file asks to call os.system":             bad(data("cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")),
		"the pickle has no end":                                bad(data("}}")),
		"stack is empty":                                       bad(data("R.")),
		"malformed pickle":                                     bad(data("(\x8a\x00d.")),
		"persistent id of type string":                         bad(data("X\x01\x00\x00\x00aQ.")),
		"nested too deeply":                                    bad(data("}q\x00X\x01\x00\x00\x00ah\x00s.")),
		"has no data/0":                                        bad(data("(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.")),
		"the state dict has 4: [0.weight 0.bias 3.weight":      second(must(New("n", []int{2}, Dense(2))).WithTorch(state)),
		`state dict has "0.bias" where "dense0.weight" belong`: second(must(New("n", []int{27}, Dense(6))).WithTorch(Parameters{}.With("0.bias", array.New(6)).With("0.weight", array.New(6, 27)))),
		`state dict has "1.bias" where "dense0.bias" belongs`:  second(must(New("n", []int{27}, Dense(6))).WithTorch(Parameters{}.With("0.weight", array.New(6, 27)).With("1.bias", array.New(6)))),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	for _, name := range []string{"state_dict.pth", "legacy.pth"} {
		raw := must(os.ReadFile(in(name)))
		for cut := 0; cut < len(raw); cut += 7 {
			if _, err := readTorch(raw[:cut]); err == nil {
				t.Errorf("the first %d of %d bytes of %s load without error", cut, len(raw), name)
			}
		}
	}
}

// torchZip is a container with the given pickle.
func torchZip(t testing.TB, pickle string, method uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if pickle != "" {
		w := must(z.CreateHeader(&zip.FileHeader{Name: "x/data.pkl", Method: method}))
		must(w.Write([]byte(pickle)))
	} else {
		must(z.Create("x/version"))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTorchViews: a tensor never reads outside its storage, nor makes more
// values than the file can account for.
func TestTorchViews(t *testing.T) {
	s := &torchStorage{key: "0", kind: torchKinds["FloatStorage"], size: 6}
	for i := range 6 {
		s.raw = binary.LittleEndian.AppendUint32(s.raw, math.Float32bits(float32(i)))
	}
	for _, c := range []struct {
		tensor torchTensor
		want   []float32
	}{
		{torchTensor{s, 0, []int{2, 3}, []int{3, 1}}, []float32{0, 1, 2, 3, 4, 5}},
		{torchTensor{s, 0, []int{3, 2}, []int{1, 3}}, []float32{0, 3, 1, 4, 2, 5}},
		{torchTensor{s, 1, []int{2, 1}, []int{4, 9}}, nil},
		{torchTensor{s, 1, []int{2, 1}, []int{4, 1}}, []float32{1, 5}},
		{torchTensor{s, 5, nil, nil}, []float32{5}},
		{torchTensor{s, 2, []int{3}, []int{0}}, []float32{2, 2, 2}},
		{torchTensor{s, 99, []int{2, 0}, []int{1, 1}}, []float32{}},
		{torchTensor{s, 6, nil, nil}, nil},
		{torchTensor{s, 3, []int{4}, []int{1}}, nil},
		{torchTensor{s, 0, []int{1 << 40}, []int{0}}, nil},
		{torchTensor{s, 0, []int{1 << 62, 4}, []int{0, 0}}, nil},
		{torchTensor{s, 0, []int{0, 1 << 62, 4}, []int{0, 0, 0}}, []float32{}},
		{torchTensor{s, 0, []int{2, 2}, []int{1 << 62, 1 << 62}}, nil},
	} {
		budget := 6
		got, err := c.tensor.array(&budget)
		if (err == nil) != (c.want != nil) || err == nil && !slices.Equal(got.Data, c.want) {
			t.Errorf("offset %d shape %v stride %v: got %v, %v, want %v", c.tensor.offset, c.tensor.shape, c.tensor.stride, got, err, c.want)
		}
	}
	budget := 5
	if _, err := (&torchTensor{s, 0, []int{6}, []int{1}}).array(&budget); err == nil {
		t.Error("six values on a budget of five: no error")
	}
}

// FuzzTorch: no file makes the reader panic or run out of memory.
func FuzzTorch(f *testing.F) {
	c := fixture.Load(f, "torch-io")
	for _, name := range []string{"legacy.pth", "refuse.pth", "odd.pth", "sequential.pth"} {
		f.Add(must(os.ReadFile(filepath.Join(c.Dir, name))))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		root, err := readTorch(raw)
		if err != nil {
			return
		}
		budget := 16 * len(raw)
		_, _ = torchTensors(root, &budget)
		if m, ok := root.(*torchObject); ok {
			_, _ = m.network("fuzz", nil, &budget)
		}
	})
}

// FuzzPickle reaches what a zip container's checksums hide from FuzzTorch.
func FuzzPickle(f *testing.F) {
	c := fixture.Load(f, "torch-io")
	for _, name := range []string{"refuse.pth", "odd.pth", "sequential.pth"} {
		z := must(zip.OpenReader(filepath.Join(c.Dir, name)))
		r := must(z.Open(strings.TrimSuffix(name, ".pth") + "/data.pkl"))
		var b bytes.Buffer
		must(b.ReadFrom(r))
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = readTorch(torchZip(t, string(raw)+".", zip.Store))
	})
}
