package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// files are the page's own files, each compressed once. They are served under /assets, and under /assets/~SUM too,
// where SUM is of all of them: what stands there never changes, so that a browser asks for it only once.
type files struct {
	known map[string]*file
	sum   string
}

type file struct {
	kind   string // its Content-Type
	plain  []byte
	tag    string
	once   sync.Once
	packed []byte // nil when that saves nothing
}

// newFiles reads a folder of embedded files. Errors: none but of a folder that is not there.
func newFiles(folder fs.FS) (*files, error) {
	f := &files{known: map[string]*file{}}
	whole := sha256.New()
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		f.known[name] = newFile(name, text)
		_, err = fmt.Fprintf(whole, "%s %s\n", name, f.known[name].tag)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the page's files: %w", err)
	}
	f.styles()
	f.sum = hex.EncodeToString(whole.Sum(nil)[:6])
	return f, nil
}

// stylesheet finds a link to one of the page's own style sheets.
var stylesheet = regexp.MustCompile(`(?m)^\s*<link rel="stylesheet" href="/assets/(css/[^"]+)">\n`)

// allStyles is the one style sheet that the shell names instead of all: nothing is painted before styles are there.
const allStyles = "css/all.css"

// styles puts the shell's style sheets into one, in their order.
func (f *files) styles() {
	shell, is := f.known["index.html"]
	if !is {
		return
	}
	var all []byte
	for _, link := range stylesheet.FindAllSubmatch(shell.plain, -1) {
		if one, known := f.known[string(link[1])]; known {
			all = append(append(all, one.plain...), '\n')
		}
	}
	f.known[allStyles] = newFile(allStyles, all)
}

func newFile(name string, text []byte) *file {
	sum := sha256.Sum256(text)
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // what a machine's own table says differs
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case ".svg":
		kind = "image/svg+xml"
	case "", ".md", ".LICENSE":
		kind = "text/plain; charset=utf-8"
	}
	return &file{kind: kind, plain: text, tag: hex.EncodeToString(sum[:12])}
}

// compressed is the file as gzip; nil when that saves nothing.
func (f *file) compressed() []byte {
	f.once.Do(func() {
		var out bytes.Buffer
		w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
		if err == nil {
			_, err = w.Write(f.plain)
		}
		if err == nil {
			err = w.Close()
		}
		if err == nil && out.Len() < len(f.plain) {
			f.packed = out.Bytes()
		}
	})
	return f.packed
}

// how long a browser keeps something.
const (
	keepAsking = "no-cache" // it asks each time whether that is still so
	keepEver   = "public, max-age=31536000, immutable"
)

// serve answers with a file of /assets.
func (f *files) serve(c echo.Context) error {
	name, keep := c.Param("*"), keepAsking
	if rest, is := strings.CutPrefix(name, "~"); is {
		// A page of an earlier version may still ask for its own: it gets the newest, and does not keep it.
		var sum string
		if sum, name, _ = strings.Cut(rest, "/"); sum == f.sum {
			keep = keepEver
		}
	}
	one, known := f.known[path.Clean(name)]
	if !known {
		return echo.ErrNotFound
	}
	return one.answer(c, keep)
}

func (f *file) answer(c echo.Context, keep string) error {
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, keep)
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	body, tag := f.plain, `"`+f.tag+`"`
	if packed := f.compressed(); packed != nil && acceptsGzip(c.Request()) {
		body, tag = packed, packedTag(tag)
		h.Set(echo.HeaderContentEncoding, "gzip")
	}
	h.Set("ETag", tag)
	if matches(c.Request().Header.Get("If-None-Match"), `"`+f.tag+`"`) {
		h.Del(echo.HeaderContentEncoding)
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, f.kind, body)
}

// shell is the page itself for one of its places: it names its files where they are kept for ever, and tells the
// browser at once of all modules that it will need, the place's own too, instead of letting it find them one after the
// other.
func (f *files) shell(page string) *file {
	text := stylesheet.ReplaceAllString(string(f.known["index.html"].plain), "")
	var ahead strings.Builder
	fmt.Fprintf(&ahead, "<link rel=\"stylesheet\" href=\"/assets/%s\">\n", allStyles)
	for _, name := range f.modules("app.js", page) {
		fmt.Fprintf(&ahead, "<link rel=\"modulepreload\" href=\"/assets/%s\">\n", name)
	}
	text = strings.Replace(text, "</head>", ahead.String()+"</head>", 1)
	return newFile("index.html", []byte(strings.ReplaceAll(text, `"/assets/`, `"/assets/~`+f.sum+`/`)))
}

// imported finds what a module imports when it is loaded, not what it loads later.
var imported = regexp.MustCompile(`(?m)^\s*(?:import|export)\b[^"'();]*?["'](\.{1,2}/[^"']+)["']`)

// modules are those that some modules need, these first.
func (f *files) modules(from ...string) []string {
	var found []string
	for len(from) > 0 {
		name := from[0]
		from = from[1:]
		one, known := f.known[name]
		if !known || slices.Contains(found, name) {
			continue
		}
		found = append(found, name)
		for _, match := range imported.FindAllSubmatch(one.plain, -1) {
			from = append(from, path.Join(path.Dir(name), string(match[1])))
		}
	}
	return found
}

// moduleOf is the module that draws a place, as app.js has them.
func moduleOf(place string) string {
	switch place {
	case "/":
		return "pages/overview.js"
	case "/rooms/:room":
		return "pages/room.js"
	case "/boxes/:box":
		return "pages/box.js"
	case "/sign-in", "/setup":
		return "pages/sign_in.js"
	}
	return "pages" + place + ".js"
}
