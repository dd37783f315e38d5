package project

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gojacard/jacard/pkg/array"
	"github.com/gojacard/jacard/pkg/artifact"
)

// Cluster is a named set of rows and where it came from.
type Cluster struct {
	Name string `json:"name"`

	// IDs are the rows, ascending, each once.
	IDs []int `json:"ids"`

	// How says in words what chose them: "rectangle x -80…-72, y 28…36",
	// "k-means, 10 clusters, seed 0".
	How string `json:"how,omitempty"`

	// Source is the provenance id of the map or rows they were chosen from.
	Source string `json:"source,omitempty"`

	// Rectangle is x0, x1, y0, y1 of a drawn cluster, else nil.
	Rectangle []float64 `json:"rectangle,omitempty"`
}

// Rectangle returns the ids of the points with x0 ≤ x ≤ x1 and y0 ≤ y ≤ y1,
// ascending.
func Rectangle(points *array.Array, x0, x1, y0, y1 float64) ([]int, error) {
	if err := checkMap(points, 0); err != nil {
		return nil, err
	}
	if !(x0 <= x1 && y0 <= y1) {
		return nil, fmt.Errorf("project: rectangle x %g…%g, y %g…%g: want x0 ≤ x1 and y0 ≤ y1", x0, x1, y0, y1)
	}
	ids := []int{}
	for i := range points.Rows() {
		x, y := float64(points.At(i, 0)), float64(points.At(i, 1))
		if x0 <= x && x <= x1 && y0 <= y && y <= y1 {
			ids = append(ids, i)
		}
	}
	return ids, nil
}

// ClustersOf turns labels, as [KMeans] and [DBSCAN] give them, into clusters
// named prefix0, prefix1, … in order of label. Negative labels are left out.
func ClustersOf(labels []int, prefix, how, source string) []Cluster {
	var out []Cluster
	for id, label := range labels {
		for label >= len(out) {
			out = append(out, Cluster{Name: fmt.Sprint(prefix, len(out)), IDs: []int{}, How: how, Source: source})
		}
		if label >= 0 {
			out[label].IDs = append(out[label].IDs, id)
		}
	}
	return out
}

// clusterFile is the JSON of [SaveClusters].
type clusterFile struct {
	Version  int       `json:"version"`
	Rows     int       `json:"rows"`
	Clusters []Cluster `json:"clusters"`
}

const clusterVersion = 1

// SaveClusters writes clusters of a data set with that many rows as JSON:
//
//	{"version": 1, "rows": 14780, "clusters": [{"name", "ids", "how", "source", "rectangle"}]}
//
// The file is either complete or not there.
func SaveClusters(path string, clusters []Cluster, rows int) error {
	file := clusterFile{Version: clusterVersion, Rows: rows, Clusters: slices.Clone(clusters)}
	if err := checkClusters(file.Clusters, rows); err != nil {
		return err
	}
	text, err := json.Marshal(file)
	if err != nil {
		return fmt.Errorf("project: %s: %w", path, err)
	}
	err = artifact.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("project: %w", err)
	}
	return nil
}

// LoadClusters reads the file of [SaveClusters] for a data set of that many
// rows. Clusters of another number of rows are refused.
func LoadClusters(path string, rows int) ([]Cluster, error) {
	var file clusterFile
	if err := readJSON(path, &file); err != nil {
		return nil, err
	}
	if file.Version != clusterVersion {
		return nil, fmt.Errorf("project: %s: version %d, want %d", path, file.Version, clusterVersion)
	}
	if file.Rows != rows {
		return nil, fmt.Errorf("project: %s: clusters of %d rows, but there are %d: they belong to other data", path, file.Rows, rows)
	}
	if err := checkClusters(file.Clusters, rows); err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, path)
	}
	return file.Clusters, nil
}

// ReadSelection reads what the scatter's brush writes,
//
//	{"ids": [3, 5, 8], "rectangle": [x0, x1, y0, y1], "source": "<provenance id>"}
//
// as a cluster of a data set of that many rows. Only ids is required; a
// missing name is the file's name without its ending. An empty selection is an
// error, as nothing can be said about it.
func ReadSelection(path string, rows int) (Cluster, error) {
	var c Cluster
	if err := readJSON(path, &c); err != nil {
		return Cluster{}, err
	}
	if c.Name == "" {
		c.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	if len(c.IDs) == 0 {
		return Cluster{}, fmt.Errorf("project: %s: no ids: draw a rectangle around some points first", path)
	}
	one := []Cluster{c}
	if err := checkClusters(one, rows); err != nil {
		return Cluster{}, fmt.Errorf("%w (in %s)", err, path)
	}
	c = one[0]
	if r := c.Rectangle; c.How == "" && len(r) == 4 {
		c.How = fmt.Sprintf("rectangle x %.4g…%.4g, y %.4g…%.4g", r[0], r[1], r[2], r[3])
	}
	return c, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("project: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("project: %s: %w", path, err)
	}
	return nil
}

// checkClusters sorts the ids of clusters into copies and tells of names used
// twice and ids that are no rows or come twice.
func checkClusters(clusters []Cluster, rows int) error {
	names := map[string]bool{}
	for i := range clusters {
		c := &clusters[i]
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("project: cluster %d is called %q: want a name of its own", i, c.Name)
		}
		names[c.Name] = true
		if n := len(c.Rectangle); n != 0 && n != 4 {
			return fmt.Errorf("project: cluster %q has a rectangle of %d numbers, want x0, x1, y0, y1", c.Name, n)
		}
		c.IDs = append([]int{}, c.IDs...)
		slices.Sort(c.IDs)
		for k, id := range c.IDs {
			switch {
			case id < 0 || id >= rows:
				return fmt.Errorf("project: cluster %q has id %d: rows are 0…%d", c.Name, id, rows-1)
			case k > 0 && id == c.IDs[k-1]:
				return fmt.Errorf("project: cluster %q has id %d twice", c.Name, id)
			}
		}
	}
	return nil
}
