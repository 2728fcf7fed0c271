//go:build integration

package lab_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
)

// joined makes a swarm of two boxes with an attachable overlay "net" and gives their clients, the manager first.
func joined(t *testing.T, l *lab.Lab) (manager, worker *client.Client) {
	t.Helper()
	first, second := l.Boxes()[0], l.Boxes()[1]
	manager, worker = labtest.Client(t, first), labtest.Client(t, second)
	_, err := manager.SwarmInit(t.Context(), swarm.InitRequest{ListenAddr: "0.0.0.0:2377", AdvertiseAddr: first.Address})
	require.NoError(t, err)
	made, err := manager.SwarmInspect(t.Context())
	require.NoError(t, err)
	require.NoError(t, worker.SwarmJoin(t.Context(), swarm.JoinRequest{
		ListenAddr: "0.0.0.0:2377", AdvertiseAddr: second.Address,
		RemoteAddrs: []string{first.Address + ":2377"}, JoinToken: made.JoinTokens.Worker,
	}))
	_, err = manager.NetworkCreate(t.Context(), "net", network.CreateOptions{Driver: "overlay", Attachable: true})
	require.NoError(t, err)
	return manager, worker
}

func TestASwarmWithAnOverlayWorksBetweenBoxes(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 2})
	manager, worker := joined(t, l)
	app := l.Registry().Ref(labtest.Image(t, l, lab.TestImage{Name: "app"}))
	for _, api := range []*client.Client{manager, worker} {
		require.NoError(t, pull(t, api, app, image.PullOptions{}))
	}
	on := &container.HostConfig{NetworkMode: "net"}
	made, err := manager.ContainerCreate(t.Context(), &container.Config{Image: app, Env: []string{"NAME=alone"}}, on, nil, nil, "alone")
	require.NoError(t, err)
	require.NoError(t, manager.ContainerStart(t.Context(), made.ID, container.StartOptions{}))
	inspected, err := manager.ContainerInspect(t.Context(), made.ID)
	require.NoError(t, err)
	address := inspected.NetworkSettings.Networks["net"].IPAddress
	want := "alone@" + made.ID[:12] + "\n"
	eventually(t, "by name from the other box", func() bool { return run(t, worker, app, on, "dial", "alone:7000") == want })
	require.Equal(t, want, run(t, worker, app, on, "dial", address+":7000"), "and by address")

	two := uint64(2)
	_, err = manager.ServiceCreate(t.Context(), swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: "pair"}, Mode: swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &two}},
		EndpointSpec: &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR, Ports: []swarm.PortConfig{
			{TargetPort: 7000, PublishedPort: 7001, PublishMode: swarm.PortConfigPublishModeHost},
		}},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{Image: app, Env: []string{"NAME=pair"}},
			Networks:      []swarm.NetworkAttachmentConfig{{Target: "net"}},
			Placement:     &swarm.Placement{MaxReplicas: 1},
		},
	}, swarm.ServiceCreateOptions{})
	require.NoError(t, err)
	began := time.Now()
	eventually(t, "one replica on each box, both known by the service's name", func() bool {
		return len(strings.Fields(run(t, worker, app, on, "resolve", "pair"))) == 2
	})
	t.Logf("two replicas after %v", time.Since(began))
	for _, box := range l.Boxes() {
		eventually(t, "a port published in host mode answers on "+box.Name, func() bool { return dial(box.Address+":7001") == nil })
	}
}
