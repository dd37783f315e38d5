package project

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gojacard/jacard/pkg/array"
)

func TestRectangle(t *testing.T) {
	points := rows(t, []float32{0, 0}, []float32{1, 2}, []float32{2, 1}, []float32{-1, 5})
	for _, c := range []struct {
		x0, x1, y0, y1 float64
		want           []int
	}{{0, 2, 0, 2, []int{0, 1, 2}}, {1, 1, 2, 2, []int{1}}, {-9, 9, -9, 9, []int{0, 1, 2, 3}}, {5, 6, 5, 6, []int{}}} {
		if got, err := Rectangle(points, c.x0, c.x1, c.y0, c.y1); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, %v", c, got, err)
		}
	}
	if _, err := Rectangle(points, 2, 1, 0, 1); err == nil {
		t.Error("a rectangle from 2 to 1: no error")
	}
	if _, err := Rectangle(array.New(3, 3), 0, 1, 0, 1); err == nil {
		t.Error("a map of three columns: no error")
	}
}

func TestClustersOf(t *testing.T) {
	got := ClustersOf([]int{1, Noise, 0, 1, 3}, "dense ", "DBSCAN", "abc")
	want := []Cluster{
		{Name: "dense 0", IDs: []int{2}, How: "DBSCAN", Source: "abc"},
		{Name: "dense 1", IDs: []int{0, 3}, How: "DBSCAN", Source: "abc"},
		{Name: "dense 2", IDs: []int{}, How: "DBSCAN", Source: "abc"},
		{Name: "dense 3", IDs: []int{4}, How: "DBSCAN", Source: "abc"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestClustersRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clusters.json")
	clusters := []Cluster{
		{Name: "rim", IDs: []int{7, 2, 5}, How: "rectangle", Source: "abc", Rectangle: []float64{0, 1, 2, 3}},
		{Name: "empty", IDs: []int{}},
	}
	if err := SaveClusters(path, clusters, 10); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(clusters[0].IDs, []int{7, 2, 5}) {
		t.Error("saving sorted the caller's ids")
	}
	got, err := LoadClusters(path, 10)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(clusters[0].IDs)
	if !reflect.DeepEqual(got, clusters) {
		t.Errorf("got %+v, want %+v", got, clusters)
	}
	if _, err := LoadClusters(path, 11); err == nil || !strings.Contains(err.Error(), "clusters of 10 rows, but there are 11") {
		t.Errorf("another data set: got error %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	for want, bad := range map[string][]Cluster{
		"has id 10":          {{Name: "a", IDs: []int{10}}},
		"has id -1":          {{Name: "a", IDs: []int{-1}}},
		"id 3 twice":         {{Name: "a", IDs: []int{3, 4, 3}}},
		`is called ""`:       {{IDs: []int{3}}},
		`cluster 1 is cal`:   {{Name: "a"}, {Name: "a"}},
		"rectangle of 3 num": {{Name: "a", Rectangle: []float64{1, 2, 3}}},
	} {
		if err := SaveClusters(path, bad, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("saving: got error %v, want one with %q", err, want)
		}
	}
}

func TestReadSelection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rim.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"ids": [8, 3, 5], "rectangle": [-80.25, -72, 28, 35.5], "source": "abc"}`)
	got, err := ReadSelection(path, 9)
	want := Cluster{Name: "rim", IDs: []int{3, 5, 8}, How: "rectangle x -80.25…-72, y 28…35.5", Source: "abc", Rectangle: []float64{-80.25, -72, 28, 35.5}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for text, want := range map[string]string{
		`{"ids": [9]}`:                           "id 9: rows are 0…8",
		`{"ids": [1, 1]}`:                        "id 1 twice",
		`{"ids": []}`:                            "no ids",
		`{}`:                                     "no ids",
		`{"ids": [1.5]}`:                         "number 1.5",
		`{"ids": [1`:                             "unexpected end",
		`{"ids": [1], "rectangle": [1, 2]}`:      "rectangle of 2 numbers",
		`{"ids": [1], "rectangle": [1, 2, "a"]}`: "string",
		``:                                       "unexpected end",
	} {
		write(text)
		if _, err := ReadSelection(path, 9); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "rim.json") {
			t.Errorf("%s: got error %v, want one with %q", text, err, want)
		}
	}
	if _, err := ReadSelection(path+".none", 9); !os.IsNotExist(unwrap(err)) {
		t.Errorf("missing file: got error %v", err)
	}
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

func FuzzReadSelection(f *testing.F) {
	f.Add([]byte(`{"ids": [8, 3, 5], "rectangle": [-80, -72, 28, 35], "source": "abc"}`))
	f.Add([]byte(`{"ids": null, "name": ""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "s.json")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := ReadSelection(path, 100)
		if err != nil {
			return
		}
		if len(c.IDs) == 0 || !slices.IsSorted(c.IDs) || c.IDs[0] < 0 || c.IDs[len(c.IDs)-1] >= 100 || c.Name == "" {
			t.Errorf("%q read as %+v", text, c)
		}
	})
}
