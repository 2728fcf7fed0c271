package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
)

func TestAGraphHasItsStepsInOrderAndOnlyEdgesBetweenThem(t *testing.T) {
	begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	steps := []Step{
		{ID: "start/web/1", Phase: "stitch", State: StepRunning, Started: begin.Add(3 * time.Second), After: []string{"start/db/1", "pull/a", "approval/stitch"}},
		{ID: "start/db/1", Phase: "stitch", State: StepDone, Started: begin.Add(time.Second), Ended: begin.Add(3 * time.Second), After: []string{"pull/a"}},
		{ID: "pull/a", Phase: "place", State: StepDone, Started: begin, Ended: begin.Add(time.Second)},
		{ID: "remove/old", Phase: "stitch", State: StepWaiting, After: []string{"start/web/1"}},
	}
	status := Status{Service: "shop", Phase: PhaseStitching, Functions: []FunctionStatus{
		{Function: "web", Replica: 1, Probes: []ProbeStatus{{Provider: "db", Address: "db:5432", Connected: true, Millis: 2}}},
	}}
	made := &plan.Plan{Probes: []plan.Probe{
		{Consumer: "web", Replica: 1, Provider: "db", Address: "db:5432"}, {Consumer: "job", Replica: 1, Provider: "db", Address: "db:5432"},
	}}
	g := MakeGraph(status, steps, made, begin.Add(10*time.Second))
	var ids []string
	var took []int64
	for _, step := range g.Steps {
		ids, took = append(ids, step.ID), append(took, step.Millis)
	}
	require.Equal(t, []string{"pull/a", "start/db/1", "start/web/1", "remove/old"}, ids)
	require.Equal(t, []int64{1000, 2000, 7000, 0}, took)
	require.Equal(t, []StepEdge{
		{"pull/a", "start/db/1"}, {"start/db/1", "start/web/1"}, {"pull/a", "start/web/1"}, {"start/web/1", "remove/old"},
	}, g.Edges, "an approval that was not needed is no end of an edge")
	require.Equal(t, "start/db/1", g.Gate("start/web/1"))
	require.Empty(t, g.Gate("start/db/1"), "the phase before is none")
	require.Equal(t, []Link{
		{Consumer: "job", Replica: 1, Provider: "db", Address: "db:5432"},
		{Consumer: "web", Replica: 1, Provider: "db", Address: "db:5432", Proven: true, Connected: true, Millis: 2},
	}, g.Links)

	circle := MakeGraph(Status{}, []Step{{ID: "a", After: []string{"b"}}, {ID: "b", After: []string{"a"}}}, nil, begin)
	require.Len(t, circle.Steps, 2, "nonsense ends")
}
