package jacard

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"

	"github.com/gojacard/jacard/internal/backend"
)

// tinyConfig runs every step of the study in a second or two.
func tinyConfig() Config {
	c := Thesis()
	c.Seed = 7
	c.TrainRows, c.TestRows = 600, 200
	c.Autoencoder.Hidden, c.Autoencoder.Epochs = []int{64, 32}, 2
	c.Classifier.Width, c.Classifier.Epochs, c.Classifier.Rate, c.Classifier.Momentum = 20, 8, 0.1, 0.9
	c.Background.Rows = 13
	c.Projection = ProjectionConfig{Perplexity: 15, Iterations: 60}
	c.Neurons.MapPerplex, c.Neurons.Important, c.Neurons.MaskLevel, c.Neurons.Permutations = 3, 0.02, 0.005, 50
	c.Shift = ShiftConfig{Deltas: []float64{-0.5, 0, 1}, Seeds: 2}
	return c
}

// tinyCluster holds images of both classes, training and test rows, fewer
// than a tiny layer has neurons.
func tinyCluster() Cluster {
	c := Cluster{Name: "tiny", How: "every 53rd row"}
	for id := 2; id < 800; id += 53 {
		c.IDs = append(c.IDs, id)
	}
	return c
}

// listener remembers what a study says.
type listener struct {
	sync.Mutex
	lines []string
}

func (l *listener) say(line string) {
	l.Lock()
	defer l.Unlock()
	l.lines = append(l.lines, line)
}

// count tells how many lines begin with a word.
func (l *listener) count(word string) int {
	l.Lock()
	defer l.Unlock()
	n := 0
	for _, line := range l.lines {
		if strings.HasPrefix(line, word+" ") {
			n++
		}
	}
	return n
}

// open opens a study that is silent but to ear.
func open(t testing.TB, c Config, dir string, b compute.Backend, ear *listener) *Study {
	t.Helper()
	return must(Open(c, Options{Store: dir, Backend: b, Announce: ear.say,
		Progress: func(string) func(int, int) { return func(int, int) {} }}))(t)
}

// must returns a function so that a call's two results fit beside t.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// results are all steps of the tiny study.
type results struct {
	digits       *Digits
	autoencoder  *Autoencoder
	encoding     *Encoding
	classifier   *Classifier
	attributions *Attributions
	projection   *Map
	neurons      *Neurons
	similarity   *Similarity
	neuronMap    *NeuronMap
	masks        *Masks
	sweep        *Sweep
	changes      *Changes
}

// stepNames lists the steps in the order of ids.
var stepNames = []string{"digits", "autoencoder", "encoding", "classifier", "attributions", "map", "neurons", "similarity", "neuron map", "masks", "sweep", "changes"}

func (r *results) ids() []string {
	return []string{r.digits.ID, r.autoencoder.ID, r.encoding.ID, r.classifier.ID, r.attributions.ID, r.projection.ID,
		r.neurons.ID, r.similarity.ID, r.neuronMap.ID, r.masks.ID, r.sweep.ID, r.changes.ID}
}

// runAll asks for every step.
func runAll(t testing.TB, s *Study) *results {
	t.Helper()
	ctx, c := context.Background(), tinyCluster()
	r := &results{}
	r.digits = must(s.Digits(ctx))(t)
	r.autoencoder = must(s.Autoencoder(ctx))(t)
	r.encoding = must(s.Encode(ctx))(t)
	r.classifier = must(s.Classifier(ctx))(t)
	r.attributions = must(s.Attributions(ctx))(t)
	r.projection = must(s.Map(ctx))(t)
	r.neurons = must(s.Neurons(ctx, c))(t)
	r.similarity = must(s.Similarity(ctx, r.neurons))(t)
	r.neuronMap = must(s.NeuronMap(ctx, r.similarity))(t)
	r.masks = must(s.Masks(ctx, c))(t)
	r.sweep = must(s.Sweep(ctx, c))(t)
	r.changes = must(s.Changes(ctx, c, r.masks.Layers[0].Linear, 1))(t)
	return r
}

// tiny is the tiny study of one backend with all its results, computed once
// for all tests. Tests derive other studies from it; they share its store.
type tiny struct {
	study *Study
	dir   string
	ear   *listener
	*results
}

var tinyStudies struct {
	sync.Mutex
	byBackend map[compute.Backend]*tiny
}

func tinyOn(t testing.TB, b compute.Backend) *tiny {
	t.Helper()
	tinyStudies.Lock()
	defer tinyStudies.Unlock()
	if known := tinyStudies.byBackend[b]; known != nil {
		return known
	}
	dir := filepath.Join(testRoot, fmt.Sprint("tiny", len(tinyStudies.byBackend)))
	out := &tiny{dir: dir, ear: &listener{}}
	out.study = open(t, tinyConfig(), dir, b, out.ear)
	out.results = runAll(t, out.study)
	if tinyStudies.byBackend == nil {
		tinyStudies.byBackend = map[compute.Backend]*tiny{}
	}
	tinyStudies.byBackend[b] = out
	return out
}

// fast returns the backend for tests that one is enough for.
func fast(t testing.TB) compute.Backend {
	all := backend.ForTest(t)
	return all[len(all)-1]
}

// onAll runs a test on the tiny study of every backend.
func onAll(t *testing.T, test func(t *testing.T, s *tiny)) {
	for _, b := range backend.ForTest(t) {
		t.Run(backend.NameOf(b), func(t *testing.T) { test(t, tinyOn(t, b)) })
	}
}

// values hashes everything stored but who made it and when.
func values(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if name := filepath.Base(path); err != nil || name != "value.json" && name != "arrays.safetensors" {
			return err
		}
		text, err := os.ReadFile(path)
		short, _ := filepath.Rel(dir, path)
		out[short] = fmt.Sprintf("%x", sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// testRoot holds the stores of a run of the tests.
var testRoot string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "jacard")
	if err != nil {
		panic(err)
	}
	testRoot = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
