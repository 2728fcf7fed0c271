package compose

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// project lets compose-go read the model. compose-go stops at the first mistake and names no line, so when it
// refuses, its parts are tried alone: each mistake is then found at its own place, told, and taken out. The
// result is nil when what is left cannot be read either.
func (l *loader) project(ctx context.Context) (*types.Project, error) {
	project, err := l.read(ctx, l.model)
	if err == nil {
		return project, nil
	}
	before := len(l.problems)
	for _, section := range []string{"networks", "volumes", "secrets", "configs"} {
		for _, name := range sortedKeys(l.model[section]) {
			l.try(ctx, []string{section, name}, func(value any) map[string]any {
				return map[string]any{section: map[string]any{name: value}}
			})
		}
	}
	for _, name := range sortedKeys(l.model["services"]) {
		service, _ := lookup(l.model, []string{"services", name})
		for _, key := range sortedKeys(service) {
			if key == "extends" { // means something only beside the others
				continue
			}
			l.try(ctx, []string{"services", name, key}, func(value any) map[string]any {
				return map[string]any{"services": map[string]any{name: map[string]any{key: value}}}
			})
		}
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("reading %s: %w", l.options.Path, ctx.Err())
	}
	if len(l.problems) > before {
		if project, err = l.read(ctx, l.model); err == nil {
			return project, nil
		}
	}
	l.add(l.blame(ctx), "this cannot be read: %s", l.explain(err))
	return nil, nil
}

// blame is the function without which compose-go could read the rest, or include, or nothing.
func (l *loader) blame(ctx context.Context) string {
	if _, ok := l.model["include"]; ok {
		rest := clone(l.model).(map[string]any)
		delete(rest, "include")
		if _, err := l.read(ctx, rest); err == nil {
			return "include"
		}
	}
	services, _ := l.model["services"].(map[string]any)
	for _, name := range sortedKeys(l.model["services"]) {
		rest := clone(l.model).(map[string]any)
		delete(rest["services"].(map[string]any), name)
		if _, err := l.read(ctx, rest); err == nil && len(services) > 1 {
			return "services." + name
		}
	}
	return ""
}

// try reads one value in a model of its own and, when that fails, tells the mistake as deep as it can be
// found and takes it out.
func (l *loader) try(ctx context.Context, at []string, wrap func(any) map[string]any) {
	for { // a list may hold several mistakes
		value, ok := lookup(l.model, at)
		if !ok {
			return
		}
		_, err := l.read(ctx, wrap(value))
		if err == nil || ctx.Err() != nil {
			return
		}
		deepest := append(slices.Clone(at), l.descend(ctx, value, wrap)...)
		// An item found to be wrong is read alone once more for its own words.
		if bad, ok := lookup(l.model, deepest); ok && len(deepest) == len(at)+1 {
			if _, isList := value.([]any); isList {
				if _, own := l.read(ctx, wrap([]any{bad})); own != nil {
					err = own
				}
			}
		}
		l.refuse(deepest, "%s cannot be read: %s", last(deepest), l.explain(err))
		if len(deepest) == len(at) {
			return
		}
	}
}

// descend finds the part of a value that is to blame: for a list an item that fails alone, for a mapping the
// entry without which the rest is well.
func (l *loader) descend(ctx context.Context, value any, wrap func(any) map[string]any) []string {
	switch v := value.(type) {
	case []any:
		for i := len(v) - 1; i >= 0; i-- { // from the end, so that indexes before it stay
			alone := func(item any) map[string]any { return wrap([]any{item}) }
			if _, err := l.read(ctx, alone(v[i])); err != nil {
				return append([]string{strconv.Itoa(i)}, l.descend(ctx, v[i], alone)...)
			}
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			rest := clone(v).(map[string]any)
			delete(rest, key)
			if _, err := l.read(ctx, wrap(rest)); err != nil {
				continue
			}
			return append([]string{key}, l.descend(ctx, v[key], func(inner any) map[string]any {
				whole := clone(v).(map[string]any)
				whole[key] = inner
				return wrap(whole)
			})...)
		}
	}
	return nil
}

// explain makes one line of what compose-go said.
func (l *loader) explain(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	text = strings.ReplaceAll(text, l.dir+"/", "")
	text = strings.TrimPrefix(text, "decoding failed due to the following error(s): ")
	// Which value it is stands before already: 'services[web].mem_limit', secrets.both:
	return regexp.MustCompile(`^('[^']*' |[a-z]+\.\S+: )`).ReplaceAllString(text, "")
}

func sortedKeys(value any) []string {
	mapping, _ := value.(map[string]any)
	names := make([]string, 0, len(mapping))
	for name := range mapping {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
