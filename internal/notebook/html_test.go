package notebook

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestHTML compares the page of testdata/page.ipynb with the one looked at.
func TestHTML(t *testing.T) {
	n, err := Read("testdata/page.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	got, err := n.HTML("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/page.html", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/page.html")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the page has changed: look at it after go test -run TestHTML -update")
	}
	if loads := regexp.MustCompile(`(?:src|srcset|poster|data)="(?:https?:)?//[^"]*|@import|url\(|<link`).Find(got); loads != nil {
		t.Errorf("the page loads something: %s", loads)
	}
	for _, id := range []string{`id="attribution"`, `id="attribution-2"`} {
		if strings.Count(string(got), id) != 1 {
			t.Errorf("%s is not there once", id)
		}
	}
}

func TestMath(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"inline", "a $x^2$ b", "<msup>"},
		{"two lines", "a $x +\ny$ b", "<mi>y</mi>"},
		{"display in a line", "so $$x_1$$ is", `display="block"`},
		{"block with a line that looks like a list", "$$\na\n- b\n$$", "<mo>−</mo>"},
		{"block in one line", "$$a$$", `display="block"`},
		{"environment", "\\begin{align}\na &= b\n\\end{align}", "<mtable"},
		{"underscores are no emphasis", "$a_1 b_2$ and $c_3$", "<msub>"},
		{"norm", `$\|x\|$`, "‖"},
		{"bars of one size", `$\lVert x \rVert^2$`, `<mo stretchy="false">‖</mo>`},
		{"operator", `$\operatorname{mean}_b$`, "mean"},
		{"short fraction", `$\tfrac12 n$`, "<mn>2</mn>"},
		{"in a table", "|a|\n|-|\n|$x_1$|", "<msub>"},
		{"money", "$5 and $6", "<p>$5 and $6</p>"},
		{"escaped", `\$x\$`, "<p>$x$</p>"},
		{"code", "`$x$`", "<code>$x$</code>"},
		{"fenced code", "```\n$$\nx\n$$\n```", "<pre>$$\nx\n$$\n</pre>"},
		{"unknown command", `$\nosuch{x}$`, `<code class="tex">\nosuch{x}</code>`},
		{"unbalanced", `$\frac{a$`, `<code class="tex">\frac{a</code>`},
		{"never closed", "$$\na < b", `<code class="tex`},
		{"nothing", "$$", ""},
	}
	for _, tt := range tests {
		got, err := newMarkdown("").render(tt.source, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.name == "never closed" {
			continue // either reading will do, as long as nothing is lost
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s in it", tt.name, got, tt.want)
		}
	}
}

func TestPictures(t *testing.T) {
	for source, says := range map[string]string{
		"![](none.png)":              "none.png",
		"![](attachment:none.png)":   "no such attachment",
		"![](https://example.com/p)": "network",
		"![](notebook.go)":           "no kind of picture",
	} {
		if _, err := newMarkdown(".").render(source, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want an error with %q", source, err, says)
		}
	}
}
