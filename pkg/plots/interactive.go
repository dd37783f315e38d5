package plots

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
)

var (
	//go:embed figure.js
	figureJS string
	//go:embed figure.css
	figureCSS string
)

// widget is what the interactive form of a figure is made of.
type widget interface {
	// code returns a function draw(root, data), which may use what figure.js
	// offers, and the style besides figure.css.
	code() (js, css string)

	// data returns what draw is told, for JSON. folder is the one below which
	// Jupyter saves selections.
	data(f *Figure, folder string) (any, error)
}

// ErrStatic says that a figure has no interactive form.
var ErrStatic = errors.New("this kind of figure has no interactive form; save it as .png, .svg or .pdf")

// HTML returns the interactive form of a figure as one fragment that loads
// nothing: the picture for pages that run no scripts, and data, style and code
// that replace it or lie on top of it. A fragment may stand on a page several
// times and beside others. Figures without such a form answer [ErrStatic].
//
// The points of a scatter plot are selected with a rectangle, by mouse or keyboard; facets are
// linked by the rows they share. The fragment sends a CustomEvent "jacard-select" whose detail is the selection, and offers
// to copy or save it as JSON:
//
//	{"name": …, "ids": […], "rectangle": [x0, x1, y0, y1], "source": …, "classes": {"0": 63, "1": 3}}
//
// and beside these, of several facets, "facet": the name of the one brushed.
func (f *Figure) HTML() (string, error) { return f.html("") }

// html is HTML with the folder below which Jupyter saves selections.
func (f *Figure) html(folder string) (string, error) {
	if f.widget == nil {
		return "", fmt.Errorf("plots: figure %q: %w", f.title, ErrStatic)
	}
	var picture bytes.Buffer
	if err := f.PNG(&picture); err != nil { // before the data: what has no room has no place
		return "", err
	}
	content, err := f.widget.data(f, folder)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(content) // escapes < and >, so nothing in it can end the script
	if err != nil {
		return "", fmt.Errorf("plots: figure %q: %w", f.title, err)
	}
	sum := sha256.Sum256(data)
	id := hex.EncodeToString(sum[:8])
	var b strings.Builder
	fmt.Fprintf(&b, "<div class=\"jacard-figure\" data-plot=%q><img alt=\"%s\" src=\"%s\"></div>\n",
		id, html.EscapeString(f.text()), dataURI(picture.Bytes()))
	js, css := f.widget.code()
	fmt.Fprintf(&b, "<style>\n%s%s</style>\n", figureCSS, css)
	// A block of its own: no name of ours meets the page's or RequireJS's.
	fmt.Fprintf(&b, "<script>\n(function () {\n%s\n%s\nconst data = %s;\n", figureJS, js, data)
	fmt.Fprintf(&b, `for (const root of document.querySelectorAll('[data-plot=%q]:not([data-ready])')) {
  root.dataset.ready = "yes";
  draw(root, data);
}
})();
</script>
`, id)
	return b.String(), nil
}

// page writes the interactive form as a page of its own, readable in light
// and dark.
func (f *Figure) page(w io.Writer) error {
	fragment, err := f.html("")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<link rel="icon" href="data:,">
</head>
<body>
%s</body>
</html>
`, html.EscapeString(cmp.Or(f.title, "Figure")), fragment)
	return err
}

func dataURI(png []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)
}
