package plots

import (
	"fmt"
	"strings"
)

// Caption says what a figure shows and where its numbers come from. Fields
// that are empty or 0 are left out.
type Caption struct {
	What   string  // what is drawn, in words
	Method string  // what computed it
	Target string  // the output explained and its stage
	Gap    float64 // largest completeness gap; NaN (no promise of completeness) is left out
	N      int     // number of rows
	Seed   uint64  // seed of the run
	Source string  // id of what it was drawn from (provenance); its first 12 characters are shown
	Note   string  // what the reader should know besides
}

// String returns the caption as one line.
func (c Caption) String() string {
	var parts []string
	add := func(format string, value any) { parts = append(parts, fmt.Sprintf(format, value)) }
	if c.What != "" {
		add("%s", c.What)
	}
	if c.Method != "" {
		add("method %s", c.Method)
	}
	if c.Target != "" {
		add("target %s", c.Target)
	}
	if c.Gap > 0 {
		add("gap %.1e", c.Gap)
	}
	if c.N != 0 {
		add("n = %s", thousands(c.N))
	}
	if c.Seed != 0 {
		add("seed %d", c.Seed)
	}
	if c.Source != "" {
		add("source %.12s", c.Source)
	}
	if c.Note != "" {
		add("%s", c.Note)
	}
	return strings.Join(parts, " · ")
}

// with adds to the note, if there is something to add.
func (c Caption) with(note string) Caption {
	if note == "" {
		return c
	}
	if c.Note != "" {
		note = c.Note + "; " + note
	}
	c.Note = note
	return c
}

// thousands writes n with commas: 14780 is 14,780.
func thousands(n int) string {
	if n < 0 {
		return "−" + thousands(-n)
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
