//go:build integration

package docker_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	boxes "github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
)

// docker/compose#12589, Azure/iotedge#7144: what must wait for others is not started by the engine of a box that boots,
// whatever its restart policy; and yet a crash is mended by the engine at once.
func TestAnOrderedContainerIsLeftAloneAtBootAndRestartedAfterACrash(t *testing.T) {
	l := labtest.New(t, boxes.Options{Boxes: 1})
	l.PlainRegistry().Stop()
	w := newWorld(t, l.Boxes()[0], l.PlainRegistry().Host())
	require.NoError(t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	docker := labtest.Client(t, l.Boxes()[0])
	pid := func(id string) int {
		full, err := docker.ContainerInspect(t.Context(), id)
		require.NoError(t, err)
		return full.State.Pid
	}
	first := w.placement("first")
	first.Restart = "always"
	ordered := w.placement("ordered")
	ordered.Restart, ordered.Ordered, ordered.Reconciled = "on-failure", true, true
	w.start(first)
	id := w.start(ordered)

	was := pid(id)
	out, err := l.Exec(t.Context(), w.box.Name, "kill", "-9", strconv.Itoa(was))
	require.NoError(t, err, out)
	require.Eventually(t, func() bool { now := pid(id); return now != 0 && now != was }, 10*time.Second, 20*time.Millisecond, "restarted by its engine")

	for _, down := range []struct {
		how string
		do  func() error
	}{
		{"loses its power", func() error { return l.Kill(t.Context(), w.box.Name) }},
		{"is shut down", func() error { return l.Stop(t.Context(), w.box.Name) }},
	} {
		w.start(first)
		require.NoError(t, down.do(), down.how)
		require.NoError(t, l.Restart(t.Context(), w.box.Name))
		w.until(first.Container, "running")
		require.Equal(t, "exited", w.until(id, "exited").Status, "the box %s", down.how)
		require.Equal(t, id, w.start(ordered), "the same container, in its turn")
		require.Equal(t, "running", w.until(id, "running").Status)
	}
	folders, err := l.Exec(t.Context(), w.box.Name, "ls", "/run/overcloud")
	require.NoError(t, err, folders)
	require.Len(t, strings.Fields(folders), 1)
	require.NoError(t, w.engine.Remove(w.ctx, id, grace))
	require.NoError(t, w.engine.Remove(w.ctx, first.Container, grace))
}
