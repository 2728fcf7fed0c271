package docker

import (
	"context"
	"slices"

	"github.com/docker/docker/api/types/volume"
)

// anonymousName is the length of the name that an engine gives to a volume that nobody named: 64 hexadecimal
// digits.
const anonymousName = 64

// volumeNames are the volumes that somebody named, sorted: what a function finds there again.
func (e *Engine) volumeNames(ctx context.Context) ([]string, error) {
	all, err := e.api.VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, one := range all.Volumes {
		if one != nil && len(one.Name) != anonymousName {
			names = append(names, one.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}
