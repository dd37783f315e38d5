package main

import (
	"os"

	"github.com/gojacard/jacard/internal/setup"
)

// workload is a piece of work that several programs do.
type workload struct {
	name        string
	programs    []program // in the order of a round
	comparisons []comparison
	kernel      bool // needs the notebook's kernel
}

// program is one way to do the work. Ours is a name in the table of
// [measureOurs]; a peer is a script of bench/peers with its arguments.
type program struct {
	name        string
	ours        bool
	script      string
	full, quick string // arguments of the script; FOLDER stands for where results go
}

func ours(name string) program { return program{name: name, ours: true} }

func peer(name, script, full, quick string) program {
	return program{name: name, script: script, full: full, quick: quick}
}

// comparison is one line of the table.
type comparison struct {
	what string
	a, b string // programs; no b: a alone against a bound
	by   quantity
	// bound that a/b has to keep, as median over the rounds; 0 means none.
	bound float64
}

// quantity is what is compared.
type quantity int

const (
	bySpeed     quantity = iota // work per second of a ÷ of b, at least the bound
	byTime                      // seconds of a ÷ of b, at most the bound
	bySeconds                   // seconds of a, at most the bound
	byKL                        // exact KL of a's map ÷ of b's, at most the bound
	byAgreement                 // largest |a − b| of the values, at most the bound
)

// maxDifference is what float32 programs may differ by that divide a
// probability: ten times what we saw of shap and ours.
const maxDifference = 1e-5

func workloadNames() []string {
	var names []string
	for _, w := range workloads(false) {
		names = append(names, w.name)
	}
	return names
}

