package lirc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// section is where in a file the parser is.
type section int

const (
	outside section = iota
	inRemote
	inCodes
	inRaw
)

// parser reads lircd.conf(5): words between blanks, a remote in begin and end. It goes on after a mistake, so that
// all are found at once.
type parser struct {
	remotes  []Remote
	mistakes []error
	files    int

	name string // of the file
	line int

	where  section
	remote Remote
	fields fields
	key    *Key // whose pulses are being read
}

func (p *parser) mistake(line int, format string, args ...any) {
	p.mistakes = append(p.mistakes, Mistake{File: p.name, Line: line, Text: fmt.Sprintf(format, args...)})
}

// file reads one file. A remote has to end in the file it began in.
func (p *parser) file(r io.Reader, name string, depth int) {
	outer, outerLine := p.name, p.line
	p.name, p.line = name, 0
	defer func() { p.name, p.line = outer, outerLine }()
	limited := &io.LimitedReader{R: r, N: largestFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4096), 64<<10)
	for lines.Scan() && len(p.mistakes) <= mostMistakes {
		p.line++
		p.words(wordsOf(lines.Text()), depth)
	}
	switch {
	case lines.Err() != nil:
		p.mistake(p.line+1, "%v", lines.Err())
	case limited.N <= 0:
		p.mistake(p.line, "the file is larger than %d bytes", largestFile)
	case len(p.mistakes) <= mostMistakes && p.where != outside:
		p.mistake(p.line, "the file ends inside of the remote that began in line %d", p.remote.Line)
	}
	p.where, p.key = outside, nil
}

// wordsOf splits a line and leaves a comment off.
func wordsOf(line string) []string {
	words := strings.Fields(line)
	if i := slices.IndexFunc(words, func(w string) bool { return w[0] == '#' }); i >= 0 {
		words = words[:i]
	}
	return words
}

func (p *parser) words(w []string, depth int) {
	if len(w) == 0 {
		return
	}
	switch first := strings.ToLower(w[0]); {
	case first == "include" && p.where == outside:
		p.include(w[1:], depth)
	case first == "begin" && len(w) > 1:
		p.begin(strings.ToLower(w[1]))
	case first == "end" && len(w) > 1:
		p.end(strings.ToLower(w[1]))
	case p.where == inRemote:
		p.field(first, w[1:])
	case p.where == inCodes:
		p.code(w)
	case p.where == inRaw && first == "name":
		p.rawKey(w[1:])
	case p.where == inRaw:
		p.rawPulses(w)
	default:
		p.mistake(p.line, "%q is not expected outside of a remote", w[0])
	}
}

func (p *parser) include(w []string, depth int) {
	pattern := strings.Join(w, " ")
	if unquoted := strings.Trim(pattern, `"<>`); unquoted == "" || len(unquoted)+2 != len(pattern) {
		p.mistake(p.line, "include needs a path in double quotes")
		return
	} else {
		pattern = unquoted
	}
	if depth == deepest {
		p.mistake(p.line, "includes are nested more than %d deep", deepest)
		return
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(p.name), pattern)
	}
	paths, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		p.mistake(p.line, "%q is no pattern", pattern)
	case len(paths) == 0 && !strings.ContainsAny(pattern, "*?["):
		p.mistake(p.line, "there is no file %s", pattern)
	}
	for _, path := range paths {
		if p.files++; p.files > mostFiles {
			p.mistake(p.line, "more than %d files are included", mostFiles)
			return
		}
		p.included(path, depth)
	}
}

func (p *parser) included(path string, depth int) {
	file, err := os.Open(path)
	if err != nil {
		p.mistake(p.line, "%v", err)
		return
	}
	defer file.Close()
	p.file(file, path, depth+1)
}

func (p *parser) begin(what string) {
	switch {
	case what == "remote" && p.where == outside:
		p.where, p.fields, p.key = inRemote, fields{}, nil
		p.remote = Remote{CarrierHz: 38_000, File: p.name, Line: p.line}
	case what == "codes" && p.where == inRemote && len(p.remote.Keys) == 0:
		p.where = inCodes
	case what == "raw_codes" && p.where == inRemote && len(p.remote.Keys) == 0:
		p.where, p.fields.raw = inRaw, true
	case p.where == inCodes:
		p.code([]string{"begin", what}) // a key may be called so
	default:
		p.mistake(p.line, "begin %s is not expected here", what)
	}
}

func (p *parser) end(what string) {
	switch {
	case what == "codes" && p.where == inCodes, what == "raw_codes" && p.where == inRaw:
		p.endKey()
		p.where = inRemote
	case what == "remote" && p.where == inRemote:
		p.endRemote()
		p.where = outside
	case p.where == inCodes:
		p.code([]string{"end", what})
	default:
		p.mistake(p.line, "end %s is not expected here", what)
	}
}

func (p *parser) endRemote() {
	r := &p.remote
	switch {
	case r.Name == "":
		p.mistake(r.Line, "the remote has no name")
	case slices.ContainsFunc(p.remotes, func(o Remote) bool { return o.Name == r.Name }):
		p.mistake(r.Line, "there are two remotes %q", r.Name)
	case len(r.Keys) == 0:
		p.mistake(r.Line, "remote %q has no keys", r.Name)
	case r.CarrierHz < 1 || r.CarrierHz > 1_000_000:
		p.mistake(r.Line, "remote %q: frequency %d is no carrier in Hz", r.Name, r.CarrierHz)
	default:
		p.fields.finish(r)
		p.remotes = append(p.remotes, *r)
	}
}

// addKey begins a key.
func (p *parser) addKey(name string) *Key {
	if _, known := p.remote.Key(name); known {
		p.mistake(p.line, "there are two keys %q", name)
	}
	p.remote.Keys = append(p.remote.Keys, Key{Name: name, Line: p.line})
	return &p.remote.Keys[len(p.remote.Keys)-1]
}

// code reads a key of a codes section: its name and one number, or more for those that are sent one after another.
func (p *parser) code(w []string) {
	var numbers []uint64
	for _, text := range w[1:] {
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			p.mistake(p.line, "%q is no code of key %s", text, w[0])
			return
		}
		numbers = append(numbers, n)
	}
	if len(numbers) == 0 {
		p.mistake(p.line, "key %s has no code", w[0])
		return
	}
	p.addKey(w[0])
	p.fields.codes = append(p.fields.codes, numbers)
}

func (p *parser) rawKey(w []string) {
	p.endKey()
	if len(w) == 0 {
		p.mistake(p.line, "name needs the name of a key")
		return
	}
	p.key = p.addKey(w[0])
}

func (p *parser) rawPulses(w []string) {
	if p.key == nil {
		p.mistake(p.line, "%q is no name: a key begins with name and its name", w[0])
		return
	}
	for _, text := range w {
		us, err := strconv.ParseUint(text, 0, 24) // the kernel's words have 24 bits for the length
		if err != nil || us == 0 {
			p.mistake(p.line, "%q of key %s is no length in µs", text, p.key.Name)
			return
		}
		p.key.Pulses = append(p.key.Pulses, int(us))
	}
}

func (p *parser) endKey() {
	if p.key != nil && len(p.key.Pulses)%2 == 0 {
		p.mistake(p.key.Line, "key %s has %d lengths; it must begin and end with a pulse", p.key.Name, len(p.key.Pulses))
	}
	p.key = nil
}
