package notebook

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	gmtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// section is one entry of a page's table of contents.
type section struct {
	Level    int
	ID, Text string
}

// markdown renders the texts of one notebook.
type markdown struct {
	dir      string // of the pictures that the texts name
	goldmark goldmark.Markdown
	sections []section
	anchors  anchors
}

func newMarkdown(dir string) *markdown {
	return &markdown{dir: dir, anchors: anchors{}, goldmark: goldmark.New(
		goldmark.WithExtensions(extension.GFM, extension.Footnote, mathExtension{}),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(
			gmhtml.WithUnsafe(), // a notebook's HTML is its author's, as its code is
			renderer.WithNodeRenderers(util.Prioritized(fencedCode{}, 100)),
		),
	)}
}

// render makes HTML of one text. Headings get anchors that are unique in the
// notebook; pictures come inside.
func (m *markdown) render(source string, attachments map[string]any) (string, error) {
	src := []byte(source)
	doc := m.goldmark.Parser().Parse(gmtext.NewReader(src), parser.WithContext(parser.NewContext(parser.WithIDs(m.anchors))))
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			m.heading(n, src)
		case *ast.Image:
			data, err := m.inline(string(n.Destination), attachments)
			if err != nil {
				return ast.WalkStop, err
			}
			n.Destination = []byte(data)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = m.goldmark.Renderer().Render(&b, src, doc)
	return b.String(), err
}

// heading enters a heading into the table of contents and adds its anchor.
func (m *markdown) heading(h *ast.Heading, src []byte) {
	v, _ := h.AttributeString("id")
	id, _ := v.([]byte)
	m.sections = append(m.sections, section{h.Level, string(id), words(h, src)})
	link := ast.NewLink()
	link.Destination = append([]byte("#"), id...)
	link.SetAttributeString("class", []byte("anchor"))
	link.Title = []byte("link to this section")
	link.AppendChild(link, ast.NewString([]byte("¶")))
	h.AppendChild(h, link)
}

// words are the texts below a node; a formula is its source.
func words(n ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(src))
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		case *inlineNode:
			if entering {
				b.WriteString(n.tex)
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// plain removes the marks of Markdown from one line.
func plain(line string) string {
	src := []byte(line)
	return words(newMarkdown("").goldmark.Parser().Parse(gmtext.NewReader(src)), src)
}

// inline makes a data: address of a picture's address.
func (m *markdown) inline(address string, attachments map[string]any) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("picture %s: %w", address, err)
	}
	switch u.Scheme {
	case "data":
		return address, nil
	case "attachment":
		bundle, _ := attachments[u.Opaque].(map[string]any)
		for kind, data := range bundle {
			if s, ok := data.(string); ok {
				return "data:" + kind + ";base64," + s, nil
			}
		}
		return "", fmt.Errorf("picture %s: the cell has no such attachment", address)
	case "":
		path := filepath.Join(m.dir, filepath.FromSlash(u.Path))
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("picture: %w", err)
		}
		kind := mime.TypeByExtension(filepath.Ext(path))
		if !strings.HasPrefix(kind, "image/") {
			return "", fmt.Errorf("picture %s: %s is no kind of picture", address, filepath.Ext(path))
		}
		return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(raw), nil
	}
	return "", fmt.Errorf("picture %s: the page would need the network: save it beside the notebook", address)
}

// anchors names headings after their words, each name once.
type anchors map[string]bool

func (a anchors) Generate(value []byte, _ ast.NodeKind) []byte {
	name := strings.Join(strings.FieldsFunc(strings.ToLower(string(value)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	}), "-")
	if name == "" {
		name = "section"
	}
	unique := name
	for i := 2; a[unique]; i++ {
		unique = fmt.Sprint(name, "-", i)
	}
	a[unique] = true
	return []byte(unique)
}

func (a anchors) Put(value []byte) { a[string(value)] = true }

// fencedCode colours the code in texts as that in cells.
type fencedCode struct{}

func (fencedCode) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, func(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		n := node.(*ast.FencedCodeBlock)
		var code bytes.Buffer
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			code.Write(line.Value(src))
		}
		language := string(n.Language(src))
		if language == "" {
			_, err := fmt.Fprintf(w, "<pre>%s</pre>\n", template.HTMLEscapeString(code.String()))
			return ast.WalkSkipChildren, err
		}
		html, err := highlight(code.String(), language)
		_, _ = w.WriteString(html)
		return ast.WalkSkipChildren, err
	})
}
