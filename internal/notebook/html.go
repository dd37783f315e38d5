package notebook

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"github.com/alecthomas/chroma/v2"
	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/alecthomas/chroma/v2/styles"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var page = template.Must(template.New("page").Parse(pageHTML))

// WriteHTML writes n as one page that needs no other file and no network:
// formulas are MathML, pictures lie inside, what the outputs hold as HTML is
// kept as it is, scripts included. Pictures that Markdown cells name are taken
// from dir; one that is missing or lies on the network is an error.
func (n *Notebook) WriteHTML(path, dir string) error {
	raw, err := n.HTML(dir)
	if err != nil {
		return err
	}
	return writeFile(path, raw)
}

// HTML is the page that [Notebook.WriteHTML] writes.
func (n *Notebook) HTML(dir string) ([]byte, error) {
	css, err := codeCSS()
	if err != nil {
		return nil, err
	}
	e := exporter{language: n.language(), markdown: newMarkdown(dir)}
	p := struct {
		Title    string
		CSS      template.CSS
		Contents []section
		Cells    []template.HTML
	}{Title: cmp.Or(plain(n.Title()), "Notebook"), CSS: template.CSS(pageCSS + css)}
	for i, c := range n.Cells {
		html, err := e.cell(c)
		if err != nil {
			return nil, fmt.Errorf("notebook: cell %d: %w", i+1, err)
		}
		p.Cells = append(p.Cells, template.HTML(html))
	}
	p.Contents = e.markdown.sections
	var b bytes.Buffer
	if err := page.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	return b.Bytes(), nil
}

// language is the lexer's name of the notebook's code.
func (n *Notebook) language() string {
	info, _ := n.Metadata["language_info"].(map[string]any)
	name, _ := info["name"].(string)
	return cmp.Or(name, "go")
}

type exporter struct {
	language string
	markdown *markdown
}

func (e *exporter) cell(c *Cell) (string, error) {
	switch c.Type {
	case Markdown:
		attachments, _ := c.other["attachments"].(map[string]any)
		html, err := e.markdown.render(c.Source, attachments)
		return `<div class="text">` + html + "</div>", err
	case Raw:
		return "<pre>" + template.HTMLEscapeString(c.Source) + "</pre>", nil
	}
	if strings.TrimSpace(c.Source) == "" {
		return "", nil
	}
	code, err := highlight(c.Source, e.language)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	label := ""
	if c.Count > 0 {
		label = fmt.Sprintf("[%d]", c.Count)
	}
	fmt.Fprintf(&b, `<div class="code" data-count="%s">%s</div>`+"\n", label, code)
	for _, o := range c.Outputs {
		html, err := e.output(o)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, `<div class="output">%s</div>`+"\n", html)
	}
	return b.String(), nil
}

func (e *exporter) output(o *Output) (string, error) {
	switch o.Type {
	case Stream:
		return fmt.Sprintf("<pre class=%q>%s</pre>", template.HTMLEscapeString(o.Name), template.HTMLEscapeString(stripANSI(o.Text))), nil
	case Error:
		text := strings.Join(o.Traceback, "\n")
		if text == "" {
			text = o.ErrName + ": " + o.ErrValue
		}
		return `<pre class="error">` + template.HTMLEscapeString(stripANSI(text)) + "</pre>", nil
	}
	for _, s := range shown {
		if v, ok := o.Data[s.mime]; ok {
			return s.html(e, v, o)
		}
	}
	return "", nil
}

// shown are the kinds of data that a page can show, the preferred ones first.
var shown = []struct {
	mime string
	html func(e *exporter, value any, o *Output) (string, error)
}{
	{"application/javascript", func(_ *exporter, v any, _ *Output) (string, error) { return "<script>" + text(v) + "</script>", nil }},
	{"text/html", func(_ *exporter, v any, _ *Output) (string, error) { return text(v), nil }},
	{"text/markdown", func(e *exporter, v any, _ *Output) (string, error) { return e.markdown.render(text(v), nil) }},
	{"image/svg+xml", func(_ *exporter, v any, o *Output) (string, error) {
		return picture("image/svg+xml", base64.StdEncoding.EncodeToString([]byte(text(v))), o), nil
	}},
	{"text/latex", func(_ *exporter, v any, _ *Output) (string, error) { return latex(text(v)), nil }},
	{"image/png", encoded("image/png")},
	{"image/jpeg", encoded("image/jpeg")},
	{"image/gif", encoded("image/gif")},
	{"application/json", func(_ *exporter, v any, _ *Output) (string, error) {
		raw, err := json.MarshalIndent(v, "", "  ")
		return "<pre>" + template.HTMLEscapeString(string(raw)) + "</pre>", err
	}},
	{"text/plain", func(_ *exporter, v any, _ *Output) (string, error) {
		return "<pre>" + template.HTMLEscapeString(stripANSI(text(v))) + "</pre>", nil
	}},
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func encoded(mime string) func(*exporter, any, *Output) (string, error) {
	return func(_ *exporter, v any, o *Output) (string, error) {
		return picture(mime, strings.Join(strings.Fields(text(v)), ""), o), nil
	}
}

// picture shows base64 data; the text that came along stands for it where
// pictures are not seen.
func picture(mime, data string, o *Output) string {
	return fmt.Sprintf(`<img alt="%s" src="data:%s;base64,%s">`, template.HTMLEscapeString(text(o.Data["text/plain"])), mime, data)
}

var codeFormatter = chromahtml.New(chromahtml.WithClasses(true), chromahtml.TabWidth(4))

// highlight colours code by classes; code in an unknown language stays plain.
func highlight(code, language string) (string, error) {
	lexer := lexers.Get(language)
	if lexer == nil {
		lexer = lexers.Fallback
	}
	tokens, err := chroma.Coalesce(lexer).Tokenise(nil, strings.TrimRight(code, "\n"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = codeFormatter.Format(&b, styles.Fallback, tokens)
	return b.String(), err
}

// codeCSS holds the colours of code, by day and by night.
func codeCSS() (string, error) {
	var b strings.Builder
	for _, mode := range []struct{ media, style string }{
		{"print, (prefers-color-scheme: light)", "github"},
		{"screen and (prefers-color-scheme: dark)", "github-dark"},
	} {
		fmt.Fprintf(&b, "@media %s {\n", mode.media)
		if err := codeFormatter.WriteCSS(&b, styles.Get(mode.style)); err != nil {
			return "", err
		}
		b.WriteString("}\n")
	}
	return b.String(), nil
}
