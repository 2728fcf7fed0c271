package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4" // the parser that compose-go uses, so that both read the same

	"github.com/overcloud/overcloud/internal/spec"
)

// Bounds of one YAML document with its aliases written out, against files that unfold into gigabytes.
const (
	mostNodes = 200_000
	mostDepth = 100
)

// refused stands for a value with a problem that is told already; the model is without it.
type refused struct{}

func isRefused(value any) bool {
	_, yes := value.(refused)
	return yes
}

// position is where a value begins; both count from 1.
type position struct{ line, column int }

// document is a parsed YAML file: its values with ${…} replaced, and where each of them stands.
type document struct {
	model     map[string]any
	positions map[string]position
	problems  spec.Problems
	warnings  spec.Problems

	lookup func(string) (string, bool)
	nodes  int
}

// parse reads one YAML document. Its problems are those of YAML itself and of ${…}; the model then lacks the
// values concerned.
func parse(content []byte, lookup func(string) (string, bool)) *document {
	d := &document{model: map[string]any{}, positions: map[string]position{}, lookup: lookup}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		d.syntax(err)
		return d
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		d.add("", &second, "a specification is one YAML document: remove the line --- and what follows")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	value := d.value(&root, "", 0)
	if d.nodes > mostNodes {
		return d
	}
	model, ok := value.(map[string]any)
	if !ok {
		d.add("", &root, "a specification is a mapping with services in it, as every Compose file")
		return d
	}
	d.model = model
	return d
}

// syntax places what the YAML parser says: "yaml: while parsing a block mapping at line 1, column 3: line 3,
// column 4: did not find expected key". The last place counts. The parser, unlike the scanner beneath it,
// counts lines from 0.
func (d *document) syntax(err error) {
	if errors.Is(err, io.EOF) {
		d.problems = append(d.problems, spec.Problem{Line: 1, Message: "the file is empty: declare at least one service"})
		return
	}
	p := spec.Problem{Line: 1}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	what := text[strings.LastIndex(text, ": ")+1:]
	if places := regexp.MustCompile(`line (\d+)(?:, column (\d+))?`).FindAllStringSubmatch(text, -1); len(places) > 0 {
		last := places[len(places)-1]
		p.Line, p.Column = number(last[1]), number(last[2])
		if strings.HasPrefix(text, "while parsing") {
			p.Line++
		}
	}
	p.Message = "this is no YAML: " + strings.TrimSpace(what)
	d.problems = append(d.problems, p)
}

func (d *document) add(path string, node *yaml.Node, format string, args ...any) {
	d.problems = append(d.problems, spec.Problem{
		Path: path, Line: max(node.Line, 1), Column: node.Column, Message: fmt.Sprintf(format, args...),
	})
}

// value turns a node into maps, slices and scalars and notes where each stands.
func (d *document) value(node *yaml.Node, path string, depth int) any {
	d.nodes++
	if d.nodes > mostNodes || depth > mostDepth {
		if d.nodes < 2*mostNodes { // say it once
			d.add(path, node, "the document is too large or too deep, with its aliases written out: split it")
			d.nodes = 2 * mostNodes
		}
		return refused{}
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		d.add(path, node, "the tag %s is not supported: a specification is one file, there is nothing to reset or override", node.Tag)
		return refused{}
	}
	switch node.Kind {
	case yaml.DocumentNode:
		return d.value(node.Content[0], path, depth+1)
	case yaml.AliasNode:
		return d.value(node.Alias, path, depth+1)
	case yaml.MappingNode:
		return d.mapping(node, path, depth)
	case yaml.SequenceNode:
		items := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			at := fmt.Sprintf("%s[%d]", path, len(items))
			d.note(at, item)
			if name, _, _ := strings.Cut(item.Value, "="); item.Kind == yaml.ScalarNode && name != "" {
				d.noteOnce(path+"."+name, item) // a list of NAME=VALUE is a mapping, too
			}
			if value := d.value(item, at, depth+1); !isRefused(value) {
				items = append(items, value)
			}
		}
		return items
	default:
		return d.scalar(node, path)
	}
}

