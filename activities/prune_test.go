package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

// shelf is an engine that only keeps images.
type shelf struct {
	activities.Engine
	images  []activities.StoredImage
	removed []activities.StoredImage
}

func (s *shelf) Open(spec.Box) (activities.Engine, error) { return s, nil }

func (s *shelf) StoredImages(context.Context) ([]activities.StoredImage, error) { return s.images, nil }

func (s *shelf) RemoveImage(_ context.Context, image activities.StoredImage) error {
	s.removed = append(s.removed, image)
	return nil
}

// A person may have given an image of ours a name of their own, to keep it.
func TestAnImageThatSomebodyElseHasNamedOnlyLosesOurNames(t *testing.T) {
	digests := []string{"hub.example/web@sha256:a1"}
	mine := activities.StoredImage{ID: "sha256:1", Names: []string{"hub.example/web:2"}, Digests: digests, Bytes: 7}
	both := activities.StoredImage{ID: "sha256:2", Names: []string{"hub.example/web:1", "backup/web:before"}, Digests: []string{"hub.example/web@sha256:a2"}}
	theirs := activities.StoredImage{ID: "sha256:3", Names: []string{"backup/db:1"}, Digests: []string{"hub.example/web@sha256:a3"}}
	all := []string{"sha256:a1", "sha256:a2", "sha256:a3"}
	for name, in := range map[string]activities.PruneInput{
		"by digest":     {Box: rack, Digests: all, Names: []string{"hub.example/web:3"}},
		"by repository": {Box: rack, Repositories: []string{"hub.example/web"}},
	} {
		store := &shelf{images: []activities.StoredImage{mine, both, theirs}}
		b := newBench(t)
		prune := &activities.Prune{Engines: store}
		b.env.RegisterActivity(prune)
		result, err := run[activities.PruneResult](b, prune.Images, in)
		require.NoError(t, err, name)
		require.Equal(t, []activities.StoredImage{mine, {Names: []string{"hub.example/web:1"}}}, store.removed, name)
		require.Equal(t, []activities.PrunedImage{{Name: "hub.example/web:2", Bytes: 7}}, result.Images, name)
	}
}
