package notebook

import (
	"regexp"
	"slices"
	"strings"
)

// collector turns the messages of a kernel into outputs of cells.
type collector struct {
	cell    *Cell
	byID    map[string][]*Output // displays that can be updated, of all cells
	pending bool                 // clear_output(wait): the next output clears
	scratch *regexp.Regexp       // names of the kernel's temporary files, which differ each time
}

func newCollector(kernelFolder string) collector {
	return collector{
		byID:    map[string][]*Output{},
		scratch: regexp.MustCompile(`(?:` + regexp.QuoteMeta(kernelFolder) + `/)?\bgonb_[0-9a-f]{8}\b/?`),
	}
}

// content holds the fields of all messages that make outputs.
type content struct {
	Name      string
	Text      string
	Data      map[string]any
	Metadata  map[string]any
	Count     int      `json:"execution_count"`
	ErrName   string   `json:"ename"`
	ErrValue  string   `json:"evalue"`
	Traceback []string `json:"traceback"`
	Wait      bool
	Transient struct {
		ID string `json:"display_id"`
	}
}

// handle takes one message from iopub. An update counts whatever it answers
// to: a program may change what an earlier cell showed.
func (c *collector) handle(m message, own bool) {
	kind := m.Header.Type
	switch kind {
	case Stream, Display, Result, Error, "clear_output":
		if !own {
			return
		}
	case "update_display_data":
	default:
		return
	}
	var f content
	if err := decodeContent(m.Content, &f); err != nil {
		return // not a message as the protocol has it: nothing to show
	}
	switch kind {
	case Stream:
		c.stream(f.Name, f.Text)
	case Display, Result:
		o := &Output{Type: kind, Data: joinBundle(f.Data), Metadata: f.Metadata}
		if kind == Result {
			o.Count = f.Count
		}
		if id := f.Transient.ID; id != "" {
			c.byID[id] = append(c.byID[id], o)
		}
		c.add(o)
	case Error:
		c.add(&Output{Type: Error, ErrName: f.ErrName, ErrValue: f.ErrValue, Traceback: f.Traceback})
	case "clear_output":
		if c.pending = f.Wait; !f.Wait {
			c.cell.Outputs = nil
		}
	case "update_display_data":
		for _, o := range c.byID[f.Transient.ID] {
			o.Data, o.Metadata = joinBundle(f.Data), f.Metadata
		}
	}
}

func (c *collector) add(o *Output) {
	if c.pending {
		c.cell.Outputs, c.pending = nil, false
	}
	c.cell.Outputs = append(c.cell.Outputs, o)
}

// stream joins text to the last stream of that name since the last output of
// another kind: stdout and stderr come through two pipes, in no fixed order.
func (c *collector) stream(name, text string) {
	if !c.pending {
		for _, o := range slices.Backward(c.cell.Outputs) {
			if o.Type != Stream {
				break
			}
			if o.Name == name {
				o.Text += text
				return
			}
		}
	}
	c.add(&Output{Type: Stream, Name: name, Text: text})
}

// settle puts the outputs of the finished cell in their final form: stdout
// before its neighbouring stderr, of a line that was overwritten only the last
// state, and no names of temporary files: equal runs give equal files.
func (c *collector) settle() {
	clean := func(s string) string { return c.scratch.ReplaceAllString(s, "") }
	outputs := c.cell.Outputs
	for i, o := range outputs {
		if o.ErrValue = clean(o.ErrValue); o.Type != Stream {
			for j := range o.Traceback {
				o.Traceback[j] = clean(o.Traceback[j])
			}
			continue
		}
		o.Text = clean(overwrite(o.Text))
		if i > 0 && outputs[i-1].Type == Stream && o.Name == "stdout" {
			outputs[i-1], outputs[i] = outputs[i], outputs[i-1]
		}
	}
	c.pending = false
}

// overwrite does what a terminal does at a carriage return, roughly: the text
// before it is gone.
func overwrite(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		body := strings.TrimRight(line, "\r\n")
		end := line[len(body):]
		b.WriteString(body[strings.LastIndexByte(body, '\r')+1:])
		b.WriteString(strings.TrimLeft(end, "\r"))
	}
	return b.String()
}

var ansi = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// stripANSI removes colours and other terminal commands.
func stripANSI(s string) string { return ansi.ReplaceAllString(s, "") }
