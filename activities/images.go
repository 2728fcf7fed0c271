package activities

import (
	"context"
	"fmt"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Registry resolves image references.
type Registry interface {
	// Resolve asks the registry (through its mirrors) what a reference is now.
	// Errors: ErrUnreachable, ErrNotFound, ErrUnauthorised, ErrInvalid.
	Resolve(ctx context.Context, ref string, registries []spec.Registry) (plan.Image, error)
}

// Images asks registries.
type Images struct {
	Registry Registry
}

// ResolveInput names an image reference.
type ResolveInput struct {
	Ref        string          `json:"ref"`
	Registries []spec.Registry `json:"registries,omitempty"`
}

// Resolve says what a reference is now: digest and platforms. It is asked once for each deploy, so that
// every box gets the same bytes; a second run may see a tag that has moved.
func (i *Images) Resolve(ctx context.Context, in ResolveInput) (plan.Image, error) {
	image, err := i.Registry.Resolve(ctx, in.Ref, in.Registries)
	if err != nil {
		return plan.Image{}, Fault(fmt.Errorf("resolve %s: %w", in.Ref, err))
	}
	return image, nil
}
