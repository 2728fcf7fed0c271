package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// ImageStore is the part of an engine that keeps images. Every method is safe to repeat.
type ImageStore interface {
	// StoredImages lists the images of the box. Errors: ErrUnreachable.
	StoredImages(ctx context.Context) ([]StoredImage, error)
	// RemoveImage takes the names of an image away and with the last one the image; without an ID, only the names. One
	// that is gone already is no error. Errors: ErrRejected when a container uses it, ErrUnreachable.
	RemoveImage(ctx context.Context, image StoredImage) error
}

// StoredImage is one image on a box.
type StoredImage struct {
	ID      string   `json:"id"`
	Names   []string `json:"names,omitempty"`   // name:tag
	Digests []string `json:"digests,omitempty"` // name@sha256:…
	Bytes   int64    `json:"bytes"`
	// Used says that a container is of it, running or not.
	Used bool `json:"used,omitempty"`
}

// Services knows the services that run. Errors: ErrUnreachable.
type Services interface {
	// Named are the digests of all images that a revision of a running service names: those that run, those that
	// are kept for a rollback, and those that are being deployed. One service that does not answer is an error.
	Named(ctx context.Context) ([]string, error)
	// Placed says what a service wants on its boxes; ErrNotFound when no such service runs.
	Placed(ctx context.Context, service string) (Placed, error)
}

// Placed is what a running service wants on its boxes.
type Placed struct {
	Revision int         `json:"revision"`
	Boxes    []spec.Box  `json:"boxes"`
	Wanted   []Container `json:"wanted"`
	// Refs are the image references of its functions.
	Refs []string `json:"refs"`
}

// Container is a container by its place.
type Container struct {
	Box  string `json:"box"`
	Name string `json:"name"`
}

// Prune finds and removes what nobody wants any more.
type Prune struct {
	Engines  Engines
	Services Services
}

// NamedInput is empty: all services are asked.
type NamedInput struct{}

// NamedResult are digests, sorted, each once.
type NamedResult struct {
	Digests []string `json:"digests"`
}

// Named asks every running service which images it names. A second run asks again.
func (p *Prune) Named(ctx context.Context, _ NamedInput) (NamedResult, error) {
	digests, err := p.Services.Named(ctx)
	if err != nil {
		return NamedResult{}, Fault(fmt.Errorf("ask the services which images they name: %w", err))
	}
	slices.Sort(digests)
	return NamedResult{Digests: slices.Compact(digests)}, nil
}

// PlacedInput names a service.
type PlacedInput struct {
	Service string `json:"service"`
}

// PlacedResult is what a service wants; Runs false means that no such service runs.
type PlacedResult struct {
	Placed
	Runs bool `json:"runs"`
}

// Placed asks a service what it wants on its boxes. A second run asks again.
func (p *Prune) Placed(ctx context.Context, in PlacedInput) (PlacedResult, error) {
	placed, err := p.Services.Placed(ctx, in.Service)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return PlacedResult{}, nil
	case err != nil:
		return PlacedResult{}, Fault(fmt.Errorf("ask service %s what it wants: %w", in.Service, err))
	}
	return PlacedResult{Placed: placed, Runs: true}, nil
}

// PruneInput names images on one box: by digest, or by the repository that they came from.
type PruneInput struct {
	Box          spec.Box `json:"box"`
	Digests      []string `json:"digests,omitempty"`
	Repositories []string `json:"repositories,omitempty"` // host/path
	// Names are the references by which whoever asks called those of Digests. An image that has a name of another
	// repository as well is somebody else's too, and only loses ours.
	Names  []string `json:"names,omitempty"`
	Keep   []string `json:"keep"` // digests that are named by somebody
	DryRun bool     `json:"dry_run,omitempty"`
}

// PruneResult are the images that went, or would go.
type PruneResult struct {
	Images []PrunedImage `json:"images,omitempty"`
	Stayed []string      `json:"stayed,omitempty"` // with the reason
}

// PrunedImage is one image that went.
type PrunedImage struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// Images removes from a box the images that were asked for, unless a container uses them or they are to be kept. A
// second run removes what is still there.
func (p *Prune) Images(ctx context.Context, in PruneInput) (PruneResult, error) {
	var result PruneResult
	engine, err := p.Engines.Open(in.Box)
	if err != nil {
		return result, Fault(fmt.Errorf("open box %s: %w", in.Box.Name, err))
	}
	store, able := engine.(ImageStore)
	if !able {
		return result, Fault(fmt.Errorf("box %s keeps no images that could be removed: %w", in.Box.Name, fault.ErrInvalid))
	}
	defer beat(ctx, nil)()
	stored, err := store.StoredImages(ctx)
	if err != nil {
		return result, Fault(fmt.Errorf("list the images of box %s: %w", in.Box.Name, err))
	}
	for _, image := range stored {
		if image.Used || !in.asks(image) {
			continue
		}
		shared := in.leaveOthers(&image)
		if shared && len(image.Names) == 0 {
			continue
		}
		if !in.DryRun {
			if err := store.RemoveImage(ctx, image); err != nil {
				result.Stayed = append(result.Stayed, fmt.Sprintf("image %s on %s: %v", image.name(), in.Box.Name, err))
				continue
			}
		}
		if !shared {
			result.Images = append(result.Images, PrunedImage{Name: image.name(), Bytes: image.Bytes})
		}
	}
	return result, ctx.Err()
}

// asks says whether an image is one of those to go.
func (in PruneInput) asks(image StoredImage) bool {
	digests, repositories := []string{image.ID}, []string{}
	for _, name := range slices.Concat(image.Digests, image.Names) {
		host, path := spec.SplitImage(name)
		repositories = append(repositories, host+"/"+path)
		if _, digest, found := strings.Cut(name, "@"); found {
			digests = append(digests, digest)
		}
	}
	among := func(all []string) func(string) bool {
		return func(one string) bool { return slices.Contains(all, one) }
	}
	if slices.ContainsFunc(digests, among(in.Keep)) {
		return false
	}
	return slices.ContainsFunc(digests, among(in.Digests)) || slices.ContainsFunc(repositories, among(in.Repositories))
}

// leaveOthers leaves of an image that somebody else has named too only the names that are to go, and says whether it is
// such a one.
func (in PruneInput) leaveOthers(image *StoredImage) (shared bool) {
	repository := func(name string) string {
		host, path := spec.SplitImage(name)
		return host + "/" + path
	}
	ours := slices.Clone(in.Repositories)
	for _, name := range in.Names {
		ours = append(ours, repository(name))
	}
	own := slices.DeleteFunc(slices.Clone(image.Names), func(name string) bool { return !slices.Contains(ours, repository(name)) })
	if len(own) == len(image.Names) {
		return false
	}
	*image = StoredImage{Names: own}
	return true
}

// name is what people call an image.
func (i StoredImage) name() string {
	for _, name := range slices.Concat(i.Names, i.Digests) {
		return name
	}
	return i.ID
}
