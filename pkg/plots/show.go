package plots

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// FiguresFolder names the environment variable with a folder. If it is set,
// [Show] and [ShowInteractive] keep each figure there as PNG and SVG, numbered
// in the order of showing.
const FiguresFolder = "JACARD_FIGURES"

// ErrNotShown says that there is no notebook to show a figure in.
var ErrNotShown = errors.New("plots: not in a Go notebook, so nothing is shown; use Save, or set " + FiguresFolder + " to a folder")

// Show displays figures one below the other in a notebook run by GoNB, as PNG
// pictures that stay in the saved notebook, with title and caption as their
// text. Outside a notebook it returns [ErrNotShown] unless [FiguresFolder] is set.
func Show(figures ...*Figure) error {
	for _, f := range figures {
		var b bytes.Buffer
		if err := f.PNG(&b); err != nil {
			return err
		}
		if err := f.keep(b.Bytes()); err != nil {
			return err
		}
		if !gonbui.IsNotebook {
			continue
		}
		err := display(func() {
			gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
				protocol.MIMEImagePNG:  b.Bytes(),
				protocol.MIMETextPlain: f.text(),
			}})
		})
		if err != nil {
			return err
		}
	}
	return shown()
}

// ShowInteractive displays the interactive form of figures that have one. The
// picture of [Show] lies inside for readers whose page runs no scripts. Inside
// Jupyter the selection of a scatter plot can be saved as selections/NAME.json
// beside the notebook.
func ShowInteractive(figures ...*Figure) error {
	for _, f := range figures {
		fragment, err := f.html(serverFolder(os.Getenv(protocol.GONB_JUPYTER_ROOT_ENV)))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := f.PNG(&b); err != nil {
			return err
		}
		if err := f.keep(b.Bytes()); err != nil {
			return err
		}
		if !gonbui.IsNotebook {
			continue
		}
		if err := display(func() { gonbui.DisplayHTML(fragment) }); err != nil {
			return err
		}
	}
	return shown()
}

func shown() error {
	if gonbui.IsNotebook || os.Getenv(FiguresFolder) != "" {
		return nil
	}
	return ErrNotShown
}

// display sends something to the notebook and waits until it has arrived:
// output of other kinds would overtake it.
func display(send func()) error {
	if err := gonbui.Open(); err != nil {
		return fmt.Errorf("plots: no way to the notebook: %w", err)
	}
	send()
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("plots: the notebook did not take the output: %w", err)
	}
	gonbui.Sync()
	return nil
}

// text stands for the figure where pictures are not shown.
func (f *Figure) text() string {
	return strings.TrimSpace("Figure: " + f.title + "\n" + f.Caption())
}

// keep saves the figure in the folder of figures, if there is one. A figure
// that is shown twice, as a picture and to brush, is kept once.
func (f *Figure) keep(png []byte) error {
	dir := os.Getenv(FiguresFolder)
	if dir == "" {
		return nil
	}
	number, err := nextNumber(dir, "-"+slug(f.title)+".png", png)
	if err != nil || number == 0 {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%02d-%s", number, slug(f.title)))
	if err := writeFile(name+".png", png); err != nil {
		return err
	}
	return f.Save(name + ".svg")
}

var numbered = regexp.MustCompile(`^(\d+)-.*\.png$`)

// nextNumber is one more than the largest number in the folder: each cell of
// a notebook is a program of its own, so no counter would do. It is 0 if a
// file with this ending already has this content.
func nextNumber(dir, ending string, content []byte) (int, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return 0, fmt.Errorf("plots: %s: %w", FiguresFolder, err)
	}
	last := 0
	for _, file := range files {
		if m := numbered.FindStringSubmatch(file.Name()); m != nil {
			if m[0] == m[1]+ending {
				old, err := os.ReadFile(filepath.Join(dir, m[0]))
				if err == nil && bytes.Equal(old, content) {
					return 0, nil
				}
			}
			if n, err := strconv.Atoi(m[1]); err == nil {
				last = max(last, n)
			}
		}
	}
	return last + 1, nil
}

// slug makes a file name of a title: letters and digits joined by dashes, at
// most 60 of them.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	s := []rune(strings.Join(words, "-"))
	if len(s) == 0 {
		return "figure"
	}
	return strings.TrimRight(string(s[:min(len(s), 60)]), "-")
}

// serverFolder is the working folder as the Jupyter server names it, or ""
// when there is no server or the folder lies outside its root.
func serverFolder(root string) string {
	dir, err := os.Getwd()
	if root == "" || err != nil {
		return ""
	}
	rel, err := filepath.Rel(resolve(root), resolve(dir))
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// resolve follows links where it can: server and cell may name one folder in
// two ways.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
