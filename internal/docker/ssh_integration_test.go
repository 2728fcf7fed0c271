//go:build integration

package docker_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/docker"
	boxes "github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/ssh"
	"github.com/overcloud/overcloud/internal/ssh/sshtest"
)

// TestLabBoxOverSSH holds a real engine, whose API goes through a real sshd in its box, to its promises; then the
// box is cut off the network and comes back.
func TestLabBoxOverSSH(t *testing.T) {
	l := labtest.New(t, boxes.Options{Boxes: 1})
	l.PlainRegistry().Stop()
	box := l.Boxes()[0]
	server := sshtest.In(t, box.Address, 22, func(ctx context.Context, argv ...string) *exec.Cmd {
		command, err := l.Command(ctx, box.Name, argv...)
		require.NoError(t, err)
		return command
	}, sshtest.SharedRun)
	hosts := ssh.New(ssh.Options{Getenv: server.Environ})
	t.Cleanup(func() { hosts.Close() })
	over := spec.Box{Name: box.Name, Engine: server.Engine(""), Address: box.Address}

	w := newWorld(t, box, l.PlainRegistry().Host()) // which looks behind our back, over TLS
	engines := docker.NewEngines(docker.Options{ProbeImage: w.probe.Image, DialSSH: hosts.DialEngine})
	t.Cleanup(func() { engines.Close() })
	var err error
	w.engine, err = engines.Open(over)
	require.NoError(t, err)
	for _, one := range []struct {
		name string
		test func(*world)
	}{
		{"pulls", pulls},
		{"observes", observes},
		{"ensures one container", ensures},
		{"shows state and logs", shows},
		{"gives secrets as files only", secrets},
		{"proves connections", proves},
		{"forwards ports", forwards},
		{"sweeps", sweeps},
	} {
		t.Run(one.name, func(t *testing.T) {
			inner := *w
			inner.t = t
			one.test(&inner)
		})
	}
	t.Run("is found again after the network was cut", func(t *testing.T) {
		require.True(t, w.engine.Observe(t.Context()).Reachable)
		require.NoError(t, l.Cut(t.Context(), box.Name))
		began := time.Now()
		seen := w.engine.Observe(t.Context())
		require.False(t, seen.Reachable, "nobody answers")
		require.Less(t, time.Since(began), 12*time.Second)
		t.Log(seen.Fault)
		require.NoError(t, l.Join(t.Context(), box.Name))
		began = time.Now()
		require.Eventually(t, func() bool { return w.engine.Observe(t.Context()).Reachable }, 20*time.Second, 100*time.Millisecond)
		t.Logf("back after %s", time.Since(began).Round(time.Millisecond))
	})
}
