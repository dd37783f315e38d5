package notebook

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// executed is a notebook as it may be committed.
func executed() *Notebook {
	n := book("a", "", "b")
	n.prepare(Spec{Name: "jacard-cpu"}, nil)
	n.Cells[0].Count, n.Cells[2].Count = 1, 2
	n.Cells[2].Outputs = []*Output{
		{Type: Stream, Name: "stdout", Text: "see /docs or 1/2 or https://go.dev/tmp/x\n"},
		{Type: Display, Data: map[string]any{"image/png": "AAAA", "text/html": `<img src="data:image/png;base64,/tmp/AAAA">`}},
	}
	return n
}

func TestCheck(t *testing.T) {
	if err := Check(executed(), "jacard-cpu"); err != nil {
		t.Errorf("a good notebook: %v", err)
	}
	display := func(mime, data string) []*Output {
		return []*Output{{Type: Display, Data: map[string]any{mime: data}}}
	}
	tests := []struct {
		name  string
		spoil func(n *Notebook)
		says  string
	}{
		{"changed code", func(n *Notebook) { n.Cells[0].Source = "c" }, "stale"},
		{"executed elsewhere", func(n *Notebook) { delete(n.Metadata, ourMetadata) }, "jacard run --in-place"},
		{"not executed", func(n *Notebook) { n.Cells[2].Count = 0 }, "cell 3: executed as [0]"},
		{"out of order", func(n *Notebook) { n.Cells[0].Count = 3 }, "cell 1: executed as [3]"},
		{"another kernel", func(n *Notebook) { n.prepare(Spec{Name: "gonb"}, nil) }, "kernelspec is gonb"},
		{"error", func(n *Notebook) { n.Cells[2].Outputs = []*Output{{Type: Error, ErrValue: "undefined"}} }, "the kernel reports an error"},
		{"exit status", func(n *Notebook) {
			n.Cells[2].Outputs = []*Output{{Type: Stream, Name: "stderr", Text: "exit status 1\n"}}
		}, "exit status 1"},
		{"machine path", func(n *Notebook) { n.Cells[2].Outputs[0].Text = "wrote /home/me/x.csv\n" }, "/home/me/x.csv"},
		{"script", func(n *Notebook) { n.Cells[2].Outputs = display("text/html", "<script>1</script>") }, "a script"},
		{"too large", func(n *Notebook) { n.Cells[2].Outputs = display("image/png", strings.Repeat("A", MaxCommitted)) }, "want less than 5"},
	}
	for _, tt := range tests {
		n := executed()
		tt.spoil(n)
		if err := Check(n, "jacard-cpu"); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.says)
		}
	}
	n := executed()
	n.Cells[2].Outputs = []*Output{{Type: Error, ErrValue: "on purpose"}}
	n.Cells[2].Metadata["tags"] = []any{"raises-exception"}
	if err := Check(n, "jacard-cpu"); err != nil {
		t.Errorf("a failure that is expected: %v", err)
	}
}

func TestFixPictures(t *testing.T) {
	n := executed()
	n.Cells[2].Outputs = []*Output{
		{Type: Display, Data: map[string]any{"text/html": `<div><img alt="Figure: a &lt; b" src="data:image/png;base64,iVBOR="></div><script>x</script>`}},
		{Type: Display, Data: map[string]any{"text/html": `<script>no picture</script>`}},
		{Type: Display, Data: map[string]any{"text/html": `<img alt="" src="data:image/png;base64,iVBOR=">`}},
	}
	n.FixPictures()
	got := fmt.Sprint(n.Cells[2].Outputs[0].Data)
	if want := "map[image/png:iVBOR= text/plain:Figure: a < b]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, o := range n.Cells[2].Outputs[1:] {
		if text(o.Data["text/html"]) == "" {
			t.Errorf("an output without script or without picture was changed: %v", o.Data)
		}
	}
}

// TestCommitted holds for the notebooks of this project.
func TestCommitted(t *testing.T) {
	files, err := filepath.Glob("../../notebooks/*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	solutions, err := filepath.Glob("../../notebooks/*/*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, solutions...)
	if len(files) == 0 {
		t.Skip("no notebooks yet")
	}
	for _, f := range files {
		n, err := Read(f)
		if err == nil {
			err = Check(n, "jacard-cpu")
		}
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
	}
}
