package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	composego "github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// loader turns one Compose file into a specification and collects what is wrong with it.
type loader struct {
	options Options
	content []byte
	file    string // absolute, or "-"
	dir     string // what relative paths are relative to
	name    string // of the project
	env     map[string]string

	doc      *document
	model    map[string]any // what compose-go gets: the document without the values that have problems
	problems spec.Problems
	// excused are paths with a problem that is told already, and others that are missing because of it.
	excused map[string]bool
}

func newLoader(options Options, content []byte) *loader {
	return &loader{options: options, content: content, excused: map[string]bool{}}
}

func (l *loader) load(ctx context.Context) (spec.Service, error) {
	if err := l.surroundings(); err != nil {
		return spec.Service{}, err
	}
	l.doc = parse(l.content, func(name string) (string, bool) {
		value, set := l.env[name]
		return value, set
	})
	l.problems = append(l.problems, l.doc.problems...)
	for _, warning := range l.doc.warnings {
		l.warn(warning)
	}
	l.model = l.doc.model
	if len(l.model) == 0 {
		return spec.Service{}, l.finish()
	}
	for _, p := range l.doc.problems {
		if !strings.HasSuffix(p.Path, "]") { // the next item got this path
			l.excused[p.Path] = true
		}
	}
	l.projectName()
	l.schema()
	l.unsupported()
	project, err := l.project(ctx)
	if err != nil {
		return spec.Service{}, err
	}
	if project == nil {
		return spec.Service{}, l.finish()
	}
	service := l.service(project)
	l.semantic(service)
	if err := l.finish(); err != nil {
		return spec.Service{}, err
	}
	return service.Normalise(), nil
}

// surroundings finds the directory and the environment: the caller's, and beneath it a .env beside the file.
func (l *loader) surroundings() error {
	l.file, l.dir = l.options.Path, "."
	if l.file != "-" {
		l.dir = filepath.Dir(l.file)
	}
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		return fmt.Errorf("finding the directory of %s: %w", l.options.Path, err)
	}
	l.dir = dir
	l.env = map[string]string{}
	outer := l.options.Env
	if outer == nil {
		outer = processEnvironment()
	}
	beside := filepath.Join(l.dir, ".env")
	if info, err := os.Stat(beside); err == nil && !info.IsDir() {
		values, err := dotenv.GetEnvFromFile(outer, []string{beside})
		if err != nil {
			return fmt.Errorf("reading %s: %w: %w", beside, err, fault.ErrInvalid)
		}
		for name, value := range values {
			l.env[name] = value
		}
	}
	for name, value := range outer {
		l.env[name] = value
	}
	return nil
}

func processEnvironment() map[string]string {
	env := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

// projectName follows Compose: COMPOSE_PROJECT_NAME, then `name` in the file, then the directory's name.
func (l *loader) projectName() {
	inFile, _ := l.model["name"].(string)
	delete(l.model, "name")
	l.name = cmp.Or(l.env["COMPOSE_PROJECT_NAME"], inFile)
	if l.name == "" {
		l.name = cmp.Or(composego.NormalizeProjectName(filepath.Base(l.dir)), "service")
	}
	if valid := composego.NormalizeProjectName(l.name); valid != l.name {
		l.add("name", "the name %q must have small letters, digits, dashes and underscores only, and begin with a letter or digit (%q would do)", l.name, cmp.Or(valid, "service"))
		l.name = cmp.Or(valid, "service")
	}
	l.env["COMPOSE_PROJECT_NAME"] = l.name
}

func (l *loader) profiles() []string {
	if len(l.options.Profiles) > 0 {
		return l.options.Profiles
	}
	return strings.FieldsFunc(l.env["COMPOSE_PROFILES"], func(r rune) bool { return r == ',' || r == ' ' })
}

// read gives a model to compose-go. Its consistency check is left out because it stops at the first mistake;
// package spec checks the same and more.
func (l *loader) read(ctx context.Context, model map[string]any) (project *types.Project, err error) {
	defer func() {
		if r := recover(); r != nil { // compose-go asserts types that a file can violate
			project, err = nil, fmt.Errorf("compose-go cannot read this: %v", r)
		}
	}()
	details := types.ConfigDetails{
		WorkingDir: l.dir,
		ConfigFiles: []types.ConfigFile{{
			Filename: filepath.Join(l.dir, filepath.Base(l.file)), Content: []byte("{}"), Config: clone(model).(map[string]any),
		}},
		Environment: cloneEnvironment(l.env),
	}
	return composego.LoadWithContext(ctx, details, func(o *composego.Options) {
		o.SetProjectName(l.name, true)
		o.SkipConsistencyCheck = true
		o.Profiles = l.profiles()
	})
}

// semantic lets package spec check, and drops what only follows from a problem already told.
func (l *loader) semantic(service spec.Service) {
	var found spec.Problems
	errors.As(service.Validate(), &found)
	for _, p := range found {
		if !l.follows(p.Path) {
			at := l.doc.at(p.Path)
			p.Line, p.Column = at.line, at.column
			l.problems = append(l.problems, p)
		}
	}
}

func (l *loader) follows(path string) bool {
	for told := range l.excused {
		if within(path, told) {
			return true
		}
	}
	return false
}

// within says whether a path is another one or lies below it.
func within(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && above != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// add tells a problem; what package spec would say about the same path is then a consequence.
func (l *loader) add(path, format string, args ...any) {
	at := l.doc.at(path)
	l.excused[path] = true
	l.problems = append(l.problems, spec.Problem{
		Path: path, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...),
	})
}

func (l *loader) warn(p spec.Problem) {
	if l.options.Warn != nil {
		p.File = l.options.Path
		l.options.Warn(p)
	}
}

func (l *loader) warnAt(path, format string, args ...any) {
	at := l.doc.at(path)
	l.warn(spec.Problem{Path: path, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
}

func (l *loader) finish() error {
	file := l.options.Path
	if file == "-" {
		file = "standard input"
	}
	for i := range l.problems {
		l.problems[i].File = file
	}
	return l.problems.Err()
}

// clone copies maps and slices all the way down, because compose-go changes what it is given.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(v))
		for key, item := range v {
			copied[key] = clone(item)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, item := range v {
			copied[i] = clone(item)
		}
		return copied
	default:
		return value
	}
}

func cloneEnvironment(env map[string]string) map[string]string {
	copied := make(map[string]string, len(env))
	for name, value := range env {
		copied[name] = value
	}
	return copied
}
