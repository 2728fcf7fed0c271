package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestAwaitHealthy(t *testing.T) {
	now := time.Unix(1000, 0)
	type states = []activities.ContainerState
	running := activities.ContainerState{Status: "running", Started: now}
	check := func(health string) activities.ContainerState {
		return activities.ContainerState{Status: "running", Health: health, Started: now, HealthLog: "GET /healthz: 503"}
	}
	for _, c := range []struct {
		name   string
		in     activities.AwaitInput
		states states
		kind   string
		words  []string
	}{
		{"waits for the check", activities.AwaitInput{HasCheck: true}, states{check("starting"), check("starting"), check("healthy")}, "", nil},
		{"takes running for up without a check", activities.AwaitInput{}, states{{Status: "created"}, running}, "", nil},
		{"waits for a good end", activities.AwaitInput{Completed: true}, states{running, {Status: "exited"}}, "", nil},
		{"does not take running for an end", activities.AwaitInput{Completed: true, Deadline: spec.Duration(30 * time.Millisecond)}, states{running}, activities.TypeUnhealthy, []string{"not ended after 30ms"}},
		{"gives up on a bad end", activities.AwaitInput{Completed: true}, states{running, {Status: "exited", ExitCode: 3}}, activities.TypeExited, []string{"exited with code 3", "no such topic"}},
		{"gives up on an end", activities.AwaitInput{}, states{running, {Status: "exited", ExitCode: 0}}, activities.TypeExited, []string{"exited with code 0"}},
		{"gives up on a failed check", activities.AwaitInput{HasCheck: true}, states{check("starting"), check("unhealthy")}, activities.TypeUnhealthy, []string{"unhealthy by its check", "its check said: GET /healthz: 503", "no such topic"}},
		{"gives up after the deadline", activities.AwaitInput{HasCheck: true, Deadline: spec.Duration(30 * time.Millisecond)}, states{check("starting")}, activities.TypeUnhealthy, []string{"still running, starting after 30ms"}},
		{"forgives the restarts of its past", activities.AwaitInput{HasCheck: true}, states{{Status: "running", Health: "healthy", Started: now, Restarts: 7}}, "", nil},
		{"finds the run that it has seen", activities.AwaitInput{Since: now}, states{{Status: "running", Started: now}}, "", nil},
		{"tells another run from the one that it has seen", activities.AwaitInput{Since: now}, states{{Status: "running", Started: now.Add(time.Second), ExitCode: 2}}, activities.TypeExited, []string{"was restarted by its engine, last with code 2", "no such topic"}},
		{"gives up on endless restarts", activities.AwaitInput{}, states{{Status: "restarting"}, {Status: "restarting", Restarts: 3, ExitCode: 2}}, activities.TypeExited, []string{"restarted 3 times, last with code 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.started(c.states...)
			b.engines.SetLogs("kafka", "starting\nno such topic\n")
			c.in.Box, c.in.Container = rack, "s-kafka-1"
			state, err := run[activities.ContainerState](b, b.boxes.AwaitHealthy, c.in)
			if c.kind != "" {
				fails(t, err, c.kind, false, append(c.words, "await s-kafka-1 on rack-1")...)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "k1", state.ID)
		})
	}
}

// A container that ends and begins again does not add up its runs.
func TestAwaitCountsOneRunOnly(t *testing.T) {
	b := newBench(t)
	b.boxes.Settle = time.Hour
	var states []activities.ContainerState
	for i := range 40 {
		states = append(states, activities.ContainerState{Status: "running", Started: time.Unix(int64(i), 0)})
	}
	b.started(append(states, activities.ContainerState{Status: "exited", ExitCode: 1})...)
	_, err := run[activities.ContainerState](b, b.boxes.AwaitHealthy, activities.AwaitInput{Box: rack, Container: "s-kafka-1"})
	fails(t, err, activities.TypeExited, false)
}

func TestAwaitBlanksSecretsOut(t *testing.T) {
	b := newBench(t)
	b.secrets["env:T"] = "hush-hush"
	b.started(activities.ContainerState{Status: "exited", ExitCode: 1})
	b.engines.SetLogs("kafka", "login with hush-hush refused")
	in := activities.AwaitInput{Box: rack, Container: "s-kafka-1", Secrets: []spec.Secret{{Name: "token", From: "env:T"}}}
	_, err := run[activities.ContainerState](b, b.boxes.AwaitHealthy, in)
	fails(t, err, activities.TypeExited, false, "login with [secret token] refused")

	in.Secrets[0].From = "env:GONE"
	_, err = run[activities.ContainerState](b, b.boxes.AwaitHealthy, in)
	fails(t, err, activities.TypeExited, false, "its log is not shown")
	require.NotContains(t, err.Error(), "hush")
}

// A key of many lines is cut by the tail of a log, and a program may print it line by line.
func TestAwaitBlanksPartsOfASecretOfManyLinesOut(t *testing.T) {
	b := newBench(t)
	b.secrets["env:KEY"] = "-----BEGIN KEY-----\nMIIEow0000\r\n  ab\nMIIEow1111\nMIIEow2222\n-----END KEY-----\n"
	b.started(activities.ContainerState{Status: "exited", ExitCode: 1})
	b.engines.SetLogs("kafka", "MIIEow1111\nMIIEow2222\n-----END KEY-----\ncannot read \"MIIEow0000\\nMIIEow1111\"\nabout")
	in := activities.AwaitInput{Box: rack, Container: "s-kafka-1", Secrets: []spec.Secret{{Name: "key", From: "env:KEY"}}}
	_, err := run[activities.ContainerState](b, b.boxes.AwaitHealthy, in)
	fails(t, err, activities.TypeExited, false, "[secret key]", "cannot read", "about")
	require.NotContains(t, err.Error(), "MIIE")
}

// What a check prints may hold a secret (curl -v does): only an error's text has it, blanked out; neither the result,
// which is in a history, nor the heartbeat has it.
func TestWhatAHealthCheckSaysIsInNoResult(t *testing.T) {
	b := newBench(t)
	b.started(activities.ContainerState{Status: "running", Health: "healthy", HealthLog: "Authorization: hush-hush"})
	state, err := run[activities.ContainerState](b, b.boxes.AwaitHealthy, activities.AwaitInput{Box: rack, Container: "s-kafka-1", HasCheck: true})
	require.NoError(t, err)
	require.Equal(t, "healthy", state.Health)
	require.Empty(t, state.HealthLog)
}
