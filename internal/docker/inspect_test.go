package docker_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// looks holds an engine to what people look at: its facts, containers with their ends and restarts, and images.
func looks(w *world) {
	engines := docker.NewEngines(docker.Options{})
	defer engines.Close()
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	runs := w.start(w.placement("looked"))
	p := w.placement("ended")
	p.Command, p.Healthcheck, p.Restart = []string{"exit"}, nil, ""
	ended := w.start(p)
	w.until(ended, "exited")
	seen, err := engines.Inspect(w.ctx, w.box)
	require.NoError(w.t, err)
	require.NotEmpty(w.t, seen.Engine.Version)
	require.NotEmpty(w.t, seen.Engine.OS)
	require.Equal(w.t, w.echo.Arch, seen.Engine.Arch)
	require.Positive(w.t, seen.Engine.CPUs)
	require.Less(w.t, max(seen.Engine.SkewS, -seen.Engine.SkewS), 5.0)
	find := func(id string) activities.InspectedContainer {
		i := slices.IndexFunc(seen.Containers, func(c activities.InspectedContainer) bool { return c.ID == id })
		require.GreaterOrEqual(w.t, i, 0)
		return seen.Containers[i]
	}
	one := find(runs)
	require.Equal(w.t, []any{"promises-looked-1", service, "looked", 1, "running"}, []any{one.Name, one.Service, one.Function, one.Replica, one.State})
	require.WithinDuration(w.t, time.Now(), one.Since, time.Minute)
	require.NotEmpty(w.t, one.Ports)
	gone := find(ended)
	require.Equal(w.t, []any{"exited", 3}, []any{gone.State, gone.ExitCode})
	require.WithinDuration(w.t, time.Now(), gone.Since, time.Minute, "since it ended")
	i := slices.IndexFunc(seen.Images, func(image activities.InspectedImage) bool { return slices.Contains(image.Names, w.echo.Image) })
	require.GreaterOrEqual(w.t, i, 0)
	require.Positive(w.t, seen.Images[i].Bytes)
	require.True(w.t, seen.Images[i].Used)

	_, err = engines.Inspect(w.ctx, spec.Box{Name: "away", Engine: "tcp://127.0.0.1:1"})
	require.ErrorIs(w.t, err, fault.ErrUnreachable)
}

// followsLogs holds an engine to its logs: the last lines, then each new one, with its time and stream, until the end.
func followsLogs(w *world) {
	engines := docker.NewEngines(docker.Options{})
	defer engines.Close()
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	ask := activities.LogAsk{Box: w.box, Service: service, Function: "told", Replica: 1, Tail: 10}
	nothing := func(activities.LogEntry) {}
	require.ErrorIs(w.t, engines.FollowLog(w.ctx, ask, func(activities.LogSource) {}, nothing), fault.ErrNotFound)
	id := w.start(w.placement("told"))
	w.until(id, "running")

	var mu sync.Mutex
	var entries []activities.LogEntry
	var source activities.LogSource
	said := func() (all []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, entry := range entries {
			all = append(all, entry.Text)
		}
		return all
	}
	ended := make(chan error, 1)
	go func() {
		ended <- engines.FollowLog(w.ctx, ask, func(s activities.LogSource) { source = s }, func(entry activities.LogEntry) {
			mu.Lock()
			defer mu.Unlock()
			entries = append(entries, entry)
		})
	}()
	require.Eventually(w.t, func() bool { return len(said()) == 1 }, 20*time.Second, 10*time.Millisecond)
	require.True(w.t, strings.HasPrefix(said()[0], "serving"), said())
	require.NoError(w.t, w.api.ContainerStop(w.ctx, id, container.StopOptions{}))
	select {
	case err := <-ended:
		require.NoError(w.t, err, "the container has ended")
	case <-time.After(30 * time.Second):
		require.Fail(w.t, "the following of a container that has ended does not end")
	}
	require.Equal(w.t, activities.LogSource{Container: id, State: "running"}, source)
	require.Equal(w.t, "stopped", said()[1])
	first := entries[0]
	require.Equal(w.t, wire.StreamOut, first.Stream)
	require.WithinDuration(w.t, time.Now(), first.At, time.Minute)

	entries, ask.Since, ask.Tail = nil, entries[1].At, -1
	require.NoError(w.t, engines.FollowLog(w.ctx, ask, func(s activities.LogSource) { source = s }, func(entry activities.LogEntry) { entries = append(entries, entry) }))
	require.Equal(w.t, "exited", source.State)
	require.Equal(w.t, []string{"stopped"}, said(), "what is at or after the time of the last line")

	ctx, cancel := context.WithCancel(w.ctx)
	w.until(w.start(w.placement("told")), "running")
	go func() { ended <- engines.FollowLog(ctx, ask, func(activities.LogSource) {}, nothing) }()
	cancel()
	require.ErrorIs(w.t, <-ended, context.Canceled)
}
