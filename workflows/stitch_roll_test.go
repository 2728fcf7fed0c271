package workflows

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// rolling is a plan that replaces four replicas of web and keeps its db; the old ones run on the boxes.
func rolling(w *world, update *spec.Update) StitchInput {
	service := spec.Service{
		Name: "shop", Boxes: []spec.Box{{Name: "rack-1", Engine: "tcp://127.0.0.1:1", Address: "10.0.0.1"}},
		Functions: []spec.Function{
			{Name: "db", Image: "r/db:1", Replicas: 1},
			{Name: "web", Image: "r/web:1", Replicas: 4, Update: update, DependsOn: []spec.Dependency{{Function: "db", Condition: conditionHealthy}}},
		},
	}
	in := StitchInput{Service: service, Revision: 2, BeforeRevision: 1, Plan: plan.Plan{
		Service: "shop", Levels: []plan.Level{{Functions: []string{"db"}}, {Functions: []string{"web"}}},
	}}
	put := func(p plan.Placement, hash string) plan.Placement {
		w.engines.Put("rack-1", plan.Container{
			ID: p.Container + "-old", Name: p.Container, Service: "shop", Function: p.Function, Replica: p.Replica, SpecHash: hash, State: "running",
		})
		p.SpecHash = hash
		return p
	}
	db := plan.Placement{Function: "db", Replica: 1, Box: "rack-1", Container: "shop-db-1", Action: plan.ActionKeep, Cause: "unchanged"}
	in.Before = append(in.Before, put(db, "d1"))
	db.SpecHash = "d1"
	in.Plan.Placements = append(in.Plan.Placements, db)
	for replica := 1; replica <= 4; replica++ {
		web := plan.Placement{
			Function: "web", Replica: replica, Box: "rack-1", Container: fmt.Sprintf("shop-web-%d", replica),
			Action: plan.ActionReplace, Cause: "specification hash changed",
		}
		in.Before = append(in.Before, put(web, "w1"))
		web.SpecHash = "w2"
		in.Plan.Placements = append(in.Plan.Placements, web)
		in.Plan.Probes = append(in.Plan.Probes, plan.Probe{Consumer: "web", Replica: replica, Box: "rack-1", Provider: "db", Address: "db:5432"})
	}
	return in
}

// stitch runs a StitchWorkflow alone.
func (w *world) stitch(in StitchInput) (StitchResult, error) {
	w.t.Helper()
	w.ExecuteWorkflow(StitchWorkflow, in)
	require.True(w.t, w.IsWorkflowCompleted(), "the workflow still runs")
	var result StitchResult
	if err := w.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, w.GetWorkflowResult(&result)
}

// starts notes when each start begins, in the workflow's own time.
func (w *world) starts() map[string]time.Time {
	when := map[string]time.Time{}
	w.engines.Before(fakes.Call{Method: "EnsureContainer"}, func(context.Context, fakes.Call) error {
		when[fmt.Sprintf("%s/%d", "web", len(when)+1)] = w.Now()
		return nil
	})
	return when
}

// hashes are the specification hashes of a function's containers, sorted.
func (w *world) hashes(function string) []string {
	var all []string
	for _, c := range w.engines.Containers("rack-1") {
		if c.Function == function {
			all = append(all, c.SpecHash)
		}
	}
	slices.Sort(all)
	return all
}

func stepIn(t *testing.T, steps []Step, id string) Step {
	t.Helper()
	at := slices.IndexFunc(steps, func(s Step) bool { return s.ID == id })
	require.GreaterOrEqual(t, at, 0, "no step %s", id)
	return steps[at]
}

func TestReplicasAreReplacedInBatches(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, &spec.Update{Parallelism: 2, Delay: spec.Duration(time.Minute), Monitor: spec.Duration(10 * time.Second)})
	when := w.starts()
	result, err := w.stitch(in)
	require.NoError(t, err)
	require.Equal(t, []string{"w2", "w2", "w2", "w2"}, w.hashes("web"))
	require.Len(t, when, 4)
	require.Zero(t, when["web/2"].Sub(when["web/1"]).Round(time.Second), "two at a time")
	require.Equal(t, 70*time.Second, when["web/3"].Sub(when["web/2"]).Round(time.Second), "the others after the first have been watched, and a pause")
	require.Equal(t, 2, w.engines.Containers("rack-1")[1].Revision)
	require.Zero(t, w.engines.Count("keep "), "what only stays is not touched")
	require.Equal(t, StepDone, stepIn(t, result.Steps, "start/web/4").State)
}

// A replica that comes up and falls over while it is watched fails the update; all that was replaced comes back.
func TestCrashWhileItIsWatchedReverts(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, &spec.Update{Monitor: spec.Duration(30 * time.Second)})
	w.engines.SetLogs("web", "no such table: orders\n")
	w.RegisterDelayedCallback(func() { w.engines.Exit("rack-1", "shop-web-2", 3) }, 40*time.Second)
	_, err := w.stitch(in)
	require.ErrorContains(t, err, "await shop-web-2 on rack-1: exited with code 3; its last lines:\nno such table: orders")
	require.Equal(t, []string{"w1", "w1", "w1", "w1"}, w.hashes("web"))
	require.Equal(t, []string{"replace rack-1 shop-web-1", "replace rack-1 shop-web-2", "replace rack-1 shop-web-2", "replace rack-1 shop-web-1"},
		w.engines.Matching("replace "), "in reverse, and the last two were never touched")
	require.Equal(t, 1, w.engines.Containers("rack-1")[1].Revision, "labelled as what it was")
	steps := stepsOf(err)
	require.Equal(t, StepUndone, stepIn(t, steps, "start/web/1").State)
	require.Equal(t, StepFailed, stepIn(t, steps, "start/web/2").State)
	require.Equal(t, StepWaiting, stepIn(t, steps, "start/web/3").State)
}

