package docker_test

import (
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// countsUsage holds an engine to its statistics: those of running containers of one function, helpers and others
// excepted, and none for what does not run.
func countsUsage(w *world) {
	engines := docker.NewEngines(docker.Options{})
	defer engines.Close()
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	none, err := engines.Usages(w.ctx, w.box, service, "counted")
	require.NoError(w.t, err)
	require.Empty(w.t, none)
	p := w.placement("counted")
	id := w.start(p)
	w.start(w.placement("other"))
	w.until(id, "running")

	first, err := engines.Usages(w.ctx, w.box, service, "counted")
	require.NoError(w.t, err)
	require.Len(w.t, first, 1)
	require.Equal(w.t, id, first[0].Container)
	require.Greater(w.t, first[0].MemoryBytes, int64(100<<10))
	require.Greater(w.t, first[0].LimitBytes, first[0].MemoryBytes)
	require.WithinDuration(w.t, time.Now(), first[0].At, time.Minute)

	begun := time.Now()
	second, err := engines.Usages(w.ctx, w.box, service, "counted")
	require.NoError(w.t, err)
	require.Less(w.t, time.Since(begun), 1800*time.Millisecond, "one shot: an engine collects each second, and would else wait for two")
	require.True(w.t, second[0].At.After(first[0].At))
	require.GreaterOrEqual(w.t, second[0].CPU, first[0].CPU)

	require.NoError(w.t, w.api.ContainerStop(w.ctx, id, container.StopOptions{}))
	gone, err := engines.Usages(w.ctx, w.box, service, "counted")
	require.NoError(w.t, err)
	require.Empty(w.t, gone, "what does not run has no statistic, and not one of zero")

	_, err = engines.Usages(w.ctx, spec.Box{Name: "away", Engine: "tcp://127.0.0.1:1"}, service, "counted")
	require.ErrorIs(w.t, err, fault.ErrUnreachable)
}
