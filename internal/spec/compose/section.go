package compose

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/overcloud/overcloud/internal/spec"
)

// section reads one mapping of x-overcloud strictly: every getter makes its key known, and done tells the
// keys that nobody asked for. Text stands for a number too, because ${…} makes text.
type section struct {
	l      *loader
	path   string
	values map[string]any
	known  []string
}

// section opens a mapping; anything else is told and read as empty.
func (l *loader) section(path string, value any) *section {
	s := &section{l: l, path: path}
	switch v := value.(type) {
	case nil:
	case map[string]any:
		s.values = v
	default:
		l.add(path, "%s must be a mapping", lastKey(path))
	}
	return s
}

func (s *section) done() {
	for _, key := range sortedNames(s.values) {
		if slices.Contains(s.known, key) || strings.HasPrefix(key, "x-") {
			continue
		}
		hint := spec.Suggest(key, s.known)
		if hint == "" {
			hint = ": " + lastKey(s.path) + " knows " + strings.Join(slices.Sorted(slices.Values(s.known)), ", ")
		}
		for _, known := range s.known {
			if strings.Contains(hint, strconv.Quote(known)) {
				s.l.excused[s.at(known)] = true // it is missing because it is mistyped
			}
		}
		s.l.add(s.at(key), "unknown key %q%s", key, hint)
	}
}

func (s *section) at(key string) string { return join(s.path, key) }

// take finds a value and makes its key known.
func (s *section) take(key string) (any, bool) {
	s.known = append(s.known, key)
	value, ok := s.values[key]
	return value, ok && value != nil
}

func (s *section) wrong(key, want string, value any) {
	s.l.add(s.at(key), "%s must be %s, not %s", key, want, shown(value))
}

func (s *section) text(key string) string {
	value, ok := s.take(key)
	if !ok {
		return ""
	}
	switch v := value.(type) {
	case string:
		return v
	case int, int64, uint64, float64:
		return fmt.Sprint(v)
	}
	s.wrong(key, "text", value)
	return ""
}

// number reads a number into to, which keeps its value when the key is not there.
func (s *section) number(key string, to *float64) {
	value, ok := s.take(key)
	if !ok {
		return
	}
	switch v := value.(type) {
	case int:
		*to = float64(v)
		return
	case float64:
		*to = v
		return
	case string:
		if n, err := strconv.ParseFloat(v, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			*to = n
			return
		}
	}
	s.wrong(key, "a number", value)
}

// whole reads a whole number into to, which keeps its value when the key is not there.
func (s *section) whole(key string, to *int) {
	value, ok := s.take(key)
	if !ok {
		return
	}
	switch v := value.(type) {
	case int:
		*to = v
		return
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			*to = int(v)
			return
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			*to = n
			return
		}
	}
	s.wrong(key, "a whole number", value)
}

func (s *section) duration(key string, to *spec.Duration) {
	value, ok := s.take(key)
	if !ok {
		return
	}
	if text, isText := value.(string); isText {
		if d, err := time.ParseDuration(text); err == nil {
			*to = spec.Duration(d)
			return
		}
	}
	s.wrong(key, "a duration with its unit (30s, 15m, 2h)", value)
}

// bytes reads an amount of memory as Compose writes it: 512M, 2G, 1048576.
func (s *section) bytes(key string) int64 {
	value, ok := s.take(key)
	if !ok {
		return 0
	}
	var amount types.UnitBytes
	if err := amount.DecodeMapstructure(value); err != nil {
		s.wrong(key, "an amount of bytes (512M, 2G)", value)
		return 0
	}
	return int64(amount)
}

func (s *section) yes(key string) bool {
	value, ok := s.take(key)
	if !ok {
		return false
	}
	if text, isText := value.(string); isText {
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	b, isBool := value.(bool)
	if !isBool {
		s.wrong(key, "true or false", value)
	}
	return b
}

// required reads the word "required", of which approval knows no other.
func (s *section) required(key string) bool {
	value, ok := s.take(key)
	if ok && value != "required" {
		s.l.add(s.at(key), "%s is %s, but the only word for it is required: write that, or remove the key", key, shown(value))
	}
	return ok && value == "required"
}

func (s *section) list(key string) []any {
	value, ok := s.take(key)
	if !ok {
		return nil
	}
	items, isList := value.([]any)
	if !isList {
		s.wrong(key, "a list", value)
	}
	return items
}

func (s *section) texts(key string) []string {
	var all []string
	for i, item := range s.list(key) {
		text, ok := item.(string)
		if !ok {
			s.l.add(fmt.Sprintf("%s[%d]", s.at(key), i), "an entry of %s must be text, not %s", key, shown(item))
		}
		all = append(all, text)
	}
	return all
}

// mapping opens the mapping under a key.
func (s *section) mapping(key string) *section {
	value, _ := s.take(key)
	return s.l.section(s.at(key), value)
}

// variables reads a mapping of text, or a list of NAME=VALUE, sorted by name.
func (s *section) variables(key string) []spec.Variable {
	value, _ := s.take(key)
	var all []spec.Variable
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for _, name := range sortedNames(v) {
			switch v[name].(type) {
			case map[string]any, []any:
				s.l.add(s.at(key)+"."+name, "%s must be text, not %s", name, shown(v[name]))
			case nil:
				all = append(all, spec.Variable{Name: name})
			default:
				all = append(all, spec.Variable{Name: name, Value: fmt.Sprint(v[name])})
			}
		}
	case []any:
		for i, item := range v {
			name, text, ok := strings.Cut(fmt.Sprint(item), "=")
			if _, isText := item.(string); !ok || !isText || name == "" {
				s.l.add(fmt.Sprintf("%s[%d]", s.at(key), i), "an entry of %s must be LABEL=VALUE, not %s", key, shown(item))
			}
			all = append(all, spec.Variable{Name: name, Value: text})
		}
	default:
		s.wrong(key, "a mapping or a list of LABEL=VALUE", value)
	}
	return all
}

// shown is a value as the person wrote it, shortened.
func shown(value any) string {
	switch v := value.(type) {
	case nil:
		return "empty"
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		if len(v) > 60 {
			v = v[:60] + "…"
		}
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
}

func lastKey(path string) string {
	return path[strings.LastIndexByte(path, '.')+1:]
}
