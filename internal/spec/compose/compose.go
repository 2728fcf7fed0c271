// Package compose reads a Compose file with the extension x-overcloud into the nouns of package spec. It
// reports all mistakes at once, each with file and line, and renders the normalised specification that a
// ServiceWorkflow takes as its input. Nothing in workflows imports it.
package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Options say what to load.
type Options struct {
	// Path is a Compose file, a rendered specification (JSON), or "-" for Stdin.
	Path string
	// Stdin is read when Path is "-"; nil means os.Stdin.
	Stdin io.Reader
	// Env resolves ${…}; it wins over a .env beside the file. Nil means the process's environment.
	Env map[string]string
	// Profiles are the active Compose profiles; none means COMPOSE_PROFILES of the environment, as in Compose.
	Profiles []string
	// Warn receives what is no mistake but perhaps not meant; nil means nobody wants to know.
	Warn func(spec.Problem)
}

// maxFile bounds a specification, bytes. The largest Compose files in public are far below a megabyte.
const maxFile = 4 << 20

// Load reads, checks and normalises a specification: a Compose file, or one that was rendered before. Bad
// input is spec.Problems, which wraps fault.ErrInvalid; a file that is not there wraps fault.ErrNotFound.
func Load(ctx context.Context, options Options) (spec.Service, error) {
	content, err := read(options)
	if err != nil {
		return spec.Service{}, err
	}
	if isRendered(content) {
		return loadRendered(options.Path, content)
	}
	return newLoader(options, content).load(ctx)
}

// Render writes a specification as the input of a ServiceWorkflow: JSON, indented, normalised, so that equal
// specifications are equal bytes.
func Render(service spec.Service) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(service.Normalise()); err != nil {
		panic(fmt.Sprintf("rendering a specification: %v", err)) // only numbers that JSON lacks; Validate refuses them
	}
	return out.Bytes()
}

func read(options Options) ([]byte, error) {
	if options.Path == "" {
		return nil, fmt.Errorf("no specification file was named: %w", fault.ErrInvalid)
	}
	in := options.Stdin
	if options.Path != "-" {
		file, err := os.Open(filepath.Clean(options.Path))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("specification %s: there is no such file: %w", options.Path, fault.ErrNotFound)
		}
		if err != nil {
			return nil, fmt.Errorf("opening the specification: %w", err)
		}
		defer file.Close()
		in = file
	} else if in == nil {
		in = os.Stdin
	}
	content, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the specification %s: %w", options.Path, err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("specification %s is larger than %d MiB: %w", options.Path, maxFile>>20, fault.ErrInvalid)
	}
	return content, nil
}

// isRendered tells Render's output from a Compose file, which may be JSON too.
func isRendered(content []byte) bool {
	if !bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		return false
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(content, &top) != nil {
		return false
	}
	_, functions := top["functions"]
	_, services := top["services"]
	return functions && !services
}

func loadRendered(path string, content []byte) (spec.Service, error) {
	var service spec.Service
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&service); err != nil {
		return spec.Service{}, spec.Problems{{File: path, Message: "no rendered specification: " + err.Error()}}
	}
	var problems spec.Problems
	if err := service.Validate(); errors.As(err, &problems) {
		for i := range problems {
			problems[i].File = path
		}
		return spec.Service{}, problems.Err()
	}
	return service.Normalise(), nil
}
