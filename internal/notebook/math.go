package notebook

import (
	"bytes"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/wyatt915/treeblood"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	gmtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// mathML turns TeX into MathML; what cannot be turned stays as source.
func mathML(tex string, display bool) string {
	formula := treeblood.NewDocument(nil, false)
	formula.PrintOneLine = true
	render := formula.TextStyle
	if display {
		render = formula.DisplayStyle
	}
	out, err := render(understood(tex))
	if err == nil && !strings.Contains(out, "<merror") {
		return sortAttributes(bars.Replace(strings.TrimSpace(out)))
	}
	class := "tex"
	if display {
		class = "tex display"
	}
	return `<code class="` + class + `">` + template.HTMLEscapeString(strings.TrimSpace(tex)) + "</code>"
}

var (
	operator   = regexp.MustCompile(`\\operatorname\*?\s*\{`)
	bareFrac   = regexp.MustCompile(`\\([td]?frac)\s*([0-9A-Za-z])\s*([0-9A-Za-z])`)
	doubleBar  = regexp.MustCompile(`\\\\|\\\|`)
	mathMarks  = regexp.MustCompile(`^\s*(\$\$?)((?s).*?)(\$\$?)\s*$`)
	mathInline = ast.NewNodeKind("MathInline")
	mathBlock  = ast.NewNodeKind("MathBlock")
)

// understood writes the same formula in commands that treeblood knows.
func understood(tex string) string {
	tex = operator.ReplaceAllString(tex, `\mathrm{`)
	tex = bareFrac.ReplaceAllString(tex, `\$1{$2}{$3}`)
	return doubleBar.ReplaceAllStringFunc(tex, func(s string) string {
		if s == `\|` {
			return `\Vert `
		}
		return s
	})
}

// bars that no \left or \right stands before keep their size, as in TeX.
var bars = strings.NewReplacer("<mo>‖</mo>", `<mo stretchy="false">‖</mo>`, "<mo>|</mo>", `<mo stretchy="false">|</mo>`)

var (
	startTag  = regexp.MustCompile(`<([a-z]+)((?: [a-zA-Z:-]+="[^"]*")+)`)
	attribute = regexp.MustCompile(` ([a-zA-Z:-]+)="([^"]*)"`)
)

// sortAttributes makes equal formulas equal bytes: treeblood writes attributes
// and styles in the order of a map.
func sortAttributes(page string) string {
	return startTag.ReplaceAllStringFunc(page, func(tag string) string {
		m := startTag.FindStringSubmatch(tag)
		var parts []string
		for _, a := range attribute.FindAllStringSubmatch(m[2], -1) {
			value := a[2]
			if a[1] == "style" {
				styles := strings.Split(strings.Trim(value, ";"), ";")
				slices.Sort(styles)
				value = strings.Join(styles, ";")
			}
			parts = append(parts, a[1]+`="`+value+`"`)
		}
		slices.Sort(parts)
		return "<" + m[1] + " " + strings.Join(parts, " ")
	})
}

// latex shows an output of type text/latex, which carries its dollar signs.
func latex(source string) string {
	if m := mathMarks.FindStringSubmatch(source); m != nil && m[1] == m[3] {
		return mathML(m[2], m[1] == "$$")
	}
	return mathML(source, true)
}

// mathExtension makes goldmark know $…$, $$…$$ and \begin{…}…\end{…} where
// Jupyter does.
type mathExtension struct{}

func (mathExtension) Extend(m goldmark.Markdown) {
	m.Parser().AddOptions(
		parser.WithInlineParsers(util.Prioritized(inlineMath{}, 150)), // before emphasis, after code
		parser.WithBlockParsers(util.Prioritized(blockMath{}, 90)),
	)
	m.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(mathRenderer{}, 100)))
}

type inlineNode struct {
	ast.BaseInline
	tex     string
	display bool
}

func (*inlineNode) Kind() ast.NodeKind { return mathInline }
func (n *inlineNode) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{"tex": n.tex}, nil)
}

