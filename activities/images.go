package activities

import (
	"context"
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Registry resolves image references.
type Registry interface {
	// Resolve asks the sources in order what a reference is now, until one knows; no other is ever asked.
	// Errors: ErrNetwork, ErrUntrusted, ErrRateLimited (in a fault.RetryAfter), ErrNotFound,
	// ErrUnauthorised, ErrInvalid. With several sources it is the last one's answer that counts, except that
	// one which may answer later makes the whole worth trying again.
	Resolve(ctx context.Context, ref string, from []Source) (plan.Image, error)
}

// Images asks registries.
type Images struct {
	Registry Registry
	Secrets  Secrets
}

// ResolveInput names an image reference.
type ResolveInput struct {
	Ref        string          `json:"ref"`
	Registries []spec.Registry `json:"registries,omitempty"`
	// Secrets are the references that the registries name.
	Secrets []spec.Secret `json:"secrets,omitempty"`
}

// Resolve says what a reference is now: digest and platforms. It is asked once for each deploy, so that
// every box gets the same bytes; a second run may see a tag that has moved. Credentials are read anew each
// time.
func (i *Images) Resolve(ctx context.Context, in ResolveInput) (plan.Image, error) {
	var from []Source
	for _, place := range spec.ImageSources(in.Ref, in.Registries) {
		source, err := sourceAt(ctx, i.Secrets, place, in.Secrets)
		if err != nil {
			return plan.Image{}, Fault(fmt.Errorf("resolve %s: %w", in.Ref, err))
		}
		from = append(from, source)
	}
	image, err := i.Registry.Resolve(ctx, in.Ref, from)
	if err != nil {
		return plan.Image{}, Fault(fmt.Errorf("resolve %s: %w", in.Ref, err))
	}
	return image, nil
}

// sourceAt adds the credentials of a place's host, read at this moment: a password that was changed is the
// new one in the next attempt. Errors: ErrSecret.
func sourceAt(ctx context.Context, secrets Secrets, place spec.ImageSource, declared []spec.Secret) (Source, error) {
	source := Source{Repository: place.Repository, CA: place.CA}
	if place.Credentials == "" {
		return source, nil
	}
	value, err := secretNamed(ctx, secrets, place.Credentials, declared)
	if err != nil {
		return source, err
	}
	user, password, found := strings.Cut(strings.TrimSpace(string(value)), ":")
	if !found {
		return source, fmt.Errorf("secret %s is not of the form user:password: %w", place.Credentials, fault.ErrSecret)
	}
	source.User, source.Password = user, password
	return source, nil
}

func secretNamed(ctx context.Context, secrets Secrets, name string, declared []spec.Secret) ([]byte, error) {
	for _, reference := range declared {
		if reference.Name == name {
			return secrets.Resolve(ctx, reference)
		}
	}
	return nil, fmt.Errorf("secret %s is declared nowhere: %w", name, fault.ErrSecret)
}
