package compose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/schema"
)

// lookup finds the value at a path of keys and indexes.
func lookup(value any, at []string) (any, bool) {
	for _, part := range at {
		switch v := value.(type) {
		case map[string]any:
			item, ok := v[part]
			if !ok {
				return nil, false
			}
			value = item
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// without returns the value less what is at a path.
func without(value any, at []string) any {
	if len(at) == 0 {
		return nil
	}
	switch v := value.(type) {
	case map[string]any:
		item, ok := v[at[0]]
		if !ok {
			return v
		}
		if len(at) == 1 {
			delete(v, at[0])
			return v
		}
		v[at[0]] = without(item, at[1:])
	case []any:
		i, err := strconv.Atoi(at[0])
		if err != nil || i < 0 || i >= len(v) {
			return v
		}
		if len(at) == 1 {
			return append(slices.Clone(v[:i]), v[i+1:]...)
		}
		v[i] = without(v[i], at[1:])
	}
	return value
}

// dotted writes a path as package spec and the positions spell it: services.web.ports[0].
func dotted(model any, at []string) string {
	path := ""
	for i, part := range at {
		parent, _ := lookup(model, at[:i])
		if _, isList := parent.([]any); isList {
			path += "[" + part + "]"
		} else {
			path = join(path, part)
		}
	}
	return path
}

// item splits the path of a list's item into the list and the index.
func item(path string) (list string, index int, ok bool) {
	if !strings.HasSuffix(path, "]") {
		return "", 0, false
	}
	bracket := strings.LastIndexByte(path, '[')
	return path[:bracket], number(path[bracket+1 : len(path)-1]), true
}

// resolve finds the keys that a path with dots means, although keys may have dots themselves, and for [] the
// first index at which the rest exists.
func (l *loader) resolve(parts []string) ([]string, bool) {
	return resolve(l.model, parts)
}

func resolve(value any, parts []string) ([]string, bool) {
	if len(parts) == 0 {
		return []string{}, true
	}
	switch v := value.(type) {
	case map[string]any:
		for n := 1; n <= len(parts); n++ {
			key := strings.Join(parts[:n], ".")
			item, ok := v[key]
			if !ok {
				continue
			}
			if rest, found := resolve(item, parts[n:]); found {
				return append([]string{key}, rest...), true
			}
		}
	case []any:
		for i, item := range v {
			if rest, found := resolve(item, parts[1:]); found {
				return append([]string{strconv.Itoa(i)}, rest...), true
			}
		}
	}
	return nil, false
}

// knownKeys are the keys that the Compose schema knows at a path.
func knownKeys(at []string) []string {
	var known []string
	for _, pattern := range schema.AttributePaths() {
		parts := strings.Split(string(pattern), ".")
		if len(parts) == len(at)+1 && matches(parts[:len(at)], at) && parts[len(at)] != "*" && parts[len(at)] != "[]" {
			known = append(known, parts[len(at)])
		}
	}
	return known
}

func matches(pattern, at []string) bool {
	for i, part := range pattern {
		if part != "*" && part != "[]" && part != at[i] {
			return false
		}
	}
	return true
}

func duration(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("it is no text")
	}
	if _, err := time.ParseDuration(text); err != nil {
		return fmt.Errorf("30s, 15m or 2h, for example")
	}
	return nil
}

func last(at []string) string {
	for i := len(at) - 1; i >= 0; i-- {
		if _, err := strconv.Atoi(at[i]); err != nil {
			if i < len(at)-1 {
				return "an entry of " + at[i]
			}
			return at[i]
		}
	}
	return "the file"
}

func quoted(value any) string {
	if text, ok := value.(string); ok {
		return strconv.Quote(strings.ReplaceAll(text, "$$", "$"))
	}
	return fmt.Sprint(value)
}

func texts(values []any) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = fmt.Sprint(v)
	}
	return all
}

// list writes "a, b or c"; kinds of JSON get the names that YAML's users know.
func list(words []string) string {
	words = slices.Clone(words)
	for i, w := range words {
		switch w {
		case "object":
			words[i] = "a mapping"
		case "array":
			words[i] = "a list"
		case "string":
			words[i] = "text"
		case "number", "integer":
			words[i] = "a number"
		case "boolean":
			words[i] = "true or false"
		case "null":
			words[i] = "empty"
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
