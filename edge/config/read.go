package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/overcloud/overcloud/internal/spec"
)

// place is where a setting was written.
type place struct {
	line, column int
	variable     string // the environment variable that it came from; empty for the file
}

// document is a file being read: what is wrong with it, and where everything stands in it.
type document struct {
	file     string
	places   map[string]place // by path, as in spool.size and rooms.hall.sensors[0].id
	faulty   map[string]bool  // paths with a fault: what follows from it is not told
	problems spec.Problems
}

// mostBytes is more than any edge.yaml; a larger file is something else.
const mostBytes = 1 << 20

// read fills the settings from YAML and says whether the file is one at all. What is wrong is collected in problems.
func (d *document) read(data []byte, s *Settings) (legible bool) {
	if len(data) > mostBytes {
		d.problems = append(d.problems, spec.Problem{File: d.file, Message: fmt.Sprintf("the file has more than %d bytes: that is no edge.yaml", mostBytes)})
		return false
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return true // an empty file is all defaults
	} else if err != nil {
		d.problems = append(d.problems, syntax(d.file, err))
		return false
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		d.problems = append(d.problems, spec.Problem{File: d.file, Message: "the file has more than one document: remove what follows ---"})
		return false
	}
	if len(root.Content) == 1 && root.Content[0].Tag != "!!null" {
		d.value("", root.Content[0], reflect.ValueOf(s).Elem(), 0)
	}
	return true
}

// syntax makes the library's message a problem with its line.
func syntax(file string, err error) spec.Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	p := spec.Problem{File: file, Message: "this is no YAML: " + text}
	if i := strings.Index(text, "line "); i >= 0 {
		digits := text[i+5:]
		if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end > 0 {
			digits = digits[:end]
		}
		p.Line, _ = strconv.Atoi(digits) // zero, for unknown, when it is no number
	}
	return p
}

// add notes what is wrong with a setting, unless the setting or what holds it is wrong already. Where it was not
// written, its nearest parent that was says the line.
func (d *document) add(path, format string, args ...any) {
	for at := path; at != ""; at = parent(at) {
		if d.faulty[at] {
			return
		}
	}
	d.faulty[path] = true
	p := spec.Problem{Path: path, Message: fmt.Sprintf(format, args...)}
	at, found := d.at(path)
	switch {
	case found && at.variable != "":
		p.Path = at.variable
	case found:
		p.File, p.Line, p.Column = d.file, at.line, at.column
	default:
		p.File = d.file
	}
	d.problems = append(d.problems, p)
}

func (d *document) at(path string) (place, bool) {
	for path != "" {
		if at, ok := d.places[path]; ok {
			return at, true
		}
		path = parent(path)
	}
	return place{}, false
}

func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// within says whether something below a path is wrong.
func (d *document) within(path string) bool {
	for at := range d.faulty {
		if strings.HasPrefix(at, path+".") {
			return true
		}
	}
	return false
}

// deepest bounds nesting, so that a file of aliases to aliases ends.
const deepest = 32

func (d *document) value(path string, node *yaml.Node, to reflect.Value, depth int) {
	for node.Kind == yaml.AliasNode && node.Alias != nil && depth < deepest {
		node, depth = node.Alias, depth+1
	}
	if path != "" {
		d.places[path] = place{line: node.Line, column: node.Column}
	}
	switch {
	case depth >= deepest:
		d.add(path, "%s is nested too deeply", last(path))
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		// nothing written: the default stays
	case to.Kind() == reflect.Pointer:
		if to.IsNil() {
			to.Set(reflect.New(to.Type().Elem()))
		}
		d.value(path, node, to.Elem(), depth)
	case to.Kind() == reflect.Struct:
		d.mapping(path, node, to, depth)
	case named(to.Type()):
		d.names(path, node, to, depth)
	case to.Kind() == reflect.Slice:
		d.list(path, node, to, depth)
	case node.Kind != yaml.ScalarNode:
		d.add(path, "%s must be a single value, not a %s", last(path), kind(node))
	default:
		if err := set(to, node.Value); err != nil {
			d.add(path, "%s %v", last(path), err)
		}
	}
}

