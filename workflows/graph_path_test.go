package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

func TestTheCriticalPathIsWhatTheWholeWaitedFor(t *testing.T) {
	begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }
	steps := []Step{
		{ID: "observe/a", Phase: "match", State: StepDone, Started: at(0), Ended: at(2)},
		{ID: "observe/b", Phase: "match", State: StepDone, Started: at(0), Ended: at(1)},
		{ID: "plan", Phase: "match", State: StepDone, Started: at(2), Ended: at(2), After: []string{"observe/a", "observe/b"}},
		{ID: "pull/x", Phase: "place", State: StepDone, Started: at(2.01), Ended: at(3), After: []string{"plan"}},
		{ID: "pull/y", Phase: "place", State: StepDone, Started: at(2.01), Ended: at(9), After: []string{"plan"}},
		// It uses only x, yet placing as a whole came before stitching.
		{ID: "start/x", Phase: "stitch", State: StepDone, Started: at(9.02), Ended: at(10), After: []string{"pull/x"}},
		{ID: "probe/x", Phase: "stitch", State: StepRunning, Started: at(10), After: []string{"start/x"}},
		{ID: "remove/old", Phase: "stitch", State: StepWaiting, After: []string{"probe/x"}},
	}
	g := MakeGraph(Status{}, steps, nil, at(12))
	require.Equal(t, []string{"observe/a", "plan", "pull/y", "start/x", "probe/x"}, g.Critical)
	require.EqualValues(t, 12000, g.Millis)
	require.Empty(t, MakeGraph(Status{}, nil, nil, begin).Critical)
	failed := MakeGraph(Status{}, []Step{
		{ID: "resolve/a", State: StepFailed, Started: at(0), Ended: at(1)}, {ID: "resolve/b", State: StepDone, Started: at(0), Ended: at(1)},
	}, nil, at(12))
	require.Equal(t, []string{"resolve/a"}, failed.Critical, "why it ended, not what ended with it")

	require.Equal(t, 4, MakeGraph(Status{Revision: 3, Children: []string{DeployID("shop", 4)}}, nil, nil, begin).StepsOf)
	require.Equal(t, 3, MakeGraph(Status{Revision: 3}, nil, nil, begin).StepsOf)

	waits := MakeGraph(Status{}, []Step{{ID: "approval/stitch", State: StepApproval, Started: at(0), Ended: at(0)}}, nil, at(90))
	require.EqualValues(t, 90000, waits.Steps[0].Millis, "who waits for a person waits until now")
	require.EqualValues(t, 90000, waits.Millis)
}

func TestAQuestionIsMatchedAsTheChangeWouldBe(t *testing.T) {
	service := spec.Service{
		Name: "shop", Orchestrator: spec.OrchestratorEngine,
		Boxes:     []spec.Box{{Name: "a", Engine: "tcp://a"}, {Name: "b", Engine: "tcp://b"}},
		Functions: []spec.Function{{Name: "web", Image: "web:1", Replicas: 1}, {Name: "db", External: "10.0.0.9:5432"}},
	}
	running := Running{Service: service, Drains: []Drain{{Box: "b", Availability: spec.AvailabilityDrain}}}
	other := service
	other.Name = "attic"
	older := service
	older.Functions = []spec.Function{{Name: "web", Image: "web:0", Replicas: 1}}

	in, err := Question{Kind: AskScale, Function: "web", Replicas: 3}.Match(running, nil)
	require.NoError(t, err)
	require.Equal(t, 3, in.Service.Functions[0].Replicas)
	require.Equal(t, 1, service.Functions[0].Replicas, "nothing is changed")
	require.Equal(t, spec.AvailabilityDrain, in.Service.Boxes[1].Availability, "what is drained stays drained")
	require.True(t, in.Question)

	in, err = Question{Kind: AskUse, Box: "b"}.Match(running, nil)
	require.NoError(t, err)
	require.NotEqual(t, spec.AvailabilityDrain, in.Service.Boxes[1].Availability)
	in, err = Question{Kind: AskDrain, Box: "a"}.Match(running, nil)
	require.NoError(t, err)
	require.Equal(t, spec.AvailabilityDrain, in.Service.Boxes[0].Availability)
	in, err = Question{Kind: AskRollback}.Match(running, &Kept{Service: older})
	require.NoError(t, err)
	require.Equal(t, "web:0", in.Service.Functions[0].Image)
	in, err = Question{Kind: AskRebalance}.Match(running, nil)
	require.NoError(t, err)
	require.True(t, in.Rebalance)
	in, err = Question{Kind: AskApply, Service: &older}.Match(Running{}, nil)
	require.NoError(t, err, "a service that does not run would be started")
	require.Equal(t, "shop", in.Service.Name)

	for says, question := range map[string]Question{
		`shop has no function "wbe"`:                           {Kind: AskScale, Function: "wbe", Replicas: 1},
		"db runs elsewhere":                                    {Kind: AskScale, Function: "db", Replicas: 2},
		`shop has no box "c"`:                                  {Kind: AskDrain, Box: "c"},
		`this is the service shop; the specification is of "a`: {Kind: AskApply, Service: &other},
		"there is no specification to apply":                   {Kind: AskApply},
		"there is no revision to go back to":                   {Kind: AskRollback},
		"no revision of shop has failed":                       {Kind: AskRetry},
		`"paint" is no kind of change`:                         {Kind: "paint"},
		"replicas":                                             {Kind: AskScale, Function: "web", Replicas: -1},
	} {
		_, err := question.Match(running, nil)
		require.ErrorContains(t, err, says)
	}
}
