package docker

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/overcloud/overcloud/activities"
)

var _ activities.ImageStore = (*Engine)(nil)

// StoredImages implements activities.ImageStore. What runs is asked for before what is there: an image that a container
// begins to use in between counts as unused, and the engine itself then refuses to remove it.
func (e *Engine) StoredImages(ctx context.Context) ([]activities.StoredImage, error) {
	containers, err := e.api.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, classify(ctx, err)
	}
	used := map[string]bool{}
	for _, one := range containers {
		used[one.ImageID] = true
	}
	images, err := e.api.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, classify(ctx, err)
	}
	all := make([]activities.StoredImage, 0, len(images))
	for _, one := range images {
		all = append(all, activities.StoredImage{
			ID: one.ID, Names: named(one.RepoTags), Digests: named(one.RepoDigests), Bytes: one.Size, Used: used[one.ID],
		})
	}
	return all, nil
}

// named are the names that are some: an engine writes <none> for none.
func named(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "<none>:<none>" || name == "<none>@<none>" })
}

// RemoveImage implements activities.ImageStore. It goes name by name and never by force: force would take the image
// away from under a container that has stopped.
func (e *Engine) RemoveImage(ctx context.Context, stored activities.StoredImage) error {
	names := slices.Concat(stored.Names, stored.Digests)
	if stored.ID != "" {
		names = append(names, stored.ID)
	}
	for _, name := range names {
		_, err := e.api.ImageRemove(ctx, name, image.RemoveOptions{PruneChildren: true})
		if err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove %s: %w", name, classify(ctx, err))
		}
	}
	return nil
}