func TestARestartWhileItIsWatchedIsACrash(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, nil)
	w.engines.Script("web",
		activities.ContainerState{Status: "running", Started: time.Unix(1, 0)}, activities.ContainerState{Status: "running", Started: time.Unix(1, 0)},
		activities.ContainerState{Status: "running", Started: time.Unix(9, 0), ExitCode: 2})
	w.engines.Before(fakes.Call{Method: "State", Subject: "shop-web-1"}, func(context.Context, fakes.Call) error {
		time.Sleep(5 * time.Millisecond)
		return nil
	})
	_, err := w.stitch(in)
	require.ErrorContains(t, err, "shop-web-1 on rack-1: exited and was restarted by its engine, last with code 2")
}

func TestSomeReplicasMayFail(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, &spec.Update{MaxFailureRatio: 0.25})
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "web"}, 1, fmt.Errorf("no such device: %w", fault.ErrRejected))
	result, err := w.stitch(in)
	require.NoError(t, err)
	require.Equal(t, []string{"w1", "w2", "w2", "w2"}, w.hashes("web"))
	require.Equal(t, StateFailed, result.Functions[1].State)
	require.Equal(t, StepFailed, stepIn(t, result.Steps, "start/web/1").State)
	require.Equal(t, "not proven: start/web/1 failed", stepIn(t, result.Steps, "probe/web/1/db/db:5432").Detail)

	w = newWorld(t, "rack-1")
	in = rolling(w, &spec.Update{MaxFailureRatio: 0.25})
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "web"}, 2, fmt.Errorf("no such device: %w", fault.ErrRejected))
	_, err = w.stitch(in)
	require.ErrorContains(t, err, "start shop-web-2 on rack-1: no such device")
	require.Equal(t, []string{"w1", "w1", "w1", "w1"}, w.hashes("web"))

	w = newWorld(t, "rack-1")
	in = rolling(w, &spec.Update{FailureAction: spec.FailureContinue})
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "web"}, 3, fmt.Errorf("no such device: %w", fault.ErrRejected))
	_, err = w.stitch(in)
	require.NoError(t, err)
	require.Equal(t, []string{"w1", "w1", "w1", "w2"}, w.hashes("web"))
}

func TestAPausedUpdateWaitsForAPerson(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, &spec.Update{FailureAction: spec.FailurePause})
	in.Approved = []ApproveRequest{{Step: "start/web", Who: "early"}}
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "web"}, 1, fmt.Errorf("no such device: %w", fault.ErrRejected))
	var paused Progress
	w.RegisterDelayedCallback(func() {
		value, err := w.QueryWorkflow(QueryProgress)
		require.NoError(t, err)
		require.NoError(t, value.Get(&paused))
		w.SignalWorkflow(SignalApprove, ApproveRequest{Step: "start/web", Who: "kai"})
	}, time.Hour)
	result, err := w.stitch(in)
	require.NoError(t, err)
	waiting := stepIn(t, paused.Steps, "approval/start/web")
	require.Equal(t, StepApproval, waiting.State)
	require.Equal(t, "the update of web is paused, approve to try again: start shop-web-1 on rack-1: no such device: rejected", waiting.Detail)
	require.Equal(t, "approved by kai", stepIn(t, result.Steps, "approval/start/web").Detail)
	require.Equal(t, []string{"w2", "w2", "w2", "w2"}, w.hashes("web"))
}

func TestStartFirstStopsTheOldWhenTheNewIsWell(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, &spec.Update{Monitor: spec.Duration(time.Second)})
	for i := range in.Plan.Placements[1:] {
		in.Plan.Placements[i+1].Order = spec.OrderStartFirst
	}
	_, err := w.stitch(in)
	require.NoError(t, err)
	require.Equal(t, []string{"start rack-1 shop-web-1-next", "keep rack-1 shop-web-1-next", "remove rack-1 shop-web-1", "rename rack-1 shop-web-1-next"},
		slices.DeleteFunc(w.acting(), func(line string) bool { return !strings.Contains(line, "web-1") || strings.HasPrefix(line, "dial") }))
	require.Equal(t, []string{"shop-db-1", "shop-web-1", "shop-web-2", "shop-web-3", "shop-web-4"}, w.engines.Running("rack-1"))

	w = newWorld(t, "rack-1")
	in = rolling(w, nil)
	for i := range in.Plan.Placements[1:] {
		in.Plan.Placements[i+1].Order = spec.OrderStartFirst
	}
	w.engines.Script("web", activities.ContainerState{Status: "exited", ExitCode: 1})
	_, err = w.stitch(in)
	require.ErrorContains(t, err, "await shop-web-1 on rack-1: exited with code 1")
	require.Equal(t, []string{"w1", "w1", "w1", "w1"}, w.hashes("web"), "the old one ran all the time")
	require.Equal(t, []string{"remove rack-1 shop-web-1-next"}, w.engines.Matching("remove "))
}
