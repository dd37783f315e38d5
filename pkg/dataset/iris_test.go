package dataset

import (
	"fmt"
	"strings"
	"testing"
)

func ExampleIris() {
	t, err := Iris(IrisConfig{})
	if err != nil {
		panic(err)
	}
	fmt.Println(t.Rows(), t.Columns, t.Classes)
	fmt.Println(t.Features.Row(0), t.Classes[t.Labels[0]])
	// Output:
	// 150 [sepal_length_cm sepal_width_cm petal_length_cm petal_width_cm] [setosa versicolor virginica]
	// [5.1 3.5 1.4 0.2] setosa
}

// TestIris: the means of Fisher's table, and the two rows in which UCI's
// file differs.
func TestIris(t *testing.T) {
	fisher, err := Iris(IrisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	uci, err := Iris(IrisConfig{UCI: true})
	if err != nil {
		t.Fatal(err)
	}
	// The sums of each species' columns, in mm: Fisher's table I.
	want := [3][4]int{{2503, 1714, 731, 123}, {2968, 1385, 2130, 663}, {3294, 1487, 2776, 1013}}
	for c := range want {
		var sums [4]float64
		for i := range fisher.Rows() {
			if fisher.Labels[i] == c {
				for k, v := range fisher.Features.Row(i) {
					sums[k] += float64(v) * 10
				}
			}
		}
		for k, s := range sums {
			if got := int(s + 0.5); got != want[c][k] {
				t.Errorf("%s: %s adds up to %d mm, want %d", fisher.Classes[c], fisher.Columns[k], got, want[c][k])
			}
		}
	}
	for i := range fisher.Rows() {
		same := fmt.Sprint(fisher.Features.Row(i)) == fmt.Sprint(uci.Features.Row(i))
		if same == (i == 34 || i == 37) || fisher.IDs[i] != i {
			t.Errorf("row %d, id %d: Fisher %v, UCI %v", i, fisher.IDs[i], fisher.Features.Row(i), uci.Features.Row(i))
		}
	}
	if a, b := fmt.Sprint(fisher.Features.Row(34), fisher.Features.Row(37)), fmt.Sprint(uci.Features.Row(34), uci.Features.Row(37)); a != "[4.9 3.1 1.5 0.2] [4.9 3.6 1.4 0.1]" || b != "[4.9 3.1 1.5 0.1] [4.9 3.1 1.5 0.1]" {
		t.Errorf("rows 35 and 38: Fisher %s, UCI %s", a, b)
	}
}

func TestIrisMalformed(t *testing.T) {
	lines := strings.SplitAfter(irisCSV, "\n")
	for want, text := range map[string]string{
		"header: EOF":                  "",
		"149 rows, want 150":           strings.Join(lines[:150], ""),
		"151 rows":                     irisCSV + lines[1],
		"wrong number of fields":       strings.Replace(irisCSV, "5.1,3.5,", "5.1,", 1),
		`row 0: sepal_length_cm is "x`: strings.Replace(irisCSV, "5.1,3.5,", "x,3.5,", 1),
		`is "NaN", want a length`:      strings.Replace(irisCSV, "5.1,3.5,", "NaN,3.5,", 1),
		`is "-1", want a length`:       strings.Replace(irisCSV, "5.1,3.5,", "-1,3.5,", 1),
		`species "tulip"`:              strings.Replace(irisCSV, "virginica", "tulip", 1),
	} {
		if _, err := readIris(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}
