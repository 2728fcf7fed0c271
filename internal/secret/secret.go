// Package secret resolves references to secrets (file:PATH, env:NAME) to their bytes, on the worker that
// needs them. Its errors name the reference, never a value.
package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// mostBytes is what a secret may be at the most, as in a swarm: a bigger file is some other file.
const mostBytes = 500 << 10

// Resolver reads secrets. It keeps none.
type Resolver struct {
	// Folder is what a relative file: is relative to; empty is the worker's working directory.
	Folder string
	// LookupEnv is os.LookupEnv, or a test's.
	LookupEnv func(name string) (string, bool)
}

// Resolve gives the bytes that a reference stands for. One line end at the end of a file is not part of the
// secret, since editors add it. Errors: ErrSecret.
func (r Resolver) Resolve(_ context.Context, secret spec.Secret) ([]byte, error) {
	kind, place, found := strings.Cut(secret.From, ":")
	switch {
	case !found || place == "":
		return nil, fmt.Errorf("secret %s: %q is neither file:PATH nor env:NAME: %w", secret.Name, secret.From, fault.ErrSecret)
	case kind == "file":
		return r.file(secret.Name, place)
	case kind == "env":
		return r.env(secret.Name, place)
	}
	return nil, fmt.Errorf("secret %s: %q is neither file:PATH nor env:NAME: %w", secret.Name, secret.From, fault.ErrSecret)
}

func (r Resolver) env(name, variable string) ([]byte, error) {
	lookup := r.LookupEnv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	value, found := lookup(variable)
	if !found {
		return nil, fmt.Errorf("secret %s: the worker has no environment variable %s: %w", name, variable, fault.ErrSecret)
	}
	return filled(name, []byte(value))
}

func (r Resolver) file(name, path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Folder, path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, unreadable(name, path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("secret %s: %s is no regular file: %w", name, path, fault.ErrSecret)
	case info.Size() > mostBytes:
		return nil, fmt.Errorf("secret %s: %s has %d bytes, a secret at most %d: %w", name, path, info.Size(), mostBytes, fault.ErrSecret)
	}
	value, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(name, path, err)
	}
	value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	return filled(name, value)
}

func unreadable(name, path string, err error) error {
	reason := err
	var where *fs.PathError
	if errors.As(err, &where) {
		reason = where.Err
	}
	return fmt.Errorf("secret %s: %s on the worker: %w: %w", name, path, reason, fault.ErrSecret)
}

func filled(name string, value []byte) ([]byte, error) {
	if len(value) == 0 {
		return nil, fmt.Errorf("secret %s is empty: %w", name, fault.ErrSecret)
	}
	return value, nil
}
