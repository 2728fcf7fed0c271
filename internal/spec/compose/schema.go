package compose

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	interp "github.com/compose-spec/compose-go/v2/interpolation"
	composego "github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/overcloud/overcloud/internal/spec"
)

// schemaRounds bounds how often the schema is asked again after taking out what it refused. A mistake inside
// another one shows in the second round; more is not known to happen.
const schemaRounds = 5

// schema reports every violation of the Compose schema and takes the values concerned out of the model, so
// that the rest can be checked too. compose-go itself stops at the first one.
func (l *loader) schema() {
	if version, ok := l.model["version"]; ok {
		l.warnAt("version", "version %v is obsolete and without effect: remove it", version)
		delete(l.model, "version")
	}
	compiled, err := compile()
	if err != nil {
		l.add("", "the Compose schema cannot be compiled: %v", err)
		return
	}
	for range schemaRounds {
		raw, err := plain(l.cast())
		if err != nil {
			l.add("", "this cannot be written as JSON: %v", err)
			return
		}
		var invalid *jsonschema.ValidationError
		if !errors.As(compiled.Validate(raw), &invalid) {
			return
		}
		found := false
		for _, leaf := range lastFirst(leaves(invalid)) {
			found = l.violation(leaf) || found
		}
		if !found {
			return
		}
	}
}

// compile prepares the Compose schema that compose-go carries.
func compile() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(schema.Schema))
	if err != nil {
		return nil, fmt.Errorf("decoding: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.RegisterFormat(&jsonschema.Format{Name: "duration", Validate: duration})
	if err := compiler.AddResource("compose-spec.json", document); err != nil {
		return nil, fmt.Errorf("adding: %w", err)
	}
	return compiler.Compile("compose-spec.json")
}

// cast turns text into the numbers and booleans that Compose wants in its place (replicas: "${N}"), and
// reports text that is none.
func (l *loader) cast() map[string]any {
	casts := composego.ToOptions(&types.ConfigDetails{}, nil).Interpolate.TypeCastMapping
	keep := func(text string, _ template.Mapping) (string, error) { return strings.ReplaceAll(text, "$$", "$"), nil }
	for {
		model, err := interp.Interpolate(clone(l.model).(map[string]any), interp.Options{
			LookupValue: func(string) (string, bool) { return "", false }, TypeCastMapping: casts, Substitute: keep,
		})
		if err == nil {
			return model
		}
		// Each line of the joined error is "error while interpolating services.web.cpus: failed to cast …: reason".
		progress := false
		for _, line := range strings.Split(err.Error(), "\n") {
			_, rest, ok := strings.Cut(line, "error while interpolating ")
			dotted, reason, colon := strings.Cut(rest, ": ")
			if !ok || !colon {
				continue
			}
			if parts, found := l.resolve(strings.Split(dotted, ".")); found {
				value, _ := lookup(l.model, parts)
				want := "a number"
				if strings.Contains(reason, "boolean") {
					want = "true or false"
				}
				l.refuse(parts, "%s cannot be %s: write %s", last(parts), quoted(value), want)
				progress = true
			}
		}
		if !progress {
			return clone(l.model).(map[string]any)
		}
	}
}

// lastFirst orders violations so that taking one out of a list leaves the indexes of those to come as they are.
func lastFirst(all []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	slices.SortStableFunc(all, func(a, b *jsonschema.ValidationError) int {
		return slices.CompareFunc(b.InstanceLocation, a.InstanceLocation, func(x, y string) int {
			return cmp.Or(cmp.Compare(number(x), number(y)), cmp.Compare(x, y))
		})
	})
	return all
}

// leaves flattens a tree of violations. Of alternatives (oneOf) only what goes deepest is told, because the
// others are about spellings that were not meant.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	switch e.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		return alternatives(all)
	}
	return all
}

