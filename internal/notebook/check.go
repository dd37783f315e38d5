package notebook

import (
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
)

// MaxCommitted is the size in bytes that a committed notebook may not reach.
const MaxCommitted = 5 << 20

// Check refuses a notebook that should not be committed: one that was not
// executed whole and in order, or whose code has changed since; that holds a
// failure, a script, or a path of the machine it ran on; that names another
// kernel; or that is too large. The error lists all that is wrong.
func Check(n *Notebook, kernel string) error {
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("notebook: "+format, args...)) }

	spec, _ := n.Metadata["kernelspec"].(map[string]any)
	if name := spec["name"]; name != kernel {
		say("kernelspec is %v, not %s", name, kernel)
	}
	own, _ := n.Metadata[ourMetadata].(map[string]any)
	switch own["source_sha256"] {
	case n.SourceHash():
	case nil:
		say("not executed by `jacard run --in-place`")
		return errors.Join(wrong...) // the rest follows from it
	default:
		say("the code has changed since it was executed: its outputs are stale")
	}
	count := 0
	for i, c := range n.Cells {
		if !c.executable() {
			continue
		}
		if count++; c.Count != count {
			say("cell %d: executed as [%d], want [%d]: run the notebook from top to bottom", i+1, c.Count, count)
		}
		if err := failure(i+1, c, reply{Status: c.status()}, nil); err != nil && !c.Tagged("raises-exception") {
			wrong = append(wrong, err)
		}
		for _, o := range c.Outputs {
			if path := machinePath.FindString(o.words()); path != "" {
				say("cell %d: its output names a path of one machine: %s", i+1, strings.TrimSpace(path))
			}
			if strings.Contains(text(o.Data["text/html"]), "<script") || o.Data["application/javascript"] != nil {
				say("cell %d: a script in its output: viewers remove it, keep a picture", i+1)
			}
		}
	}
	raw, err := n.Bytes()
	if err != nil {
		wrong = append(wrong, err)
	} else if len(raw) >= MaxCommitted {
		say("%.1f MiB, want less than %d", float64(len(raw))/(1<<20), MaxCommitted>>20)
	}
	return errors.Join(wrong...)
}

// machinePath finds absolute paths below the usual places of a machine.
var machinePath = regexp.MustCompile(`(?:^|[\s"'(=:])(?:/(?:home|root|Users|tmp|var|opt|mnt|work|usr|private|workspace)/|[A-Z]:\\)[^\s"'<]+`)

// status is the kernel's word as far as the outputs tell it.
func (c *Cell) status() string {
	for _, o := range c.Outputs {
		if o.Type == Error {
			return "error"
		}
	}
	return "ok"
}

// words are the texts of an output that a reader sees.
func (o *Output) words() string {
	parts := append([]string{o.Text, o.ErrValue}, o.Traceback...)
	for mime, v := range o.Data {
		if s := text(v); strings.HasPrefix(mime, "text/") {
			parts = append(parts, embedded.ReplaceAllString(s, ""))
		}
	}
	return strings.Join(parts, "\n")
}

var (
	embedded = regexp.MustCompile(`data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]+`)
	fallback = regexp.MustCompile(`<img[^>]* src="data:(image/[a-z]+);base64,([A-Za-z0-9+/=]+)"`)
	altText  = regexp.MustCompile(`<img[^>]* alt="([^"]*)"`)
)

// FixPictures replaces what runs scripts by the picture that lies inside for
// readers without scripts, so that the saved notebook is small and shows the
// same everywhere. An output without such a picture stays.
func (n *Notebook) FixPictures() {
	for _, c := range n.Cells {
		for _, o := range c.Outputs {
			page := text(o.Data["text/html"])
			picture := fallback.FindStringSubmatch(page)
			if !strings.Contains(page, "<script") || picture == nil {
				continue
			}
			o.Data = map[string]any{picture[1]: picture[2]}
			if alt := altText.FindStringSubmatch(page); alt != nil {
				o.Data["text/plain"] = html.UnescapeString(alt[1])
			}
		}
	}
}
