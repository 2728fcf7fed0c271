package temporal

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// step is one of a graph.
func step(t *testing.T, g workflows.Graph, id string) workflows.StepNode {
	t.Helper()
	at := slices.IndexFunc(g.Steps, func(s workflows.StepNode) bool { return s.ID == id })
	require.GreaterOrEqual(t, at, 0, "no step %s in %v", id, g.Steps)
	return g.Steps[at]
}

// Attempts come from the histories of the runs that the steps are of, while they run and later, when repairs have run
// children of the same IDs again.
func TestAGraphCountsAttempts(t *testing.T) {
	l := newLab(t)
	l.work(t)
	ctx := t.Context()
	l.engines.Fail(fakes.Call{Method: "Pull", Subject: "kafka:1"}, 2, fault.ErrUnreachable)
	var cured atomic.Bool
	l.engines.Before(fakes.Call{Method: "EnsureContainer"}, func(context.Context, fakes.Call) error {
		if !cured.Load() {
			return fault.ErrUnreachable
		}
		return nil
	})
	_, err := l.StartService(ctx, service())
	require.NoError(t, err)
	var g workflows.Graph
	require.Eventually(t, func() bool {
		g, err = l.Graph(ctx, "smart-energy")
		at := slices.IndexFunc(g.Steps, func(s workflows.StepNode) bool { return s.ID == "start/kafka/1" })
		return err == nil && at >= 0 && g.Steps[at].Attempts > 1
	}, 20*time.Second, 50*time.Millisecond)
	start := step(t, g, "start/kafka/1")
	require.Equal(t, workflows.StepRunning, start.State)
	require.Contains(t, start.Retries[0], "unreachable", "why it is tried again shows while it is")
	require.Positive(t, start.Millis)
	cured.Store(true)
	l.await(t, tuning)

	check := func() {
		t.Helper()
		g, err = l.Graph(ctx, "smart-energy")
		require.NoError(t, err)
		pull := step(t, g, "pull/rack-1/kafka:1")
		require.Equal(t, 3, pull.Attempts)
		require.Len(t, pull.Retries, 1, "a history keeps the last reason only")
		require.Equal(t, 1, step(t, g, "observe/rack-1").Attempts)
		require.Equal(t, "rack-1", pull.Box)
		require.Contains(t, g.Edges, workflows.StepEdge{From: "plan", To: "pull/rack-1/kafka:1"})
		require.Contains(t, g.Edges, workflows.StepEdge{From: "pull/rack-1/kafka:1", To: "start/kafka/1"})
	}
	check()
	repaired := l.runsOf(t, workflows.StitchID("smart-energy", 1))
	require.NoError(t, l.Reconcile(ctx, "smart-energy"))
	time.Sleep(2 * time.Second) // for a repair that finds nothing to do
	t.Logf("runs of the stitch: %d before the reconcile, %d after", repaired, l.runsOf(t, workflows.StitchID("smart-energy", 1)))
	check()
	_, err = l.Down(ctx, "smart-energy", workflows.DownRequest{})
	require.NoError(t, err)
}

func (l *lab) runsOf(t *testing.T, id string) int {
	t.Helper()
	listed, err := l.SDK().ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: l.namespace, Query: "WorkflowId = '" + id + "'",
	})
	require.NoError(t, err)
	return len(listed.GetExecutions())
}

// loads are the statistics of functions that a test sets.
type loads struct{ decide chan scale.Decision }

func (l loads) Watch(ctx context.Context, _ activities.WatchInput) (scale.Decision, error) {
	ticks := time.NewTicker(100 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case d := <-l.decide:
			return d, nil
		case <-ctx.Done():
			return scale.Decision{}, ctx.Err()
		case now := <-ticks.C:
			activity.RecordHeartbeat(ctx, activities.WatchBeat{Last: scale.Load{At: now, Replicas: 1, Measured: 1, Sum: 42}})
		}
	}
}

// A tuned function on a real server: its own queue, its measurement in the heartbeat, its scale in the audit, and its
// end with the service.
func TestAFunctionFollowsItsLoad(t *testing.T) {
	l := newLab(t)
	l.work(t)
	watched := loads{decide: make(chan scale.Decision, 1)}
	options := workflows.WorkerOptions()
	options.DisableWorkflowWorker = true
	w := worker.New(l.SDK(), workflows.WatchQueue, options)
	w.RegisterActivityWithOptions(watched.Watch, activity.RegisterOptions{Name: "Watch"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	ctx := t.Context()
	tuned := service()
	tuned.Functions[0].Tune = &spec.Tune{Metric: scale.CPU, Target: 50, Least: 1, Most: 3}
	_, err := l.StartService(ctx, tuned)
	require.NoError(t, err)
	l.await(t, tuning)
	var g workflows.Graph
	require.Eventually(t, func() bool {
		g, err = l.Graph(ctx, "smart-energy")
		return err == nil && len(g.Tuned) == 1 && g.Tuned[0].Load != nil
	}, 10*time.Second, 50*time.Millisecond)
	require.InDelta(t, 42, g.Tuned[0].Load.Sum, 0)

	watched.decide <- scale.Decision{Replicas: 3, Why: "cpu 120 % above cpu 50 % for 1m0s: 1 -> 3 (1 to 3)"}
	status := l.await(t, func(s workflows.Status) bool { return tuning(s) && s.Revision == 2 })
	require.Len(t, l.engines.Running("rack-1"), 3)
	last := status.Audit[len(status.Audit)-1]
	require.Equal(t, workflows.Tuning, last.Who)
	require.Equal(t, "cpu 120 % above cpu 50 % for 1m0s: 1 -> 3 (1 to 3)", last.Why)
	require.Eventually(t, func() bool {
		tuning, err := l.Tuning(ctx, "smart-energy", "kafka")
		return err == nil && tuning.Replicas == 3 && tuning.Last.Outcome == "accepted"
	}, 10*time.Second, 50*time.Millisecond)

	asked := time.Now()
	report, err := l.Down(ctx, "smart-energy", workflows.DownRequest{})
	require.NoError(t, err)
	require.Empty(t, report.Stayed)
	t.Logf("down with a tuned function took %s", time.Since(asked).Round(time.Millisecond))
	_, err = l.Tuning(ctx, "smart-energy", "kafka")
	require.ErrorIs(t, err, fault.ErrNotFound)
}
