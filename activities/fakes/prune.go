package fakes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
)

// imageBytes is the size of every image of a fake engine.
const imageBytes = 1000

// StoredImages implements activities.ImageStore: an image is its digest, and is named by it alone.
func (n *Engine) StoredImages(ctx context.Context) ([]activities.StoredImage, error) {
	var all []activities.StoredImage
	err := n.all.enter(ctx, Call{Method: "StoredImages", Box: n.name, Subject: n.name}, func(b *box) error {
		used := map[string]bool{}
		for _, c := range b.containers {
			used[c.placement.Digest] = true
		}
		for _, digest := range slices.Sorted(maps.Keys(b.images)) {
			all = append(all, activities.StoredImage{ID: digest, Digests: []string{"127.0.0.1:5000/some@" + digest}, Bytes: imageBytes, Used: used[digest]})
		}
		return nil
	})
	return all, err
}

// RemoveImage implements activities.ImageStore; the Subject of its Call is the digest. Log line: forget BOX DIGEST.
func (n *Engine) RemoveImage(ctx context.Context, image activities.StoredImage) error {
	return n.all.enter(ctx, Call{Method: "RemoveImage", Box: n.name, Subject: image.ID}, func(b *box) error {
		for _, c := range b.containers {
			if c.placement.Digest == image.ID {
				return fmt.Errorf("remove %s: %s uses it: %w", image.ID, c.Name, fault.ErrRejected)
			}
		}
		delete(b.images, image.ID)
		n.all.Add("forget %s %s", n.name, image.ID)
		return nil
	})
}

// Services are running services in memory: by name, what each wants, and all digests that they name.
type Services struct {
	Faults

	mu     sync.Mutex
	placed map[string]activities.Placed
	named  []string
}

// Run makes a service run, naming more digests.
func (s *Services) Run(name string, placed activities.Placed, digests ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.placed == nil {
		s.placed = map[string]activities.Placed{}
	}
	s.placed[name] = placed
	s.named = append(s.named, digests...)
}

// Named implements activities.Services.
func (s *Services) Named(ctx context.Context) ([]string, error) {
	if err := s.check(ctx, Call{Method: "Named"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.named), nil
}

// Placed implements activities.Services; the Subject of its Call is the service.
func (s *Services) Placed(ctx context.Context, service string) (activities.Placed, error) {
	if err := s.check(ctx, Call{Method: "Placed", Subject: service}); err != nil {
		return activities.Placed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	placed, runs := s.placed[service]
	if !runs {
		return activities.Placed{}, fmt.Errorf("service %s: %w", service, fault.ErrNotFound)
	}
	return placed, nil
}
