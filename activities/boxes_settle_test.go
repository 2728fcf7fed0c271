package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// A start that settles says that the container is up, or why it is not; a check that the image brings is left to
// AwaitHealthy, which has the time for it.
func TestStartSettlesWhatHasNoCheck(t *testing.T) {
	in := activities.StartInput{Box: rack, Service: "s", Settle: true, Placement: plan.Placement{
		Function: "kafka", Replica: 1, Container: "s-kafka-1", SpecHash: "h", Secrets: []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}},
	}, Secrets: []spec.Secret{{Name: "token", From: "env:T"}, {Name: "others", From: "env:nowhere"}}}
	start := func(t *testing.T, states ...activities.ContainerState) (activities.StartResult, error) {
		t.Helper()
		b := newBench(t)
		b.secrets["env:T"] = "hush"
		b.engines.Script("kafka", states...)
		b.engines.SetLogs("kafka", "no such table for hush\n")
		return run[activities.StartResult](b, b.boxes.Start, in)
	}
	up, err := start(t, activities.ContainerState{Status: "running"})
	require.NoError(t, err)
	require.NotNil(t, up.State)
	require.Equal(t, "running", up.State.Status)

	_, err = start(t, activities.ContainerState{Status: "running"}, activities.ContainerState{Status: "exited", ExitCode: 3})
	fails(t, err, activities.TypeExited, false, "await s-kafka-1 on rack-1: exited with code 3", "no such table for")
	require.NotContains(t, err.Error(), "hush")

	checked, err := start(t, activities.ContainerState{Status: "running", Health: "starting"})
	require.NoError(t, err)
	require.Nil(t, checked.State)
}
