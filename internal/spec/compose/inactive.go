package compose

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/overcloud/overcloud/internal/spec"
)

// inactive settles what a function says of functions whose profile is not active. The rule is Compose's
// `required: false`, on depends_on or on consumes: a provider that is not required may be absent. Then the
// entry is left out, and so is every environment variable that names the provider in a placeholder; the
// process sees that the variable is not set. Without `required: false` each of them is a mistake.
func (l *loader) inactive(project *types.Project, f *spec.Function) {
	at := "services." + f.Name
	optional := l.optional(project, f.Name)
	for _, d := range f.DependsOn {
		if provider, ok := project.DisabledServices[d.Function]; ok {
			l.add(at+".depends_on."+d.Function, "function %q depends on %q, which %s: activate it, or write required: false",
				f.Name, d.Function, profilesOf(provider))
		}
	}
	kept := f.Environment[:0:0]
	for _, v := range f.Environment {
		absent := ""
		for _, p := range spec.Placeholders(v.Value) {
			if provider, ok := project.DisabledServices[p.Function]; ok {
				absent = p.Function
				if !optional[absent] {
					l.add(at+".environment."+v.Name, "%s names %q, which %s: activate it, or write required: false under depends_on or consumes to leave %s out",
						p.Text, absent, profilesOf(provider), v.Name)
				}
			}
		}
		if absent == "" {
			kept = append(kept, v)
		}
	}
	f.Environment = kept
	for key, words := range map[string][]string{"command": f.Command, "entrypoint": f.Entrypoint} {
		for i, word := range words {
			for _, p := range spec.Placeholders(word) {
				if provider, ok := project.DisabledServices[p.Function]; ok {
					l.add(fmt.Sprintf("%s.%s[%d]", at, key, i), "%s names %q, which %s: put it into the environment, where it can be left out",
						p.Text, p.Function, profilesOf(provider))
				}
			}
		}
	}
}

// optional are the providers that a function marks with required: false.
func (l *loader) optional(project *types.Project, name string) map[string]bool {
	optional := map[string]bool{}
	service := project.Services[name]
	for provider, d := range service.DependsOn {
		optional[provider] = !d.Required
	}
	extension, _ := service.Extensions["x-overcloud"].(map[string]any)
	list, _ := extension["consumes"].([]any)
	for _, entry := range list {
		if mapping, ok := entry.(map[string]any); ok && mapping["required"] == false {
			if provider, ok := mapping["function"].(string); ok {
				optional[provider] = true
			}
		}
	}
	return optional
}

func profilesOf(s types.ServiceConfig) string {
	names := slices.Clone(s.Profiles)
	sort.Strings(names)
	return fmt.Sprintf("is only there in the profile %s", strings.Join(names, " or "))
}

// unreadable says why a file cannot serve as a secret, or nothing.
func unreadable(file string) string {
	info, err := os.Stat(file)
	switch {
	case os.IsNotExist(err):
		return "does not exist: create it"
	case err != nil:
		return "cannot be looked at: check its permissions"
	case info.IsDir():
		return "is a directory: name a file"
	}
	return ""
}

func (l *loader) short(file string) string {
	if file == l.dir {
		return "."
	}
	return strings.TrimPrefix(file, l.dir+"/")
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