func alternatives(all []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	deepest := slices.MaxFunc(all, func(a, b *jsonschema.ValidationError) int { return depth(a) - depth(b) })
	wanted, isType := deepest.ErrorKind.(*kind.Type)
	if !isType {
		return []*jsonschema.ValidationError{deepest}
	}
	merged := &kind.Type{Got: wanted.Got}
	for _, e := range all {
		if k, ok := e.ErrorKind.(*kind.Type); ok && depth(e) == depth(deepest) {
			merged.Want = append(merged.Want, k.Want...)
		}
	}
	return []*jsonschema.ValidationError{{InstanceLocation: deepest.InstanceLocation, ErrorKind: merged}}
}

// depth prefers an unknown key inside a mapping over a wrong kind of the mapping itself.
func depth(e *jsonschema.ValidationError) int {
	d := 2 * len(e.InstanceLocation)
	if _, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
		d++
	}
	return d
}

// violation tells one leaf and takes its value out. It is false when there was nothing to tell.
func (l *loader) violation(e *jsonschema.ValidationError) bool {
	at := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, key := range k.Properties {
			l.unknownKey(append(slices.Clone(at), key))
		}
		return len(k.Properties) > 0
	case *kind.FalseSchema:
		// When another part of a service is wrong, the validator counts its known keys as unknown, too.
		if len(at) == 0 || slices.Contains(knownKeys(at[:len(at)-1]), at[len(at)-1]) {
			return false
		}
		l.unknownKey(at)
	case *kind.Type:
		l.refuse(at, "%s must be %s", last(at), list(k.Want))
	case *kind.Required:
		path := dotted(l.model, at)
		missing := slices.DeleteFunc(k.Missing, func(key string) bool { return l.excused[join(path, key)] })
		if len(missing) == 0 { // it was there, but wrong
			l.remove(at)
			return true
		}
		l.refuse(at, "%s needs %s", last(at), strings.Join(missing, " and "))
	case *kind.Enum:
		value, _ := lookup(l.model, at)
		l.refuse(at, "%s cannot be %s: write one of %s", last(at), quoted(value), list(texts(k.Want)))
	case *kind.Format:
		l.refuse(at, "%s cannot be %s: write a %s (%v)", last(at), quoted(k.Got), k.Want, k.Err)
	case *kind.UniqueItems:
		l.refuse(append(slices.Clone(at), strconv.Itoa(k.Duplicates[1])), "this entry of %s is there already: remove it", last(at))
	default:
		l.refuse(at, "%s: %s", last(at), e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
	return true
}

func (l *loader) unknownKey(at []string) {
	key, siblings := at[len(at)-1], knownKeys(at[:len(at)-1])
	hint := spec.Suggest(key, siblings)
	if hint == "" && len(at) > 2 {
		hint = ": remove it, or begin it with x- if it is meant for somebody else"
	}
	if hint == "" && len(at) == 1 {
		hint = ": a specification's own settings stand under x-overcloud"
	}
	if hint == "" && len(at) == 2 && at[0] == "services" {
		hint = ": a name has letters, digits, dots, dashes and underscores"
	}
	for _, sibling := range siblings {
		if hint != "" && strings.Contains(hint, strconv.Quote(sibling)) {
			l.excused[dotted(l.model, append(slices.Clone(at[:len(at)-1]), sibling))] = true
		}
	}
	l.refuse(at, "unknown key %q%s", key, hint)
}

// refuse reports a value at its line and takes it out of the model. A whole function is emptied only, so
// that others can go on naming it.
func (l *loader) refuse(at []string, format string, args ...any) {
	path := dotted(l.model, at)
	l.add(path, format, args...)
	if len(at) == 2 && at[0] == "services" && strings.HasSuffix(format, "must be %s") {
		l.model["services"].(map[string]any)[at[1]] = map[string]any{}
		return
	}
	l.remove(at)
}

// remove takes a value out of the model.
func (l *loader) remove(at []string) {
	path := dotted(l.model, at)
	if list, index, ok := item(path); ok {
		delete(l.excused, path) // the next item gets this path
		defer l.doc.dropItem(list, index)
	}
	l.model, _ = without(l.model, at).(map[string]any)
	if l.model == nil {
		l.model = map[string]any{}
	}
}

// plain is the value as JSON sees it, which is what the validator takes.
func plain(model map[string]any) (any, error) {
	encoded, err := json.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return jsonschema.UnmarshalJSON(strings.NewReader(string(encoded)))
}
