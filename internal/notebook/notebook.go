// Package notebook reads, runs, writes and exports Jupyter notebooks without
// Python.
//
// [Read] and [Notebook.Write] keep what they do not know and write as Jupyter
// does, so that a saved notebook differs only where it changed. [Run] starts a
// kernel from its kernel.json, executes the code cells in order over Jupyter's
// protocol and stops at the first one that fails; unlike Jupyter's own runners
// it sees that a Go program panicked or exited with a status. [WriteHTML]
// makes one page that needs nothing else, and [Check] refuses a notebook that
// should not be committed.
package notebook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Notebook is a Jupyter notebook, format 4.
type Notebook struct {
	Cells    []*Cell
	Metadata map[string]any

	other map[string]any // fields that we do not know
}

// Kinds of cells.
const (
	Code     = "code"
	Markdown = "markdown"
	Raw      = "raw"
)

// Cell is one cell. Count and Outputs are those of code cells only.
type Cell struct {
	ID       string
	Type     string // Code, Markdown or Raw
	Source   string
	Metadata map[string]any
	Count    int // the kernel's number of the last execution; 0 = not executed
	Outputs  []*Output

	other map[string]any // attachments, and fields that we do not know
}

// Kinds of outputs.
const (
	Stream  = "stream"
	Display = "display_data"
	Result  = "execute_result"
	Error   = "error"
)

// Output is one output of a code cell. Which fields are used depends on Type.
type Output struct {
	Type string

	Name, Text string // Stream: stdout or stderr

	Data, Metadata map[string]any // Display, Result: by MIME type
	Count          int            // Result

	ErrName, ErrValue string // Error
	Traceback         []string

	other map[string]any
}

// Read reads a notebook file.
func Read(path string) (*Notebook, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	n, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, path)
	}
	return n, nil
}

// Parse reads a notebook. One older than format 4.5 gets the cell ids that it
// lacks, made from place and source. Another major format is an error.
func Parse(raw []byte) (*Notebook, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // numbers that we do not read are written as they were
	var file map[string]any
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("notebook: not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("notebook: something follows the notebook's last brace")
	}
	r := fields{file}
	major, minor := r.integer("nbformat"), r.integer("nbformat_minor")
	if major != 4 {
		return nil, fmt.Errorf("notebook: format %d.%d: only format 4 is read; save it once in a current JupyterLab", major, minor)
	}
	cells, ok := r.take("cells").([]any)
	if !ok {
		return nil, errors.New("notebook: no list of cells")
	}
	n := &Notebook{Metadata: r.object("metadata"), other: file}
	ids := map[string]bool{}
	for i, c := range cells {
		object, ok := c.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("notebook: cell %d is no object", i+1)
		}
		cell, err := parseCell(fields{object})
		if err != nil {
			return nil, fmt.Errorf("notebook: cell %d: %w", i+1, err)
		}
		if cell.ID == "" && minor < 5 {
			cell.ID = makeID(i, cell.Source)
		}
		if !validID.MatchString(cell.ID) || ids[cell.ID] {
			return nil, fmt.Errorf("notebook: cell %d: id %q is invalid or used twice", i+1, cell.ID)
		}
		ids[cell.ID] = true
		n.Cells = append(n.Cells, cell)
	}
	return n, nil
}

var validID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func makeID(place int, source string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", place, source))
	return hex.EncodeToString(sum[:4])
}

func parseCell(r fields) (*Cell, error) {
	c := &Cell{ID: r.text("id"), Type: r.text("cell_type"), Metadata: r.object("metadata"), other: r.m}
	var err error
	if c.Source, err = r.lines("source"); err != nil {
		return nil, err
	}
	switch c.Type {
	case Markdown, Raw:
	case Code:
		c.Count = r.integer("execution_count")
		outputs, _ := r.take("outputs").([]any)
		for i, o := range outputs {
			object, ok := o.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("output %d is no object", i+1)
			}
			out, err := parseOutput(fields{object})
			if err != nil {
				return nil, fmt.Errorf("output %d: %w", i+1, err)
			}
			c.Outputs = append(c.Outputs, out)
		}
	default:
		return nil, fmt.Errorf("unknown cell_type %q", c.Type)
	}
	return c, nil
}

