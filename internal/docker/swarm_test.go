package docker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestFingerprintKnowsItsValueAndHidesIt(t *testing.T) {
	salt := []byte("0123456789abcdef")
	print, err := fingerprint(salt, []byte("hush-hush"))
	require.NoError(t, err)
	require.NotContains(t, print, "hush")
	require.True(t, matches(print, []byte("hush-hush")))
	require.False(t, matches(print, []byte("hush-husH")))
	require.False(t, matches("", []byte("")))
	require.False(t, matches("not hexadecimal", []byte("hush-hush")))
	other, err := fingerprint([]byte("fedcba9876543210"), []byte("hush-hush"))
	require.NoError(t, err)
	require.NotEqual(t, strings.Split(print, ":")[1], strings.Split(other, ":")[1], "the same value looks different each time")
}

func TestReplicaIsTheSlotOfATask(t *testing.T) {
	for name, slot := range map[string]int{"s_db.2.q8b3": 2, "s_my.db.12.q8b3": 12, "": 0, "s_db.q8b3": 0} {
		require.Equal(t, slot, slotOf(map[string]string{labelTask: "q8b3", labelTaskName: name}), name)
	}
	require.Zero(t, slotOf(map[string]string{}))
}

func TestWhatASwarmKeepsOfEndedTasksIsPast(t *testing.T) {
	for _, c := range []struct {
		name, state, status, completes string
		past                           bool
	}{
		{"a running one is not", "running", "Up 2 seconds", "", false},
		{"an ended one is", "exited", "Exited (0) 2 seconds ago", "", true},
		{"the good end of a job is not", "exited", "Exited (0) 2 seconds ago", "true", false},
		{"the bad end of a job is", "exited", "Exited (3) 2 seconds ago", "true", true},
		{"one just created is not", "created", "Created", "", false},
	} {
		one := container.Summary{State: c.state, Status: c.status, Created: time.Now().Unix(), Labels: map[string]string{labelTask: "x", LabelCompletes: c.completes}}
		require.Equal(t, c.past, pastTask(one), c.name)
		one.Labels = map[string]string{}
		require.False(t, pastTask(one), "%s, outside a swarm", c.name)
	}
}

func TestNamesOfDockerHubAreSpeltOut(t *testing.T) {
	for short, long := range map[string]string{
		"nginx@sha256:1": "docker.io/library/nginx@sha256:1", "team/app@sha256:1": "docker.io/team/app@sha256:1",
		"r.example/app@sha256:1": "r.example/app@sha256:1", "localhost/app@sha256:1": "localhost/app@sha256:1", "r:5000/app@sha256:1": "r:5000/app@sha256:1",
	} {
		require.Equal(t, long, withHost(short))
	}
}

func wanted(edit ...func(*activities.SwarmService)) activities.SwarmService {
	want := activities.SwarmService{Service: "s", Function: "db", Nodes: []string{"n2", "n1"}, Replicas: 2, MostPerNode: 1, Placement: plan.Placement{SpecHash: "h"}}
	for _, change := range edit {
		change(&want)
	}
	return want
}

func TestConstraintsNameOneNodeOrASetOfThem(t *testing.T) {
	require.Equal(t, []string{"node.id==n1"}, constraints(wanted(func(w *activities.SwarmService) { w.Nodes = []string{"n1"} })))
	two := constraints(wanted())
	require.Regexp(t, `^node\.labels\.overcloud\.on\.s\.db\.[0-9a-f]{8}==yes$`, two[0])
	require.Equal(t, two, constraints(wanted(func(w *activities.SwarmService) { w.Nodes = []string{"n1", "n2"} })), "in whatever order")
	require.NotEqual(t, two, constraints(wanted(func(w *activities.SwarmService) { w.Nodes = []string{"n1", "n3"} })))
}

func TestRestartInTheWordsOfASwarm(t *testing.T) {
	for restart, condition := range map[string]swarm.RestartPolicyCondition{
		"": swarm.RestartPolicyConditionNone, "no": swarm.RestartPolicyConditionNone, "always": swarm.RestartPolicyConditionAny,
		"unless-stopped": swarm.RestartPolicyConditionAny, "on-failure": swarm.RestartPolicyConditionOnFailure, "on-failure:3": swarm.RestartPolicyConditionOnFailure,
	} {
		policy := restarts(wanted(func(w *activities.SwarmService) { w.Placement.Restart = restart }))
		require.Equal(t, condition, policy.Condition, restart)
		require.Equal(t, restart == "on-failure:3", policy.MaxAttempts != nil, restart)
	}
	ends := restarts(wanted(func(w *activities.SwarmService) { w.Placement.Restart, w.Completes = "always", true }))
	require.Equal(t, swarm.RestartPolicyConditionOnFailure, ends.Condition, "its good end is its end")
}

func TestUpdatesAreTakenBackUnlessSomebodySaysOtherwise(t *testing.T) {
	config := updateConfig(wanted())
	require.Equal(t, swarm.UpdateConfig{Parallelism: 1, FailureAction: "rollback", Monitor: 5 * time.Second, Order: "stop-first"}, *config)
	config = updateConfig(wanted(func(w *activities.SwarmService) {
		w.Update = &spec.Update{Parallelism: 3, Delay: spec.Duration(time.Second), Monitor: spec.Duration(time.Minute), MaxFailureRatio: 0.5, FailureAction: "continue", Order: "start-first"}
		w.Placement.Order = "stop-first"
	}))
	require.Equal(t, swarm.UpdateConfig{
		Parallelism: 3, Delay: time.Second, Monitor: time.Minute, MaxFailureRatio: 0.5, FailureAction: "continue", Order: "stop-first",
	}, *config, "the plan has the last word on the order")
}

func TestPortsArePublishedWhereThePlanLookedUnlessTheMeshIsAsked(t *testing.T) {
	made := endpoint([]spec.Port{{Container: 7000, Host: 17000}, {Container: 53, Host: 5300, Protocol: "udp", Mode: "host"}})
	require.Equal(t, swarm.ResolutionModeDNSRR, made.Mode)
	require.Equal(t, []swarm.PortConfig{
		{Protocol: "tcp", TargetPort: 7000, PublishedPort: 17000, PublishMode: "host"},
		{Protocol: "udp", TargetPort: 53, PublishedPort: 5300, PublishMode: "host"},
	}, made.Ports)
	require.Equal(t, swarm.ResolutionModeVIP, endpoint([]spec.Port{{Container: 80, Host: 80, Mode: "ingress"}}).Mode)
}

func TestAJoinTokenIsInNoError(t *testing.T) {
	err := joinFault(errors.New("Error response from daemon: invalid join token SWMTKN-1-x"), "SWMTKN-1-x")
	require.EqualError(t, err, "invalid join token [join token]: rejected")
	err = joinFault(errors.New("rpc error: connection refused"), "SWMTKN-1-x")
	require.ErrorIs(t, err, fault.ErrUnreachable)
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	require.ErrorIs(t, ownedBy(map[string]string{}, "network", "net", "s"), fault.ErrRejected)
	require.NoError(t, ownedBy(map[string]string{LabelService: "s"}, "network", "net", "s"))
}
