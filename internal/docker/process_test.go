package docker_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/embedded/box"
	"github.com/overcloud/overcloud/internal/spec"
)

// TestProcessBox holds a process box to the promises that a real engine keeps; see TestRealEngine.
func TestProcessBox(t *testing.T) {
	engine, err := box.New(box.Options{Name: "process", Dir: t.TempDir(), ListenAddr: "127.0.0.1:0", Index: 211})
	require.NoError(t, err)
	require.NoError(t, engine.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, engine.Close(ctx))
	})
	keepsPromises(t, spec.Box{Name: "process", Engine: "tcp://" + engine.Addr()}, loopback)
	t.Run("makes a tampered container anew", func(t *testing.T) {
		tampered(newWorld(t, spec.Box{Name: "process", Engine: "tcp://" + engine.Addr()}, loopback))
	})
}

// tampered changes the program of a stopped container, first in the container alone, then in the image too.
func tampered(w *world) {
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	p := w.placement("tampered")
	id := w.start(p)
	program := func(id string) string {
		full, err := w.api.ContainerInspect(w.ctx, id)
		require.NoError(w.t, err)
		return filepath.Join(full.GraphDriver.Data["Root"], "echo")
	}
	text, err := os.ReadFile(program(id))
	require.NoError(w.t, err)
	text[len(text)/2] ^= 1

	require.NoError(w.t, w.api.ContainerStop(w.ctx, id, container.StopOptions{}))
	require.NoError(w.t, os.Remove(program(id))) // another file than the image's own, of which it is a hard link
	require.NoError(w.t, os.WriteFile(program(id), text, 0o755))
	anew, created, err := w.engine.EnsureContainer(w.ctx, service, p, nil)
	require.NoError(w.t, err)
	require.True(w.t, created)
	require.NotEqual(w.t, id, anew)
	w.until(anew, "running")
	require.Len(w.t, w.ours(), 1)

	require.NoError(w.t, w.api.ContainerStop(w.ctx, anew, container.StopOptions{}))
	require.NoError(w.t, os.WriteFile(program(anew), text, 0o755))
	_, _, err = w.engine.EnsureContainer(w.ctx, service, p, nil)
	require.Error(w.t, err, "nothing more is made of a damaged image")
	require.Empty(w.t, w.ours())
	require.NoError(w.t, w.engine.Pull(w.ctx, w.echo, activities.Source{}, nil))
	w.until(w.start(p), "running")
}
