package network

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"github.com/gojacard/jacard/pkg/array"
)

func ExampleNetwork_Save() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	n, _ := New("m", []int{2}, Dense(3), Sigmoid())
	if err := n.Save(filepath.Join(dir, "m.safetensors")); err != nil {
		panic(err)
	}
	again, err := Load(filepath.Join(dir, "m.safetensors"))
	fmt.Println(again.Hash() == n.Hash(), err)
	// Output: true <nil>
}

func TestSaveLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "n.safetensors")
	_, tail, err := classifier().Split("dense8")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*Network{small(1), tail, must(New("own", []int{2}, Named("code", Dense(2)), ReLU()))} {
		if err := n.Save(path); err != nil { // over the one before
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Hash() != n.Hash() || got.Name() != n.Name() || got.String() != n.String() {
			t.Errorf("saved\n%v, loaded\n%v", n, got)
		}
	}
	first, _ := os.ReadFile(path)
	_ = must(Load(path)).Save(path)
	if second, _ := os.ReadFile(path); string(first) != string(second) {
		t.Error("saving again gives other bytes")
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("temporary files are left: %v", files)
	}
	if err := small(1).Save(filepath.Join(path, "n.safetensors")); err == nil {
		t.Error("saving below a file: no error")
	}
	if _, err := Load(filepath.Join(dir, "none")); err == nil {
		t.Error("loading a missing file: no error")
	}
}

// file is a safetensors file with one dense layer, whose parts a test changes.
func file(t testing.TB, change func(d *description, tensors map[string]*array.Array, metadata map[string]string)) []byte {
	t.Helper()
	n := must(New("n", []int{2}, Dense(3)))
	d, tensors, metadata := n.describe(), map[string]*array.Array{}, map[string]string{}
	for i, name := range n.params.names {
		tensors[name] = n.params.values[i]
	}
	change(&d, tensors, metadata)
	if _, ok := metadata[metadataKey]; !ok {
		metadata[metadataKey] = string(must(json.Marshal(d)))
	}
	views := map[string]safetensors.TensorView{}
	for name, a := range tensors {
		var shape []uint64
		for _, d := range a.Shape {
			shape = append(shape, uint64(d))
		}
		views[name] = must(safetensors.NewTensorView(safetensors.F32, shape, array.Bytes(a.Data)))
	}
	return must(safetensors.Serialize(views, metadata))
}

func TestLoadRefuses(t *testing.T) {
	type tensors = map[string]*array.Array
	type text = map[string]string
	for want, change := range map[string]func(d *description, a tensors, m text){
		"format 2":                           func(d *description, a tensors, m text) { d.Format = 2 },
		"description of the layers":          func(d *description, a tensors, m text) { m[metadataKey] = "{" },
		`kind "conv" is not known`:           func(d *description, a tensors, m text) { d.Layers[0].Kind = "conv" },
		`unknown field "size"`:               func(d *description, a tensors, m text) { d.Layers[0].Settings = []byte(`{"size":3}`) },
		"at least 1 unit":                    func(d *description, a tensors, m text) { d.Layers[0].Settings = []byte(`{}`) },
		"too large":                          func(d *description, a tensors, m text) { d.Layers[0].Settings = []byte(`{"units":9000000000000}`) },
		"the file has tensors":               func(d *description, a tensors, m text) { delete(a, "dense0.bias") },
		`parameter "dense0.bias" is missing`: func(d *description, a tensors, m text) { a["other"] = a["dense0.bias"]; delete(a, "dense0.bias") },
		"has shape [2 3], want [3 2]":        func(d *description, a tensors, m text) { a["dense0.weight"] = array.New(2, 3) },
		"has shape [3 2 1], want [3 2]":      func(d *description, a tensors, m text) { a["dense0.weight"] = array.New(3, 2, 1) },
		"want [1000000 10]": func(d *description, a tensors, m text) {
			d.Input, d.Layers[0].Settings = []int{10}, []byte(`{"units":1000000}`)
		},
	} {
		raw := file(t, change)
		if _, err := decodeNetwork(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	foreign := must(safetensors.Serialize(map[string]safetensors.TensorView{}, map[string]string{"a": "b"}))
	if _, err := decodeNetwork(foreign); err == nil || !strings.Contains(err.Error(), `no "jacard.network"`) {
		t.Errorf("a file of another program: got %v", err)
	}
	whole := file(t, func(*description, map[string]*array.Array, map[string]string) {})
	for cut := range whole {
		if _, err := decodeNetwork(whole[:cut]); err == nil {
			t.Errorf("the first %d of %d bytes load without error", cut, len(whole))
		}
	}
}

// FuzzLoad: no file makes Load panic, and what loads can be saved and loaded.
func FuzzLoad(f *testing.F) {
	f.Add(file(f, func(*description, map[string]*array.Array, map[string]string) {}))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := decodeNetwork(raw)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "n")
		if err := n.Save(path); err != nil {
			t.Fatal(err)
		}
		if again, err := Load(path); err != nil || again.Hash() != n.Hash() {
			t.Fatalf("loaded again: %v", err)
		}
	})
}