func workloads(compile bool) []workload {
	autoencoder := workload{
		name: "autoencoder",
		programs: []program{
			ours("autoencoder"),
			peer("torch-fused", "jacard_autoencoder", "--variant fused", "--variant fused --rows 640"),
			peer("torch-eager", "jacard_autoencoder", "--variant eager", "--variant eager --rows 640"),
		},
		comparisons: []comparison{
			{what: "autoencoder, one epoch", a: "autoencoder", b: "torch-fused", bound: 1.15},
			{what: "autoencoder, one epoch", a: "autoencoder", b: "torch-eager", bound: 1.15},
		},
	}
	if compile {
		autoencoder.programs = append(autoencoder.programs, peer("torch-compile", "jacard_autoencoder", "--variant compile", "--variant compile --rows 640"))
		autoencoder.comparisons = append(autoencoder.comparisons, comparison{what: "autoencoder, one epoch", a: "autoencoder", b: "torch-compile", bound: 1.15})
	}
	return []workload{
		{
			name: "rescale",
			programs: []program{
				ours("rescale"),
				peer("torch-batched", "jacard_shap", "--variant batched", "--variant batched --rows 500 --batch 32"),
				ours("rescale-five"),
				peer("shap", "jacard_shap", "--variant deep --rows 1000 --save FOLDER/phi-shap.npy", "--variant deep --rows 20 --save FOLDER/phi-shap.npy"),
				ours("rescale-go"),
				peer("captum", "jacard_shap", "--variant captum --rows 800 --batch 8", "--variant captum --rows 16 --batch 8"),
			},
			comparisons: []comparison{
				{what: "attributions, input split", a: "rescale", b: "shap", bound: 45},
				{what: "attributions, input split", a: "rescale", b: "captum"},
				{what: "attributions, input split", a: "rescale", b: "torch-batched", bound: 1.1},
				{what: "all five splits ÷ one split, time", a: "rescale-five", b: "rescale", by: byTime, bound: 1.35},
				{what: "attributions, pure-Go backend", a: "rescale-go", b: "shap", bound: 4},
				{what: "largest difference of the values", a: "rescale", b: "shap", by: byAgreement, bound: maxDifference},
				{what: "largest difference, pure-Go backend", a: "rescale-go", b: "shap", by: byAgreement, bound: maxDifference},
			},
		},
		{
			name: "image",
			programs: []program{
				ours("rescale-image"),
				peer("shap-image", "shap_image", "", "--images 2 --background 3"),
			},
			comparisons: []comparison{
				{what: "attributions of pictures, convolutions", a: "rescale-image", b: "shap-image", bound: 2.5},
			},
		},
		autoencoder,
		{
			name: "classifier",
			programs: []program{
				ours("classifier"),
				peer("torch-fused", "jacard_classifier", "--variant fused", "--variant fused --rows 640"),
				peer("torch-eager", "jacard_classifier", "--variant eager", "--variant eager --rows 640"),
			},
			comparisons: []comparison{
				{what: "classifier, one epoch", a: "classifier", b: "torch-fused"},
				{what: "classifier, one epoch", a: "classifier", b: "torch-eager"},
			},
		},
		{
			name: "tsne",
			programs: []program{
				ours("tsne"),
				peer("sklearn", "tsne", "--variant sklearn --iterations 1000 --save FOLDER/map-sklearn.npy",
					"--variant sklearn --iterations 300 --rows 1200 --save FOLDER/map-sklearn.npy"),
				peer("openTSNE", "tsne", "--variant opentsne-bh --iterations 1000 --save FOLDER/map-openTSNE.npy",
					"--variant opentsne-bh --iterations 300 --rows 1200 --save FOLDER/map-openTSNE.npy"),
			},
			comparisons: []comparison{
				{what: "t-SNE", a: "tsne", b: "sklearn", bound: 2.5},
				{what: "t-SNE", a: "tsne", b: "openTSNE"},
				{what: "t-SNE, exact KL", a: "tsne", b: "sklearn", by: byKL, bound: 1.02},
				{what: "t-SNE, exact KL", a: "tsne", b: "openTSNE", by: byKL},
			},
		},
		{
			name: "sampled-shapley",
			programs: []program{
				ours("sampled-shapley"),
				peer("batched", "shapley_sampling", "--variant batched-f32", "--variant batched-f32 --pixels 2 --iterations 4 --fit-rows 200 --fit-epochs 1"),
				ours("one-by-one"),
				peer("lesson", "shapley_sampling", "--variant lesson --pixels 20", "--variant lesson --pixels 1 --iterations 4 --fit-rows 200 --fit-epochs 1"),
			},
			comparisons: []comparison{
				{what: "sampled Shapley, 784 pixels × 200 draws", a: "sampled-shapley", b: "lesson", bound: 45},
				{what: "sampled Shapley, 784 pixels × 200 draws", a: "sampled-shapley", b: "batched", bound: 2},
				{what: "the same with a coalition for every draw", a: "one-by-one", b: "batched"},
			},
		},
		{
			name: "kernel-shap",
			programs: []program{
				ours("kernel-shap"),
				peer("shap-kernel", "jacard_shap", "--variant kernel --rows 5", "--variant kernel --rows 1"),
			},
			comparisons: []comparison{{what: "kernel SHAP, 2,108 coalitions × 61", a: "kernel-shap", b: "shap-kernel", bound: 3}},
		},
		{
			name: "quickshift",
			programs: []program{
				ours("quickshift-32"),
				peer("skimage-32", "segmentation", "--size 32 --save FOLDER/phi-skimage-32.npy", "--size 32 --repeat 1 --save FOLDER/phi-skimage-32.npy"),
				ours("quickshift-224"),
				peer("skimage-224", "segmentation", "--size 224 --save FOLDER/phi-skimage-224.npy", "--size 224 --repeat 1 --save FOLDER/phi-skimage-224.npy"),
			},
			comparisons: []comparison{
				{what: "quickshift, 32×32", a: "quickshift-32", b: "skimage-32", bound: 2},
				{what: "quickshift, 224×224", a: "quickshift-224", b: "skimage-224", bound: 2},
				{what: "largest difference of the labels, 32×32", a: "quickshift-32", b: "skimage-32", by: byAgreement},
				{what: "largest difference of the labels, 224×224", a: "quickshift-224", b: "skimage-224", by: byAgreement},
			},
		},
		{
			name: "lime",
			programs: []program{
				ours("lime"),
				peer("lime-python", "lime_image_m2", "--samples 500 --batch 64", "--samples 20 --batch 10 --pictures 1"),
				ours("lime-rest"),
				peer("lime-python-rest", "lime_image_m2", "--samples 500 --batch 64 --variant rest", "--samples 20 --batch 10 --pictures 1 --variant rest"),
			},
			comparisons: []comparison{
				{what: "LIME on eight convolutions, 500 samples", a: "lime", b: "lime-python", bound: 1},
				{what: "LIME, everything but the network", a: "lime-rest", b: "lime-python-rest", bound: 5},
			},
		},
		{
			name: "cell", kernel: true,
			programs:    []program{ours("cell")},
			comparisons: []comparison{{what: "warm notebook cell that loads a stored step", a: "cell", by: bySeconds, bound: 1.5}},
		},
	}
}

// missing says why the workload cannot run here, or nothing.
func (w workload) missing(p setup.Project) string {
	if !w.kernel {
		return ""
	}
	if _, err := os.Stat(p.Private("bin", "gonb")); err != nil {
		return "there is no .jacard/bin/gonb; `go run ./cmd/jacard setup` builds it"
	}
	return ""
}