// mapping reads a section into a struct, strictly.
func (d *document) mapping(path string, node *yaml.Node, to reflect.Value, depth int) {
	known := fields(to.Type())
	d.pairs(path, node, func(key string, at, value *yaml.Node) {
		if i, ok := known[key]; ok {
			d.value(join(path, key), value, to.Field(i), depth+1)
			return
		}
		names := keys(known)
		hint := spec.Suggest(key, names)
		if hint == "" {
			hint = ": here are known " + strings.Join(names, ", ")
		}
		d.places[join(path, key)] = place{line: at.Line, column: at.Column}
		d.add(join(path, key), "unknown key %q%s", key, hint)
	})
}

// names reads a mapping of names to things into a list of them, sorted by name.
func (d *document) names(path string, node *yaml.Node, to reflect.Value, depth int) {
	to.SetZero()
	d.pairs(path, node, func(key string, _, value *yaml.Node) {
		one := fresh(to.Type().Elem(), key)
		d.value(join(path, key), value, one, depth+1)
		to.Set(reflect.Append(to, one))
	})
	sort.Slice(to.Interface(), func(i, j int) bool {
		return to.Index(i).FieldByName("Name").String() < to.Index(j).FieldByName("Name").String()
	})
}

// pairs goes through a mapping once for each key.
func (d *document) pairs(path string, node *yaml.Node, take func(key string, at, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		d.add(path, "%s must be a mapping (name: value), not a %s", last(path), kind(node))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if line, twice := seen[key.Value]; twice {
			d.places[join(path, key.Value)] = place{line: key.Line, column: key.Column}
			d.add(join(path, key.Value), "%s stands here twice, first in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		take(key.Value, key, node.Content[i+1])
	}
}

func (d *document) list(path string, node *yaml.Node, to reflect.Value, depth int) {
	if node.Kind != yaml.SequenceNode {
		d.add(path, "%s must be a list ([a, b] or lines with - ), not a %s", last(path), kind(node))
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, to.Index(i), depth+1)
	}
}

// named says whether a list is written as a mapping from names.
func named(t reflect.Type) bool {
	return t == reflect.TypeFor[[]Box]() || t == reflect.TypeFor[[]spec.Room]() || t == reflect.TypeFor[[]spec.AirConditioner]()
}

// fresh is a thing that states nothing but its name. 18 to 30 °C is what nearly every remote can say.
func fresh(t reflect.Type, name string) reflect.Value {
	one := reflect.New(t)
	switch v := one.Interface().(type) {
	case *Box:
		*v = freshBox(name)
	case *spec.Room:
		*v = spec.Room{Name: name, Policy: spec.DefaultPolicy()}
	case *spec.AirConditioner:
		*v = spec.AirConditioner{Name: name, Min: 18, Max: 30}
	}
	return one.Elem()
}

// fields are the keys of a struct with the index of the field: ours by their tag, those of package spec by their JSON
// name with dashes, as specifications write them.
func fields(t reflect.Type) map[string]int {
	out := map[string]int{}
	for i := range t.NumField() {
		if key := keyOf(t, t.Field(i)); key != "" {
			out[key] = i
		}
	}
	return out
}

func keyOf(t reflect.Type, f reflect.StructField) string {
	key := f.Tag.Get("key")
	if key == "" {
		key, _, _ = strings.Cut(f.Tag.Get("json"), ",")
		key = strings.ReplaceAll(key, "_", "-")
	}
	if key == "-" || f.Name == "Name" && named(reflect.SliceOf(t)) {
		return ""
	}
	return key
}

func keys(known map[string]int) []string {
	var out []string
	for key := range known {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

func kind(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	default:
		return "single value"
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// last is what people call a path: its last part, or the file.
func last(path string) string {
	if path == "" {
		return "the file"
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}
