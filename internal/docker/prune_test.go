package docker_test

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
)

// stored finds the echo among the images of the box.
func (w *world) stored() (activities.StoredImage, bool) {
	w.t.Helper()
	all, err := w.engine.(activities.ImageStore).StoredImages(w.ctx)
	require.NoError(w.t, err)
	at := slices.IndexFunc(all, func(i activities.StoredImage) bool { return slices.Contains(i.Names, w.echo.Image) })
	if at < 0 {
		return activities.StoredImage{}, false
	}
	return all[at], true
}

// forgets is the last promise: what comes after would have to pull again.
func forgets(w *world) {
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	store := w.engine.(activities.ImageStore)
	id := w.start(w.placement("forgets"))
	used, found := w.stored()
	require.True(w.t, found)
	require.True(w.t, used.Used)
	require.Positive(w.t, used.Bytes)
	require.Contains(w.t, used.Digests[0], w.echo.Digest)
	require.ErrorIs(w.t, store.RemoveImage(w.ctx, activities.StoredImage{ID: used.ID}), fault.ErrRejected, "a container uses it")
	require.NoError(w.t, w.engine.Verify(w.ctx, w.echo), "it is still whole")

	require.NoError(w.t, w.engine.Remove(w.ctx, id, 0))
	free, found := w.stored()
	require.True(w.t, found)
	require.False(w.t, free.Used)
	for range 2 {
		require.NoError(w.t, store.RemoveImage(w.ctx, free))
		_, found = w.stored()
		require.False(w.t, found)
	}
	require.ErrorIs(w.t, w.engine.Verify(w.ctx, w.echo), fault.ErrNotFound)
}
