// Package recorded owns sysfs trees that are written in one text, so that a test can have what no file system can
// hold: a read that fails with EIO, a read that gives nothing, a sequence of answers, names with colons.
//
//	-- devices/platform/dht11@4/iio:device0/in_temp_input --
//	!ETIMEDOUT
//	~
//	24300
//	-- bus/iio/devices/iio:device0 -> devices/platform/dht11@4/iio:device0 --
//
// Each read takes the next answer of a file, divided by lines of "~"; the last one stays. An answer !EIO is the error of
// that name, !EMPTY no byte at all. A link is written with the name that it leads to from the root. Lines before the
// first header are a comment: where the tree was recorded.
package recorded

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Tree is a recorded sysfs.Tree.
type Tree struct {
	mu    sync.Mutex
	files map[string][]string
	links map[string]string
	fixed map[string]bool // read only
	wrote []string
}

// Parse reads a tree's text.
func Parse(text string) (*Tree, error) {
	t := &Tree{files: map[string][]string{}, links: map[string]string{}, fixed: map[string]bool{}}
	file, body := "", ""
	end := func() {
		if file != "" {
			t.files[file] = strings.Split(strings.TrimSuffix(body, "\n"), "\n~\n")
		}
		file, body = "", ""
	}
	for line := range strings.Lines(text) {
		header, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		header, closed := strings.CutSuffix(header, " --")
		if !ok || !closed {
			body += line
			continue
		}
		end()
		if name, to, link := strings.Cut(header, " -> "); link {
			t.links[name] = to
		} else {
			file = strings.TrimSuffix(header, " (read only)")
			t.fixed[file] = file != header
		}
	}
	end()
	if len(t.files) == 0 && len(t.links) == 0 && strings.TrimSpace(text) != "" && !strings.HasPrefix(text, "#") {
		return nil, fmt.Errorf("a recorded tree has no file: %.40q", text)
	}
	return t, nil
}

// Become changes the tree to another one, as when something is plugged in. What was written is kept.
func (t *Tree) Become(other *Tree) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files, t.links, t.fixed = other.files, other.links, other.fixed
}

// Wrote is every write in order: "name: text".
func (t *Tree) Wrote() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.wrote)
}

// Read takes the next answer.
func (t *Tree) Read(name string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name = t.real(name)
	answers, ok := t.files[name]
	if !ok {
		return "", &fs.PathError{Op: "open", Path: name, Err: unix.ENOENT}
	}
	answer := answers[0]
	if len(answers) > 1 {
		t.files[name] = answers[1:]
	}
	switch code, special := strings.CutPrefix(strings.TrimSpace(answer), "!"); {
	case special && code == "EMPTY":
		return "", nil
	case special:
		return "", &fs.PathError{Op: "read", Path: name, Err: number(code)}
	}
	return strings.TrimSpace(answer), nil
}

// Write notes the text.
func (t *Tree) Write(name, text string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	name = t.real(name)
	if _, ok := t.files[name]; !ok {
		return &fs.PathError{Op: "open", Path: name, Err: unix.ENOENT}
	}
	if t.fixed[name] {
		return &fs.PathError{Op: "open", Path: name, Err: unix.EACCES}
	}
	t.wrote = append(t.wrote, name+": "+strings.TrimSpace(text))
	return nil
}

// List names what a folder holds.
func (t *Tree) List(dir string) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir = t.real(dir) + "/"
	var out []string
	add := func(name string) {
		if rest, ok := strings.CutPrefix(name, dir); ok {
			first, _, _ := strings.Cut(rest, "/")
			out = append(out, first)
		}
	}
	for name := range t.files {
		add(name)
	}
	for name := range t.links {
		add(name)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Real follows links.
func (t *Tree) Real(name string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	real := t.real(name)
	for file := range t.files {
		if file == real || strings.HasPrefix(file, real+"/") {
			return real, nil
		}
	}
	return "", &fs.PathError{Op: "lstat", Path: name, Err: unix.ENOENT}
}

// real follows the links in a name, of which there are few.
func (t *Tree) real(name string) string {
	name = path.Clean(name)
	for link, to := range t.links {
		if rest, ok := strings.CutPrefix(name+"/", link+"/"); ok {
			return t.real(path.Join(to, rest))
		}
	}
	return name
}

func number(code string) error {
	for n := unix.Errno(1); n < 134; n++ {
		if unix.ErrnoName(n) == code {
			return n
		}
	}
	return fmt.Errorf("no error is called %s", code)
}