func (d *document) mapping(node *yaml.Node, path string, depth int) map[string]any {
	values := map[string]any{}
	first := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, child := node.Content[i], node.Content[i+1]
		if key.Tag == "!!merge" {
			d.merge(values, first, child, path, depth)
			continue
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			d.add(path, key, "a key must be plain text")
			continue
		}
		at := join(path, key.Value)
		if line, twice := first[key.Value]; twice {
			d.add(at, key, "key %q is given twice, first on line %d: remove or rename one", key.Value, line)
			continue
		}
		first[key.Value] = key.Line
		d.note(at, key)
		if value := d.value(child, at, depth+1); !isRefused(value) {
			values[key.Value] = value
		}
	}
	return values
}

// merge takes over the entries of <<: *anchor that the mapping does not have itself.
func (d *document) merge(values map[string]any, own map[string]int, node *yaml.Node, path string, depth int) {
	var sources []any
	switch v := d.value(node, path, depth+1).(type) {
	case map[string]any:
		sources = []any{v}
	case []any:
		sources = v
	}
	for _, source := range sources {
		mapping, ok := source.(map[string]any)
		if !ok {
			d.add(path, node, "<< takes an alias of a mapping")
			continue
		}
		for key, value := range mapping {
			if _, set := values[key]; !set && own[key] == 0 {
				values[key] = value
			}
		}
	}
}

func (d *document) scalar(node *yaml.Node, path string) any {
	switch node.ShortTag() {
	case "!!str", "!!timestamp", "!!binary":
		return d.text(node, path)
	case "!!null":
		return nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		d.add(path, node, "%q cannot be read: put it in quotes", node.Value)
		return refused{}
	}
	if number, ok := value.(float64); ok && (math.IsNaN(number) || math.IsInf(number, 0)) {
		d.add(path, node, "%s is no number to count with", node.Value)
		return refused{}
	}
	return value
}

// text replaces ${…}. A dollar sign that stays is doubled, because compose-go looks for ${…} once more.
func (d *document) text(node *yaml.Node, path string) any {
	text, unset, err := expand(node.Value, d.lookup)
	if err != nil {
		d.add(path, node, "%v", err)
		return refused{}
	}
	for _, name := range unset {
		d.warnings = append(d.warnings, spec.Problem{
			Path: path, Line: node.Line, Column: node.Column,
			Message: fmt.Sprintf("variable %s is not set, so it is empty here: set it, or write ${%s:-default}", name, name),
		})
	}
	return strings.ReplaceAll(text, "$", "$$")
}

func (d *document) note(path string, node *yaml.Node) {
	d.positions[path] = position{node.Line, node.Column}
}

func (d *document) noteOnce(path string, node *yaml.Node) {
	if _, known := d.positions[path]; !known {
		d.note(path, node)
	}
}

// at is where a path stands; for a path that is not in the file, where the nearest one around it stands.
func (d *document) at(path string) position {
	for path != "" {
		if p, ok := d.positions[path]; ok {
			return p
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return position{line: 1}
}

// dropItem forgets an item that was taken out of a list: those behind it move up by one.
func (d *document) dropItem(list string, index int) {
	moved := map[string]position{}
	for path, p := range d.positions {
		rest, ok := strings.CutPrefix(path, list+"[")
		if !ok {
			continue
		}
		digits, tail, _ := strings.Cut(rest, "]")
		if i := number(digits); i >= index {
			delete(d.positions, path)
			if i > index {
				moved[fmt.Sprintf("%s[%d]%s", list, i-1, tail)] = p
			}
		}
	}
	for path, p := range moved {
		d.positions[path] = p
	}
}

// forget drops what is known about the items of a list, where theirs are not the indexes of the result.
func (d *document) forget(list string) {
	for path := range d.positions {
		if strings.HasPrefix(path, list+"[") {
			delete(d.positions, path)
		}
	}
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// number reads digits that a pattern has matched; too many of them count as zero.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
