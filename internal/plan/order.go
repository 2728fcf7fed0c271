package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// startOrder sorts functions into levels by depends_on: each level needs only earlier ones. Who consumes whom
// does not order anything: consumers wait by themselves. External functions are there already.
func startOrder(functions []spec.Function) ([]Level, error) {
	external := map[string]bool{}
	known := make(map[string]bool, len(functions))
	for i := range functions {
		known[functions[i].Name] = true
		external[functions[i].Name] = functions[i].External != ""
	}
	var levels []Level
	done := make(map[string]bool, len(functions))
	left := functions
	for len(left) > 0 {
		var level Level
		var next []spec.Function
		for _, f := range left {
			ready, err := dependenciesDone(f, known, external, done)
			switch {
			case err != nil:
				return nil, err
			case external[f.Name]:
			case ready:
				level.Functions = append(level.Functions, f.Name)
			default:
				next = append(next, f)
			}
		}
		if len(level.Functions) == 0 && len(next) > 0 {
			return nil, fmt.Errorf("%w: depends_on goes round in a circle: %s", ErrSpecification, circle(next))
		}
		for _, name := range level.Functions {
			done[name] = true
		}
		if len(level.Functions) > 0 {
			levels = append(levels, level)
		}
		left = next
	}
	return levels, nil
}

func dependenciesDone(f spec.Function, known, external, done map[string]bool) (bool, error) {
	ready := true
	for _, d := range f.DependsOn {
		if !known[d.Function] {
			return false, fmt.Errorf("%w: function %s depends on %s, which is no function", ErrSpecification, f.Name, d.Function)
		}
		ready = ready && (external[d.Function] || done[d.Function])
	}
	return ready, nil
}

// circle walks from the first function that cannot start along what it waits for until a name comes back.
func circle(stuck []spec.Function) string {
	waitsFor := map[string]string{}
	for _, f := range stuck {
		for _, d := range f.DependsOn {
			if slices.ContainsFunc(stuck, func(s spec.Function) bool { return s.Name == d.Function }) {
				waitsFor[f.Name] = d.Function
				break
			}
		}
	}
	path := []string{stuck[0].Name}
	for {
		next := waitsFor[path[len(path)-1]]
		if i := slices.Index(path, next); i >= 0 {
			return strings.Join(append(path[i:], next), " -> ")
		}
		path = append(path, next)
	}
}
