package plots

import (
	"io"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/vg/vgpdf"
)

// PDF writes the figure as vectors for papers. Its text is drawn as outlines:
// the fonts of gonum's PDF writer end at code page 1252, which has no φ, δ or Σ.
func (f *Figure) PDF(w io.Writer) error {
	samePDFBytes()
	c := vgpdf.New(f.extent())
	if err := f.drawOn(outlined{c}); err != nil {
		return err
	}
	_, err := c.WriteTo(w)
	return err
}

// samePDFBytes keeps the time of writing and the order of Go's maps out of
// the files.
var samePDFBytes = sync.OnceFunc(func() {
	fpdf.SetDefaultCreationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultModificationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultCatalogSort(true)
})
