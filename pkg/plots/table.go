package plots

import (
	"fmt"
	"math"
	"strings"

	"github.com/janpfeifer/gonb/gonbui"
)

// Table is rows of values under headings.
type Table struct {
	Columns []string
	Rows    [][]any // strings, numbers, booleans; nil is an empty cell
	Caption Caption
}

// Markdown writes the table in GitHub's Markdown, numbers to the right.
// Floating-point numbers have four significant digits, NaN is a dash. A row
// that is shorter or longer than the headings is an error.
func (t Table) Markdown() (string, error) {
	if len(t.Columns) == 0 {
		return "", fmt.Errorf("plots: table without columns")
	}
	numeric := make([]bool, len(t.Columns))
	for k := range numeric {
		numeric[k] = len(t.Rows) > 0
	}
	var rows [][]string
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return "", fmt.Errorf("plots: row %d of the table has %d cells for %d columns", i, len(row), len(t.Columns))
		}
		cells := make([]string, len(row))
		for k, v := range row {
			var number bool
			cells[k], number = cell(v)
			numeric[k] = numeric[k] && (number || v == nil)
		}
		rows = append(rows, cells)
	}
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head, rule := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for k, c := range t.Columns {
		head[k], rule[k] = escapeCell(c), "---"
		if numeric[k] {
			rule[k] = "---:"
		}
	}
	line(head)
	line(rule)
	for _, r := range rows {
		line(r)
	}
	if c := t.Caption.String(); c != "" {
		fmt.Fprintf(&b, "\n*%s*\n", strings.ReplaceAll(c, "*", `\*`))
	}
	return b.String(), nil
}

func cell(v any) (s string, number bool) {
	switch x := v.(type) {
	case nil:
		return "", false
	case float64:
		if math.IsNaN(x) {
			return "–", true
		}
		return fmt.Sprintf("%.4g", x), true
	case float32:
		return cell(float64(x))
	case int:
		return strings.Replace(thousands(x), "−", "-", 1), true // cells are copied into programs
	case int64, int32, uint64, uint32, uint8:
		return fmt.Sprint(x), true
	}
	return escapeCell(fmt.Sprint(v)), false
}

// escapeCell keeps a text inside its cell.
func escapeCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

// Show displays the table in a notebook and prints its Markdown elsewhere.
func (t Table) Show() error {
	md, err := t.Markdown()
	if err != nil {
		return err
	}
	if !gonbui.IsNotebook {
		_, err = fmt.Print(md)
		return err
	}
	return display(func() { gonbui.DisplayMarkdown(md) })
}