func parseOutput(r fields) (*Output, error) {
	o := &Output{Type: r.text("output_type"), other: r.m}
	var err error
	switch o.Type {
	case Stream:
		o.Name = r.text("name")
		o.Text, err = r.lines("text")
	case Display, Result:
		o.Data, o.Metadata = joinBundle(r.object("data")), r.object("metadata")
		if o.Type == Result {
			o.Count = r.integer("execution_count")
		}
	case Error:
		o.ErrName, o.ErrValue = r.text("ename"), r.text("evalue")
		trace, _ := r.take("traceback").([]any)
		for _, line := range trace {
			s, _ := line.(string)
			o.Traceback = append(o.Traceback, s)
		}
	default:
		err = fmt.Errorf("unknown output_type %q", o.Type)
	}
	return o, err
}

// Write replaces the file at path by the notebook, whole or not at all.
func (n *Notebook) Write(path string) error {
	raw, err := n.Bytes()
	if err != nil {
		return err
	}
	return writeFile(path, raw)
}

// Bytes is the notebook as Jupyter would save it: sorted keys, an indent of
// one space, text as lists of lines.
func (n *Notebook) Bytes() ([]byte, error) {
	cells := make([]any, len(n.Cells))
	for i, c := range n.Cells {
		cells[i] = c.fields()
	}
	file := with(n.other, map[string]any{
		"cells": cells, "metadata": orEmpty(n.Metadata), "nbformat": 4, "nbformat_minor": 5,
	})
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(file); err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	return b.Bytes(), nil
}

func (c *Cell) fields() map[string]any {
	f := map[string]any{"cell_type": c.Type, "id": c.ID, "metadata": orEmpty(c.Metadata), "source": splitLines(c.Source)}
	if c.Type == Code {
		outputs := make([]any, len(c.Outputs))
		for i, o := range c.Outputs {
			outputs[i] = o.fields()
		}
		f["outputs"], f["execution_count"] = outputs, orNull(c.Count)
	}
	return with(c.other, f)
}

func (o *Output) fields() map[string]any {
	f := map[string]any{"output_type": o.Type}
	switch o.Type {
	case Stream:
		f["name"], f["text"] = o.Name, splitLines(o.Text)
	case Display, Result:
		f["data"], f["metadata"] = splitBundle(o.Data), orEmpty(o.Metadata)
		if o.Type == Result {
			f["execution_count"] = orNull(o.Count)
		}
	case Error:
		f["ename"], f["evalue"], f["traceback"] = o.ErrName, o.ErrValue, append([]string{}, o.Traceback...)
	}
	return with(o.other, f)
}

// Tagged tells whether the cell has a tag.
func (c *Cell) Tagged(tag string) bool {
	tags, _ := c.Metadata["tags"].([]any)
	for _, t := range tags {
		if t == tag {
			return true
		}
	}
	return false
}

// SourceHash is the SHA-256 of all code, cell by cell. [Run] keeps it in the
// notebook's metadata, so that [Check] can tell whether outputs are stale.
func (n *Notebook) SourceHash() string {
	h := sha256.New()
	for _, c := range n.Cells {
		if c.Type == Code {
			fmt.Fprintf(h, "%d\n%s", len(c.Source), c.Source)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Title is the notebook's first heading, or "" if it has none.
func (n *Notebook) Title() string {
	for _, c := range n.Cells {
		if h := heading(c); h != "" {
			return h
		}
	}
	return ""
}

// heading is the last heading of a Markdown cell, without its marks.
func heading(c *Cell) string {
	if c.Type != Markdown {
		return ""
	}
	found, fenced := "", false
	for line := range strings.Lines(c.Source) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if text := strings.TrimLeft(line, "#"); !fenced && text != line && strings.HasPrefix(text, " ") {
			found = strings.TrimSpace(text)
		}
	}
	return found
}

// writeFile writes beside path and renames, so that path is never half written.
func writeFile(path string, raw []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("notebook: %w", err)
	}
	_, err = f.Write(raw)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("notebook: %w", err)
	}
	return nil
}