type blockNode struct {
	ast.BaseBlock
	end    string // what closes it
	tex    strings.Builder
	closed bool
}

func (*blockNode) Kind() ast.NodeKind { return mathBlock }
func (*blockNode) IsRaw() bool        { return true }
func (n *blockNode) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{"tex": n.tex.String()}, nil)
}

type inlineMath struct{}

func (inlineMath) Trigger() []byte { return []byte{'$'} }

// Parse takes a formula that may go over several lines of its paragraph. As
// in Pandoc, "$5 and $6" is none: a single mark stands next to the formula,
// and no digit follows it.
func (inlineMath) Parse(_ ast.Node, block gmtext.Reader, _ parser.Context) ast.Node {
	startLine, start := block.Position()
	line, _ := block.PeekLine()
	mark := "$"
	if bytes.HasPrefix(line, []byte("$$")) {
		mark = "$$"
	}
	block.Advance(len(mark))
	var tex strings.Builder
	for {
		line, _ := block.PeekLine()
		if line == nil {
			break
		}
		end := closing(line, mark)
		if end < 0 {
			tex.Write(line)
			block.AdvanceLine()
			continue
		}
		tex.Write(line[:end])
		after := line[end+len(mark):]
		s := tex.String()
		if mark == "$" && (strings.TrimSpace(s) != s || s == "" || len(after) > 0 && after[0] >= '0' && after[0] <= '9') {
			break
		}
		block.Advance(end + len(mark))
		return &inlineNode{tex: s, display: mark == "$$"}
	}
	block.SetPosition(startLine, start)
	return nil
}

// closing finds the mark where no backslash stands before it.
func closing(line []byte, mark string) int {
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if bytes.HasPrefix(line[i:], []byte(mark)) {
			return i
		}
	}
	return -1
}

type blockMath struct{}

var begin = regexp.MustCompile(`^\\begin\{([a-z]+\*?)\}`)

func (blockMath) Trigger() []byte { return []byte{'$', '\\'} }

func (blockMath) Open(_ ast.Node, reader gmtext.Reader, _ parser.Context) (ast.Node, parser.State) {
	line, _ := reader.PeekLine()
	line = bytes.TrimLeft(line, " \t")
	n := &blockNode{end: "$$"}
	switch m := begin.FindSubmatch(line); {
	case m != nil:
		n.end = `\end{` + string(m[1]) + "}"
	case bytes.HasPrefix(line, []byte("$$")):
		line = line[2:]
		if i := closing(line, "$$"); i >= 0 && len(bytes.TrimSpace(line[i+2:])) > 0 {
			return nil, parser.NoChildren // words follow: a formula in a line
		}
	default:
		return nil, parser.NoChildren
	}
	n.add(line)
	reader.AdvanceToEOL()
	return n, parser.NoChildren
}

func (blockMath) Continue(node ast.Node, reader gmtext.Reader, _ parser.Context) parser.State {
	n := node.(*blockNode)
	if n.closed {
		return parser.Close
	}
	line, _ := reader.PeekLine()
	n.add(line)
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

// add takes one line, up to the closing mark if it is there.
func (n *blockNode) add(line []byte) {
	i := bytes.Index(line, []byte(n.end))
	if i < 0 {
		n.tex.Write(line)
		return
	}
	n.tex.Write(line[:i])
	if n.end != "$$" {
		n.tex.WriteString(n.end)
	}
	n.closed = true
}

func (blockMath) Close(ast.Node, gmtext.Reader, parser.Context) {}
func (blockMath) CanInterruptParagraph() bool                   { return true }
func (blockMath) CanAcceptIndentedLine() bool                   { return false }

type mathRenderer struct{}

func (mathRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(mathInline, func(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if n := node.(*inlineNode); entering {
			_, _ = w.WriteString(mathML(n.tex, n.display))
		}
		return ast.WalkContinue, nil
	})
	r.Register(mathBlock, func(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if n := node.(*blockNode); entering {
			_, _ = w.WriteString(mathML(n.tex.String(), true) + "\n")
		}
		return ast.WalkContinue, nil
	})
}
