package setup

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// index is where Python packages come from: PyPI, or what pip was told to use
// instead. No Python is needed to read it (PEP 503 and PEP 691).
type index struct {
	urls    []string // each ends before /PROJECT/
	folders []string // with wheels, looked at first (pip's find-links)
	client  *http.Client
}

const publicIndex = "https://pypi.org/simple"

// pipSettings are pip's own: files, weakest first, and over them variables.
type pipSettings struct {
	files  map[string]string
	getenv func(string) string
}

// readPipSettings reads what of pip's settings concerns downloads; absent
// files say nothing.
func readPipSettings(getenv func(string) string, files []string) (pipSettings, error) {
	p := pipSettings{map[string]string{}, getenv}
	for _, f := range files {
		if err := readPipConfig(f, p.files); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p pipSettings) get(key string) string {
	variable := "PIP_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
	return cmp.Or(p.getenv(variable), p.files[key])
}

// index is where these settings send pip.
func (p pipSettings) index(client *http.Client) index {
	ix := index{client: client}
	switch strings.ToLower(p.get("no-index")) {
	case "", "0", "false", "no", "off":
		ix.urls = append([]string{cmp.Or(p.get("index-url"), publicIndex)}, strings.Fields(p.get("extra-index-url"))...)
	}
	for _, link := range strings.Fields(p.get("find-links")) {
		folder := strings.TrimPrefix(link, "file://")
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			ix.folders = append(ix.folders, folder)
		}
	}
	return ix
}

// pipConfigFiles are the files pip reads on this system, weakest first.
func pipConfigFiles(getenv func(string) string) []string {
	home := getenv("HOME")
	files := []string{
		"/etc/xdg/pip/pip.conf", "/etc/pip.conf", filepath.Join(home, ".pip", "pip.conf"),
		filepath.Join(cmp.Or(getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "pip", "pip.conf"),
	}
	if named := getenv("PIP_CONFIG_FILE"); named != "" {
		files = append(files, named)
	}
	return files
}

// readPipConfig adds a file's settings for downloads.
func readPipConfig(file string, settings map[string]string) error {
	f, err := os.Open(file)
	if err != nil {
		return nil // as pip: an absent file says nothing
	}
	defer f.Close()
	section, key := "", ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, trimmed := lines.Text(), strings.TrimSpace(lines.Text())
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[':
			section, key = strings.Trim(trimmed, "[]"), ""
		case section != "global" && section != "install" && section != "download":
		case key != "" && (line[0] == ' ' || line[0] == '\t'): // a value goes on
			settings[key] += " " + trimmed
		default:
			name, value, _ := strings.Cut(trimmed, "=")
			key = strings.ReplaceAll(strings.TrimSpace(name), "_", "-")
			settings[key] = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("pip's settings %s: %w", file, err)
	}
	return nil
}

// fileURL finds the address of the file with w's hash.
func (ix index) fileURL(ctx context.Context, w wheel) (string, error) {
	var errs []error
	for _, base := range ix.urls {
		page := strings.TrimSuffix(base, "/") + "/" + w.Project + "/"
		files, err := ix.list(ctx, page)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if address, ok := files[w.SHA256]; ok {
			return address, nil
		}
		errs = append(errs, fmt.Errorf("%s has no file of %s %s with SHA-256 %s", redacted(page), w.Project, w.Version, w.SHA256))
	}
	if len(errs) == 0 {
		return "", errors.New("pip's settings forbid an index (no-index)")
	}
	return "", errors.Join(errs...)
}

// list reads a project's page: addresses by SHA-256.
func (ix index) list(ctx context.Context, page string) (map[string]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.5")
	resp, err := ix.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", redacted(page), resp.Status)
	}
	const largest = 64 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, largest))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redacted(page), err)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	files, err := parseIndexPage(kind, body, resp.Request.URL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redacted(page), err)
	}
	return files, nil
}

var anchor = regexp.MustCompile(`(?is)<a\s[^>]*?href\s*=\s*["']([^"']+)["']`)

func parseIndexPage(kind string, body []byte, page *url.URL) (map[string]string, error) {
	files := map[string]string{}
	if kind == "application/vnd.pypi.simple.v1+json" {
		var list struct {
			Files []struct {
				URL    string
				Hashes map[string]string
			}
		}
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, err
		}
		for _, f := range list.Files {
			address, err := page.Parse(f.URL)
			if err != nil {
				return nil, err
			}
			files[f.Hashes["sha256"]] = address.String()
		}
		return files, nil
	}
	for _, match := range anchor.FindAllSubmatch(body, -1) {
		address, err := page.Parse(html.UnescapeString(string(match[1])))
		if err != nil {
			return nil, err
		}
		if sum, ok := strings.CutPrefix(address.Fragment, "sha256="); ok {
			address.Fragment = ""
			files[sum] = address.String()
		}
	}
	return files, nil
}

// redacted hides a password in an address.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the index"
	}
	return u.Redacted()
}
