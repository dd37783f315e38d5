package jacard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gojacard/jacard/pkg/project"
)

// Cluster is a named set of images, by global id.
type Cluster = project.Cluster

// Presets returns the three published clusters.
func Presets() ([]Cluster, error) {
	var out []Cluster
	for number := range 3 {
		c, err := PresetCluster(number)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Rectangle returns the images whose points lie in a rectangle of the map,
// edges included.
func (m *Map) Rectangle(name string, x0, x1, y0, y1 float64) (Cluster, error) {
	ids, err := project.Rectangle(m.Points, x0, x1, y0, y1)
	if err != nil {
		return Cluster{}, err
	}
	return Cluster{Name: name, IDs: ids, Rectangle: []float64{x0, x1, y0, y1}, Source: m.ID,
		How: fmt.Sprintf("rectangle x %.4g…%.4g, y %.4g…%.4g", x0, x1, y0, y1)}, nil
}

// KMeans divides the map into k clusters.
func (s *Study) KMeans(m *Map, k int) ([]Cluster, error) {
	found, err := project.KMeans(m.Points, project.KMeansConfig{Clusters: k, Seed: s.Config.Seed})
	if err != nil {
		return nil, err
	}
	return project.ClustersOf(found.Labels, "kmeans", fmt.Sprintf("k-means on the map, %d clusters, seed %d", k, s.Config.Seed), m.ID), nil
}

// DBSCAN finds dense clusters of the map; points that belong to none are left
// out.
func (m *Map) DBSCAN(eps float64, minPoints int) ([]Cluster, error) {
	found, err := project.DBSCAN(m.Points, eps, minPoints, project.Euclidean)
	if err != nil {
		return nil, err
	}
	return project.ClustersOf(found.Labels, "dbscan", fmt.Sprintf("DBSCAN on the map, eps %g, at least %d points", eps, minPoints), m.ID), nil
}

// SelectionFile is where the brush keeps a selection, beside the notebook.
func SelectionFile(name string) string { return filepath.Join("selections", name+".json") }

// Selection reads what was chosen on the map with the brush of that name. A
// selection made on another map is still a set of images: its Source says
// which map it was.
func (s *Study) Selection(ctx context.Context, name string) (Cluster, error) {
	digits, err := s.Digits(input(ctx))
	if err != nil {
		return Cluster{}, err
	}
	c, err := project.ReadSelection(SelectionFile(name), digits.Rows())
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("jacard: no selection %q: draw a rectangle on the map above and press Save, or use jacard.PresetCluster: %w", name, err)
	}
	return c, err
}
