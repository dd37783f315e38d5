package project_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/project"
)

// twoRings returns rows on two circles in different planes of a space of four.
func twoRings() (x *array.Array, labels []int) {
	x = array.New(80, 4)
	for i := range 80 {
		ring := i % 2
		at := array.New(1, 2)
		at.Data[0], at.Data[1] = float32(i%20-10), float32(i/20)
		copy(x.Row(i)[2*ring:], at.Data)
		x.Row(i)[3-3*ring] = 30
		labels = append(labels, ring)
	}
	return x, labels
}

func ExampleTSNE() {
	x, labels := twoRings()
	m, err := project.TSNE(context.Background(), x, project.TSNEConfig{Metric: project.Cosine, Perplexity: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	accuracy, _, _ := project.KNNAccuracy(m.Points, labels, 5)
	fmt.Println(m.Points.Shape, m.Neighbours, accuracy)
	// Output: [80 2] 31 1
}

func ExampleTSNE_tooFewRows() {
	_, err := project.TSNE(context.Background(), array.New(10, 3), project.TSNEConfig{})
	fmt.Println(err)
	// Output: project: perplexity 30 of 10 rows: want 1…9, at best below a third of the rows
}

func ExamplePCA() {
	x, _ := array.FromRows([][]float32{{0, 0, 1}, {2, 2, 1}, {4, 4, 1}})
	p, _ := project.PCA(x, 1)
	fmt.Printf("%.4f %.2f %.0f %%\n", p.Directions.Data, p.Scores.Data, 100*p.Share[0])
	// Output: [0.7071 0.7071 0.0000] [-2.83 0.00 2.83] 100 %
}

func ExampleTrustworthiness() {
	x, _ := twoRings()
	p, _ := project.PCA(x, 2)
	trust, _ := project.Trustworthiness(x, p.Scores, 5, project.Euclidean)
	fmt.Printf("%.3f\n", trust)
	// Output: 0.988
}

func ExampleKMeans() {
	x, _ := array.FromRows([][]float32{{0, 0}, {0, 1}, {9, 9}, {9, 8}})
	k, _ := project.KMeans(x, project.KMeansConfig{Clusters: 2})
	fmt.Println(k.Labels[0] == k.Labels[1], k.Labels[0] == k.Labels[2], k.Inertia)
	// Output: true false 1
}

func ExampleDBSCAN() {
	x, _ := array.FromRows([][]float32{{0, 0}, {0, 1}, {0, 2}, {50, 50}, {9, 9}, {9, 8}, {9, 7}})
	d, _ := project.DBSCAN(x, 1.5, 3, project.Euclidean)
	fmt.Println(d.Labels)
	// Output: [0 0 0 -1 1 1 1]
}

func ExampleSilhouette() {
	x, _ := array.FromRows([][]float32{{0, 0}, {0, 1}, {9, 9}, {9, 8}})
	s, _ := project.Silhouette(x, []int{0, 0, 1, 1}, project.SilhouetteConfig{})
	fmt.Printf("%.2f\n", s.Mean)
	// Output: 0.92
}

func ExampleReadSelection() {
	dir, _ := os.MkdirTemp("", "selections")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "rim.json")
	_ = os.WriteFile(path, []byte(`{"ids": [8, 3, 5], "rectangle": [-80, -72, 28, 36], "source": "3f2a"}`), 0o644)
	c, _ := project.ReadSelection(path, 14780)
	fmt.Println(c.Name, c.IDs, c.How, c.Source)
	_, err := project.ReadSelection(path, 8)
	fmt.Println(err != nil)
	// Output:
	// rim [3 5 8] rectangle x -80…-72, y 28…36 3f2a
	// true
}

func ExampleSaveClusters() {
	dir, _ := os.MkdirTemp("", "clusters")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "clusters.json")
	points, _ := array.FromRows([][]float32{{0, 0}, {5, 5}, {1, 1}})
	ids, _ := project.Rectangle(points, 0, 2, 0, 2)
	_ = project.SaveClusters(path, []project.Cluster{{Name: "corner", IDs: ids, How: "rectangle", Source: "3f2a"}}, 3)
	text, _ := os.ReadFile(path)
	fmt.Print(string(text))
	// Output: {"version":1,"rows":3,"clusters":[{"name":"corner","ids":[0,2],"how":"rectangle","source":"3f2a"}]}
}
