package network

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
		"no such file":             bad(in("none.pth")),
		"not a file of torch.save": bad(in("case.json")),
		"holds no module":          imports(in("state_dict.pth")),
		"give it as input":         imports(in("module.pth")),
		`"features.0": torch.nn.modules.conv.Conv2d has no c`:  imports(in("module.pth"), 8),
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
