//go:build integration

package lab_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
)

// serving pulls the app on box1 and runs it there in the host's network, to come back after a boot.
func serving(t *testing.T, l *lab.Lab, api *client.Client) (id string) {
	t.Helper()
	app := l.Registry().Ref(labtest.Image(t, l, lab.TestImage{Name: "app"}))
	require.NoError(t, pull(t, api, app, image.PullOptions{}))
	made, err := api.ContainerCreate(t.Context(), &container.Config{Image: app}, &container.HostConfig{
		NetworkMode: "host", RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyAlways},
	}, nil, nil, "keeper")
	require.NoError(t, err)
	require.NoError(t, api.ContainerStart(t.Context(), made.ID, container.StartOptions{}))
	return made.ID
}

func dial(address string) error {
	connection, err := net.DialTimeout("tcp", address, 500*time.Millisecond)
	if err == nil {
		connection.Close()
	}
	return err
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 20*time.Second, 10*time.Millisecond, what)
}

func TestAKilledBoxIsSilentAndABootBringsItsContainersBack(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 1})
	box := l.Boxes()[0]
	api := labtest.Client(t, box)
	id := serving(t, l, api)
	eventually(t, "the app answers", func() bool { return dial(box.Address+":7000") == nil })

	require.NoError(t, l.Kill(t.Context(), "box1"))
	require.NoError(t, l.Kill(t.Context(), "box1"), "twice is well")
	require.Error(t, dial(box.Address+":7000"), "its containers are dead")
	_, err := api.Info(t.Context())
	require.ErrorContains(t, err, "Cannot connect")
	_, err = l.Exec(t.Context(), "box1", "true")
	require.ErrorContains(t, err, "the box is off")

	require.NoError(t, l.Restart(t.Context(), "box1"))
	eventually(t, "the app answers again", func() bool { return dial(box.Address+":7000") == nil })
	inspected, err := api.ContainerInspect(t.Context(), id)
	require.NoError(t, err)
	require.True(t, inspected.State.Running)
	require.NoError(t, l.Restart(t.Context(), "box1"), "a boot of a box that runs, in order")
	eventually(t, "the app answers once more", func() bool { return dial(box.Address+":7000") == nil })
}

func TestACutBoxIsUnreachableWhileItsContainersRunOn(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 2})
	box := l.Boxes()[0]
	api := labtest.Client(t, box)
	id := serving(t, l, api)
	before, err := api.ContainerInspect(t.Context(), id)
	require.NoError(t, err)
	require.NoError(t, l.Cut(t.Context(), "box1"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = labtest.Client(t, box).Info(ctx)
	require.Error(t, err)
	require.NoError(t, l.Join(t.Context(), "box1"))
	eventually(t, "the engine answers again", func() bool {
		_, err := api.Ping(t.Context())
		return err == nil
	})
	after, err := api.ContainerInspect(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, before.State.StartedAt, after.State.StartedAt, "it never stopped")
}

func TestASlowLinkSlowsAPull(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 1})
	api := labtest.Client(t, l.Boxes()[0])
	const rate, size = 2 << 20, 6 << 20 // bytes a second, bytes
	ref := l.Registry().Ref(labtest.Image(t, l, lab.TestImage{Name: "slow", Bytes: size}))
	require.NoError(t, l.Slow(t.Context(), "box1", rate))
	began := time.Now()
	require.NoError(t, pull(t, api, ref, image.PullOptions{}))
	took := time.Since(began)
	require.Greater(t, took, 2*time.Second, "6 MB and more at 2 MB/s")
	require.Less(t, took, 20*time.Second)
	require.NoError(t, l.Slow(t.Context(), "box1", 0))
}

func TestASmallDiskIsFullForReal(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 2, Disk: map[string]int64{"box2": 96 << 20}})
	require.ErrorContains(t, l.FillDisk(t.Context(), "box1", 0), "none of its own")
	api := labtest.Client(t, l.Boxes()[1])
	small := l.Registry().Ref(labtest.Image(t, l, lab.TestImage{Name: "small", Bytes: 16 << 20}))
	require.NoError(t, l.FillDisk(t.Context(), "box2", 8<<20))
	require.ErrorContains(t, pull(t, api, small, image.PullOptions{}), "no space left on device")
	require.NoError(t, l.EmptyDisk(t.Context(), "box2"))
	require.NoError(t, pull(t, api, small, image.PullOptions{}))
	big := l.Registry().Ref(labtest.Image(t, l, lab.TestImage{Name: "big", Bytes: 120 << 20}))
	require.ErrorContains(t, pull(t, api, big, image.PullOptions{}), "no space left on device")
	require.NoError(t, pull(t, labtest.Client(t, l.Boxes()[0]), small, image.PullOptions{}), "box1 has the machine's disk")
}

func TestNamesResolveInABoxAndUnknownOnesFailAtOnce(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 2})
	require.Contains(t, labtest.Exec(t, l, "box1", "getent", "hosts", "box2"), l.Boxes()[1].Address)
	api := labtest.Client(t, l.Boxes()[0])
	app := labtest.Image(t, l, lab.TestImage{Name: "app"})
	require.NoError(t, pull(t, api, l.Registry().Ref(app), image.PullOptions{}))
	require.NoError(t, l.SetName("db.example", "10.1.2.3"))
	require.Equal(t, "10.1.2.3\n", run(t, api, l.Registry().Ref(app), nil, "resolve", "db.example"))
	require.NoError(t, l.SetName("db.example", ""))
	began := time.Now()
	require.ErrorContains(t, pull(t, api, "db.example/x:y", image.PullOptions{}), "no such host")
	require.Less(t, time.Since(began), 2*time.Second)
	byName := strings.Replace(l.Registry().Ref(app), l.Registry().Host(), "registry.lab:5000", 1)
	require.NoError(t, pull(t, api, byName, image.PullOptions{}), "the registry's certificate has its name, too")
}
